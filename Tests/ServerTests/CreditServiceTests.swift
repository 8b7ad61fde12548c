// CreditService over a real socket: success, replay, batches, pages, and the order of checks.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

typealias Credits = TallystickV1.CreditService

@Suite("CreditService") struct CreditServiceTests {
  @Test("a purchase, a consume and their replays") func purchaseAndConsume() async throws {
    try await LiveServer.run { live in
      let bought = try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      #expect(bought.transaction?.type == .purchase)
      #expect(bought.balance?.availableMicros == 1_000_000)
      let spent = try await live.consume("u1", 800_000, key: "k2")
      #expect(spent.transaction?.amountMicros == -800_000)
      #expect(spent.transaction?.balanceAfterMicros == 200_000)
      #expect(spent.balance?.availableMicros == 200_000)
      #expect(!spent.replayed)
      var again = try await live.consume("u1", 800_000, key: "k2")
      #expect(again.replayed)
      again.replayed = false
      #expect(again == spent)
      #expect(try await live.available("u1") == 200_000)
    }
  }

  @Test("two consumes of $0.80 on $1.00: one succeeds, and the refusal does not burn its key")
  func refusalKeepsKey() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      try await live.consume("u1", 800_000, key: "a")
      do {
        try await live.consume("u1", 800_000, key: "b")
        Issue.record("overdrawn")
      } catch let failed as Failed {
        #expect(failed.code == .failedPrecondition)
        #expect(failed.reason == "INSUFFICIENT_CREDITS")
        #expect(failed.details["available_micros"] == "200000")
        #expect(failed.details["required_micros"] == "800000")
        #expect(failed.details["commit_sequence"] == "2")
      }
      try await live.purchase("u1", 1_000_000, payment: "p2", key: "k2")
      #expect(try await live.consume("u1", 800_000, key: "b").replayed == false)
    }
  }

  @Test("a hold is captured in part and the rest comes back") func holds() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      let reserved = try await live.call(Credits.reserve) {
        $0.userId = "u1"
        $0.amountMicros = 600_000
        $0.idempotencyKey = "h1"
      }
      let holdId = try #require(reserved.hold?.holdId)
      #expect(reserved.balance?.heldMicros == 600_000)
      #expect(reserved.balance?.availableMicros == 400_000)
      let extended = try await live.call(Credits.extend) {
        $0.holdId = holdId
        $0.ttlMillis = 86_400_000
        $0.idempotencyKey = "h2"
      }
      #expect(extended.hold?.state == .open)
      let captured = try await live.call(Credits.capture) {
        $0.holdId = holdId
        $0.amountMicros = 250_000
        $0.idempotencyKey = "h3"
      }
      #expect(captured.hold?.state == .captured)
      #expect(captured.hold?.releasedMicros == 350_000)
      #expect(captured.balance?.availableMicros == 750_000)
      let settled = try await live.reason(Credits.release) {
        $0.holdId = holdId
        $0.idempotencyKey = "h4"
      }
      #expect(settled == "HOLD_SETTLED")
      let holds = try await live.call(Credits.listHolds) { $0.userId = "u1" }
      #expect(holds.holds.map(\.holdId) == [holdId])
    }
  }

  @Test("a batch answers each item in order, and an item may be retried alone") func batch() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      let items: [TallystickV1.ConsumeRequest] = [
        item("u1", 600_000, "b1"), item("u1", 600_000, "b2"), item("u1", 0, "b3"), item("u1", 400_000, "b4"),
      ]
      let reply = try await live.call(Credits.batchConsume) { $0.items = items }
      let outcomes = reply.results.map { result in
        switch result.result {
        case .applied(let applied): String(applied.balance?.availableMicros ?? -1)
        case .error(let error): error.info?.reason ?? ""
        case nil: ""
        }
      }
      #expect(outcomes == ["400000", "INSUFFICIENT_CREDITS", "INVALID_AMOUNT", "0"])
      #expect(try await live.consume("u1", 600_000, key: "b1").replayed)
    }
  }

  @Test("an atomic batch is applied as a whole or not at all") func atomicBatch() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      func send(_ items: [TallystickV1.ConsumeRequest]) async throws -> [String] {
        let reply = try await live.call(Credits.batchConsume) { ($0.items, $0.mode) = (items, .atomic) }
        #expect(reply.commitSequence > 0)
        return reply.results.map { result in
          switch result.result {
          case .applied(let it): "\(it.balance?.availableMicros ?? -1)\(it.replayed ? " replayed" : "")"
          case .error(let error): "\(error.info?.reason ?? "") \(error.info?.metadata["refused_index"] ?? "")"
          case nil: ""
          }
        }
      }
      var items = [item("u1", 600_000, "b1"), item("u1", 0, "b2"), item("u2", 1, "b3")]
      #expect(try await send(items) == ["BATCH_ABORTED 1", "INVALID_AMOUNT ", "BATCH_ABORTED 1"])
      #expect(try await send([items[0], items[2]]) == ["BATCH_ABORTED 1", "INSUFFICIENT_CREDITS "])
      #expect(try await live.available("u1") == 1_000_000)
      items = [items[0], item("u1", 400_000, "b2")]
      #expect(try await send(items) == ["400000", "0"])
      #expect(try await send(items) == ["400000 replayed", "0 replayed"])
      items.append(item("u1", 1, "b4"))
      #expect(
        try await send(items) == ["400000 replayed", "0 replayed", "INSUFFICIENT_CREDITS "])
      let failed = try await live.failure(Credits.batchConsume) {
        ($0.items, $0.mode) = (items, .unrecognized(9))
      }
      #expect(failed?.reason == "INVALID_FIELD" && failed?.details["field"] == "mode")
    }
  }

  @Test("a batch of 8,192 passes and one more is refused") func batchLimit() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      var items = (0..<Limits.batchItemCount).map { item("u1", 1, "b\($0)") }
      let reply = try await live.call(Credits.batchConsume) { $0.items = items }
      #expect(reply.results.count == Limits.batchItemCount)
      #expect(try await live.available("u1") == 1_000_000 - 8_192)
      items.append(item("u1", 1, "one more"))
      let reason = try await live.reason(Credits.batchConsume) { $0.items = items }
      #expect(reason == "BATCH_TOO_LARGE")
      #expect(try await live.available("u1") == 1_000_000 - 8_192)
    }
  }

  @Test("a batch whose reply could not be sent is refused before anything is applied")
  func replyTooLarge() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 1 << 20 }) { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      let reason = try await live.reason(Credits.batchConsume) { request in
        request.items = (0..<4_000).map { item("u1", 1, "b\($0)") }
      }
      #expect(reason == "BATCH_TOO_LARGE")
      #expect(try await live.available("u1") == 1_000_000)
    }
  }

  @Test("plans are stored, listed and granted once a period") func plans() async throws {
    try await LiveServer.run { live in
      var plan = TallystickV1.Plan()
      plan.planId = "pro"
      plan.monthlyCreditMicros = 5_000_000
      plan.grantExpiry = .periodEnd
      let stored = try await live.call(TallystickV1.UsageService.putPlan) { $0.plan = plan }
      #expect(!stored.unchanged)
      #expect(try await live.call(TallystickV1.UsageService.putPlan) { $0.plan = plan }.unchanged)
      #expect(
        try await live.call(TallystickV1.UsageService.listPlans) { _ in }.plans.map(\.planId) == ["pro"])
      let grant: (inout TallystickV1.GrantPlanRequest) -> Void = {
        $0.userId = "u1"
        $0.planId = "pro"
        $0.idempotencyKey = "g1"
      }
      #expect(try await live.call(Credits.grantPlan, grant).balance?.availableMicros == 5_000_000)
      let again = try await live.call(Credits.grantPlan) {
        grant(&$0)
        $0.idempotencyKey = "g2"
      }
      #expect(again.replayed)
      let other = try await live.reason(Credits.grantPlan) {
        grant(&$0)
        $0.idempotencyKey = "g3"
        $0.amountMicros = 1
      }
      #expect(other == "GRANT_CONFLICT")
    }
  }

  @Test("a list is paged, newest first, and its cursor is bound to its query") func pages() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      for index in 0..<5 { try await live.consume("u1", 10, key: "c\(index)") }
      let first = try await live.call(Credits.listTransactions) {
        $0.userId = "u1"
        $0.types = [.apiUsage]
        $0.limit = 3
      }
      #expect(first.transactions.map(\.idempotencyKey) == ["c4", "c3", "c2"])
      let second = try await live.call(Credits.listTransactions) {
        $0.userId = "u1"
        $0.types = [.apiUsage]
        $0.limit = 100
        $0.cursor = first.nextCursor
      }
      #expect(second.transactions.map(\.idempotencyKey) == ["c1", "c0"])
      #expect(second.nextCursor.isEmpty)
      let foreign = try await live.reason(Credits.listTransactions) {
        $0.userId = "u1"
        $0.cursor = first.nextCursor
      }
      #expect(foreign == "INVALID_CURSOR")
    }
  }

  @Test("a page is cut before it outgrows a message, and the cursor goes on") func pagesByBytes() async throws
  {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 64 << 10 }) { live in
      try await live.purchase("u1", 1_000_000, payment: "p1", key: "k1")
      for index in 0..<100 {
        _ = try await live.call(Credits.consume) {
          $0.userId = "u1"
          $0.amountMicros = 1
          $0.idempotencyKey = "c\(index)"
          $0.description = String(repeating: "x", count: Limits.descriptionByteCount)
        }
      }
      var seen: [String] = []
      var cursor = ""
      repeat {
        let page = try await live.call(Credits.listTransactions) {
          $0.userId = "u1"
          $0.types = [.apiUsage]
          $0.limit = 1_000
          $0.cursor = cursor
        }
        #expect(page.transactions.count < 100)
        seen += page.transactions.map(\.idempotencyKey)
        cursor = page.nextCursor
      } while !cursor.isEmpty
      #expect(seen == (0..<100).reversed().map { "c\($0)" })
    }
  }

  @Test("the same request has the same digest whatever order its metadata came in") func digest() {
    var one = TallystickV1.ConsumeRequest()
    var other = TallystickV1.ConsumeRequest()
    for number in 0..<20 { one.metadata["k\(number)"] = "v" }
    for number in (0..<20).reversed() { other.metadata["k\(number)"] = "v" }
    #expect(RequestDigest.make(method: "m", one) == RequestDigest.make(method: "m", other))
    other.metadata["k1"] = "w"
    #expect(RequestDigest.make(method: "m", one) != RequestDigest.make(method: "m", other))
    #expect(RequestDigest.make(method: "m", one) != RequestDigest.make(method: "n", one))
  }

  private func item(_ userId: String, _ amountMicros: Int64, _ key: String) -> TallystickV1.ConsumeRequest {
    var item = TallystickV1.ConsumeRequest()
    item.userId = userId
    item.amountMicros = amountMicros
    item.idempotencyKey = key
    return item
  }
}
