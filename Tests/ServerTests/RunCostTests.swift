// What a run costs that names no cost, over a real socket, and what its provider took.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("What runs cost") struct RunCostTests {
  /// Two dollars a million output tokens.
  private static func priced(_ live: LiveServer, _ fill: (inout TallystickV1.Plan) -> Void = { _ in })
    async throws
  {
    try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
    try await live.subscribe("u1") {
      var price = TallystickV1.ModelPrice()
      price.model = "m"
      price.outputMicrosPerMillion = 2_000_000
      $0.prices = [price]
      fill(&$0)
    }
  }

  @Test("a run that was cancelled after 20,000 tokens is charged for them, unless the plan says otherwise")
  func cancelled() async throws {
    try await LiveServer.run { live in
      try await Self.priced(live)
      try await live.begin("r1", 100_000)
      let paid = try await live.finish("r1", cost: nil, status: .cancelled) { $0.outputTokens = 20_000 }
      #expect(paid.run?.costMicros == 40_000 && paid.run?.chargedMicros == 40_000)
      try await live.begin("r2", 100_000)
      let failed = try await live.finish("r2", cost: nil, status: .failed) { $0.outputTokens = 20_000 }
      #expect(failed.run?.costMicros == 0)
      // What is named goes first.
      try await live.begin("r3", 100_000)
      let named = try await live.finish("r3", cost: 0, status: .cancelled) { $0.outputTokens = 20_000 }
      #expect(named.run?.costMicros == 0)
      let recorded = try await live.record("r4") {
        ($0.status, $0.costMicros, $0.outputTokens) = (.cancelled, nil, 500)
      }
      #expect(recorded.run?.costMicros == 1_000 && recorded.run?.chargedMicros == 0)
      try await Self.nothing(live)
    }
  }

  /// The plan changes its mind.
  private static func nothing(_ live: LiveServer) async throws {
    try await live.subscribe("u1") { $0.cancelledCost = .nothing }
    try await live.begin("r5", 100)
    let free = try await live.finish("r5", cost: nil, status: .cancelled) { $0.outputTokens = 20_000 }
    #expect(free.run?.costMicros == 0 && free.run?.outputTokens == 20_000)
    // Who does not know of it leaves it as it is.
    try await live.subscribe("u1") { $0.displayName = "other" }
    let plans = try await live.call(Runs.listPlans) { _ in }.plans
    #expect(plans.map(\.cancelledCost) == [.nothing])
    let unknown = try await live.failure {
      try await live.subscribe("u1") { $0.cancelledCost = .unrecognized(9) }
    }
    #expect(unknown?.reason == "INVALID_FIELD" && unknown?.details["field"] == "plan.cancelled_cost")
  }

  @Test("a run that was cancelled needs a price only for what it reports")
  func unpriced() async throws {
    try await LiveServer.run { live in
      try await live.begin("r1", 0)
      let refused = try await live.failure {
        try await live.finish("r1", cost: nil, status: .cancelled) { $0.inputTokens = 1 }
      }
      #expect(refused?.reason == "INVALID_FIELD" && refused?.details["field"] == "cost_micros")
      #expect(try await live.finish("r1", cost: nil, status: .cancelled).run?.costMicros == 0)
    }
  }

  @Test("what the provider took stands on the run and changes no charge")
  func providerCost() async throws {
    try await LiveServer.run { live in
      try await Self.priced(live)
      try await live.begin("r1", 100_000)
      let ended = try await live.finish("r1", cost: nil) {
        ($0.outputTokens, $0.providerCostMicros) = (10_000, 15_000)
      }
      #expect(ended.run?.chargedMicros == 20_000 && ended.run?.providerCostMicros == 15_000)
      try await live.record("r2") { $0.providerCostMicros = 7 }
      let listed = try await live.call(Runs.listRuns) { $0.userId = "u1" }
      #expect(Set(listed.runs.map(\.providerCostMicros)) == [15_000, 7])
      for (cost, reason) in [(Int64(-1), "INVALID_AMOUNT"), (1_000_000_000_001, "INVALID_AMOUNT")] {
        let refused = try await live.failure { try await live.record("r3") { $0.providerCostMicros = cost } }
        #expect(refused?.reason == reason && refused?.details["field"] == "provider_cost_micros")
      }
      let other = try await live.failure { try await live.record("r2") { $0.providerCostMicros = 8 } }
      #expect(other?.reason == "RUN_CONFLICT")
    }
  }

  @Test("a thousand runs of one token at 0.075 dollars a million cost a micro-dollar each")
  func neverFree() async throws {
    try await LiveServer.run { live in
      try await live.subscribe("u1") {
        var price = TallystickV1.ModelPrice()
        price.inputMicrosPerMillion = 75_000
        $0.prices = [price]
      }
      let runs = (1...1_000).map { number in
        var run = TallystickV1.RecordRunRequest.sample("r\(number)")
        (run.costMicros, run.inputTokens) = (nil, 1)
        return run
      }
      let reply = try await live.call(Runs.recordRuns) { $0.runs = runs }
      #expect(reply.results.allSatisfy { $0.error == nil })
      let stats = try await live.call(Runs.getStats) { ($0.userId, $0.days) = ("u1", 1) }
      #expect(stats.totals?.count == 1_000 && stats.totals?.costMicros == 1_000)
    }
  }
}
