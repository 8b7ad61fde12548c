// What an engine answers about runs.
//
// Invariants:
// 1. A read that begins after a write was acknowledged sees it.
//
// Owner: the engine.

public protocol RunReads: Sendable {
  /// - Parameter attempt: nil for the newest.
  /// - Throws: `runNotFound`, also for another user's run when `actingUserId` is set.
  func run(runId: String, attempt: Int32?, actingUserId: String?) throws(Refusal) -> Snapshot<Run>
  func runs(_ filter: RunFilter) throws(Refusal) -> Snapshot<RunPage>
}
