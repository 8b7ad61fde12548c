// The clock of a server's limits, timers and deadlines: the machine's, or one that a test moves on by hand.
//
// Invariants:
// 1. It never goes back, and is never zero: zero stands for "no moment" wherever moments are kept.
//
// Any thread may use it.

internal import Synchronization
internal import TallyLocking

/// Where a server takes its monotonic time from.
public struct MonotonicTime: Sendable {
  private let manual: ManualTime?

  /// CLOCK_MONOTONIC.
  public static let machine = MonotonicTime(manual: nil)

  /// Time that stands still until it is moved on.
  public static func manual(_ time: ManualTime) -> MonotonicTime { MonotonicTime(manual: time) }

  private init(manual: ManualTime?) {
    self.manual = manual
  }

  public var nanoseconds: UInt64 { manual?.nanoseconds ?? MonotonicClock.nanoseconds }

  /// Time passes only when it is moved on.
  var isManual: Bool { manual != nil }

  /// Runs `body` whenever time was moved on by hand.
  func onAdvance(_ body: @escaping @Sendable () -> Void) { manual?.onAdvance(body) }
}

/// Time that a test owns. What was due by the new moment happens soon after it was moved on, on the threads
/// on which it would have happened.
public final class ManualTime: Sendable {
  /// Where it begins, so that no moment is zero.
  static let startNanoseconds: UInt64 = 1_000_000_000

  private let now = Atomic<UInt64>(startNanoseconds)
  private let listeners = Lock<[@Sendable () -> Void]>([])

  public init() {}

  public var nanoseconds: UInt64 { now.load(ordering: .acquiring) }

  public func advance(byNanoseconds nanoseconds: UInt64) {
    now.wrappingAdd(nanoseconds, ordering: .acquiringAndReleasing)
    for listener in listeners.withLock({ $0 }) { listener() }
  }

  func onAdvance(_ body: @escaping @Sendable () -> Void) {
    listeners.withLock { $0.append(body) }
  }
}

/// `start` moved on by `nanoseconds`, or the last moment there is.
func later(_ start: UInt64, by nanoseconds: UInt64) -> UInt64 {
  let (sum, overflow) = start.addingReportingOverflow(nanoseconds)
  return overflow ? UInt64.max : sum
}
