// The sections of pages' current versions, written and read.
//
// Invariants:
// 1. A section that stays as and where it was is not written.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads sections.
final class SectionReader {
  /// A page's sections in order, each with both images.
  static let ofPageSQL = """
    SELECT s.section_id, s.kind, s.content, \(MediaReader.columns("f")), \(MediaReader.columns("g"))
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

  init(_ connection: Connection) throws(SQLiteError) {
    ofPage = try connection.prepare(Self.ofPageSQL)
    firstUsers = try connection.prepare(Self.firstUsersSQL)
    secondUsers = try connection.prepare(Self.secondUsersSQL)
  }

  /// Of a page's current version.
  func sections(of page: StoredPage) throws(SQLiteError) -> [SectionView] {
    ofPage.bind(1, page.id)
    defer { ofPage.reset() }
    var sections: [SectionView] = []
    sections.reserveCapacity(page.facts.sectionCount)
    while try ofPage.step() {
      let first = try image(from: 3, page)
      let second = try image(from: 3 + MediaReader.columnCount, page)
      sections.append(
        SectionView(
          sectionId: ofPage.text(0), kind: ofPage.text(1), content: ofPage.text(2), firstImage: first,
          secondImage: second))
    }
    return sections
  }

  private func image(from column: Int32, _ page: StoredPage) throws(SQLiteError) -> Media? {
    ofPage.isNull(column)
      ? nil : try MediaReader.media(ofPage, from: column, userId: page.facts.userId)
  }

  /// Pages whose current version shows a medium, in order of their rows.
  /// - Parameter limit: at most so many.
  func pages(using media: Int64, limit: Int) throws(SQLiteError) -> [Int64] {
    let first = try pages(firstUsers, media, limit)
    let second = try pages(secondUsers, media, limit)
    return Array(Set(first + second).sorted().prefix(limit))
  }

  private func pages(_ statement: Statement, _ media: Int64, _ limit: Int) throws(SQLiteError) -> [Int64] {
    statement.bind(1, media)
    statement.bind(2, Int64(limit))
    defer { statement.reset() }
    var pages: [Int64] = []
    while try statement.step() { pages.append(statement.int(0)) }
    return pages
  }
}

/// Writes sections.
final class SectionSaver {
  static let deleteSQL = "DELETE FROM section WHERE page = ?1 AND section_id = ?2"

  private let insert: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO section(page, position, section_id, kind, content, first_media, second_media)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      """)
    delete = try connection.prepare(Self.deleteSQL)
  }

  /// Makes a page's sections those of `new`.
  /// - Parameters:
  ///   - old: those that are there.
  ///   - media: rows of all media that `new` names.
  func save(
    _ new: [PageSection], over old: [PageSection], page: Int64, media: [ExactText: StoredMedia]
  ) throws(SQLiteError) {
    // Whatever moves or changes goes first: places and ids are unique at every moment.
    for (position, section) in old.enumerated() where !Self.stands(section, at: position, in: new) {
      delete.bind(1, page)
      delete.bind(2, section.sectionId)
      try delete.run()
    }
    for (position, section) in new.enumerated() where !Self.stands(section, at: position, in: old) {
      insert.bind(1, page)
      insert.bind(2, Int64(position))
      insert.bind(3, section.sectionId)
      insert.bind(4, section.kind)
      insert.bind(5, section.content)
      insert.bind(6, try row(section.firstMediaId, media))
      insert.bind(7, try row(section.secondMediaId, media))
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
