// Check 7: pages, their sections, versions and media.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyPages {
  /// Pages of one slice; a page may have a mebibyte.
  static let slicePages: Int64 = 100

  static let pagesSQL = """
    SELECT p.id, p.account, p.version, p.published_version, p.title, p.settings, p.author, p.section_count,
      (SELECT count(*) FROM page_version w WHERE w.page = p.id),
      (SELECT min(w.version) FROM page_version w WHERE w.page = p.id),
      (SELECT max(w.version) FROM page_version w WHERE w.page = p.id),
      v.title, v.settings, v.author, v.section_count, v.sections, p.slug, p.deleted_at,
      s.rowid, s.title, s.body, p.scheduled_version, p.scheduled_at,
      p.thinned, p.autosave, p.thin_at,
      (SELECT count(*) FROM page_autosave a WHERE a.page = p.id AND a.version = p.version),
      (SELECT count(*) FROM page_autosave a WHERE a.page = p.id AND a.version < p.version),
      (SELECT count(*) FROM page_autosave a
        LEFT JOIN page_version w ON w.page = a.page AND w.version = a.version
        WHERE a.page = p.id AND a.at IS NOT w.at),
      (SELECT count(*) FROM page_version w
        WHERE w.page = p.id AND w.version IN (p.published_version, p.scheduled_version)),
      (SELECT count(*) FROM page_autosave a
        WHERE a.page = p.id AND a.version IN (p.published_version, p.scheduled_version)),
      u.kind
    FROM page p LEFT JOIN page_version v ON v.page = p.id AND v.version = p.version
      LEFT JOIN page_search s ON s.rowid = p.id
      LEFT JOIN page_update u ON u.page_id = p.page_id AND u.account = p.account
    WHERE p.id > ?1 AND p.purged = 0 ORDER BY p.id LIMIT ?2
    """
  static let sectionsSQL = """
    SELECT s.position, s.section_id, s.kind, s.content,
      s.first_media, f.media_id, f.account, f.deleted_at IS NOT NULL AND f.detaching_author IS NULL,
      s.second_media, g.media_id, g.account, g.deleted_at IS NOT NULL AND g.detaching_author IS NULL
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

  /// Rows of words, with their page when that is one to be found.
  static let orphanWordsSQL = """
    SELECT s.rowid, p.id FROM page_search s
    LEFT JOIN page p ON p.id = s.rowid AND p.deleted_at IS NULL AND p.purged = 0
    WHERE s.rowid > ?1 ORDER BY s.rowid LIMIT ?2
    """

  /// The last changes of pages, with their page when that is there.
  static let updatesSQL = """
    SELECT u.number, u.kind, u.commit_sequence, p.id, (SELECT m.commit_sequence FROM meta m WHERE m.id = 1)
    FROM page_update u
    LEFT JOIN page p ON p.page_id = u.page_id AND p.purged = 0 AND p.account = u.account
    WHERE u.number > ?1 ORDER BY u.number LIMIT ?2
    """

  private let updates: Statement
  private let orphanWords: Statement
  private let pages: Statement
  private let sections: Statement
  private let orphanSections: Statement
  private let orphanVersions: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    updates = try connection.prepare(Self.updatesSQL)
    orphanWords = try connection.prepare(Self.orphanWordsSQL)
    pages = try connection.prepare(Self.pagesSQL)
    sections = try connection.prepare(Self.sectionsSQL)
    orphanSections = try connection.prepare(Self.orphanSectionsSQL)
    orphanVersions = try connection.prepare(Self.orphanVersionsSQL)
  }

  /// - Returns: the last page of the slice; nil when there is none.
  func comparePages(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    pages.bind(id)
    pages.bind(Self.slicePages)
    defer { pages.reset() }
    var last: Int64?
    while try pages.step() {
      tally.examined += 1
      last = try pages.row { (row) throws(SQLiteError) in try compare(&row, &tally) }
    }
    return last
  }

  /// - Returns: the page.
  private func compare(_ row: inout Columns, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64 {
    let (id, account, version) = (row.int(), row.int(), row.int())
    let name = "page \(id)"
    let published = row.optionalInt()
    if let published {
      tally.expect(1 <= published && published <= version, "\(name): version \(published) is published")
    }
    let sections = try sections(of: id, account: account, name, &tally)
    let current = PageContent(title: row.text(), settings: row.text(), sections: sections)
    let (author, sectionCount) = (row.text(), row.int())
    tally.expect(
      Int64(sections.count) == sectionCount, "\(name): \(sections.count) sections, it says \(sectionCount)")
    let (count, oldest, newest) = (row.int(), row.int(), row.int())
    tally.expect(newest == version, "\(name): version \(version), its newest is \(newest)")
    let hasVersion = !row.isNull
    tally.expect(hasVersion, "\(name): version \(version) is missing")
    var content = PageContent(title: row.text(), settings: row.text())
    let (versionAuthor, versionSectionCount, packed) = (row.text(), row.int(), row.blob())
    if let slug = row.optionalText() { tally.expect(PageRules.isSlug(slug), "\(name): \(slug) is no slug") }
    let (isDeleted, isFound) = (row.optionalInt() != nil, !row.isNull)
    row.skip()  // The row of its words.
    let words = (title: row.text(), body: row.text())
    let (scheduled, atMicros) = (row.optionalInt(), row.optionalInt())
    tally.expect(
      (scheduled == nil) == (atMicros == nil) && (1...max(1, version)).contains(scheduled ?? 1),
      "\(name): version \(scheduled ?? 0) is scheduled")
    let thinned = row.int()
    tally.expect(
      count + thinned == version && oldest == 1,
      "\(name): \(count) versions are kept, from \(oldest) to \(newest), \(thinned) were thinned")
    Self.compareAutosaves(name, shown: Set([published, scheduled].compactMap { $0 }).count, &row, &tally)
    guard hasVersion else { return id }
    do throws(SQLiteError) { content.sections = try Packing.sections(packed) } catch {
      tally.add("\(name), version \(version): \(error.message)")
      return id
    }
    tally.expect(current == content, "\(name): what it shows is not its version \(version)")
    if !isDeleted {
      let expected = PageSearchTable.words(of: content, account: account)
      tally.expect(
        isFound && words.title.isExactly(expected.title) && words.body.isExactly(expected.body),
        "\(name): a search does not have its words")
    }
    tally.expect(
      author.isExactly(versionAuthor) && versionSectionCount == Int64(content.sections.count),
      "\(name): version \(version) has another author or number of sections")
    return id
  }

  /// - Parameter shown: how many versions are published or scheduled.
  private static func compareAutosaves(
    _ name: String, shown: Int, _ row: inout Columns, _ tally: inout VerifyTally
  ) {
    let (isAutosave, isDue) = (row.int(), row.optionalInt() != nil)
    tally.expect(isAutosave == row.int(), "\(name): whether its version is an autosave")
    tally.expect(row.int() == 0 || isDue, "\(name): its autosaves are never thinned")
    tally.expect(row.int() == 0, "\(name): autosaves have no versions of their times")
    tally.expect(row.int() == Int64(shown), "\(name): a version that is published or scheduled is missing")
    tally.expect(row.int() == 0, "\(name): an autosave is published or scheduled")
    tally.expect(row.optionalInt() != nil, "\(name): its last change is not known")
  }

  private func sections(
    of page: Int64, account: Int64, _ name: String, _ tally: inout VerifyTally
  ) throws(SQLiteError) -> [PageSection] {
    sections.bind(page)
    var position: Int64 = 0
    return try sections.all { (row) in
      tally.examined += 1
      let section = "\(name), section \(position)"
      let stored = row.int()
      tally.expect(stored == position, "\(section): it stands at position \(stored)")
      position += 1
      var found = PageSection(sectionId: row.text(), kind: row.text(), content: row.text())
      found.firstMediaId = Self.media(of: section, account, &row, &tally)
      found.secondMediaId = Self.media(of: section, account, &row, &tally)
      return found
    }
  }

  /// - Returns: the id of one of a section's media; empty for none.
  private static func media(
    of section: String, _ account: Int64, _ row: inout Columns, _ tally: inout VerifyTally
  ) -> String {
    let (media, mediaId) = (row.optionalInt(), row.text())
    let (owner, isGone) = (row.optionalInt(), row.int() != 0)
    if let media {
      tally.expect(owner == account, "\(section): media \(media) are another user's")
      tally.expect(!isGone, "\(section): media \(media) are deleted, and nothing will take them out")
    }
    return mediaId
  }

  /// - Returns: the last change of the slice; nil when there is none.
  func compareUpdates(after number: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    updates.bind(number)
    updates.bind(VerifyReader.sliceRows)
    let rows = try updates.all { (row) in
      let (number, kind, commit) = (row.int(), PageUpdateKind(rawValue: row.int32()), row.int())
      let (isThere, last) = (row.optionalInt() != nil, row.int())
      return (number: number, isRight: kind != nil && (kind == .purged) != isThere, isKnown: commit <= last)
    }
    for row in rows {
      tally.examined += 1
      tally.expect(row.isRight, "page update \(row.number): what it says of its page is not so")
      tally.expect(row.isKnown, "page update \(row.number): it is of a commit that is yet to come")
    }
    return rows.last?.number
  }

  /// - Returns: the last section of the slice; nil when there is none.
  func findOrphanSections(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    try findOrphans(orphanSections, "section", after: id, &tally)
  }

  /// - Returns: the last row of words of the slice; nil when there is none.
  func findOrphanWords(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    orphanWords.bind(id)
    orphanWords.bind(VerifyReader.sliceRows)
    let rows = try orphanWords.all { (row) in (page: row.int(), isFound: row.optionalInt() != nil) }
    for row in rows {
      tally.expect(row.isFound, "page \(row.page): a search has its words, but it is deleted or not there")
    }
    return rows.last?.page
  }

  /// - Returns: the last version's row of the slice; nil when there is none.
  func findOrphanVersions(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    try findOrphans(orphanVersions, "page_version", after: id, &tally)
  }

  private func findOrphans(
    _ statement: Statement, _ table: String, after id: Int64, _ tally: inout VerifyTally
  ) throws(SQLiteError) -> Int64? {
    statement.bind(id)
    statement.bind(VerifyReader.sliceRows)
    let rows = try statement.all { (row) in
      (id: row.int(), page: row.int(), isFound: row.optionalInt() != nil)
    }
    for row in rows { tally.expect(row.isFound, "\(table) \(row.id): no page \(row.page)") }
    return rows.last?.id
  }
}
