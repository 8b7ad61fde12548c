// The words of live pages' current versions, written and searched.
//
// Each word is stored with the page's account before it: `17xhello`. So a search meets the words of one user
// only, and neither walks nor ranks by what others have written. Words are folded here (`PageWords`), so that
// SQLite only divides them at blanks, and what a user searches for never is a part of its query language.
// Before each text of a page stands the account's mark alone, so that no phrase goes from one text into the
// next.
//
// Whatever erases a user's texts has to call `remove` for each page, and `INSERT INTO
// page_search(page_search) VALUES ('optimize')`: until then what was removed can stand in the index's older
// parts (SQLite 3.40 has no secure-delete of FTS5).
//
// Invariants:
// 1. There is a row for each page that is neither deleted nor purged, and no other; it has the current
//    version's words. It is written in the transaction that changes the page.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PageSearchTable {
  static let searchSQL = """
    SELECT rowid FROM page_search WHERE page_search MATCH ?1 ORDER BY rank LIMIT ?2 OFFSET ?3
    """
  /// ?1 is a JSON array of pages' numbers; they come in its order.
  static let foundSQL = """
    SELECT \(PageTable.columns.of("p")), v.sections FROM json_each(?1) j
    CROSS JOIN page p ON p.id = j.value
    CROSS JOIN page_version v ON v.page = p.id AND v.version = p.version
    """
  private static let insertSQL = "INSERT INTO page_search(rowid, title, body) VALUES (?1, ?2, ?3)"

  private let search: Statement
  private let found: Statement
  private let insert: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    search = try connection.prepare(Self.searchSQL)
    found = try connection.prepare(Self.foundSQL)
    insert = try connection.prepare(Self.insertSQL)
    delete = try connection.prepare("DELETE FROM page_search WHERE rowid = ?1")
  }

  // MARK: searching

  /// The best first. Two statements, however many there are.
  func page(
    account: Int64, _ asked: PageSearch, nowMicros: Int64
  ) throws(SQLiteError) -> Page<PageMatch> {
    search.bind(Self.expression(asked.query, account: account))
    search.bind(Int64(asked.limit) + 1)
    search.bind(asked.from)
    let ids = try search.all { (row) in row.int() }
    var cut = PageCut<PageMatch>(limit: asked.limit, maximumByteCount: asked.maximumByteCount)
    if ids.isEmpty { return cut.page }
    var number = asked.from
    var byteCount = PageLimits.excerptedByteCount
    found.bind("[\(ids.map(String.init).joined(separator: ","))]")
    defer { found.reset() }
    while try found.step() {
      let match = try found.row { (row) throws(SQLiteError) in
        var page = try PageTable.page(&row)
        page.facts.userId = asked.userId
        page.facts.settle(nowMicros: nowMicros)
        let content = PageContent(title: page.facts.title, sections: try Packing.sections(row.blob()))
        return asked.query.match(page.facts, content, lookingAt: &byteCount)
      }
      number += 1
      guard cut.add(match, number: number, byteCount: match.listedByteCount) else { break }
    }
    return cut.page
  }

  /// What FTS5 is asked: phrases of words without any sign but the ones put here.
  private static func expression(_ query: WordQuery, account: Int64) -> String {
    query.terms.map { term in
      let words = term.words.map { mark(account) + $0 }.joined(separator: " ")
      return "\"\(words)\"\(term.isPrefix ? " *" : "")"
    }.joined(separator: " AND ")
  }

  private static func mark(_ account: Int64) -> String { "\(account)x" }

  // MARK: writing

  func put(_ content: PageContent, of page: StoredPage) throws(SQLiteError) {
    try remove(page: page.id)
    try Self.insert(page: page.id, account: page.account, content, by: insert)
  }

  func remove(page: Int64) throws(SQLiteError) {
    delete.bind(page)
    try delete.run()
  }

  private static func insert(
    page: Int64, account: Int64, _ content: PageContent, by insert: Statement
  ) throws(SQLiteError) {
    let words = words(of: content, account: account)
    insert.bind(page)
    insert.bind(words.title)
    insert.bind(words.body)
    try insert.run()
  }

  /// What the row of a page has.
  static func words(of content: PageContent, account: Int64) -> (title: String, body: String) {
    let mark = mark(account)
    let units = PageTexts.units(of: content).map { unit in
      ([""] + PageWords.folded(unit.text)).map { mark + $0 }.joined(separator: " ")
    }
    return (units[0], units.dropFirst().joined(separator: " "))
  }

  // MARK: filling

  /// Pages of a slice: each may have a mebibyte.
  static let filledPages: Int64 = 32

  /// Has the words of all pages that there are written into the new table: by `fillSlice`, again and again.
  /// Until then `page_search_rest` says after which page to go on.
  static func beginFilling(_ connection: Connection) throws(SQLiteError) {
    try connection.execute(
      """
      CREATE TABLE page_search_rest(after INTEGER NOT NULL) STRICT;
      INSERT INTO page_search_rest VALUES (0);
      """)
  }

  /// Whether words are left to be written, whatever program began it.
  static func isFilling(_ connection: Connection) throws(SQLiteError) -> Bool {
    try connection.value("SELECT count(*) FROM sqlite_schema WHERE name = 'page_search_rest'") > 0
  }

  /// Writes the words of the next pages, in an open transaction. Pages whose versions make no sense are left
  /// for verification to name.
  static func fillSlice(_ connection: Connection, pages limit: Int64 = filledPages) throws(SQLiteError) {
    let pages = try connection.prepare(
      """
      SELECT p.id, p.account, p.title, v.sections FROM page p
      JOIN page_version v ON v.page = p.id AND v.version = p.version
      WHERE p.id > (SELECT r.after FROM page_search_rest r) AND p.deleted_at IS NULL AND p.purged = 0
      ORDER BY p.id LIMIT ?1
      """)
    let insert = try connection.prepare(insertSQL)
    pages.bind(limit)
    var (count, last): (Int64, Int64) = (0, 0)
    while try pages.step() {
      let (page, account, title, packed) = try pages.row { (row) in
        (row.int(), row.int(), row.text(), row.blob())
      }
      (count, last) = (count + 1, page)
      let sections: [PageSection]
      do throws(SQLiteError) { sections = try Packing.sections(packed) } catch { continue }
      try Self.insert(
        page: page, account: account, PageContent(title: title, sections: sections), by: insert)
    }
    pages.reset()
    try connection.execute(
      count < limit ? "DROP TABLE page_search_rest" : "UPDATE page_search_rest SET after = \(last)")
  }
}
