// Walking the ledger forwards.
//
// Invariants:
// 1. A stretch takes one statement for all users, and two for some, whatever the number of rows. Rows of some
//    users are found by their back pointers, so that a stretch with few of them costs little; how long it is
//    whoever asks decides.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class LedgerStretches {
  static let allSQL = """
    SELECT \(LedgerTable.selected) FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.sequence >= ?1 AND l.sequence < ?2 ORDER BY l.sequence LIMIT ?3
    """
  /// In no particular order; ?1 is a JSON array of users' ids.
  static let sequencesSQL = """
    WITH RECURSIVE back(account, sequence) AS (
      SELECT a.id, a.head FROM json_each(?1) u CROSS JOIN account a ON a.user_id = u.value
      UNION ALL
      SELECT l.account, iif(l.skip >= ?3, l.skip, l.previous)
      FROM back CROSS JOIN ledger l ON l.sequence = back.sequence AND l.account = back.account
      WHERE back.sequence >= ?2 AND l.previous < l.sequence AND l.skip < l.sequence
    )
    SELECT sequence FROM back WHERE sequence >= ?2 AND sequence < ?3
    """
  /// ?1 is a JSON array of sequences.
  static let namedSQL = """
    SELECT \(LedgerTable.selected) FROM json_each(?1) s CROSS JOIN ledger l ON l.sequence = s.value
    JOIN account a ON a.id = l.account
    """

  private let all: Statement
  private let sequences: Statement
  private let named: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    all = try connection.prepare(Self.allSQL)
    sequences = try connection.prepare(Self.sequencesSQL)
    named = try connection.prepare(Self.namedSQL)
  }

  func rows(_ filter: LedgerFilter) throws(SQLiteError) -> [Entry] {
    if filter.userIds.isEmpty {
      all.bind(filter.fromSequence)
      all.bind(filter.beforeSequence)
      all.bind(Int64(filter.limit))
      return try all.all(LedgerTable.entry)
    }
    sequences.bind(JSONText.array(filter.userIds))
    sequences.bind(filter.fromSequence)
    sequences.bind(filter.beforeSequence)
    let found = try sequences.all { (row) throws(SQLiteError) in row.int() }.sorted()
    if found.isEmpty { return [] }
    named.bind(JSONText.array(Array(found.prefix(filter.limit))))
    return try named.all(LedgerTable.entry)
  }
}
