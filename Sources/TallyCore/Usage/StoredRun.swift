// A run as it is stored, with what its replays need.
//
// Invariants:
// 1. `digest` and `commit` are those of the request that made it; `finish` those of the one that ended it.

/// What names a run.
package struct RunName: Hashable {
  package var runId: ExactText
  package var attempt: Int32

  package init(_ runId: String, attempt: Int32) {
    self.runId = ExactText(runId)
    self.attempt = attempt
  }
}

extension Run {
  package var name: RunName { RunName(runId, attempt: attempt) }
}

/// A run and what its replays need.
package struct StoredRun {
  package var run: Run
  package var account: Int64
  /// Of the request that made it, and the commit that did.
  package var digest: Digest
  package var commit: CommitPoint
  /// nil while running, and for a recorded run.
  package var finish: Finish?

  package init(run: Run, account: Int64, digest: Digest, commit: CommitPoint, finish: Finish? = nil) {
    self.run = run
    self.account = account
    self.digest = digest
    self.commit = commit
    self.finish = finish
  }

  package struct Finish {
    package var digest: Digest
    package var commit: CommitPoint
    /// The last ledger row that it wrote; nil when it wrote none.
    package var sequence: Int64?

    package init(digest: Digest, commit: CommitPoint, sequence: Int64?) {
      self.digest = digest
      self.commit = commit
      self.sequence = sequence
    }
  }
}
