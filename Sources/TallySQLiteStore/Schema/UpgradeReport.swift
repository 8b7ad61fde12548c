// What is told of an upgrade that takes its time.
//
// Invariants:
// 1. Of rows that are copied it is told at once, then not before some seconds have passed.
//
// Owner: the thread that opens the engine.

internal import TallyCore
internal import TallyLocking

struct UpgradeReport {
  /// Five seconds.
  static let intervalNanoseconds: UInt64 = 5_000_000_000

  let onEvent: @Sendable (StoreEvent) -> Void
  var nanoseconds: () -> UInt64 = { MonotonicClock.nanoseconds }
  private var nextNanoseconds: UInt64 = 0

  init(onEvent: @escaping @Sendable (StoreEvent) -> Void) { self.onEvent = onEvent }

  mutating func add(_ progress: UpgradeProgress) {
    if case .copying = progress.work {
      let now = nanoseconds()
      guard now >= nextNanoseconds else { return }
      nextNanoseconds = now + Self.intervalNanoseconds
    }
    onEvent(.upgrading(progress))
  }
}
