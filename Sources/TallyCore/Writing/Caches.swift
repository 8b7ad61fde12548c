// The caches beside that of accounts, and what of them a commit touches.
//
// Invariants:
// 1. Whoever writes rows that a cached value is made from names the group in `Touched`.
//
// Owner: each cache its own lock; `Touched` is the writer's.

/// Who keeps what was made from commits' state, and has to forget it. Called on the writer's queue, before a
/// commit is published: must not wait.
public protocol CommitObserver: Sendable {
  func forget(_ touched: Touched, commitSequence: Int64)
  /// Another store was put in the place of this one.
  func clear(commitSequence: Int64)
}

package final class Caches: Sendable {
  /// Bytes that each may take.
  static let settingsByteCount = 1 << 20
  static let plansByteCount = 1 << 20

  /// By user id.
  package let settings = ExactCache<UserSettings>(name: "settings", limitByteCount: settingsByteCount)
  /// By plan id.
  package let plans = ExactCache<Plan>(name: "plans", limitByteCount: plansByteCount)
  private let observer: (any CommitObserver)?

  package init(observer: (any CommitObserver)?) { self.observer = observer }

  func forget(_ touched: Touched, commitSequence: Int64) {
    settings.forget(touched.settings, commitSequence: commitSequence)
    plans.forget(touched.plans, commitSequence: commitSequence)
    observer?.forget(touched, commitSequence: commitSequence)
  }

  func clear(commitSequence: Int64) {
    settings.clear(commitSequence: commitSequence)
    plans.clear(commitSequence: commitSequence)
    observer?.clear(commitSequence: commitSequence)
  }

  package var statistics: [CacheStatistics] { [settings.statistics, plans.statistics] }
}
