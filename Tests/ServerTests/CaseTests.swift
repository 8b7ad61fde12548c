// What went wrong for people who do this job elsewhere, told in this product's methods: each with its right
// outcome.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("What goes wrong elsewhere") struct CaseTests {
  private typealias Usage = TallystickV1.UsageService
  private typealias Control = TallystickTestingV1.TestControl

  /// 2026-11-04T12:00:00Z.
  private static let now: Int64 = 1_793_793_600_000_000
  private static let hour: Int64 = 3_600_000_000
  private static let day: Int64 = 24 * hour

  private static func run(_ body: (LiveServer) async throws -> Void) async throws {
    try await LiveServer.run { live in
      _ = try await live.call(Control.setClock) { $0.nowMicros = now }
      try await body(live)
    }
  }

  @Test("a capture whose reply was lost charges once: its key replays, another key finds the hold settled")
  func lostCapture() async throws {
    try await Self.run { live in
      try await live.purchase("u", 1_000, payment: "p", key: "p")
      let reserved = try await live.call(Credits.reserve) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 500, "r")
      }
      let holdId = reserved.hold?.holdId ?? ""
      func capture(_ key: String) async throws -> TallystickV1.CaptureResponse {
        try await live.call(Credits.capture) {
          ($0.holdId, $0.amountMicros, $0.idempotencyKey) = (holdId, 400, key)
        }
      }
      let first = try await capture("c")
      let again = try await capture("c")
      #expect(!first.replayed && again.replayed)
      #expect(again.transaction == first.transaction && again.balance == first.balance)
      let other = try await live.failure { _ = try await capture("d") }
      #expect(other?.reason == "HOLD_SETTLED")
      #expect(try await live.available("u") == 600)
    }
  }

  @Test("a Reserve that is repeated after its hold was released, or is over, says so by the hold's state")
  func settledHold() async throws {
    try await Self.run { live in
      try await live.purchase("u", 1_000, payment: "p", key: "p")
      func reserve(_ key: String) async throws -> TallystickV1.ReserveResponse {
        try await live.call(Credits.reserve) {
          ($0.userId, $0.amountMicros, $0.ttlMillis, $0.idempotencyKey) = ("u", 500, 60_000, key)
        }
      }
      let first = try await reserve("k")
      let released = try await live.call(Credits.release) {
        ($0.holdId, $0.idempotencyKey) = (first.hold?.holdId ?? "", "r")
      }
      let again = try await reserve("k")
      #expect(again.replayed && again.hold?.state == .released && again.hold == released.hold)
      #expect(again.transaction == first.transaction && again.balance == first.balance)
      // Nobody has written the expiry off.
      #expect(try await reserve("l").hold?.state == .open)
      try await live.advance(millis: 60_000)
      let over = try await reserve("l")
      #expect(over.replayed && over.hold?.state == .expired && over.hold?.releasedMicros == 500)
      #expect(try await live.available("u") == 1_000)
    }
  }

  @Test("a key that a batch names three times is applied, replayed and refused in its places")
  func repeatedKey() async throws {
    try await Self.run { live in
      try await live.purchase("u", 1_000, payment: "p", key: "p")
      let response = try await live.call(Credits.batchConsume) { request in
        let items: [(String, Int64)] = [("k1", 10), ("k2", 20), ("k1", 10), ("k1", 11)]
        request.items = items.map { key, amount in
          var item = TallystickV1.ConsumeRequest()
          (item.userId, item.amountMicros, item.idempotencyKey) = ("u", amount, key)
          return item
        }
      }
      let told = response.results.map { result in
        switch result.result {
        case .applied(let reply): reply.replayed ? "replayed" : "applied"
        case .error(let error): error.info?.reason ?? ""
        case nil: ""
        }
      }
      #expect(told == ["applied", "applied", "replayed", "IDEMPOTENCY_MISMATCH"])
      #expect(try await live.available("u") == 970)
    }
  }

  @Test("of three who settle one hold at once exactly one does")
  func threeSettle() async throws {
    try await Self.run { live in
      try await live.purchase("u", 1_000_000, payment: "p", key: "p")
      for round in 0..<40 {
        let before = try await live.available("u")
        let reserved = try await live.call(Credits.reserve) {
          ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 100, "r\(round)")
        }
        let holdId = reserved.hold?.holdId ?? ""
        async let captured = live.reason(Credits.capture) {
          ($0.holdId, $0.amountMicros, $0.idempotencyKey) = (holdId, 70, "a\(round)")
        }
        async let released = live.reason(Credits.release) {
          ($0.holdId, $0.idempotencyKey) = (holdId, "b\(round)")
        }
        async let second = live.reason(Credits.capture) {
          ($0.holdId, $0.amountMicros, $0.idempotencyKey) = (holdId, 30, "c\(round)")
        }
        let reasons = try await [captured, released, second]
        #expect(reasons.filter { $0 == nil }.count == 1)
        #expect(reasons.filter { $0 == "HOLD_SETTLED" }.count == 2)
        let taken: Int64 = reasons[0] == nil ? 70 : reasons[1] == nil ? 0 : 30
        #expect(try await live.available("u") == before - taken)
      }
    }
  }

  @Test("of two promos that meet at a time, one is there before it and the other from then on")
  func promosThatMeet() async throws {
    try await Self.run { live in
      let meeting = Self.now + Self.hour
      _ = try await live.call(Credits.grantPromo) {
        ($0.userId, $0.amountMicros, $0.expiresAtMicros, $0.idempotencyKey) = ("u", 3, meeting, "a")
      }
      _ = try await live.call(Credits.grantPromo) {
        ($0.userId, $0.amountMicros, $0.effectiveAtMicros, $0.idempotencyKey) = ("u", 5, meeting, "b")
      }
      _ = try await live.call(Control.setClock) { $0.nowMicros = meeting - 1 }
      #expect(try await live.available("u") == 3)
      _ = try await live.call(Control.setClock) { $0.nowMicros = meeting }
      #expect(try await live.available("u") == 5)
    }
  }

  @Test("bought credit is touched by no plan: neither by grants and their expiry, nor by what plans become")
  func boughtCredit() async throws {
    try await Self.run { live in
      func plan(_ credit: Int64) async throws {
        _ = try await live.call(Usage.putPlan) {
          var plan = TallystickV1.Plan()
          (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry) = ("pro", credit, .periodEnd)
          $0.plan = plan
        }
      }
      func grant(_ period: String) async throws {
        _ = try await live.call(Credits.grantPlan) {
          ($0.userId, $0.planId, $0.period, $0.idempotencyKey) = ("u", "pro", period, period)
        }
      }
      try await live.purchase("u", 10_000_000, payment: "p", key: "p")
      try await plan(5_000_000)
      try await grant("2026-11")
      // A plan's credit burns first.
      try await live.consume("u", 3_000_000, key: "c")
      #expect(try await live.available("u") == 12_000_000)
      try await grant("2026-12")
      try await plan(1)
      _ = try await live.putSettings("u") { $0.planId = "pro" }
      _ = try await live.call(Control.setClock) { $0.nowMicros = Self.now + 80 * Self.day }
      #expect(try await live.available("u") == 10_000_000)
    }
  }

  @Test("a thousand runs of one token cost a micro-dollar each, as each is rounded up")
  func smallestRuns() async throws {
    try await Self.run { live in
      try await live.purchase("u", 1_000_000, payment: "p", key: "p")
      try await live.subscribe("u") {
        var price = TallystickV1.ModelPrice()
        (price.model, price.inputMicrosPerMillion) = ("m", 75_000)
        $0.prices = [price]
      }
      let recorded = try await live.call(Usage.recordRuns) { request in
        request.runs = (0..<1_000).map { number in
          var run = TallystickV1.RecordRunRequest()
          (run.userId, run.runId, run.model, run.type) = ("u", "r\(number)", "m", "text")
          (run.status, run.inputTokens) = (.succeeded, 1)
          return run
        }
      }
      #expect(recorded.results.allSatisfy { $0.error == nil })
      let stats = try await live.call(Usage.getStats) { $0.userId = "u" }
      #expect(stats.totals?.count == 1_000 && stats.totals?.costMicros == 1_000)
    }
  }

  @Test("runs of each hour over the end of summer time are counted once, a day at a time and in one range")
  func endOfSummerTime() async throws {
    try await Self.run { live in
      // 2026-10-31T00:00 in New York, four hours behind UTC; from the next day on it is five.
      let start: Int64 = 1_793_419_200_000_000
      _ = try await live.call(Usage.recordRuns) { request in
        request.runs = (0..<97).map { number in
          var run = TallystickV1.RecordRunRequest()
          (run.userId, run.runId, run.model, run.type) = ("u", "r\(number)", "m", "text")
          (run.status, run.costMicros) = (.succeeded, 1)
          run.startedAtMicros = start + Int64(number) * Self.hour
          return run
        }
      }
      func stats(_ from: Int64, _ to: Int64) async throws -> TallystickV1.GetStatsResponse {
        try await live.call(Usage.getStats) {
          ($0.userId, $0.timeZone, $0.fromMicros, $0.toMicros) = ("u", "America/New_York", from, to)
        }
      }
      let days = [0, 24, 49, 73, 97].map { start + Int64($0) * Self.hour }
      let whole = try await stats(days[0], days[4])
      #expect(whole.totals?.count == 97)
      #expect(whole.days.map { $0.totals?.count ?? 0 } == [24, 25, 24, 24])
      for (place, count) in [24, 25, 24, 24].enumerated() {
        #expect(try await stats(days[place], days[place + 1]).totals?.count == Int64(count))
      }
    }
  }

  // MARK: What is owed

  @Test(
    "a capture of more than was held draws on what there is; what is missing follows the plan",
    arguments: [(TallystickV1.OnShort.forgive, Int64(0)), (.collect, 300_000), (.block, 300_000)])
  func draw(onShort: TallystickV1.OnShort, owed: Int64) async throws {
    try await Self.run { live in
      try await live.subscribe("u") { $0.onShort = onShort }
      try await live.purchase("u", 1_200_000, payment: "p", key: "p")
      let reserved = try await live.call(Credits.reserve) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 1_000_000, "r")
      }
      let captured = try await live.call(Credits.capture) {
        ($0.holdId, $0.amountMicros, $0.idempotencyKey) = (reserved.hold?.holdId ?? "", 1_500_000, "c")
        $0.overage = .draw
      }
      #expect(captured.transaction?.amountMicros == -1_200_000)
      #expect(captured.balance?.availableMicros == 0 && captured.balance?.owedMicros == owed)
    }
  }

  @Test("what a run cost and could not be paid is paid by the next purchase, in its commit")
  func paidLater() async throws {
    try await Self.run { live in
      try await live.subscribe("u") { $0.onShort = .collect }
      try await live.purchase("u", 1_000_000, payment: "p", key: "p")
      try await live.begin("r", 1_000_000, user: "u")
      try await live.finish("r", cost: 1_500_000)
      try await live.purchase("u", 5_000_000, payment: "q", key: "q")
      #expect(try await live.available("u") == 4_500_000)
      let rows = try await live.call(Credits.listTransactions) { $0.userId = "u" }.transactions
      #expect(rows.prefix(2).map(\.type) == [.owedPayment, .purchase])
      #expect(rows[0].amountMicros == -500_000 && rows[0].commitSequence == rows[1].commitSequence)
      try await live.begin("s", 1, user: "u")
    }
  }

  @Test("a payment under two ids is one purchase; a charge is refunded once, and a refund never")
  func twice() async throws {
    try await Self.run { live in
      try await live.purchase("u", 1_000, payment: "evt_1", key: "a")
      let again = try await live.call(Credits.addPurchase) {
        ($0.userId, $0.paymentId, $0.amountMicros, $0.idempotencyKey) = ("u", "cs_1", 1_000, "b")
        $0.externalRefs = ["evt_1"]
      }
      #expect(again.replayed)
      let debit = try await live.consume("u", 400, key: "c").transaction
      func refund(_ id: String?, _ key: String) async throws -> String? {
        try await live.reason(Credits.refund) { ($0.transactionId, $0.idempotencyKey) = (id ?? "", key) }
      }
      #expect(try await refund(debit?.transactionId, "d") == nil)
      #expect(try await refund(debit?.transactionId, "e") == "REFUND_EXCEEDS")
      let rows = try await live.call(Credits.listTransactions) { $0.userId = "u" }.transactions
      #expect(rows.first?.type == .refund)
      #expect(try await refund(rows.first?.transactionId, "f") == "TRANSACTION_NOT_REFUNDABLE")
      #expect(try await live.available("u") == 1_000)
    }
  }

  // MARK: The calendar

  private static func grant(
    _ live: LiveServer, _ period: String, index: Int32 = 0, key: String
  ) async throws -> TallystickV1.GrantPlanResponse {
    try await live.call(Credits.grantPlan) {
      ($0.userId, $0.planId, $0.period, $0.periodIndex) = ("u", "pro", period, index)
      $0.idempotencyKey = key
    }
  }

  @Test("a subscription that began on the 31st has no day without credit")
  func endOfMonth() async throws {
    try await Self.run { live in
      try await live.subscribe("u") { $0.grantExpiry = .periodEnd }
      var periods: [[String]] = []
      for index in Int32(0)..<4 {
        let row = try await Self.grant(live, "2027-01-31", index: index, key: "\(index)").transaction
        periods.append([row?.periodStartDate ?? "", row?.periodEndDate ?? ""])
      }
      let dates = ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
      #expect(periods == zip(dates, dates.dropFirst()).map { [$0, $1] })
    }
  }

  @Test("credit for the next month cannot be spent before it begins, and no two periods overlap")
  func nextMonth() async throws {
    try await Self.run { live in
      // 2027-01-28T12:00:00Z, and the first instant of February.
      let (before, month) = (Int64(1_801_137_600_000_000), Int64(1_801_440_000_000_000))
      _ = try await live.call(Control.setClock) { $0.nowMicros = before }
      try await live.subscribe("u") { $0.monthlyCreditMicros = 100 }
      let granted = try await Self.grant(live, "2027-02", key: "a")
      #expect(granted.balance?.availableMicros == 0 && granted.balance?.pendingMicros == 100)
      let consumed = try await live.reason(Credits.consume) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 1, "c")
      }
      #expect(consumed == "INSUFFICIENT_CREDITS")
      for date in ["2027-02-15", "2027-02-28"] {
        let refused = try await live.failure { _ = try await Self.grant(live, date, key: date) }
        #expect(refused?.reason == "GRANT_OVERLAPS")
      }
      _ = try await live.call(Control.setClock) { $0.nowMicros = month - 1 }
      #expect(try await live.available("u") == 0)
      _ = try await live.call(Control.setClock) { $0.nowMicros = month }
      #expect(try await live.available("u") == 100)
    }
  }

  @Test("of twenty who begin runs at once as a user whom nobody set up, the default plan lets five")
  func strangersQuota() async throws {
    try await Self.run { live in
      _ = try await live.call(Usage.putPlan) {
        var plan = TallystickV1.Plan()
        (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry) = ("free", 1, .never)
        plan.isDefault = true
        plan.limits = TallystickV1.PlanLimits()
        plan.limits?.monthlyGenerations = 5
        $0.plan = plan
      }
      let reasons = try await withThrowingTaskGroup(of: String?.self) { group in
        for number in 0..<20 {
          group.addTask {
            try await live.reason(Usage.beginRun) {
              ($0.userId, $0.runId, $0.model, $0.type) = ("nobody", "r\(number)", "m", "t")
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(reasons.count { $0 == nil } == 5)
      #expect(reasons.count { $0 == "QUOTA_EXCEEDED" } == 15)
    }
  }
}
