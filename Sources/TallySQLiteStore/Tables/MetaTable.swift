// Where the ledger stands: the last commit, the last row and the head of the chain.
//
// Invariants:
// 1. Written in the transaction of every commit, once, with the rows that it counts.
// 2. `committed_at` is the time of the last commit of any kind, and never before `last_at`: a start after the
//    wall clock was set back goes on from there.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class MetaTable {
  private static let columns = ColumnList(
    "commit_sequence", "ledger_sequence", "last_at", "committed_at", "chain_head")

  private let head: Statement
  private let format2: Statement
  private let update: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    head = try connection.prepare("SELECT \(Self.columns) FROM meta WHERE id = 1")
    format2 = try connection.prepare("SELECT format_2_from FROM meta WHERE id = 1")
    update = try connection.prepare("UPDATE meta SET \(Self.columns.assigned(from: 1)) WHERE id = 1")
  }

  func load() throws(SQLiteError) -> LedgerHead {
    let stored = try head.first { (row) throws(SQLiteError) in
      LedgerHead(
        commitSequence: try row.counted(), ledgerSequence: try row.counted(), lastAtMicros: row.int(),
        committedAtMicros: row.int(), hash: row.blob())
    }
    guard let stored else { throw .malformed("meta: no row") }
    guard (0...SystemClock.latestMicros).contains(stored.latestMicros) else {
      throw .malformed("meta: a time beyond the year 9999")
    }
    return stored
  }

  /// The first row of the ledger whose hash is in the chain's second format.
  func format2From() throws(SQLiteError) -> Int64 { try format2.firstInt() ?? 1 }

  func save(_ head: LedgerHead) throws(SQLiteError) {
    update.bind(head.commitSequence)
    update.bind(head.ledgerSequence)
    update.bind(head.lastAtMicros)
    update.bind(head.committedAtMicros)
    update.bind(head.hash)
    try update.run()
  }
}
