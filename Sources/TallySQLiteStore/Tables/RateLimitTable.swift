// Rate limits, written and read.
//
// Invariants:
// 1. A subject has one limit at most.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads rate limits.
final class RateLimitReader {
  static let pageSQL = """
    SELECT r.id, r.kind, a.user_id, r.uid, r.per_second, r.burst
    FROM rate_limit r LEFT JOIN account a ON a.id = r.account
    WHERE r.id > ?1 ORDER BY r.id LIMIT ?2
    """
  static let bySubjectSQL =
    "SELECT per_second, burst FROM rate_limit WHERE kind = ?1 AND coalesce(account, uid, 0) = ?2"
  static let countSQL = "SELECT count(*) FROM rate_limit WHERE kind = ?1"

  private let page: Statement
  private let bySubject: Statement
  private let countOfKind: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
    bySubject = try connection.prepare(Self.bySubjectSQL)
    countOfKind = try connection.prepare(Self.countSQL)
  }

  /// In the order in which they were first set.
  func page(afterId: Int64, limit: Int) throws(SQLiteError) -> RateLimitPage {
    page.bind(1, afterId)
    page.bind(2, Int64(limit) + 1)
    defer { page.reset() }
    var limits: [RateLimit] = []
    var last: Int64 = 0
    while try page.step() {
      // A row more than asked for says that there is a next page.
      if limits.count == limit { return RateLimitPage(limits: limits, nextAfter: last) }
      last = page.int(0)
      limits.append(try Self.limit(page))
    }
    return RateLimitPage(limits: limits, nextAfter: nil)
  }

  /// Every one there is; they are few.
  func all() throws(SQLiteError) -> [RateLimit] {
    try page(afterId: 0, limit: 2 * RateLimit.maximumOfAKind + 2).limits
  }

  func limit(_ key: RateLimitKey) throws(SQLiteError) -> StoredRateLimit? {
    bySubject.bind(1, key.kind.rawValue)
    bySubject.bind(2, key.id)
    defer { bySubject.reset() }
    guard try bySubject.step() else { return nil }
    return StoredRateLimit(
      perSecond: Int32(truncatingIfNeeded: bySubject.int(0)),
      burst: Int32(truncatingIfNeeded: bySubject.int(1)))
  }

  func count(_ kind: RateLimitKind) throws(SQLiteError) -> Int {
    countOfKind.bind(1, kind.rawValue)
    defer { countOfKind.reset() }
    return try countOfKind.step() ? Int(countOfKind.int(0)) : 0
  }

  private static func limit(_ row: Statement) throws(SQLiteError) -> RateLimit {
    guard let kind = RateLimitKind(rawValue: row.int(1)) else {
      throw .malformed("kind of rate limit \(row.int(0))")
    }
    let subject: RateLimit.Subject =
      switch kind {
      case .user: .user(row.text(2))
      case .uid: .uid(UInt32(truncatingIfNeeded: row.int(3)))
      case .everyUser: .everyUser
      case .everyUid: .everyUid
      }
    return RateLimit(
      subject, perSecond: Int32(truncatingIfNeeded: row.int(4)),
      burst: Int32(truncatingIfNeeded: row.int(5)))
  }
}

/// Writes rate limits.
final class RateLimitSaver {
  static let updateSQL =
    "UPDATE rate_limit SET per_second = ?3, burst = ?4 WHERE kind = ?1 AND coalesce(account, uid, 0) = ?2"
  static let deleteSQL = "DELETE FROM rate_limit WHERE kind = ?1 AND coalesce(account, uid, 0) = ?2"

  private let insert: Statement
  private let update: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      "INSERT INTO rate_limit(kind, account, uid, per_second, burst) VALUES (?1, ?2, ?3, ?4, ?5)")
    update = try connection.prepare(Self.updateSQL)
    delete = try connection.prepare(Self.deleteSQL)
  }

  func save(_ effect: RateLimitEffect) throws(SQLiteError) {
    let (key, limit) = (effect.key, effect.limit)
    switch effect.action {
    case .add:
      insert.bind(1, key.kind.rawValue)
      insert.bind(2, key.kind == .user ? key.id : nil)
      insert.bind(3, key.kind == .uid ? key.id : nil)
      insert.bind(4, Int64(limit.perSecond))
      insert.bind(5, Int64(limit.burst))
      try insert.run()
    case .change:
      update.bind(1, key.kind.rawValue)
      update.bind(2, key.id)
      update.bind(3, Int64(limit.perSecond))
      update.bind(4, Int64(limit.burst))
      try update.run()
    case .remove:
      delete.bind(1, key.kind.rawValue)
      delete.bind(2, key.id)
      try delete.run()
    }
  }
}
