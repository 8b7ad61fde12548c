// The one time of an engine: what reads answer by and what commits carry.
//
// Invariants:
// 1. It is the latest of the wall clock, the last commit of any kind and the last time that anybody was told,
//    so it never goes back, whatever the wall clock does. Only a test harness that drives the clock may set
//    it back, and never behind the ledger's last row.
// 2. It lies from 1970 to the end of the year 9999, whatever a clock says: what is reckoned from it fits.
// 3. A read asks after its snapshot is open, and a commit when it begins: what a snapshot holds is never
//    later than the time by which it is read.
//
// Owner: a lock; any thread.

internal import TallyLocking

package final class EffectiveTime: Sendable {
  private let clock: any TimeSource
  private let lastMicros: Lock<Int64>

  /// - Parameter lastMicros: of the last commit.
  package init(clock: any TimeSource, lastMicros: Int64) {
    self.clock = clock
    self.lastMicros = Lock(lastMicros)
  }

  /// The time, which nobody is told an earlier one than from now on.
  package var nowMicros: Int64 {
    lastMicros.withLock { last in
      last = max(last, Self.bounded(clock.wallMicros))
      return last
    }
  }

  /// A clock's time, or the end of the range that it passed.
  package static func bounded(_ micros: Int64) -> Int64 { min(max(micros, 0), SystemClock.latestMicros) }

  /// A row of the ledger has this time.
  func follow(_ micros: Int64) {
    lastMicros.withLock { $0 = max($0, micros) }
  }

  /// For test harnesses: sets the clock, and lets time go on from there.
  /// - Parameter ledgerMicros: of the ledger's last row; it is never earlier than that.
  package func drive(ledgerMicros: Int64, _ setClock: () -> Void) {
    // In one step: a read between the two would tell of the old time once more, and make it the least.
    lastMicros.withLock { last in
      setClock()
      last = ledgerMicros
    }
  }
}
