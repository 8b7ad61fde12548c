// A run as it is stored, with what its replays need.
//
// Invariants:
// 1. `digest` and `commit` are those of the request that made it; `finish` those of the one that ended it.

/// A run and what its replays need.
struct StoredRun {
  var run: Run
  var account: Int64
  /// Of the request that made it, and the commit that did.
  var digest: Digest
  var commit: CommitPoint
  /// nil while running, and for a recorded run.
  var finish: Finish?

  struct Finish {
    var digest: Digest
    var commit: CommitPoint
    /// The last ledger row that it wrote; nil when it wrote none.
    var sequence: Int64?
  }
}
