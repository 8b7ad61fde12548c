// Where the ledger stands: the last commit, the last row and the head of the chain.
//
// Invariants:
// 1. `committedAtMicros` is never before `lastAtMicros`.

/// Where the ledger stands after a commit.
struct LedgerHead: Sendable, Equatable {
  var commitSequence: Int64 = 0
  /// Of the last row.
  var ledgerSequence: Int64 = 0
  /// Of the last row.
  var lastAtMicros: Int64 = 0
  /// When the commit was made, whether or not it wrote a row.
  var committedAtMicros: Int64 = 0
  /// The last row's hash.
  var hash: [UInt8] = Chain.origin

  /// No time is earlier than that.
  var latestMicros: Int64 { max(lastAtMicros, committedAtMicros) }
}
