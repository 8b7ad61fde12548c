// Where the ledger stands: the last commit, the last row and the head of the chain; and the system
// accounts.
//
// Invariants:
// 1. Written in the transaction of every commit, once, with the rows that it counts.
// 2. `committed_at` is the time of the last commit of any kind, and never before `last_at`: a start after the
//    wall clock was set back goes on from there.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads the head.
final class HeadReader {
  static let headSQL = """
    SELECT commit_sequence, ledger_sequence, last_at, chain_head, committed_at FROM meta WHERE id = 1
    """

  private let head: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    head = try connection.prepare(Self.headSQL)
  }

  func load() throws(SQLiteError) -> LedgerHead {
    defer { head.reset() }
    guard try head.step() else { throw .malformed("meta: no row") }
    let stored = LedgerHead(
      commitSequence: try head.counted(0), ledgerSequence: try head.counted(1), lastAtMicros: head.int(2),
      committedAtMicros: head.int(4), hash: head.blob(3))
    guard (0...SystemClock.latestMicros).contains(stored.latestMicros) else {
      throw .malformed("meta: a time beyond the year 9999")
    }
    return stored
  }
}

/// Writes the head and the system accounts.
final class HeadSaver {
  private let update: Statement
  private let updateSystem: Statement
  private let allSystem: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    update = try connection.prepare(
      """
      UPDATE meta SET commit_sequence = ?1, ledger_sequence = ?2, last_at = ?3, chain_head = ?4,
        committed_at = ?5
      WHERE id = 1
      """)
    updateSystem = try connection.prepare("UPDATE system_account SET balance = ?2 WHERE id = ?1")
    allSystem = try connection.prepare("SELECT id, balance FROM system_account")
  }

  func save(_ head: LedgerHead) throws(SQLiteError) {
    update.bind(1, head.commitSequence)
    update.bind(2, head.ledgerSequence)
    update.bind(3, head.lastAtMicros)
    update.bind(4, head.hash)
    update.bind(5, head.committedAtMicros)
    try update.run()
  }

  func loadSystemAccounts() throws(SQLiteError) -> SystemBalances {
    defer { allSystem.reset() }
    var balances = SystemBalances()
    while try allSystem.step() {
      guard let account = SystemAccount(rawValue: Int32(truncatingIfNeeded: allSystem.int(0))) else {
        throw .malformed("system account \(allSystem.int(0))")
      }
      balances[account] = allSystem.int(1)
    }
    return balances
  }

  /// Saves those that changed.
  func save(_ balances: SystemBalances, over stored: SystemBalances) throws(SQLiteError) {
    for account in SystemAccount.allCases where balances[account] != stored[account] {
      updateSystem.bind(1, Int64(account.rawValue))
      updateSystem.bind(2, balances[account])
      try updateSystem.run()
    }
  }
}
