// Media, written and read.
//
// Invariants:
// 1. A row is never removed; `deleted_at` says that the medium is gone.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads media.
final class MediaReader {
  /// `media(_:from:userId:)` reads them in this order.
  static func columns(_ table: String) -> String {
    [
      "media_id", "url", "width", "height", "byte_count", "mime_type", "source", "run_id", "created_at",
      "deleted_at",
    ]
    .map { "\(table).\($0)" }.joined(separator: ", ")
  }
  static let columnCount: Int32 = 10
  private static let stored = "m.id, m.account, a.user_id, \(columns("m"))"

  static let byIdSQL = """
    SELECT \(stored) FROM media m JOIN account a ON a.id = m.account WHERE m.media_id = ?1
    """
  /// ?1 is a JSON array of ids.
  static let byIdsSQL = """
    SELECT \(stored) FROM media m JOIN account a ON a.id = m.account
    WHERE m.media_id IN (SELECT value FROM json_each(?1))
    """
  static let pageSQL = """
    SELECT m.id, \(columns("m")) FROM media m
    WHERE m.account = ?1 AND m.deleted_at IS NULL AND m.id < ?2 ORDER BY m.id DESC
    """
  static let pageBySourceSQL = """
    SELECT m.id, \(columns("m")) FROM media m
    WHERE m.account = ?1 AND m.source = ?3 AND m.deleted_at IS NULL AND m.id < ?2 ORDER BY m.id DESC
    """

  private let byId: Statement
  private let byIds: Statement
  private let page: Statement
  private let pageBySource: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    byIds = try connection.prepare(Self.byIdsSQL)
    page = try connection.prepare(Self.pageSQL)
    pageBySource = try connection.prepare(Self.pageBySourceSQL)
  }

  /// Deleted or not.
  func media(mediaId: String) throws(SQLiteError) -> StoredMedia? {
    byId.bind(1, mediaId)
    defer { byId.reset() }
    return try byId.step() ? try Self.stored(byId) : nil
  }

  /// By id, deleted or not; those that are not there are left out.
  func media(mediaIds: [String]) throws(SQLiteError) -> [StoredMedia] {
    byIds.bind(1, JSONText.array(mediaIds))
    defer { byIds.reset() }
    var found: [StoredMedia] = []
    while try byIds.step() { found.append(try Self.stored(byIds)) }
    return found
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
    statement.bind(1, account)
    statement.bind(2, filter.before ?? Int64.max)
    if let source = filter.source { statement.bind(3, Int64(source.rawValue)) }
    var cut = PageCut<Media>(limit: filter.limit, maximumByteCount: filter.maximumByteCount)
    defer { statement.reset() }
    while try statement.step() {
      let media = try Self.media(statement, from: 1, userId: filter.userId)
      guard cut.add(media, number: statement.int(0), byteCount: media.replyByteCount) else { break }
    }
    return cut.page
  }

  private static func stored(_ row: Statement) throws(SQLiteError) -> StoredMedia {
    StoredMedia(id: row.int(0), account: row.int(1), media: try media(row, from: 3, userId: row.text(2)))
  }

  /// The medium whose `columns` begin at `column` of the row that a statement stands on.
  static func media(_ row: Statement, from column: Int32, userId: String) throws(SQLiteError) -> Media {
    guard let source = MediaSource(rawValue: Int32(truncatingIfNeeded: row.int(column + 6))) else {
      throw .malformed("source of medium \(row.text(column))")
    }
    var media = Media(
      mediaId: row.text(column), userId: userId, url: row.text(column + 1),
      width: Int32(truncatingIfNeeded: row.int(column + 2)),
      height: Int32(truncatingIfNeeded: row.int(column + 3)), byteCount: row.int(column + 4),
      mimeType: row.text(column + 5), source: source, runId: row.text(column + 7))
    media.createdAtMicros = row.int(column + 8)
    media.deletedAtMicros = row.optionalInt(column + 9)
    return media
  }
}

/// Writes media.
final class MediaSaver {
  static let lastIdSQL = "SELECT max(id) FROM media"
  static let deleteSQL = "UPDATE media SET deleted_at = ?2 WHERE id = ?1"

  private let insert: Statement
  private let lastId: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO media(id, media_id, account, url, width, height, byte_count, mime_type, source, run_id,
        created_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
      """)
    lastId = try connection.prepare(Self.lastIdSQL)
    delete = try connection.prepare(Self.deleteSQL)
  }

  /// The highest id in use, or zero.
  func lastMediaId() throws(SQLiteError) -> Int64 {
    defer { lastId.reset() }
    return try lastId.step() ? lastId.optionalInt(0) ?? 0 : 0
  }

  func make(_ stored: StoredMedia) throws(SQLiteError) {
    let media = stored.media
    insert.bind(1, stored.id)
    insert.bind(2, media.mediaId)
    insert.bind(3, stored.account)
    insert.bind(4, media.url)
    insert.bind(5, Int64(media.width))
    insert.bind(6, Int64(media.height))
    insert.bind(7, media.byteCount)
    insert.bind(8, media.mimeType)
    insert.bind(9, Int64(media.source.rawValue))
    insert.bind(10, media.runId)
    insert.bind(11, media.createdAtMicros)
    try insert.run()
  }

  func delete(id: Int64, atMicros: Int64) throws(SQLiteError) {
    delete.bind(1, id)
    delete.bind(2, atMicros)
    try delete.run()
  }
}
