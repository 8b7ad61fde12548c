// Media, written and read.
//
// Invariants:
// 1. A row is never removed; `deleted_at` says that the medium is gone, `detaching_author` that it is yet to
//    be taken out of pages.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class MediaTable {
  /// What a medium says, but for its user.
  static let columns = ColumnList(
    "media_id", "url", "width", "height", "byte_count", "mime_type", "source", "run_id", "created_at",
    "deleted_at")
  private static let stored = "m.id, m.account, m.detaching_author, a.user_id, \(columns.of("m"))"

  static let byIdSQL = """
    SELECT \(stored) FROM media m JOIN account a ON a.id = m.account WHERE m.media_id = ?1
    """
  /// ?1 is a JSON array of ids.
  static let byIdsSQL = """
    SELECT \(stored) FROM media m JOIN account a ON a.id = m.account
    WHERE m.media_id IN (SELECT value FROM json_each(?1))
    """
  static let pageSQL = """
    SELECT m.id, \(columns.of("m")) FROM media m
    WHERE m.account = ?1 AND m.deleted_at IS NULL AND m.id < ?2 ORDER BY m.id DESC
    """
  static let pageBySourceSQL = """
    SELECT m.id, \(columns.of("m")) FROM media m
    WHERE m.account = ?1 AND m.source = ?3 AND m.deleted_at IS NULL AND m.id < ?2 ORDER BY m.id DESC
    """

  static let detachingSQL = """
    SELECT media_id FROM media WHERE detaching_author IS NOT NULL ORDER BY id LIMIT ?1
    """

  private let byId: Statement
  private let byIds: Statement
  private let page: Statement
  private let pageBySource: Statement
  private let insert: Statement
  private let lastId: Statement
  private let delete: Statement
  private let detaching: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    byIds = try connection.prepare(Self.byIdsSQL)
    page = try connection.prepare(Self.pageSQL)
    pageBySource = try connection.prepare(Self.pageBySourceSQL)
    let written = ColumnList("id", "account", "detaching_author") + Self.columns
    insert = try connection.prepare("INSERT INTO media(\(written)) VALUES (\(written.parameters))")
    lastId = try connection.prepare("SELECT max(id) FROM media")
    delete = try connection.prepare(
      "UPDATE media SET deleted_at = ?2, detaching_author = ?3 WHERE id = ?1")
    detaching = try connection.prepare(Self.detachingSQL)
  }

  // MARK: reading

  /// Deleted or not.
  func media(mediaId: String) throws(SQLiteError) -> StoredMedia? {
    byId.bind(mediaId)
    return try byId.first(Self.stored)
  }

  /// By id, deleted or not; those that are not there are left out.
  func media(mediaIds: [String]) throws(SQLiteError) -> [StoredMedia] {
    byIds.bind(JSONText.array(mediaIds))
    return try byIds.all(Self.stored)
  }

  /// Those of an account that are live, by id.
  func live(_ ids: Set<ExactText>, account: Int64) throws(SQLiteError) -> [ExactText: StoredMedia] {
    if ids.isEmpty { return [:] }
    var found: [ExactText: StoredMedia] = [:]
    for stored in try media(mediaIds: ids.map(\.text)) {
      guard stored.account == account, stored.media.deletedAtMicros == nil else { continue }
      found[ExactText(stored.media.mediaId)] = stored
    }
    return found
  }

  /// Live ones, newest first.
  func page(account: Int64, _ filter: MediaFilter) throws(SQLiteError) -> Page<Media> {
    let statement = filter.source == nil ? page : pageBySource
    statement.bind(account)
    statement.bind(filter.before ?? Int64.max)
    if let source = filter.source { statement.bind(Int64(source.rawValue)) }
    var cut = PageCut<Media>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
    defer { statement.reset() }
    while try statement.step() {
      let (id, media) = try statement.row { (row) throws(SQLiteError) in
        (row.int(), try Self.media(userId: filter.userId, &row))
      }
      guard cut.add(media, number: id, byteCount: media.replyByteCount) else { break }
    }
    return cut.page
  }

  /// Takes what is `stored`.
  private static func stored(_ row: inout Columns) throws(SQLiteError) -> StoredMedia {
    let (id, account, author) = (row.int(), row.int(), row.optionalText())
    return StoredMedia(
      id: id, account: account, media: try media(userId: row.text(), &row), detachingAuthor: author)
  }

  /// Takes `columns`.
  static func media(userId: String, _ row: inout Columns) throws(SQLiteError) -> Media {
    let (mediaId, url) = (row.text(), row.text())
    let (width, height, byteCount) = (row.int32(), row.int32(), row.int())
    let mimeType = row.text()
    guard let source = MediaSource(rawValue: row.int32()) else {
      throw .malformed("source of medium \(mediaId)")
    }
    var media = Media(
      mediaId: mediaId, userId: userId, url: url, width: width, height: height, byteCount: byteCount,
      mimeType: mimeType, source: source, runId: row.text())
    media.createdAtMicros = row.int()
    media.deletedAtMicros = row.optionalInt()
    return media
  }

  /// Ids of those that are yet to be taken out of pages, in order of their rows.
  func detaching(limit: Int) throws(SQLiteError) -> [String] {
    detaching.bind(Int64(limit))
    return try detaching.all { (row) in row.text() }
  }

  /// The highest id in use, or zero.
  func lastMediaId() throws(SQLiteError) -> Int64 { try lastId.firstInt() ?? 0 }

  // MARK: writing

  func make(_ stored: StoredMedia) throws(SQLiteError) {
    let media = stored.media
    insert.bind(stored.id)
    insert.bind(stored.account)
    insert.bind(stored.detachingAuthor)
    insert.bind(media.mediaId)
    insert.bind(media.url)
    insert.bind(Int64(media.width))
    insert.bind(Int64(media.height))
    insert.bind(media.byteCount)
    insert.bind(media.mimeType)
    insert.bind(Int64(media.source.rawValue))
    insert.bind(media.runId)
    insert.bind(media.createdAtMicros)
    insert.bind(media.deletedAtMicros)
    try insert.run()
  }

  /// - Parameter author: of the versions that are yet to take it out of pages; nil when none has to.
  func delete(id: Int64, atMicros: Int64, detachingAuthor author: String?) throws(SQLiteError) {
    delete.bind(id)
    delete.bind(atMicros)
    delete.bind(author)
    try delete.run()
  }
}
