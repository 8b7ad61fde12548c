// A query reads the time once: whatever depends on it, answers one question.

import TTRPC
import TallyCore
import TallyLocking
import TallyMessages
import Testing

@testable import TallyServer

/// A clock that goes on with each look at it, and counts the looks.
private final class TickingClock: TimeSource {
  private let state: Lock<(wallMicros: Int64, lookCount: Int)>
  private let tickMicros: Int64

  init(startMicros: Int64, tickMicros: Int64) {
    state = Lock((startMicros, 0))
    self.tickMicros = tickMicros
  }

  var wallMicros: Int64 {
    state.withLock {
      $0.wallMicros += tickMicros
      $0.lookCount += 1
      return $0.wallMicros
    }
  }

  let monotonicNanoseconds: UInt64 = 1_000_000_000
  /// The engine writes nothing of its own accord then, and so does not look either.
  let isFrozen = true

  /// What it showed last, and how often it was looked at.
  var last: (wallMicros: Int64, lookCount: Int) { state.withLock { $0 } }
}

@Suite("Time of a query") struct QueryTimeTests {
  private static let noonMicros: Int64 = 1_700_000_000_000_000

  /// The statistics of the last days by that clock, and how often it was looked at for them.
  private static func stats(
    _ live: LiveServer, _ clock: TickingClock
  ) async throws -> (reply: TallystickV1.GetStatsResponse, lookCount: Int) {
    let before = clock.last.lookCount
    let reply = try await live.call(TallystickV1.UsageService.getStats) {
      $0.timeZone = "UTC"
      $0.days = 7
    }
    return (reply, clock.last.lookCount - before)
  }

  private static func run(
    tickMicros: Int64, _ body: (LiveServer, TickingClock) async throws -> Void
  ) async throws {
    let clock = TickingClock(startMicros: noonMicros, tickMicros: tickMicros)
    try await LiveServer.run(configure: {
      $0.testing = false
      $0.engine.clock = clock
    }) { live in try await body(live, clock) }
  }

  @Test("statistics of the last days are reckoned from one look at the clock") func once() async throws {
    try await Self.run(tickMicros: StatsQuery.stepMicros) { live, clock in
      for _ in 0..<2 {
        let (reply, lookCount) = try await Self.stats(live, clock)
        #expect(lookCount == 1)
        let query = StatsQuery(
          userId: "", days: 7, untilMicros: clock.last.wallMicros,
          zone: try live.server.engineForTesting.zones.zone(named: "UTC"), recentLimit: 0)
        #expect(reply.fromMicros == query.fromMicros)
        #expect(reply.toMicros == query.toMicros)
      }
    }
  }

  @Test("statistics that are kept are found by that look") func kept() async throws {
    try await Self.run(tickMicros: 1) { live, clock in
      let first = try await Self.stats(live, clock)
      let second = try await Self.stats(live, clock)
      #expect(first.lookCount == 1)
      #expect(second.lookCount == 1)
      #expect(first.reply == second.reply)
      #expect(live.server.replyHits("stats") == 1)
    }
  }
}
