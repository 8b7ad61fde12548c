// What an engine answers about events and the rules that make them.
//
// Invariants:
// 1. A read that begins after a write was acknowledged sees it.
//
// Owner: the engine.

public protocol EventReads: Sendable {
  /// A user's, newest first.
  func events(_ filter: EventFilter) throws(Refusal) -> Snapshot<Page<AccountEvent>>
  /// A stretch of all events, in the order of their ids.
  func events(_ filter: LedgerFilter) throws(Refusal) -> Snapshot<Slice<AccountEvent>>
  /// By id, after `afterId`.
  func alertRules(afterId: String?, limit: Int) throws(Refusal) -> Snapshot<AlertRulePage>
}
