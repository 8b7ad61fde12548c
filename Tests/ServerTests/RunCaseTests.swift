// What went wrong elsewhere with runs and their prices, told in this product's methods: each with its right
// outcome.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("What goes wrong elsewhere: runs and prices") struct RunCaseTests {
  private typealias Control = TallystickTestingV1.TestControl

  /// 2026-11-04T12:00:00Z.
  private static let now: Int64 = 1_793_793_600_000_000
  private static let day: Int64 = 86_400_000_000

  private static func run(
    from startMicros: Int64 = now, _ body: (LiveServer) async throws -> Void
  ) async throws {
    try await LiveServer.run { live in
      _ = try await live.call(Control.setClock) { $0.nowMicros = startMicros }
      try await live.purchase("u1", 10_000_000, payment: "p1", key: "k1")
      try await body(live)
    }
  }

  private static func put(
    _ live: LiveServer, _ prices: [(TallystickV1.UnitClass, Int64)], from: Int64? = nil
  ) async throws {
    _ = try await live.call(Runs.putPrices) {
      $0.prices = prices.map { unitClass, micros in
        var price = TallystickV1.Price()
        (price.model, price.unitClass, price.microsPerMillion) = ("m", unitClass, micros)
        price.effectiveFromMicros = from
        return price
      }
    }
  }

  @Test("a run that failed is tried again under its id: charged once, and both attempts are listed")
  func secondAttempt() async throws {
    try await Self.run { live in
      try await Self.put(live, [(.output, 2_000_000)])
      try await live.begin("r", 100_000)
      let failed = try await live.finish("r", cost: nil, status: .failed) { $0.outputTokens = 9 }
      #expect(failed.run?.chargedMicros == 0 && failed.balance?.availableMicros == 10_000_000)
      try await live.begin("r", 100_000) { $0.attempt = 2 }
      let ended = try await live.finish("r", cost: nil) { ($0.attempt, $0.outputTokens) = (2, 10_000) }
      #expect(ended.run?.chargedMicros == 20_000)
      #expect(try await live.available("u1") == 9_980_000)
      let runs = try await live.call(Runs.listRuns) { $0.userId = "u1" }.runs
      #expect(runs.map(\.attempt).sorted() == [1, 2] && Set(runs.map(\.runId)) == ["r"])
      #expect(runs.map(\.chargedMicros).reduce(0, +) == 20_000)
      let rows = try await live.call(Credits.listTransactions) { $0.userId = "u1" }.transactions
      let ofRuns = rows.filter { !$0.runId.isEmpty }
      #expect(ofRuns.first?.attempt == 2 && Set(ofRuns.map(\.attempt)) == [0, 2])
      let holds = try await live.call(Credits.listHolds) { $0.userId = "u1" }.holds
      #expect(holds.map(\.attempt).sorted() == [0, 2])
    }
  }

  @Test("a stream that its reader left after 20,000 tokens is priced by what it reports")
  func cancelled() async throws {
    try await Self.run { live in
      try await Self.put(live, [(.output, 2_000_000)])
      try await live.begin("r", 100_000)
      let ended = try await live.finish("r", cost: nil, status: .cancelled) { $0.outputTokens = 20_000 }
      #expect(ended.run?.costMicros == 40_000 && ended.run?.chargedMicros == 40_000)
    }
  }

  @Test("a run is priced as of its begin, and one that is recorded as of its start")
  func priceOfThen() async throws {
    try await Self.run(from: Self.now - 20 * Self.day) { live in
      try await Self.put(live, [(.output, 1_000_000)])
      _ = try await live.call(Control.setClock) { $0.nowMicros = Self.now }
      try await live.begin("r", 0)
      try await Self.put(live, [(.output, 5_000_000)])
      let ended = try await live.finish("r", cost: nil) { $0.outputTokens = 100 }
      #expect(ended.run?.costMicros == 100)
      try await live.begin("s", 0)
      #expect(try await live.finish("s", cost: nil) { $0.outputTokens = 100 }.run?.costMicros == 500)
      for (run, days, cost) in [("old", 10, 100), ("new", 0, 500)] as [(String, Int64, Int64)] {
        let recorded = try await live.record(run) {
          ($0.costMicros, $0.outputTokens) = (nil, 100)
          $0.startedAtMicros = Self.now - days * Self.day
        }
        #expect(recorded.run?.costMicros == cost)
      }
    }
  }

  @Test("tokens that were read from a cache have their own price, and input is what is left of the prompt")
  func cached() async throws {
    try await Self.run { live in
      try await Self.put(live, [(.input, 3_000_000), (.cacheRead, 300_000), (.output, 15_000_000)])
      try await live.begin("r", 0)
      let ended = try await live.finish("r", cost: nil) {
        ($0.promptTokens, $0.outputTokens) = (6_074, 285)
        var cached = TallystickV1.UnitCount()
        (cached.unitClass, cached.count) = (.cacheRead, 3_456)
        $0.units = [cached]
      }
      // 2,618 x 3 + 3,456 x 0.3 + 285 x 15 = 13,165.8.
      #expect(ended.run?.inputTokens == 2_618 && ended.run?.costMicros == 13_166)
      #expect(ended.run?.breakdown.map(\.costMicros).reduce(0, +) == 13_166)
      let more = try await live.failure {
        try await live.record("s") {
          ($0.costMicros, $0.promptTokens) = (nil, 3_455)
          var cached = TallystickV1.UnitCount()
          (cached.unitClass, cached.count) = (.cacheRead, 3_456)
          $0.units = [cached]
        }
      }
      #expect(more?.reason == "INVALID_FIELD" && more?.details["field"] == "prompt_tokens")
    }
  }
}
