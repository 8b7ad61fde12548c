// The clock that durations are measured with.
//
// Owner: nobody; any thread.

internal import Glibc

public enum MonotonicClock {
  /// Since some start, never going back.
  public static var nanoseconds: UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}
