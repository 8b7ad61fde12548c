// The book of prices over a real socket: what is put, listed and refused.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Prices") struct PriceServiceTests {
  private static func price(
    _ model: String = "m", _ unitClass: TallystickV1.UnitClass = .input, _ micros: Int64? = 1,
    plan: String = "", from: Int64? = nil
  ) -> TallystickV1.Price {
    var price = TallystickV1.Price()
    (price.model, price.unitClass, price.microsPerMillion) = (model, unitClass, micros)
    (price.planId, price.effectiveFromMicros) = (plan, from)
    return price
  }

  private static func field(_ live: LiveServer, _ prices: [TallystickV1.Price]) async throws -> String? {
    let failed = try await live.failure { _ = try await live.call(Runs.putPrices) { $0.prices = prices } }
    return failed.map { "\($0.reason ?? "") \($0.details["field"] ?? "")" }
  }

  @Test("rows are appended, the same again is not, and the book tells its history and what holds at a time")
  func history() async throws {
    try await LiveServer.run { (live) async throws in
      let now = try await live.freeze()
      let first = try await live.call(Runs.putPrices) {
        $0.prices = [Self.price(), Self.price("m", .output, 2)]
      }
      #expect(!first.unchanged && first.prices.map(\.priceId) == [1, 2])
      #expect(first.prices.allSatisfy { $0.putAtMicros == now })
      let again = try await live.call(Runs.putPrices) { $0.prices = [Self.price()] }
      #expect(again.unchanged && again.prices.map(\.priceId) == [1])
      try await live.advance(millis: 1_000)
      let later = now + 60_000_000
      _ = try await live.call(Runs.putPrices) { $0.prices = [Self.price("m", .input, nil, from: later)] }
      _ = try await live.call(Runs.putPrices) { $0.prices = [Self.price("", .input, 7)] }
      func listed(_ fill: @Sendable (inout TallystickV1.ListPricesRequest) -> Void) async throws -> [Int64] {
        try await live.call(Runs.listPrices) { fill(&$0) }.prices.map(\.priceId)
      }
      #expect(try await listed { _ in } == [1, 2, 3, 4])
      #expect(try await listed { $0.model = "m" } == [1, 2, 3])
      #expect(try await listed { $0.model = "" } == [4])
      #expect(try await listed { $0.atMicros = later - 1 } == [1, 2, 4])
      let page = try await live.call(Runs.listPrices) { $0.limit = 3 }
      #expect(page.prices.count == 3)
      let rest = try await live.call(Runs.listPrices) { ($0.limit, $0.cursor) = (3, page.nextCursor) }
      #expect(rest.prices.map(\.priceId) == [4] && rest.nextCursor.isEmpty)
    }
  }

  @Test("what is wrong with a price is refused with its field, and nothing of its request is put")
  func refused() async throws {
    try await LiveServer.run { (live) async throws in
      let now = try await live.freeze()
      #expect(try await Self.field(live, []) == "INVALID_FIELD prices")
      let many = (0...Limits.putPriceCount).map { Self.price("m\($0)") }
      #expect(try await Self.field(live, many)?.hasPrefix("BATCH_TOO_LARGE") == true)
      let good = Self.price("good")
      #expect(
        try await Self.field(live, [good, Self.price("m", .unspecified)])
          == "INVALID_FIELD prices[1].unit_class")
      #expect(try await Self.field(live, [good, good]) == "INVALID_FIELD prices[1].unit_class")
      for micros in [-1, Limits.priceMicros + 1] {
        #expect(
          try await Self.field(live, [good, Self.price("m", .input, micros)])
            == "INVALID_FIELD prices[1].micros_per_million")
      }
      let long = String(repeating: "m", count: Limits.modelByteCount + 1)
      #expect(try await Self.field(live, [good, Self.price(long)]) == "INVALID_FIELD prices[1].model")
      let unknown = try await live.failure {
        _ = try await live.call(Runs.putPrices) { $0.prices = [good, Self.price(plan: "none")] }
      }
      #expect(unknown?.reason == "GRANT_NOT_FOUND" && unknown?.details["plan_id"] == "none")
      #expect(try await live.call(Runs.listPrices) { _ in }.prices.isEmpty)
      // Only the first row of a model and class may be of the past.
      #expect(try await Self.field(live, [Self.price("m", .input, 1, from: now - 1)]) == nil)
      let past = try await Self.field(live, [good, Self.price("m", .input, 2, from: now - 1)])
      #expect(past == "INVALID_FIELD prices[1].effective_from_micros")
      #expect(try await live.call(Runs.listPrices) { _ in }.prices.count == 1)
      // This very moment is not past.
      #expect(try await Self.field(live, [Self.price("m", .input, 2, from: now)]) == nil)
      #expect(try await Self.field(live, [Self.price("m", .input, Limits.priceMicros)]) == nil)
    }
  }

  @Test("each field is taken at its border, and refused one beyond with the field and the limit")
  func borders() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      let valid: (inout TallystickV1.PutPricesRequest) -> Void = { $0.prices = [Self.price()] }
      try await live.expect(
        [
          .elements("prices", Limits.putPriceCount, reason: "BATCH_TOO_LARGE") {
            $0.prices = (0..<$1).map { Self.price("m\($0)") }
          },
          .text("prices[0].model", Limits.modelByteCount) { $0.prices[0].model = $1 },
          .number("prices[0].micros_per_million", 0...Limits.priceMicros) {
            $0.prices[0].microsPerMillion = $1
          },
          // The first row of a model and class may hold from any time on.
          .number("prices[0].effective_from_micros", 1...Limits.timeMicros) {
            ($0.prices[0].model, $0.prices[0].effectiveFromMicros) = (rig.fresh("model"), $1)
          },
        ], of: Runs.putPrices, valid)
      let long = Border<TallystickV1.PutPricesRequest>.text(byteCount: Limits.planIdByteCount)
      let plan = try await live.failure(Runs.putPrices) { $0.prices = [Self.price(plan: long)] }
      #expect(plan?.reason == "GRANT_NOT_FOUND" && plan?.details["plan_id"] == long)
      let longer = try await live.failure(Runs.putPrices) { $0.prices = [Self.price(plan: long + "x")] }
      #expect(longer?.details["field"] == "prices[0].plan_id" && longer?.details["limit"] == "128")
      #expect(
        try await Self.field(live, [Self.price("m", .unrecognized(12))])
          == "INVALID_FIELD prices[0].unit_class")
      try await live.expect(
        [
          .text("plan_id", Limits.planIdByteCount) { $0.planId = $1 },
          .text("model", Limits.modelByteCount) { $0.model = $1 },
          .number("at_micros", 1...Limits.timeMicros) { $0.atMicros = $1 },
          .number("limit", 0...Int64(Limits.pageRowCount)) { $0.limit = Int32($1) },
        ], of: Runs.listPrices
      ) { _ in }
    }
  }

  @Test("what a plan says of prices stands in the book under its id, and is listed so")
  func planRows() async throws {
    try await LiveServer.run { (live) async throws in
      _ = try await live.call(Runs.putPrices) { $0.prices = [Self.price("m", .input, 5)] }
      try await live.subscribe("u1") {
        ($0.prices, $0.priceMultiplierPpm) = ([.of("m", 1, 2, 3)], 1_200_000)
      }
      func rows(_ planId: String?) async throws -> [String] {
        try await live.call(Runs.listPrices) { $0.planId = planId }.prices.map {
          "\($0.planId) \($0.model) \($0.unitClass.rawValue) \($0.microsPerMillion ?? -1) \($0.multiplierPpm)"
        }
      }
      let ofPlan = ["pro m 1 1 0", "pro m 2 2 0", "pro m 9 3000000 0", "pro  0 -1 1200000"]
      #expect(try await rows("pro") == ofPlan)
      #expect(try await rows("") == [" m 1 5 0"])
      #expect(try await rows(nil) == [" m 1 5 0"] + ofPlan)
      #expect(try await rows("other") == [])
      // A row of a plan by PutPrices is the plan's too.
      let put = try await live.call(Runs.putPrices) { $0.prices = [Self.price("m", .second, 4, plan: "pro")] }
      #expect(put.prices.map(\.planId) == ["pro"] && !put.unchanged)
      #expect(try await rows("pro").last == "pro m 10 4 0")
    }
  }
}
