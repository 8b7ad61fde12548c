// The engine's answers about users and limits.
//
// Owner: any thread.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine {
  /// What a cached user's settings cost beside their texts: the value and its place in the cache.
  static let settingsByteCount = 192

  public func cachedSettings(userId: String) -> Snapshot<UserSettings>? {
    kept(in: caches.settings, group: userId)
  }

  public func settings(userId: String) throws(Refusal) -> Snapshot<UserSettings> {
    if let cached = cachedSettings(userId: userId) { return cached }
    let read = try read { (reader, _) throws(SQLiteError) in
      try reader.tables.settings.settings(userId: userId)
    }
    guard let settings = read.value else {
      throw Refusal(.userNotFound, "no such user", details: ["user_id": userId])
    }
    let snapshot = Snapshot(settings, commitSequence: read.commitSequence)
    caches.settings.offer(
      snapshot, group: userId,
      byteCount: Self.settingsByteCount + 2 * userId.utf8.count + settings.email.utf8.count
        + (settings.planId?.utf8.count ?? 0))
    return snapshot
  }

  public func users(_ filter: UserFilter) throws(Refusal) -> Snapshot<UserPage> {
    let read = try read { (reader, _) throws(SQLiteError) in
      try reader.userPage(filter, zones: zones, nowMicros: nowMicros())
    }
    return Snapshot(try read.value.get(), commitSequence: read.commitSequence)
  }

  public func rateLimits(afterId: Int64, limit: Int) throws(Refusal) -> Snapshot<RateLimitPage> {
    try read { (reader, _) throws(SQLiteError) in
      try reader.tables.rateLimits.page(afterId: afterId, limit: limit)
    }
  }
}

extension Reader {
  /// Nine statements at most, however many users.
  fileprivate func userPage(
    _ filter: UserFilter, zones: ZoneStore, nowMicros: Int64
  ) throws(SQLiteError) -> Result<UserPage, Refusal> {
    let page = try users.page(filter, nowMicros: nowMicros)
    let late = page.rows.filter { $0.account.hasExpiredHolds(atMicros: nowMicros) }.map(\.account.userId)
    let expired = Dictionary(grouping: try tables.holds.expired(userIds: late, nowMicros: nowMicros)) {
      ExactText($0.userId)
    }
    let dues = try dueGrants.dueGrants(of: page.rows.lazy.map(\.account), zones: zones, nowMicros: nowMicros)
    let balances = page.rows.map { row in
      Rules.balance(
        of: row.account, expiredHolds: expired[ExactText(row.account.userId)] ?? [], at: nowMicros,
        dueGrant: dues[row.account.id])
    }
    let usages: [Usage]
    switch try usage.months(
      of: zip(page.rows, balances).map { row, balance in
        UsageSubject(
          account: row.account.id, userId: row.account.userId, planId: row.settings.planId,
          isSuspended: row.account.isSuspended, owedMicros: balance.owedMicros)
      }, month: filter.month, zone: filter.zone, plans: tables.plans, zones: zones, nowMicros: nowMicros)
    {
    case .success(let found): usages = found
    case .failure(let refusal): return .failure(refusal)
    }
    let facts = zip(zip(page.rows, balances), usages).map { row, usage in
      UserFacts(settings: row.0.settings, balance: row.1, usage: usage)
    }
    return .success(
      UserPage(users: facts, places: page.rows.map(\.place), nextAfter: page.nextAfter))
  }
}
