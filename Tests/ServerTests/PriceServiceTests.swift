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
      #expect(past?.contains("effective_from_micros") == true)
      #expect(try await live.call(Runs.listPrices) { _ in }.prices.count == 1)
      #expect(try await Self.field(live, [Self.price("m", .input, Limits.priceMicros)]) == nil)
    }
  }
}
