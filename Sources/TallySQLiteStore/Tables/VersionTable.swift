// Versions of pages, each with its whole content.
//
// Format of `page_version.sections`, in the terms of Packing.swift:
//
//   varint count, then per section: text section id, text kind, text content, text first media id (empty for
//   none), text second media id
//
// Invariants:
// 1. A version is never changed; it goes with its page.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads versions.
final class VersionReader {
  private static let columns = "version, base_version, title, settings, author, at, section_count"
  static let byNumberSQL = "SELECT \(columns), sections FROM page_version WHERE page = ?1 AND version = ?2"
  /// Reads no content: a blob's length stands with its row.
  static let byteCountSQL = "SELECT length(sections) FROM page_version WHERE page = ?1 AND version = ?2"
  static let pageSQL = """
    SELECT \(columns) FROM page_version WHERE page = ?1 AND version < ?2 ORDER BY version DESC
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

  private let byNumber: Statement
  private let page: Statement
  private let byteCount: Statement
  private let byDigest: Statement
  private let withoutDigest: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byNumber = try connection.prepare(Self.byNumberSQL)
    page = try connection.prepare(Self.pageSQL)
    byteCount = try connection.prepare(Self.byteCountSQL)
    byDigest = try connection.prepare(Self.byDigestSQL)
    withoutDigest = try connection.prepare(Self.withoutDigestSQL)
  }

  func version(page: Int64, _ version: Int64) throws(SQLiteError) -> StoredVersion? {
    byNumber.bind(1, page)
    byNumber.bind(2, version)
    defer { byNumber.reset() }
    guard try byNumber.step() else { return nil }
    return StoredVersion(
      version: byNumber.int(0), baseVersion: byNumber.int(1), author: byNumber.text(4),
      atMicros: byNumber.int(5),
      content: PageContent(
        title: byNumber.text(2), settings: byNumber.text(3),
        sections: try Packing.sections(byNumber.blob(7))))
  }

  /// The number of the one that a patch has made, by the digest of its request.
  func version(page: Int64, digest: Digest) throws(SQLiteError) -> Int64? {
    byDigest.bind(1, page)
    byDigest.bind(2, digest.bytes)
    defer { byDigest.reset() }
    return try byDigest.step() ? byDigest.int(0) : nil
  }

  /// Numbers of those after a version that were made from `baseVersion` and have no digest, newest first.
  func withoutDigest(page: Int64, after version: Int64, baseVersion: Int64) throws(SQLiteError) -> [Int64] {
    withoutDigest.bind(1, page)
    withoutDigest.bind(2, version)
    withoutDigest.bind(3, baseVersion)
    defer { withoutDigest.reset() }
    var numbers: [Int64] = []
    while try withoutDigest.step() { numbers.append(withoutDigest.int(0)) }
    return numbers
  }

  /// Of the sections of a page's current version, packed.
  func byteCount(of page: StoredPage) throws(SQLiteError) -> Int64 {
    byteCount.bind(1, page.id)
    byteCount.bind(2, page.facts.currentVersion)
    defer { byteCount.reset() }
    return try byteCount.step() ? byteCount.int(0) : 0
  }

  /// Newest first.
  func page(of stored: StoredPage, _ filter: VersionFilter) throws(SQLiteError) -> Page<PageFacts> {
    page.bind(1, stored.id)
    page.bind(2, filter.before ?? Int64.max)
    var cut = PageCut<PageFacts>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
    defer { page.reset() }
    while try page.step() {
      var facts = stored.facts
      facts.version = page.int(0)
      facts.title = page.text(2)
      facts.settings = page.text(3)
      facts.author = page.text(4)
      facts.updatedAtMicros = page.int(5)
      facts.sectionCount = Int(page.int(6))
      guard cut.add(facts, number: facts.version, byteCount: facts.listedByteCount) else { break }
    }
    return cut.page
  }
}

/// Writes versions.
final class VersionSaver {
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO page_version(page, version, base_version, title, settings, author, at, section_count,
        sections, digest)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
      """)
  }

  func make(_ version: StoredVersion, page: Int64) throws(SQLiteError) {
    insert.bind(1, page)
    insert.bind(2, version.version)
    insert.bind(3, version.baseVersion)
    insert.bind(4, version.content.title)
    insert.bind(5, version.content.settings)
    insert.bind(6, version.author)
    insert.bind(7, version.atMicros)
    insert.bind(8, Int64(version.content.sections.count))
    insert.bind(9, Packing.pack(version.content.sections))
    insert.bind(10, version.digest?.bytes)
    try insert.run()
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
