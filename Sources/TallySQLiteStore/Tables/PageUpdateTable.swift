// The last change of each page, written and read.
//
// Invariants:
// 1. A user's page id has one row, that of its last change; the highest number is never removed but for a
//    higher one.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PageUpdateTable {
  static let columns = ColumnList(
    "number", "kind", "page_id", "at", "commit_sequence", "commit_position")
  /// Of an update `u`: its own columns, its user's id, and its page `p`, if that is there.
  private static let selected = "\(columns.of("u")), a.user_id, \(PageTable.columns.of("p"))"
  private static let joined = """
    JOIN account a ON a.id = u.account
    LEFT JOIN page p ON p.page_id = u.page_id AND p.purged = 0 AND p.account = u.account
    """

  static let stretchSQL = """
    SELECT \(selected) FROM page_update u \(joined)
    WHERE u.number >= ?1 AND u.number < ?2 ORDER BY u.number LIMIT ?3
    """
  /// In no particular order; ?1 is a JSON array of users' ids.
  static let numbersSQL = """
    SELECT u.number FROM json_each(?1) j CROSS JOIN account a ON a.user_id = j.value
    CROSS JOIN page_update u ON u.account = a.id WHERE u.number >= ?2 AND u.number < ?3
    """
  /// ?1 is a JSON array of numbers.
  static let namedSQL = """
    SELECT \(selected) FROM json_each(?1) i CROSS JOIN page_update u ON u.number = i.value \(joined)
    """

  private let stretch: Statement
  private let numbers: Statement
  private let named: Statement
  private let last: Statement
  private let put: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    stretch = try connection.prepare(Self.stretchSQL)
    numbers = try connection.prepare(Self.numbersSQL)
    named = try connection.prepare(Self.namedSQL)
    last = try connection.prepare("SELECT coalesce(max(number), 0) FROM page_update")
    let written = Self.columns + ColumnList("account")
    put = try connection.prepare(
      "INSERT OR REPLACE INTO page_update(\(written)) VALUES (\(written.parameters))")
  }

  // MARK: reading

  /// In the order of their numbers, with the pages as they are at a time.
  func stretch(_ filter: LedgerFilter, nowMicros: Int64) throws(SQLiteError) -> [PageUpdate] {
    func update(_ row: inout Columns) throws(SQLiteError) -> PageUpdate {
      try Self.update(&row, nowMicros: nowMicros)
    }
    if filter.userIds.isEmpty {
      stretch.bind(filter.fromSequence)
      stretch.bind(filter.beforeSequence)
      stretch.bind(Int64(filter.limit))
      return try stretch.all(update)
    }
    numbers.bind(JSONText.array(filter.userIds))
    numbers.bind(filter.fromSequence)
    numbers.bind(filter.beforeSequence)
    let found = try numbers.all { (row) in row.int() }.sorted()
    if found.isEmpty { return [] }
    named.bind(JSONText.array(Array(found.prefix(filter.limit))))
    return try named.all(update)
  }

  /// The highest number in use, or zero.
  func lastNumber() throws(SQLiteError) -> Int64 { try last.firstInt() ?? 0 }

  private static func update(
    _ row: inout Columns, nowMicros: Int64
  ) throws(SQLiteError) -> PageUpdate {
    let (number, kindNumber) = (row.int(), row.int())
    guard let kind = PageUpdateKind(rawValue: Int32(clamping: kindNumber)) else {
      throw .malformed("page update \(number) of kind \(kindNumber)")
    }
    let (pageId, atMicros) = (row.text(), row.int())
    let commit = CommitPoint(sequence: row.int(), position: row.int32())
    let userId = row.text()
    var update = PageUpdate(kind: kind, pageId: pageId, userId: userId, facts: nil, atMicros: atMicros)
    (update.number, update.commit) = (number, commit)
    if row.isNull {
      row.skip(PageTable.columns.count)
      return update
    }
    var page = try PageTable.page(&row)
    page.facts.userId = userId
    update.facts = page.settled(nowMicros: nowMicros).facts
    return update
  }

  // MARK: writing

  func save(_ update: PageUpdate, account: Int64) throws(SQLiteError) {
    put.bind(update.number)
    put.bind(Int64(update.kind.rawValue))
    put.bind(update.pageId)
    put.bind(update.atMicros)
    put.bind(update.commit.sequence)
    put.bind(Int64(update.commit.position))
    put.bind(account)
    try put.run()
  }
}
