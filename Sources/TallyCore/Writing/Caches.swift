// The caches beside that of accounts, and what of them a commit touches.
//
// Invariants:
// 1. Whoever writes rows that a cached value is made from names the group in `Touched`.
//
// Owner: each cache its own lock; `Touched` is the writer's.

/// What a commit has made untrue.
package struct Touched {
  /// Ids of users whose settings changed.
  package var settings: Set<ExactText> = []
  /// Ids of plans that changed.
  package var plans: Set<ExactText> = []
  /// Ids of pages whose content or whose media changed.
  package var pages: Set<ExactText> = []
  /// Ids of users whose runs changed; the empty one stands for all users together.
  var stats: Set<ExactText> = []
}

public final class Caches: Sendable {
  /// Bytes that each may take.
  static let settingsByteCount = 1 << 20
  static let plansByteCount = 1 << 20
  static let pagesByteCount = 8 << 20
  static let statsByteCount = 4 << 20

  /// By user id.
  public let settings = ExactCache<UserSettings>(name: "settings", limitByteCount: settingsByteCount)
  /// By plan id.
  public let plans = ExactCache<Plan>(name: "plans", limitByteCount: plansByteCount)
  /// By page id; what is shown is the key.
  public let pages = ExactCache<EncodedPage>(name: "pages", limitByteCount: pagesByteCount)
  /// By user id, empty for all users; the service's encoded replies.
  public let stats = ExactCache<[UInt8]>(name: "stats", limitByteCount: statsByteCount)

  package init() {}

  func forget(_ touched: Touched, commitSequence: Int64) {
    settings.forget(touched.settings, commitSequence: commitSequence)
    plans.forget(touched.plans, commitSequence: commitSequence)
    pages.forget(touched.pages, commitSequence: commitSequence)
    stats.forget(touched.stats, commitSequence: commitSequence)
  }

  func clear(commitSequence: Int64) {
    settings.clear(commitSequence: commitSequence)
    plans.clear(commitSequence: commitSequence)
    pages.clear(commitSequence: commitSequence)
    stats.clear(commitSequence: commitSequence)
  }

  public var statistics: [CacheStatistics] {
    [settings.statistics, plans.statistics, pages.statistics, stats.statistics]
  }
}
