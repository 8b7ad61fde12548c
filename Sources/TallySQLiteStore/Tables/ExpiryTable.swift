// Lots that expire, in the order of their ends, and how far the server has come with telling of them.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class ExpiryTable {
  private static let selected = """
    SELECT l.sequence, l.expires_at, l.at, a.user_id FROM ledger l JOIN account a ON a.id = l.account
    WHERE l.expires_at IS NOT NULL AND l.hold_id IS NULL
    """
  /// In two statements: for a comparison of both columns at once the index would be read from the first lot
  /// of the same end on, of which there may be a million.
  static let sameSQL = """
    \(selected) AND l.expires_at = ?1 AND l.sequence > ?2 ORDER BY l.sequence LIMIT ?3
    """
  static let laterSQL = """
    \(selected) AND l.expires_at > ?1 AND l.expires_at <= ?2 ORDER BY l.expires_at, l.sequence LIMIT ?3
    """
  static let cursorsSQL = "SELECT window_millis, expires_at, lot FROM expiry_cursor"

  private let same: Statement
  private let later: Statement
  private let cursors: Statement
  private let upsert: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    same = try connection.prepare(Self.sameSQL)
    later = try connection.prepare(Self.laterSQL)
    cursors = try connection.prepare(Self.cursorsSQL)
    upsert = try connection.prepare(
      """
      INSERT INTO expiry_cursor(window_millis, expires_at, lot) VALUES (?1, ?2, ?3)
      ON CONFLICT (window_millis) DO UPDATE SET expires_at = excluded.expires_at, lot = excluded.lot
      """)
    delete = try connection.prepare("DELETE FROM expiry_cursor WHERE window_millis = ?1")
  }

  // MARK: reading

  /// After one of them; spent ones too.
  func lots(
    after place: LotPlace, throughMicros: Int64, limit: Int
  ) throws(SQLiteError) -> [ExpiringLot] {
    same.bind(place.expiresAtMicros)
    same.bind(place.lotId)
    same.bind(Int64(limit))
    let lots = try same.all(Self.lot)
    if lots.count == limit { return lots }
    later.bind(place.expiresAtMicros)
    later.bind(throughMicros)
    later.bind(Int64(limit - lots.count))
    return lots + (try later.all(Self.lot))
  }

  private static func lot(_ row: inout Columns) -> ExpiringLot {
    let (id, expiresAtMicros, atMicros) = (row.int(), row.int(), row.int())
    return ExpiringLot(
      place: LotPlace(expiresAtMicros: expiresAtMicros, lotId: id), userId: row.text(), atMicros: atMicros)
  }

  func all() throws(SQLiteError) -> ExpiryCursors {
    ExpiryCursors(
      try cursors.all { (row) in
        ExpiryCursor(
          windowMillis: row.int(), stored: LotPlace(expiresAtMicros: row.int(), lotId: row.int()))
      })
  }

  // MARK: writing

  /// Saves those that changed.
  func save(_ cursors: ExpiryCursors, over stored: ExpiryCursors) throws(SQLiteError) {
    let before = Dictionary(uniqueKeysWithValues: stored.all.map { ($0.windowMillis, $0.stored) })
    for cursor in cursors.all where before[cursor.windowMillis] != cursor.stored {
      upsert.bind(cursor.windowMillis)
      upsert.bind(cursor.stored.expiresAtMicros)
      upsert.bind(cursor.stored.lotId)
      try upsert.run()
    }
    let kept = Set(cursors.all.map(\.windowMillis))
    for cursor in stored.all where !kept.contains(cursor.windowMillis) {
      delete.bind(cursor.windowMillis)
      try delete.run()
    }
  }
}
