// Caps by window through the service.

internal import TallyMessages
internal import Testing

@testable internal import TallyCore
@testable internal import TallyServer

extension TallystickV1.Cap {
  init(_ id: String, _ measure: TallystickV1.CapMeasure, _ window: TallystickV1.CapWindow, _ limit: Int64?) {
    self.init()
    (capId, self.measure, self.window, limitAmount) = (id, measure, window, limit)
  }
}

@Suite("Cap service") struct CapServiceTests {
  private typealias Usage = TallystickV1.UsageService
  private typealias Cap = TallystickV1.Cap

  private static let plan: TallystickV1.Plan = {
    var plan = TallystickV1.Plan()
    (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry) = ("p", 1, .never)
    return plan
  }()

  @Test("caps are put in the place of those before, listed by spender, and taken away")
  func lists() async throws {
    try await LiveServer.run { live in
      let day = Cap("day", .money, .day, 10)
      var last = Cap("last", .generations, .lastHours, nil)
      (last.hours, last.model, last.type) = (168, "m", "t")
      let put = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [last, day]) }
      #expect(!put.unchanged && put.caps?.caps == [day, last] && put.commitSequence > 0)
      #expect(try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [day, last]) }.unchanged)
      for spender in ["m2", "m1"] {
        _ = try await live.call(Usage.putCaps) {
          ($0.userId, $0.spender, $0.caps) = ("a", spender, [Cap("h", .money, .hour, 0)])
        }
      }
      let lists = try await live.call(Usage.listCaps) { $0.userId = "a" }.lists
      #expect(lists.map(\.spender) == ["", "m1", "m2"] && lists[0].caps == [day, last])
      _ = try await live.call(Usage.putCaps) { $0.userId = "a" }
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.spender) = ("a", "m1") }
      #expect(try await live.call(Usage.listCaps) { $0.userId = "a" }.lists.map(\.spender) == ["m2"])
      // Taking away what nobody has makes no user.
      #expect(try await live.call(Usage.putCaps) { $0.userId = "nobody" }.unchanged)
      #expect(try await live.call(Usage.listCaps) { $0.userId = "nobody" }.lists.isEmpty)
    }
  }

  @Test("a plan's caps stay when PutPlan does not name them, and go when it names none")
  func plans() async throws {
    try await LiveServer.run { live in
      var plan = Self.plan
      plan.caps = TallystickV1.CapList()
      plan.caps?.caps = [Cap("b", .money, .week, 5), Cap("a", .generations, .month, 3)]
      plan.spenderCaps = TallystickV1.CapList()
      plan.spenderCaps?.caps = [Cap("s", .money, .hour, 1)]
      let put = try await live.call(Usage.putPlan) { $0.plan = plan }.plan
      #expect(put?.caps?.caps.map(\.capId) == ["a", "b"] && put?.spenderCaps == plan.spenderCaps)
      let kept = try await live.call(Usage.putPlan) { $0.plan = Self.plan }
      #expect(kept.unchanged && kept.plan == put)
      plan.caps = TallystickV1.CapList()
      plan.spenderCaps = nil
      let gone = try await live.call(Usage.putPlan) { $0.plan = plan }.plan
      #expect(gone?.caps == nil && gone?.spenderCaps == put?.spenderCaps)
      #expect(try await live.call(Usage.listPlans) { _ in }.plans == [gone])
    }
  }

  @Test(
    "a cap that makes no sense is refused",
    arguments: [
      ("caps[0].cap_id", Cap("", .money, .day, 1)),
      ("caps[0].measure", Cap("c", .unspecified, .day, 1)),
      ("caps[0].window", Cap("c", .money, .unspecified, 1)),
      ("caps[0].hours", Cap("c", .money, .lastHours, 1)),
      ("caps[0].limit_amount", Cap("c", .money, .day, -1)),
    ])
  func fields(_ field: String, _ cap: TallystickV1.Cap) async throws {
    try await LiveServer.run { live in
      let refused = try await live.failure {
        _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [cap]) }
      }
      #expect(refused?.reason == "INVALID_FIELD" && refused?.details["field"] == field)
    }
  }

  @Test("a list and a user have so many caps and no more")
  func limits() async throws {
    try await LiveServer.run { live in
      let caps = (0..<17).map { Cap("c\($0)", .money, .day, 1) }
      let long = try await live.failure {
        _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", caps) }
      }
      #expect(long?.details["field"] == "caps" && long?.details["limit"] == "16")
      let twice = try await live.failure {
        _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [caps[0], caps[0]]) }
      }
      #expect(twice?.details["field"] == "caps[1].cap_id")
      var hours = caps[0]
      hours.hours = 1
      let day = try await live.failure {
        _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [hours]) }
      }
      #expect(day?.details["field"] == "caps[0].hours")
      for spender in 0..<62 {
        _ = try await live.call(Usage.putCaps) {
          ($0.userId, $0.spender, $0.caps) = ("a", "m\(spender)", Array(caps.prefix(16)))
        }
      }
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", Array(caps.prefix(8))) }
      let full = try await live.failure {
        _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", Array(caps.prefix(9))) }
      }
      #expect(full?.reason == "INVALID_FIELD" && full?.details["limit"] == "1000")
      var plan = Self.plan
      plan.caps = TallystickV1.CapList()
      plan.caps?.caps = [Cap("c", .money, .day, nil)]
      let lifted = try await live.failure { _ = try await live.call(Usage.putPlan) { $0.plan = plan } }
      #expect(lifted?.details["field"] == "plan.caps.caps[0].limit_amount")
    }
  }

  // MARK: in force

  @Test("a cap refuses debits, holds and runs, and advice says so before")
  func inForce() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 1_000, payment: "p", key: "p")
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [Cap("day", .money, .day, 100)]) }
      _ = try await live.call(Usage.putCaps) {
        ($0.userId, $0.spender, $0.caps) = ("a", "m", [Cap("hour", .generations, .hour, 1)])
      }
      let money = try await live.consume("a", 60, key: "k")
      let advice = try await live.call(Credits.checkBalance) { ($0.userId, $0.estimateMicros) = ("a", 41) }
      #expect(!advice.allowed && advice.reason == "CAP_EXCEEDED" && advice.availableMicros == 940)
      let refused = try await live.failure { try await live.consume("a", 41, key: "k2") }
      #expect(refused?.reason == "CAP_EXCEEDED" && refused?.code == .resourceExhausted)
      #expect(refused?.details["used_micros"] == "60" && refused?.details["limit_micros"] == "100")
      // A refusal does not use up the key, and a replay asks no cap.
      #expect(try await live.consume("a", 40, key: "k2").replayed == false)
      #expect(try await live.consume("a", 60, key: "k").transaction == money.transaction)
      let hold = try await live.failure {
        _ = try await live.call(Credits.reserve) {
          ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("a", 1, "h")
        }
      }
      #expect(hold?.reason == "CAP_EXCEEDED")
      _ = try await live.call(Usage.putCaps) { $0.userId = "a" }
      func begin(_ runId: String) async throws -> TallystickV1.BeginRunResponse {
        try await live.call(Usage.beginRun) {
          ($0.userId, $0.runId, $0.model, $0.type, $0.spender) = ("a", runId, "x", "t", "m")
        }
      }
      func quota(_ spender: String) async throws -> TallystickV1.CheckQuotaResponse {
        try await live.call(Usage.checkQuota) {
          ($0.userId, $0.kind, $0.spender) = ("a", .generations, spender)
        }
      }
      #expect(try await quota("m").allowed)
      _ = try await begin("r1")
      let second = try await live.failure { _ = try await begin("r2") }
      #expect(second?.details["cap"] == "hour" && second?.details["spender"] == "m")
      #expect(try await quota("m").reason == "CAP_EXCEEDED")
      #expect(try await quota("").allowed)
      let usage = try await live.call(Usage.getUsage) { ($0.userId, $0.spender) = ("a", "m") }
      let use = try #require(usage.caps.first)
      #expect(usage.caps.count == 1 && use.spender == "m" && use.used == 1 && use.cap?.capId == "hour")
      #expect(String(use.resetsAtMicros) == second?.details["resets_at_micros"])
      #expect(try await live.call(Usage.getUsage) { $0.userId = "a" }.caps.isEmpty)
    }
  }

  @Test("of many callers at once exactly those fit that a cap has room for")
  func callers() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 1_000, payment: "p", key: "p")
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [Cap("day", .money, .day, 105)]) }
      let reasons = try await withThrowingTaskGroup(of: String?.self) { group in
        for caller in 0..<64 {
          group.addTask {
            try await live.failure {
              if caller % 2 == 0 {
                _ = try await live.consume("a", 10, key: "k\(caller)")
              } else {
                _ = try await live.call(Credits.reserve) {
                  ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("a", 10, "k\(caller)")
                }
              }
            }?.reason
          }
        }
        return try await group.reduce(into: [String?]()) { $0.append($1) }
      }
      #expect(reasons.count { $0 == nil } == 10 && reasons.count { $0 == "CAP_EXCEEDED" } == 54)
      #expect(try await live.call(Usage.getUsage) { $0.userId = "a" }.caps.first?.used == 100)
    }
  }
}
