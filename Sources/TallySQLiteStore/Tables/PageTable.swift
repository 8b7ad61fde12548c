// Pages without their sections, written and read.
//
// Invariants:
// 1. A page with more versions than one transaction should remove is purged in two steps: the command marks
//    its row as purged and takes its sections away; the writer's ticks remove the versions, a slice a
//    transaction, and then the row. Only verification and those ticks see such a row.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PageTable {
  static let columns = ColumnList(
    "id", "account", "page_id", "title", "settings", "version", "author", "created_at", "updated_at",
    "published_version", "deleted_at", "section_count", "copied_from", "slug",
    "scheduled_version", "scheduled_at", "autosave", "thin_at", "thinned")
  /// What a change of a page may change in its row.
  private static let changing = columns.without("id", "account", "page_id", "created_at", "copied_from")

  static let byIdSQL = """
    SELECT \(columns.of("p")), a.user_id FROM page p JOIN account a ON a.id = p.account
    WHERE p.page_id = ?1 AND p.purged = 0
    """
  static let bySlugSQL = """
    SELECT \(columns.of("p")), a.user_id FROM page p JOIN account a ON a.id = p.account
    WHERE p.account = ?1 AND p.slug = ?2
    """
  static let byRowSQL = """
    SELECT \(columns.of("p")), a.user_id FROM page p JOIN account a ON a.id = p.account WHERE p.id = ?1
    """
  static let liveSQL = """
    SELECT \(columns) FROM page WHERE account = ?1 AND deleted_at IS NULL AND id < ?2 ORDER BY id DESC
    """
  static let allSQL = """
    SELECT \(columns) FROM page WHERE account = ?1 AND id < ?2 AND purged = 0 ORDER BY id DESC
    """
  static let publishedSQL = """
    SELECT page_id FROM page WHERE account = ?1 AND published_version IS NOT NULL
    UNION ALL SELECT page_id FROM page WHERE account = ?1 AND scheduled_version IS NOT NULL
    """
  static let dueSQL = """
    SELECT page_id FROM page WHERE scheduled_at <= ?1 ORDER BY scheduled_at LIMIT ?2
    """
  static let thinSQL = "SELECT page_id FROM page WHERE thin_at <= ?1 ORDER BY thin_at LIMIT ?2"
  static let markSQL = """
    UPDATE page SET purged = 1, published_version = NULL, section_count = 0, slug = NULL,
      scheduled_version = NULL, scheduled_at = NULL, thin_at = NULL
    WHERE id = ?1
    """
  static let purgedSQL = "SELECT id FROM page WHERE purged = 1 ORDER BY id LIMIT ?1"
  /// The lowest versions of a page; ?2 is the first one that stays.
  static let deleteVersionsSQL = "DELETE FROM page_version WHERE page = ?1 AND version < ?2"
  private static let deleteAutosavesSQL = "DELETE FROM page_autosave WHERE page = ?1 AND version < ?2"

  private let byId: Statement
  private let bySlug: Statement
  private let byRow: Statement
  private let live: Statement
  private let all: Statement
  private let published: Statement
  private let due: Statement
  private let thin: Statement
  private let lastId: Statement
  private let insert: Statement
  private let update: Statement
  private let giveUpSlug: Statement
  private let delete: Statement
  private let mark: Statement
  private let purged: Statement
  private let deleteSections: Statement
  private let deleteVersions: Statement
  private let deleteAutosaves: Statement
  private let lowestVersion: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    bySlug = try connection.prepare(Self.bySlugSQL)
    byRow = try connection.prepare(Self.byRowSQL)
    live = try connection.prepare(Self.liveSQL)
    all = try connection.prepare(Self.allSQL)
    due = try connection.prepare(Self.dueSQL)
    thin = try connection.prepare(Self.thinSQL)
    published = try connection.prepare(Self.publishedSQL)
    lastId = try connection.prepare("SELECT max(id) FROM page")
    insert = try connection.prepare(
      "INSERT INTO page(\(Self.columns)) VALUES (\(Self.columns.parameters))")
    update = try connection.prepare("UPDATE page SET \(Self.changing.assigned(from: 2)) WHERE id = ?1")
    giveUpSlug = try connection.prepare("UPDATE page SET slug = NULL WHERE id = ?1")
    delete = try connection.prepare("DELETE FROM page WHERE id = ?1")
    mark = try connection.prepare(Self.markSQL)
    purged = try connection.prepare(Self.purgedSQL)
    deleteSections = try connection.prepare("DELETE FROM section WHERE page = ?1")
    deleteVersions = try connection.prepare(Self.deleteVersionsSQL)
    deleteAutosaves = try connection.prepare(Self.deleteAutosavesSQL)
    lowestVersion = try connection.prepare("SELECT min(version) FROM page_version WHERE page = ?1")
  }

  // MARK: reading

  /// Deleted or not.
  func page(pageId: String) throws(SQLiteError) -> StoredPage? {
    byId.bind(pageId)
    return try byId.first(Self.pageAndUser)
  }

  /// Deleted or not.
  func page(id: Int64) throws(SQLiteError) -> StoredPage? {
    byRow.bind(id)
    return try byRow.first(Self.pageAndUser)
  }

  /// Deleted or not.
  func page(slug: String, account: Int64) throws(SQLiteError) -> StoredPage? {
    bySlug.bind(account)
    bySlug.bind(slug)
    return try bySlug.first(Self.pageAndUser)
  }

  /// Newest first, as they are at a time.
  func page(
    account: Int64, _ filter: PageFilter, nowMicros: Int64
  ) throws(SQLiteError) -> Page<PageFacts> {
    let statement = filter.includesDeleted ? all : live
    statement.bind(account)
    statement.bind(filter.before ?? Int64.max)
    var cut = PageCut<PageFacts>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
    defer { statement.reset() }
    while try statement.step() {
      var page = try statement.row(Self.page)
      page.facts.userId = filter.userId
      page.facts.settle(nowMicros: nowMicros)
      guard cut.add(page.facts, number: page.id, byteCount: page.facts.listedByteCount) else { break }
    }
    return cut.page
  }

  /// Ids of pages whose schedule is due, the longest overdue first.
  func due(nowMicros: Int64, limit: Int) throws(SQLiteError) -> [String] {
    due.bind(nowMicros)
    due.bind(Int64(limit))
    return try due.all { (row) in row.text() }
  }

  /// Ids of pages of which autosaves may have to go, the longest overdue first.
  func toThin(nowMicros: Int64, limit: Int) throws(SQLiteError) -> [String] {
    thin.bind(nowMicros)
    thin.bind(Int64(limit))
    return try thin.all { (row) in row.text() }
  }

  /// Ids of an account's pages that are published or are going to be, deleted or not.
  func published(account: Int64) throws(SQLiteError) -> [String] {
    published.bind(account)
    return try published.all { (row) in row.text() }
  }

  /// Takes `columns`.
  static func page(_ row: inout Columns) throws(SQLiteError) -> StoredPage {
    let (id, account) = (row.int(), row.int())
    var facts = PageFacts(pageId: row.text(), userId: "")
    facts.title = row.text()
    facts.settings = row.text()
    facts.version = try row.counted()
    facts.currentVersion = facts.version
    facts.author = row.text()
    facts.createdAtMicros = row.int()
    facts.updatedAtMicros = row.int()
    facts.publishedVersion = row.optionalInt()
    facts.deletedAtMicros = row.optionalInt()
    facts.sectionCount = Int(row.int())
    let copiedFrom = row.optionalText()
    facts.slug = row.optionalText()
    let (version, atMicros) = (row.optionalInt(), row.optionalInt())
    if let version, let atMicros { facts.schedule = PublishSchedule(version: version, atMicros: atMicros) }
    facts.isAutosave = row.int() != 0
    var page = StoredPage(id: id, account: account, facts: facts, copiedFrom: copiedFrom)
    page.thinAtMicros = row.optionalInt()
    page.thinnedCount = row.int()
    return page
  }

  /// Takes `columns` and the user's id.
  private static func pageAndUser(_ row: inout Columns) throws(SQLiteError) -> StoredPage {
    var page = try page(&row)
    page.facts.userId = row.text()
    return page
  }

  /// The highest id in use, or zero.
  func lastPageId() throws(SQLiteError) -> Int64 { try lastId.firstInt() ?? 0 }

  // MARK: writing

  func make(_ page: StoredPage) throws(SQLiteError) {
    insert.bind(page.id)
    insert.bind(page.account)
    insert.bind(page.facts.pageId)
    insert.bind(page.facts.title)
    insert.bind(page.facts.settings)
    insert.bind(page.facts.currentVersion)
    insert.bind(page.facts.author)
    insert.bind(page.facts.createdAtMicros)
    insert.bind(page.facts.updatedAtMicros)
    insert.bind(page.facts.publishedVersion)
    insert.bind(page.facts.deletedAtMicros)
    insert.bind(Int64(page.facts.sectionCount))
    insert.bind(page.copiedFrom)
    insert.bind(page.facts.slug)
    insert.bind(page.facts.schedule?.version)
    insert.bind(page.facts.schedule?.atMicros)
    insert.bind(page.facts.isAutosave ? 1 : 0)
    insert.bind(page.thinAtMicros)
    insert.bind(page.thinnedCount)
    try insert.run()
  }

  func save(_ page: StoredPage) throws(SQLiteError) {
    update.bind(page.id)
    update.bind(page.facts.title)
    update.bind(page.facts.settings)
    update.bind(page.facts.currentVersion)
    update.bind(page.facts.author)
    update.bind(page.facts.updatedAtMicros)
    update.bind(page.facts.publishedVersion)
    update.bind(page.facts.deletedAtMicros)
    update.bind(Int64(page.facts.sectionCount))
    update.bind(page.facts.slug)
    update.bind(page.facts.schedule?.version)
    update.bind(page.facts.schedule?.atMicros)
    update.bind(page.facts.isAutosave ? 1 : 0)
    update.bind(page.thinAtMicros)
    update.bind(page.thinnedCount)
    try update.run()
  }

  /// A page's slug is free for another page of the same transaction.
  func giveUpSlug(of page: StoredPage) throws(SQLiteError) { try run(giveUpSlug, page.id) }

  // MARK: purging

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
    for statement in [deleteAutosaves, deleteVersions] {
      statement.bind(id)
      statement.bind(lowest + Int64(PageLimits.purgedVersionCount))
      try statement.run()
    }
  }

  /// Whether `removeSlice` has something to remove.
  func hasPurged() throws(SQLiteError) -> Bool { try first(purged, 1) != nil }

  private func run(_ statement: Statement, _ id: Int64) throws(SQLiteError) {
    statement.bind(id)
    try statement.run()
  }

  private func first(_ statement: Statement, _ parameter: Int64) throws(SQLiteError) -> Int64? {
    statement.bind(parameter)
    return try statement.firstInt()
  }
}
