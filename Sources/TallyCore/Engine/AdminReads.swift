// What an engine answers about users and limits.
//
// Invariants:
// 1. A read that begins after a write was acknowledged sees it, from a cache too.
//
// Owner: the engine.

public protocol AdminReads: Sendable {
  /// From memory, or nil when it needs a reader. Never blocks: may run on a connection's queue.
  func cachedSettings(userId: String) -> Snapshot<UserSettings>?
  /// Defaults for a user that has none. May wait for a reader.
  /// - Throws: `userNotFound` for a user that no write has named.
  func settings(userId: String) throws(Refusal) -> Snapshot<UserSettings>
  /// Users with settings, balance and a month's usage, of one snapshot, in a fixed number of statements.
  /// - Throws: `invalidField` when a plan's time zone is not known to this machine.
  func users(_ filter: UserFilter) throws(Refusal) -> Snapshot<UserPage>
  /// In the order in which they were first set, after `afterId`.
  func rateLimits(afterId: Int64, limit: Int) throws(Refusal) -> Snapshot<RateLimitPage>
}
