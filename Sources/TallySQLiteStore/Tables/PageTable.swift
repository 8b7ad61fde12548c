// Pages without their sections, written and read.
//
// Invariants:
// 1. A page with more versions than one transaction should remove is purged in two steps: the command marks
//    its row as purged and takes its sections away; the writer's ticks remove the versions, a slice a
//    transaction, and then the row. Only verification and those ticks see such a row.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads pages.
final class PageReader {
  private static let columns = """
    p.id, p.account, p.page_id, p.title, p.settings, p.version, p.author, p.created_at, p.updated_at,
    p.published_version, p.deleted_at, p.section_count, p.copied_from
    """
  static let byIdSQL = """
    SELECT \(columns), a.user_id FROM page p JOIN account a ON a.id = p.account
    WHERE p.page_id = ?1 AND p.purged = 0
    """
  static let byRowSQL = """
    SELECT \(columns), a.user_id FROM page p JOIN account a ON a.id = p.account WHERE p.id = ?1
    """
  static let liveSQL = """
    SELECT \(columns) FROM page p
    WHERE p.account = ?1 AND p.deleted_at IS NULL AND p.id < ?2 ORDER BY p.id DESC
    """
  static let allSQL = """
    SELECT \(columns) FROM page p
    WHERE p.account = ?1 AND p.id < ?2 AND p.purged = 0 ORDER BY p.id DESC
    """
  static let publishedSQL = """
    SELECT p.page_id FROM page p WHERE p.account = ?1 AND p.published_version IS NOT NULL
    """

  private let byId: Statement
  private let byRow: Statement
  private let live: Statement
  private let all: Statement
  private let published: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    byRow = try connection.prepare(Self.byRowSQL)
    live = try connection.prepare(Self.liveSQL)
    all = try connection.prepare(Self.allSQL)
    published = try connection.prepare(Self.publishedSQL)
  }

  /// Deleted or not.
  func page(pageId: String) throws(SQLiteError) -> StoredPage? {
    byId.bind(1, pageId)
    defer { byId.reset() }
    return try byId.step() ? try Self.page(byId, userId: byId.text(13)) : nil
  }

  /// Deleted or not.
  func page(id: Int64) throws(SQLiteError) -> StoredPage? {
    byRow.bind(1, id)
    defer { byRow.reset() }
    return try byRow.step() ? try Self.page(byRow, userId: byRow.text(13)) : nil
  }

  /// Newest first.
  func page(account: Int64, _ filter: PageFilter) throws(SQLiteError) -> Page<PageFacts> {
    let statement = filter.includesDeleted ? all : live
    statement.bind(1, account)
    statement.bind(2, filter.before ?? Int64.max)
    var cut = PageCut<PageFacts>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
    defer { statement.reset() }
    while try statement.step() {
      let page = try Self.page(statement, userId: filter.userId)
      guard cut.add(page.facts, number: page.id, byteCount: page.facts.listedByteCount) else { break }
    }
    return cut.page
  }

  /// Ids of an account's published pages, deleted or not.
  func published(account: Int64) throws(SQLiteError) -> [String] {
    published.bind(1, account)
    defer { published.reset() }
    var ids: [String] = []
    while try published.step() { ids.append(published.text(0)) }
    return ids
  }

  private static func page(_ row: Statement, userId: String) throws(SQLiteError) -> StoredPage {
    var facts = PageFacts(pageId: row.text(2), userId: userId)
    facts.title = row.text(3)
    facts.settings = row.text(4)
    facts.version = try row.counted(5)
    facts.currentVersion = facts.version
    facts.author = row.text(6)
    facts.createdAtMicros = row.int(7)
    facts.updatedAtMicros = row.int(8)
    facts.publishedVersion = row.optionalInt(9)
    facts.deletedAtMicros = row.optionalInt(10)
    facts.sectionCount = Int(row.int(11))
    return StoredPage(id: row.int(0), account: row.int(1), facts: facts, copiedFrom: row.optionalText(12))
  }
}

/// Writes pages.
final class PageSaver {
  static let lastIdSQL = "SELECT max(id) FROM page"
  static let updateSQL = """
    UPDATE page SET title = ?2, settings = ?3, version = ?4, author = ?5, updated_at = ?6,
      published_version = ?7, deleted_at = ?8, section_count = ?9
    WHERE id = ?1
    """
  static let deleteSQL = "DELETE FROM page WHERE id = ?1"
  static let markSQL = """
    UPDATE page SET purged = 1, published_version = NULL, section_count = 0 WHERE id = ?1
    """
  static let purgedSQL = "SELECT id FROM page WHERE purged = 1 ORDER BY id LIMIT ?1"
  static let deleteSectionsSQL = "DELETE FROM section WHERE page = ?1"
  /// The lowest versions of a page; ?2 is the first one that stays.
  static let deleteVersionsSQL = "DELETE FROM page_version WHERE page = ?1 AND version < ?2"
  static let lowestVersionSQL = "SELECT min(version) FROM page_version WHERE page = ?1"

  private let lastId: Statement
  private let insert: Statement
  private let update: Statement
  private let delete: Statement
  private let mark: Statement
  private let purged: Statement
  private let deleteSections: Statement
  private let deleteVersions: Statement
  private let lowestVersion: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    lastId = try connection.prepare(Self.lastIdSQL)
    insert = try connection.prepare(
      """
      INSERT INTO page(id, page_id, account, title, settings, version, author, created_at, updated_at,
        section_count, copied_from)
      VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?7, ?8, ?9)
      """)
    update = try connection.prepare(Self.updateSQL)
    delete = try connection.prepare(Self.deleteSQL)
    mark = try connection.prepare(Self.markSQL)
    purged = try connection.prepare(Self.purgedSQL)
    deleteSections = try connection.prepare(Self.deleteSectionsSQL)
    deleteVersions = try connection.prepare(Self.deleteVersionsSQL)
    lowestVersion = try connection.prepare(Self.lowestVersionSQL)
  }

  /// The highest id in use, or zero.
  func lastPageId() throws(SQLiteError) -> Int64 {
    defer { lastId.reset() }
    return try lastId.step() ? lastId.optionalInt(0) ?? 0 : 0
  }

  /// A page's first version.
  func make(_ page: StoredPage) throws(SQLiteError) {
    insert.bind(1, page.id)
    insert.bind(2, page.facts.pageId)
    insert.bind(3, page.account)
    insert.bind(4, page.facts.title)
    insert.bind(5, page.facts.settings)
    insert.bind(6, page.facts.author)
    insert.bind(7, page.facts.createdAtMicros)
    insert.bind(8, Int64(page.facts.sectionCount))
    insert.bind(9, page.copiedFrom)
    try insert.run()
  }

  func save(_ page: StoredPage) throws(SQLiteError) {
    update.bind(1, page.id)
    update.bind(2, page.facts.title)
    update.bind(3, page.facts.settings)
    update.bind(4, page.facts.version)
    update.bind(5, page.facts.author)
    update.bind(6, page.facts.updatedAtMicros)
    update.bind(7, page.facts.publishedVersion)
    update.bind(8, page.facts.deletedAtMicros)
    update.bind(9, Int64(page.facts.sectionCount))
    try update.run()
  }

  /// Removes a page for ever, with its sections and versions; what is too much for one transaction is left to
  /// `removeSlice`.
  func remove(_ page: StoredPage) throws(SQLiteError) {
    if page.facts.currentVersion <= Int64(PageLimits.purgedVersionCount) { return try run(delete, page.id) }
    try run(deleteSections, page.id)
    try run(mark, page.id)
  }

  /// Removes the next versions of a page that was purged, and at last its row.
  func removeSlice() throws(SQLiteError) {
    guard let id = try first(purged, 1) else { return }
    guard let lowest = try first(lowestVersion, id) else { return try run(delete, id) }
    deleteVersions.bind(2, lowest + Int64(PageLimits.purgedVersionCount))
    try run(deleteVersions, id)
  }

  /// Whether `removeSlice` has something to remove.
  func hasPurged() throws(SQLiteError) -> Bool { try first(purged, 1) != nil }

  private func run(_ statement: Statement, _ id: Int64) throws(SQLiteError) {
    statement.bind(1, id)
    try statement.run()
  }

  private func first(_ statement: Statement, _ parameter: Int64) throws(SQLiteError) -> Int64? {
    statement.bind(1, parameter)
    defer { statement.reset() }
    return try statement.step() ? statement.optionalInt(0) : nil
  }
}
