// The sections of pages' current versions, written and read.
//
// Invariants:
// 1. A section that stays as and where it was is not written.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class SectionTable {
  private static let columns = ColumnList("section_id", "kind", "content")

  /// A page's sections in order, each with both images.
  static let ofPageSQL = """
    SELECT \(columns.of("s")), \(MediaTable.columns.of("f")), \(MediaTable.columns.of("g"))
    FROM section s
    LEFT JOIN media f ON f.id = s.first_media AND f.deleted_at IS NULL
    LEFT JOIN media g ON g.id = s.second_media AND g.deleted_at IS NULL
    WHERE s.page = ?1 ORDER BY s.position
    """
  /// Rows of pages that show a medium, in order.
  static let firstUsersSQL = """
    SELECT DISTINCT page FROM section WHERE first_media = ?1 ORDER BY page LIMIT ?2
    """
  static let secondUsersSQL = """
    SELECT DISTINCT page FROM section WHERE second_media = ?1 ORDER BY page LIMIT ?2
    """

  private let ofPage: Statement
  private let firstUsers: Statement
  private let secondUsers: Statement
  private let insert: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    ofPage = try connection.prepare(Self.ofPageSQL)
    firstUsers = try connection.prepare(Self.firstUsersSQL)
    secondUsers = try connection.prepare(Self.secondUsersSQL)
    let written = ColumnList("page", "position") + Self.columns + ColumnList("first_media", "second_media")
    insert = try connection.prepare("INSERT INTO section(\(written)) VALUES (\(written.parameters))")
    delete = try connection.prepare("DELETE FROM section WHERE page = ?1 AND section_id = ?2")
  }

  // MARK: reading

  /// The sections of a page's current version.
  func sections(of page: StoredPage) throws(SQLiteError) -> [SectionView] {
    ofPage.bind(page.id)
    let userId = page.facts.userId
    return try ofPage.all { (row) throws(SQLiteError) in
      SectionView(
        sectionId: row.text(), kind: row.text(), content: row.text(),
        firstImage: try Self.image(userId, &row), secondImage: try Self.image(userId, &row))
    }
  }

  private static func image(_ userId: String, _ row: inout Columns) throws(SQLiteError) -> Media? {
    guard row.isNull else { return try MediaTable.media(userId: userId, &row) }
    row.skip(MediaTable.columns.count)
    return nil
  }

  /// Pages whose current version shows a medium, in order of their rows.
  /// - Parameter limit: at most so many.
  func pages(using media: Int64, limit: Int) throws(SQLiteError) -> [Int64] {
    let first = try pages(firstUsers, media, limit)
    let second = try pages(secondUsers, media, limit)
    return Array(Set(first + second).sorted().prefix(limit))
  }

  private func pages(_ statement: Statement, _ media: Int64, _ limit: Int) throws(SQLiteError) -> [Int64] {
    statement.bind(media)
    statement.bind(Int64(limit))
    return try statement.all { (row) in row.int() }
  }

  // MARK: writing

  /// Makes a page's sections those of `new`.
  /// - Parameters:
  ///   - old: those that are there.
  ///   - media: rows of all media that `new` names.
  func save(
    _ new: [PageSection], over old: [PageSection], page: Int64, media: [ExactText: StoredMedia]
  ) throws(SQLiteError) {
    // What moves or changes is deleted first: positions and ids are unique at every moment.
    for (position, section) in old.enumerated() where !Self.stands(section, at: position, in: new) {
      delete.bind(page)
      delete.bind(section.sectionId)
      try delete.run()
    }
    for (position, section) in new.enumerated() where !Self.stands(section, at: position, in: old) {
      insert.bind(page)
      insert.bind(Int64(position))
      insert.bind(section.sectionId)
      insert.bind(section.kind)
      insert.bind(section.content)
      insert.bind(try row(section.firstMediaId, media))
      insert.bind(try row(section.secondMediaId, media))
      try insert.run()
    }
  }

  private static func stands(_ section: PageSection, at position: Int, in other: [PageSection]) -> Bool {
    position < other.count && other[position] == section
  }

  private func row(_ mediaId: String, _ media: [ExactText: StoredMedia]) throws(SQLiteError) -> Int64? {
    if mediaId.isEmpty { return nil }
    guard let stored = media[ExactText(mediaId)] else { throw .malformed("medium of a section: not loaded") }
    return stored.id
  }
}
