// The machine's clock for durations and deadlines.

internal import Glibc

/// CLOCK_MONOTONIC: it never goes back, and the wall clock does not move it.
public enum MonotonicClock {
  /// Since some moment before the program's start.
  public static var nanoseconds: UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}
