// Versions of pages, each with its whole content. Those of autosaves stand in `page_autosave` as well.
//
// Format of `page_version.sections`, in the terms of Packing.swift:
//
//   varint count, then per section: text section id, text kind, text content, text first media id (empty for
//   none), text second media id
//
// Invariants:
// 1. A version is never changed; it goes with its page, or when autosaves are thinned, and what says that it
//    is an autosave goes with it.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PageVersionTable {
  private static let columns = ColumnList(
    "version", "base_version", "title", "settings", "author", "at", "section_count")

  /// Whether an autosave has made the version.
  private static let autosave = """
    EXISTS (
      SELECT 1 FROM page_autosave a WHERE a.page = page_version.page AND a.version = page_version.version)
    """

  static let byNumberSQL = """
    SELECT \(columns), \(autosave), sections FROM page_version WHERE page = ?1 AND version = ?2
    """
  /// Reads no content: SQLite knows a blob's length from the row's header.
  static let byteCountSQL = "SELECT length(sections) FROM page_version WHERE page = ?1 AND version = ?2"
  static let pageSQL = """
    SELECT \(columns), \(autosave) FROM page_version WHERE page = ?1 AND version < ?2 ORDER BY version DESC
    """
  /// A request makes one version of a page at most. An order would lead away from the index of digests.
  static let byDigestSQL = """
    SELECT version FROM page_version WHERE page = ?1 AND digest = ?2
    """
  static let withoutDigestSQL = """
    SELECT version FROM page_version
    WHERE page = ?1 AND version > ?2 AND base_version = ?3 AND digest IS NULL
    ORDER BY version DESC
    """

  static let autosavesSQL = "SELECT version, at FROM page_autosave WHERE page = ?1 ORDER BY version LIMIT ?2"

  private let byNumber: Statement
  private let page: Statement
  private let byteCount: Statement
  private let byDigest: Statement
  private let withoutDigest: Statement
  private let insert: Statement
  private let autosaves: Statement
  private let addAutosave: Statement
  private let keep: Statement
  private let remove: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byNumber = try connection.prepare(Self.byNumberSQL)
    page = try connection.prepare(Self.pageSQL)
    byteCount = try connection.prepare(Self.byteCountSQL)
    byDigest = try connection.prepare(Self.byDigestSQL)
    withoutDigest = try connection.prepare(Self.withoutDigestSQL)
    autosaves = try connection.prepare(Self.autosavesSQL)
    addAutosave = try connection.prepare("INSERT INTO page_autosave(page, version, at) VALUES (?1, ?2, ?3)")
    keep = try connection.prepare("DELETE FROM page_autosave WHERE page = ?1 AND version = ?2")
    remove = try connection.prepare("DELETE FROM page_version WHERE page = ?1 AND version = ?2")
    let written = ColumnList("page") + Self.columns + ColumnList("sections", "digest")
    insert = try connection.prepare("INSERT INTO page_version(\(written)) VALUES (\(written.parameters))")
  }

  // MARK: reading

  func version(page: Int64, _ version: Int64) throws(SQLiteError) -> StoredVersion? {
    byNumber.bind(page)
    byNumber.bind(version)
    return try byNumber.first { (row) throws(SQLiteError) in
      let (version, baseVersion) = (row.int(), row.int())
      var content = PageContent(title: row.text(), settings: row.text())
      let (author, atMicros) = (row.text(), row.int())
      row.skip()  // The number of sections, which are counted by themselves.
      let isAutosave = row.int() != 0
      content.sections = try Packing.sections(row.blob())
      return StoredVersion(
        version: version, baseVersion: baseVersion, author: author, atMicros: atMicros, content: content,
        isAutosave: isAutosave)
    }
  }

  /// The number of the one that a patch has made, by the digest of its request.
  func version(page: Int64, digest: Digest) throws(SQLiteError) -> Int64? {
    byDigest.bind(page)
    byDigest.bind(digest.bytes)
    return try byDigest.firstInt()
  }

  /// Numbers of those after a version that were made from `baseVersion` and have no digest, newest first.
  func withoutDigest(page: Int64, after version: Int64, baseVersion: Int64) throws(SQLiteError) -> [Int64] {
    withoutDigest.bind(page)
    withoutDigest.bind(version)
    withoutDigest.bind(baseVersion)
    return try withoutDigest.all { (row) in row.int() }
  }

  /// The oldest ones of a page.
  func autosaves(page: Int64, limit: Int) throws(SQLiteError) -> [Autosave] {
    autosaves.bind(page)
    autosaves.bind(Int64(limit))
    return try autosaves.all { (row) in Autosave(version: row.int(), atMicros: row.int()) }
  }

  /// How many bytes the sections of a page's current version take, packed.
  func byteCount(of page: StoredPage) throws(SQLiteError) -> Int64 {
    byteCount.bind(page.id)
    byteCount.bind(page.facts.currentVersion)
    return try byteCount.firstInt() ?? 0
  }

  /// Newest first.
  func page(of stored: StoredPage, _ filter: VersionFilter) throws(SQLiteError) -> Page<PageFacts> {
    page.bind(stored.id)
    page.bind(filter.before ?? Int64.max)
    var cut = PageCut<PageFacts>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
    defer { page.reset() }
    while try page.step() {
      let facts = try page.row { (row) in
        var facts = stored.facts
        facts.version = row.int()
        row.skip()  // The version that it was made from.
        facts.title = row.text()
        facts.settings = row.text()
        facts.author = row.text()
        facts.updatedAtMicros = row.int()
        facts.sectionCount = Int(row.int())
        facts.isAutosave = row.int() != 0
        return facts
      }
      guard cut.add(facts, number: facts.version, byteCount: facts.listedByteCount) else { break }
    }
    return cut.page
  }

  // MARK: writing

  func make(_ version: StoredVersion, page: Int64) throws(SQLiteError) {
    insert.bind(page)
    insert.bind(version.version)
    insert.bind(version.baseVersion)
    insert.bind(version.content.title)
    insert.bind(version.content.settings)
    insert.bind(version.author)
    insert.bind(version.atMicros)
    insert.bind(Int64(version.content.sections.count))
    insert.bind(Packing.pack(version.content.sections))
    insert.bind(version.digest?.bytes)
    try insert.run()
    guard version.isAutosave else { return }
    addAutosave.bind(page)
    addAutosave.bind(version.version)
    addAutosave.bind(version.atMicros)
    try addAutosave.run()
  }

  /// A version is no autosave any more.
  func keep(_ version: Int64, page: Int64) throws(SQLiteError) { try run(keep, version, page) }

  func remove(_ version: Int64, page: Int64) throws(SQLiteError) {
    try keep(version, page: page)
    try run(remove, version, page)
  }

  private func run(_ statement: Statement, _ version: Int64, _ page: Int64) throws(SQLiteError) {
    statement.bind(page)
    statement.bind(version)
    try statement.run()
  }
}

extension Packing {
  static func pack(_ sections: [PageSection]) -> [UInt8] {
    var packer = Packer()
    packer.append(varint: UInt64(sections.count))
    for section in sections {
      packer.append(section.sectionId)
      packer.append(section.kind)
      packer.append(section.content)
      packer.append(section.firstMediaId)
      packer.append(section.secondMediaId)
    }
    return packer.bytes
  }

  static func sections(_ bytes: [UInt8]) throws(SQLiteError) -> [PageSection] {
    var unpacker = Unpacker(bytes, what: "sections")
    let count = try unpacker.varint()
    guard count <= UInt64(PageLimits.sectionCount) else { throw .malformed("sections") }
    var sections: [PageSection] = []
    sections.reserveCapacity(Int(count))
    for _ in 0..<count {
      sections.append(
        PageSection(
          sectionId: try unpacker.text(), kind: try unpacker.text(), content: try unpacker.text(),
          firstMediaId: try unpacker.text(), secondMediaId: try unpacker.text()))
    }
    try unpacker.finish()
    return sections
  }
}
