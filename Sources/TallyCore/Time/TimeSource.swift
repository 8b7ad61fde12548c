// Where the engine's time comes from.
//
// Invariants:
// 1. The monotonic clock never goes back; the wall clock may, and is asked by `EffectiveTime` alone.

internal import Glibc
internal import TallyLocking

/// A wall clock and a monotonic clock.
public protocol TimeSource: Sendable {
  /// Microseconds since the epoch, UTC.
  var wallMicros: Int64 { get }
  /// Nanoseconds since some start; for deadlines.
  var monotonicNanoseconds: UInt64 { get }
  /// Whether the wall clock stands still. Whoever drives it foresees every row: the engine writes none of
  /// its own accord then.
  var isFrozen: Bool { get }
}

extension TimeSource {
  public var isFrozen: Bool { false }
}

/// The machine's clocks.
public struct SystemClock: TimeSource {
  /// The end of the year 9999: the last time that proto3 JSON and databases' tools agree on.
  public static let latestMicros: Int64 = 253_402_300_799_999_999

  public init() {}

  public var wallMicros: Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec).multipliedSaturating(by: 1_000_000).addingSaturating(Int64(now.tv_nsec) / 1_000)
  }

  public var monotonicNanoseconds: UInt64 { MonotonicClock.nanoseconds }
}

/// A wall clock that tests drive. It runs with the machine's until it is set.
public final class TestClock: TimeSource {
  /// How it is set.
  public struct Setting: Sendable, Equatable {
    /// nil: it runs.
    fileprivate var frozenMicros: Int64?
    /// Added to the machine's while it runs.
    fileprivate var offsetMicros: Int64 = 0
  }

  private let system = SystemClock()
  private let state: Lock<Setting>

  /// - Parameter wallMicros: where it stands still from the start; nil lets it run.
  public init(wallMicros: Int64? = nil) {
    state = Lock(Setting(frozenMicros: wallMicros))
  }

  public var wallMicros: Int64 {
    state.withLock { $0.frozenMicros ?? system.wallMicros.addingSaturating($0.offsetMicros) }
  }

  public var monotonicNanoseconds: UInt64 { system.monotonicNanoseconds }

  public var isFrozen: Bool { state.withLock { $0.frozenMicros != nil } }

  /// For putting it back to how it was.
  public var setting: Setting {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }

  /// Stops the clock at a time.
  public func set(wallMicros: Int64) {
    state.withLock { $0.frozenMicros = wallMicros }
  }

  /// Moves the clock on, whether it runs or stands still.
  /// - Returns: the time afterwards.
  @discardableResult
  public func advance(byMicros micros: Int64) -> Int64 {
    state.withLock {
      if let frozen = $0.frozenMicros {
        let later = frozen.addingSaturating(micros)
        $0.frozenMicros = later
        return later
      }
      $0.offsetMicros = $0.offsetMicros.addingSaturating(micros)
      return system.wallMicros.addingSaturating($0.offsetMicros)
    }
  }

  /// Lets the clock run with the machine's.
  public func run() {
    setting = Setting()
  }
}
