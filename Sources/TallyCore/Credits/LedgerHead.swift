// Where the ledger stands: the last commit, the last row and the head of the chain.
//
// Invariants:
// 1. `committedAtMicros` is never before `lastAtMicros`.

/// Where the ledger stands after a commit.
package struct LedgerHead: Sendable, Equatable {
  package var commitSequence: Int64 = 0
  /// Of the last row.
  package var ledgerSequence: Int64 = 0
  /// Of the last row.
  package var lastAtMicros: Int64 = 0
  /// When the commit was made, whether or not it wrote a row.
  package var committedAtMicros: Int64 = 0
  /// The last row's hash.
  package var hash: [UInt8] = Chain.origin

  package init(
    commitSequence: Int64 = 0, ledgerSequence: Int64 = 0, lastAtMicros: Int64 = 0,
    committedAtMicros: Int64 = 0, hash: [UInt8] = Chain.origin
  ) {
    self.commitSequence = commitSequence
    self.ledgerSequence = ledgerSequence
    self.lastAtMicros = lastAtMicros
    self.committedAtMicros = committedAtMicros
    self.hash = hash
  }

  /// No time is earlier than that.
  package var latestMicros: Int64 { max(lastAtMicros, committedAtMicros) }
}
