// Rate limits, written and read.
//
// Invariants:
// 1. A subject has one limit at most.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RateLimitTable {
  static let pageSQL = """
    SELECT r.id, r.kind, a.user_id, r.uid, r.per_second, r.burst
    FROM rate_limit r LEFT JOIN account a ON a.id = r.account
    WHERE r.id > ?1 ORDER BY r.id LIMIT ?2
    """
  /// One subject's: ?1 is its kind, ?2 its account, its uid or zero.
  private static let isOfSubject = "kind = ?1 AND coalesce(account, uid, 0) = ?2"

  private let page: Statement
  private let bySubject: Statement
  private let countOfKind: Statement
  private let insert: Statement
  private let update: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
    bySubject = try connection.prepare(
      "SELECT per_second, burst FROM rate_limit WHERE \(Self.isOfSubject)")
    countOfKind = try connection.prepare("SELECT count(*) FROM rate_limit WHERE kind = ?1")
    insert = try connection.prepare(
      "INSERT INTO rate_limit(kind, account, uid, per_second, burst) VALUES (?1, ?2, ?3, ?4, ?5)")
    update = try connection.prepare(
      "UPDATE rate_limit SET per_second = ?3, burst = ?4 WHERE \(Self.isOfSubject)")
    delete = try connection.prepare("DELETE FROM rate_limit WHERE \(Self.isOfSubject)")
  }

  // MARK: reading

  /// In the order in which they were first set.
  func page(afterId: Int64, limit: Int) throws(SQLiteError) -> RateLimitPage {
    page.bind(afterId)
    page.bind(Int64(limit) + 1)
    // A row more than asked for says that there is a next page.
    let rows = try page.all { (row) throws(SQLiteError) in (id: row.int(), limit: try Self.limit(&row)) }
    let shown = rows.prefix(limit)
    return RateLimitPage(
      limits: shown.map(\.limit), nextAfter: rows.count > limit ? shown.last?.id ?? 0 : nil)
  }

  /// Every one there is; they are few.
  func all() throws(SQLiteError) -> [RateLimit] {
    try page(afterId: 0, limit: 2 * RateLimit.maximumOfAKind + 2).limits
  }

  func limit(_ key: RateLimitKey) throws(SQLiteError) -> StoredRateLimit? {
    bind(key, to: bySubject)
    return try bySubject.first { (row) in StoredRateLimit(perSecond: row.int32(), burst: row.int32()) }
  }

  func count(_ kind: RateLimitKind) throws(SQLiteError) -> Int {
    countOfKind.bind(kind.rawValue)
    return Int(try countOfKind.firstInt() ?? 0)
  }

  /// Takes the columns of `pageSQL` after the id.
  static func limit(_ row: inout Columns) throws(SQLiteError) -> RateLimit {
    let kind = row.int()
    let (userId, uid) = (row.text(), row.int())
    let subject: RateLimit.Subject
    switch RateLimitKind(rawValue: kind) {
    case .user: subject = .user(userId)
    case .uid: subject = .uid(UInt32(truncatingIfNeeded: uid))
    case .everyUser: subject = .everyUser
    case .everyUid: subject = .everyUid
    case nil: throw .malformed("a rate limit of kind \(kind)")
    }
    return RateLimit(subject, perSecond: row.int32(), burst: row.int32())
  }

  // MARK: writing

  func save(_ effect: RateLimitEffect) throws(SQLiteError) {
    let (key, limit) = (effect.key, effect.limit)
    switch effect.action {
    case .add:
      insert.bind(key.kind.rawValue)
      insert.bind(key.kind == .user ? key.id : nil)
      insert.bind(key.kind == .uid ? key.id : nil)
      insert.bind(Int64(limit.perSecond))
      insert.bind(Int64(limit.burst))
      try insert.run()
    case .change:
      bind(key, to: update)
      update.bind(Int64(limit.perSecond))
      update.bind(Int64(limit.burst))
      try update.run()
    case .remove:
      bind(key, to: delete)
      try delete.run()
    }
  }

  private func bind(_ key: RateLimitKey, to statement: Statement) {
    statement.bind(key.kind.rawValue)
    statement.bind(key.id)
  }
}
