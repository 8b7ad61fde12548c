// What tells a user's balance at a past time: the rows that count then, and credit that was pending.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PastBalanceReader {
  /// The rows of account ?1 from the last one up to sequence ?2 on.
  static let rowsSQL = """
    SELECT \(LedgerTable.selected) FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.account = ?1 AND l.sequence >= coalesce(
      (SELECT max(sequence) FROM ledger WHERE account = ?1 AND sequence <= ?2), 0)
    ORDER BY l.sequence
    """
  /// Of account ?1 what was granted up to sequence ?3, and became effective after a time, ?2.
  static let pendingSQL = """
    SELECT effective_at, expires_at, amount + coalesce(
      (SELECT sum(v.amount) FROM ledger v
        WHERE v.refers_to = l.sequence AND v.sequence <= ?3 AND v.type = 10), 0)
    FROM ledger l WHERE account = ?1 AND effective_at > ?2 AND effective_at > at AND sequence <= ?3
    """

  private let rows: Statement
  private let pending: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    rows = try connection.prepare(Self.rowsSQL)
    pending = try connection.prepare(Self.pendingSQL)
  }

  /// What an account's rows tell of a time.
  /// - Parameter sequence: of the last row of all that was written by then.
  func rows(account: Int64, writtenBy sequence: Int64, atMicros: Int64) throws(SQLiteError) -> PastRows {
    rows.bind(account)
    rows.bind(sequence)
    defer { rows.reset() }
    var past = PastRows(atMicros: atMicros)
    while try rows.step() {
      guard past.take(try rows.row(LedgerTable.entry)) else { break }
    }
    return past
  }

  /// Credit that was pending when a row came about.
  func pending(account: Int64, after row: Entry) throws(SQLiteError) -> [PendingCredit] {
    pending.bind(account)
    pending.bind(row.toldAtMicros)
    pending.bind(row.sequence)
    return try pending.all { (columns) in
      PendingCredit(
        effectiveAtMicros: columns.int(), expiresAtMicros: columns.optionalInt(),
        remainingMicros: columns.int())
    }
  }
}
