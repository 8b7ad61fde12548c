// Walking the ledger forwards.
//
// Invariants:
// 1. A stretch takes one statement for all users, and two for some, whatever the number of rows; how long it
//    is whoever asks decides. Rows of some users are found by their back pointers, in some steps for each of
//    them, or by going through the stretch, whichever is less.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class LedgerStretches {
  static let allSQL = """
    SELECT \(LedgerTable.selected) FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.sequence >= ?1 AND l.sequence < ?2 ORDER BY l.sequence LIMIT ?3
    """
  /// About as many rows are looked at to find a user's place.
  static let stepsPerUser: Int64 = 128

  /// In no particular order; ?1 is a JSON array of users' ids.
  static let sequencesSQL = """
    WITH RECURSIVE back(account, sequence) AS (
      SELECT a.id, a.head FROM json_each(?1) u CROSS JOIN account a ON a.user_id = u.value
      UNION ALL
      SELECT l.account, iif(l.skip >= ?3, l.skip, l.previous)
      FROM back CROSS JOIN ledger l ON l.sequence = back.sequence AND l.account = back.account
      WHERE back.sequence >= ?2 AND l.previous < l.sequence AND l.skip < l.sequence
    )
    SELECT l.sequence FROM back CROSS JOIN ledger l ON l.sequence = back.sequence AND l.account = back.account
    WHERE l.sequence >= ?2 AND l.sequence < ?3
    """
  /// The same, by going through the stretch.
  static let sequencesOfManySQL = """
    SELECT l.sequence FROM ledger l WHERE l.sequence >= ?2 AND l.sequence < ?3 AND l.account IN (
      SELECT a.id FROM json_each(?1) u CROSS JOIN account a ON a.user_id = u.value)
    """
  /// ?1 is a JSON array of sequences.
  static let namedSQL = """
    SELECT \(LedgerTable.selected) FROM json_each(?1) s CROSS JOIN ledger l ON l.sequence = s.value
    JOIN account a ON a.id = l.account
    """

  private let all: Statement
  private let sequences: Statement
  private let sequencesOfMany: Statement
  private let named: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    all = try connection.prepare(Self.allSQL)
    sequences = try connection.prepare(Self.sequencesSQL)
    sequencesOfMany = try connection.prepare(Self.sequencesOfManySQL)
    named = try connection.prepare(Self.namedSQL)
  }

  func rows(_ filter: LedgerFilter) throws(SQLiteError) -> [Entry] {
    if filter.userIds.isEmpty {
      all.bind(filter.fromSequence)
      all.bind(filter.beforeSequence)
      all.bind(Int64(filter.limit))
      return try all.all(LedgerTable.entry)
    }
    let span = filter.beforeSequence.subtractingSaturating(filter.fromSequence)
    let isShort = span / Self.stepsPerUser <= Int64(filter.userIds.count)
    let sequences = isShort ? sequencesOfMany : sequences
    sequences.bind(JSONText.array(filter.userIds))
    sequences.bind(filter.fromSequence)
    sequences.bind(filter.beforeSequence)
    let found = try sequences.all { (row) throws(SQLiteError) in row.int() }.sorted()
    if found.isEmpty { return [] }
    named.bind(JSONText.array(Array(found.prefix(filter.limit))))
    return try named.all(LedgerTable.entry)
  }
}
