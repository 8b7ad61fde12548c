// Check 7: pages, their sections, versions and media.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyPages {
  /// Pages of one slice; a page may have a mebibyte.
  static let slicePages: Int64 = 100

  static let pagesSQL = """
    SELECT p.id, p.account, p.title, p.settings, p.version, p.author, p.section_count, p.published_version,
      v.title, v.settings, v.author, v.section_count, v.sections,
      (SELECT count(*) FROM page_version w WHERE w.page = p.id),
      (SELECT max(w.version) FROM page_version w WHERE w.page = p.id),
      (SELECT min(w.version) FROM page_version w WHERE w.page = p.id)
    FROM page p LEFT JOIN page_version v ON v.page = p.id AND v.version = p.version
    WHERE p.id > ?1 AND p.purged = 0 ORDER BY p.id LIMIT ?2
    """
  static let sectionsSQL = """
    SELECT s.position, s.section_id, s.kind, s.content,
      s.first_media, f.media_id, f.account, f.deleted_at, s.second_media, g.media_id, g.account, g.deleted_at
    FROM section s LEFT JOIN media f ON f.id = s.first_media LEFT JOIN media g ON g.id = s.second_media
    WHERE s.page = ?1 ORDER BY s.position
    """
  static let orphanSectionsSQL = """
    SELECT s.id, s.page, p.id FROM section s LEFT JOIN page p ON p.id = s.page
    WHERE s.id > ?1 ORDER BY s.id LIMIT ?2
    """
  static let orphanVersionsSQL = """
    SELECT v.id, v.page, p.id FROM page_version v LEFT JOIN page p ON p.id = v.page
    WHERE v.id > ?1 ORDER BY v.id LIMIT ?2
    """

  private let pages: Statement
  private let sections: Statement
  private let orphanSections: Statement
  private let orphanVersions: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    pages = try connection.prepare(Self.pagesSQL)
    sections = try connection.prepare(Self.sectionsSQL)
    orphanSections = try connection.prepare(Self.orphanSectionsSQL)
    orphanVersions = try connection.prepare(Self.orphanVersionsSQL)
  }

  /// - Returns: the last page of the slice; nil when there is none.
  func comparePages(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    pages.bind(1, id)
    pages.bind(2, Self.slicePages)
    defer { pages.reset() }
    var last: Int64?
    while try pages.step() {
      last = pages.int(0)
      tally.examined += 1
      try compare(pages, &tally)
    }
    return last
  }

  private func compare(_ row: Statement, _ tally: inout VerifyTally) throws(SQLiteError) {
    let id = row.int(0)
    let name = "page \(id)"
    let version = row.int(4)
    tally.expect(
      row.optionalInt(14) == version, "\(name): version \(version), its newest is \(row.int(14))")
    tally.expect(
      row.int(13) == version && row.int(15) == 1,
      "\(name): \(row.int(13)) versions are kept, from \(row.int(15)) to \(row.int(14))")
    if let published = row.optionalInt(7) {
      tally.expect(1 <= published && published <= version, "\(name): version \(published) is published")
    }
    let stored = try sections(of: id, account: row.int(1), name, &tally)
    tally.expect(
      Int64(stored.count) == row.int(6), "\(name): \(stored.count) sections, it says \(row.int(6))")
    guard !row.isNull(8) else { return tally.add("\(name): version \(version) is missing") }
    do {
      let content = PageContent(
        title: row.text(8), settings: row.text(9), sections: try Packing.sections(row.blob(12)))
      let current = PageContent(title: row.text(2), settings: row.text(3), sections: stored)
      tally.expect(current == content, "\(name): what it shows is not its version \(version)")
      tally.expect(
        row.text(5).isExactly(row.text(10)) && row.int(11) == Int64(content.sections.count),
        "\(name): version \(version) has another author or number of sections")
    } catch {
      tally.add("\(name), version \(version): \(error.message)")
    }
  }

  private func sections(
    of page: Int64, account: Int64, _ name: String, _ tally: inout VerifyTally
  ) throws(SQLiteError) -> [PageSection] {
    sections.bind(1, page)
    defer { sections.reset() }
    var stored: [PageSection] = []
    while try sections.step() {
      tally.examined += 1
      let section = "\(name), section \(stored.count)"
      tally.expect(
        sections.int(0) == Int64(stored.count), "\(section): it stands at position \(sections.int(0))")
      for column in [4, 8] as [Int32] where !sections.isNull(column) {
        let isOwn = sections.optionalInt(column + 2) == account
        tally.expect(isOwn, "\(section): media \(sections.int(column)) are another user's")
        tally.expect(
          sections.isNull(column + 3), "\(section): media \(sections.int(column)) are deleted")
      }
      stored.append(
        PageSection(
          sectionId: sections.text(1), kind: sections.text(2), content: sections.text(3),
          firstMediaId: sections.text(5), secondMediaId: sections.text(9)))
    }
    return stored
  }

  /// - Returns: the last section of the slice; nil when there is none.
  func findOrphanSections(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    try findOrphans(orphanSections, "section", after: id, &tally)
  }

  /// - Returns: the last version's row of the slice; nil when there is none.
  func findOrphanVersions(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    try findOrphans(orphanVersions, "page_version", after: id, &tally)
  }

  private func findOrphans(
    _ statement: Statement, _ table: String, after id: Int64, _ tally: inout VerifyTally
  ) throws(SQLiteError) -> Int64? {
    statement.bind(1, id)
    statement.bind(2, VerifyReader.sliceRows)
    defer { statement.reset() }
    var last: Int64?
    while try statement.step() {
      last = statement.int(0)
      tally.expect(!statement.isNull(2), "\(table) \(statement.int(0)): no page \(statement.int(1))")
    }
    return last
  }
}
