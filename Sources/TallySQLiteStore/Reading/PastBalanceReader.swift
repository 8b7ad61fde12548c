// What tells a user's balance at a past time: the rows that count then, and credit that was pending.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PastBalanceReader {
  /// The last row of account ?1 that counts at a time, ?3: it was written before sequence ?2, or came about
  /// by itself by then. Of an account's rows those that count stand first. Before it stands the account's
  /// version by its last row that was written before ?2; null without one.
  static let lastSQL = """
    WITH RECURSIVE \(BackPointers.back(account: "?1", before: "?2")),
    last(sequence) AS (
      SELECT head FROM account WHERE id = ?1
      UNION ALL
      SELECT iif(\(isLater("s")), s.sequence, l.previous)
      FROM last CROSS JOIN ledger l ON l.sequence = last.sequence AND l.account = ?1
      LEFT JOIN ledger s ON s.sequence = l.skip AND s.account = ?1
      WHERE \(isLater("l")) AND l.previous < l.sequence AND l.skip < l.sequence
    )
    SELECT
      (SELECT version FROM ledger
        WHERE sequence = (SELECT min(sequence) FROM back) AND sequence < ?2 AND account = ?1),
      \(LedgerTable.selected)
    FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.sequence = (SELECT min(sequence) FROM last) AND l.account = ?1 AND NOT (\(isLater("l")))
    """

  /// A row that does not count at the time ?3: as `Entry.toldAtMicros` has it.
  private static func isLater(_ row: String) -> String {
    """
    \(row).sequence >= ?2
      AND iif(\(row).key IS NULL, min(\(row).effective_at, \(row).at), \(row).at) > ?3
    """
  }

  /// Of account ?1 what was granted up to sequence ?3, and became effective after a time, ?2.
  static let pendingSQL = """
    SELECT effective_at, expires_at, amount + coalesce(
      (SELECT sum(v.amount) FROM ledger v
        WHERE v.refers_to = l.sequence AND v.sequence <= ?3 AND v.type = 10), 0)
    FROM ledger l WHERE account = ?1 AND effective_at > ?2 AND effective_at > at AND sequence <= ?3
    """

  private let last: Statement
  private let pending: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    last = try connection.prepare(Self.lastSQL)
    pending = try connection.prepare(Self.pendingSQL)
  }

  /// What an account's rows tell of a time.
  /// - Parameter sequence: of the last row of all that was written by then.
  func rows(account: Int64, writtenBy sequence: Int64, atMicros: Int64) throws(SQLiteError) -> PastRows {
    last.bind(account)
    last.bind(sequence + 1)
    last.bind(atMicros)
    let found = try last.first { (row) throws(SQLiteError) in (row.int(), try LedgerTable.entry(&row)) }
    return PastRows(atMicros: atMicros, last: found?.1, version: found?.0 ?? 0)
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
