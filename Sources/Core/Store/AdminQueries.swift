// The engine's answers about users and limits.
//
// Invariants:
// 1. What comes from a cache holds for the commit that was published before the cache was asked.
//
// Owner: any thread.

internal import SQLite

extension SQLiteEngine {
  /// What a cached user's settings cost beside their texts: the value and its place in the cache.
  static let settingsByteCount = 192

  public func cachedSettings(userId: String) -> Snapshot<UserSettings>? {
    // Before the cache is asked: what is found then is of this commit or a later one.
    let commitSequence = published.head.commitSequence
    guard var found = caches.settings.find(group: userId) else { return nil }
    found.commitSequence = max(found.commitSequence, commitSequence)
    return found
  }

  public func settings(userId: String) throws(Refusal) -> Snapshot<UserSettings> {
    if let cached = cachedSettings(userId: userId) { return cached }
    let read = try read { (reader, _) throws(SQLiteError) in try reader.settings.settings(userId: userId) }
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

  public func rateLimits(afterId: Int64, limit: Int) throws(Refusal) -> Snapshot<RateLimitPage> {
    try read { (reader, _) throws(SQLiteError) in
      try reader.rateLimits.page(afterId: afterId, limit: limit)
    }
  }
}
