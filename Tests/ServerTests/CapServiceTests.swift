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
      #expect(full?.details["field"] == "caps" && full?.message.contains("caps: ") == true)
      var plan = Self.plan
      plan.caps = TallystickV1.CapList()
      plan.caps?.caps = [Cap("c", .money, .day, nil)]
      let lifted = try await live.failure { _ = try await live.call(Usage.putPlan) { $0.plan = plan } }
      #expect(lifted?.details["field"] == "plan.caps.caps[0].limit_amount")
    }
  }

  @Test("each field is taken at its border, and refused one beyond with the field and the limit")
  func borders() async throws {
    try await LiveServer.run { live in
      let most = Limits.amountMicros
      func many(_ count: Int) -> [TallystickV1.Cap] { (0..<count).map { Cap("c\($0)", .money, .day, 1) } }
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
          .required("caps[0].cap_id", Limits.capIdByteCount) { $0.caps[0].capId = $1 },
          .text("caps[0].model", Limits.modelByteCount) { $0.caps[0].model = $1 },
          .text("caps[0].type", Limits.runTypeByteCount) { $0.caps[0].type = $1 },
          .number("caps[0].hours", 1...168) {
            ($0.caps[0].window, $0.caps[0].hours) = (.lastHours, Int32($1))
          },
          .number("caps[0].limit_amount", 0...most) { $0.caps[0].limitAmount = $1 },
          .elements("caps", CapList.maximumCaps) { $0.caps = many($1) },
        ], of: Usage.putCaps
      ) { ($0.userId, $0.caps) = ("a", [Cap("c", .money, .day, 1)]) }
      try await live.expect(
        [.required("user_id", Limits.userIdByteCount) { $0.userId = $1 }], of: Usage.listCaps
      ) { _ in }
      for (field, cap) in [
        ("caps[0].measure", Cap("c", .unrecognized(3), .day, 1)),
        ("caps[0].window", Cap("c", .money, .unrecognized(6), 1)),
      ] {
        let refused = try await live.failure(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [cap]) }
        #expect(refused?.reason == "INVALID_FIELD" && refused?.details["field"] == field)
      }
      func put(_ caps: [TallystickV1.Cap], _ list: WritableKeyPath<TallystickV1.Plan, TallystickV1.CapList?>)
        -> TallystickV1.Plan
      {
        var plan = Self.plan
        plan[keyPath: list] = TallystickV1.CapList()
        plan[keyPath: list]?.caps = caps
        return plan
      }
      try await live.expect(
        [
          .elements("plan.caps.caps", CapList.maximumCaps) { $0.plan = put(many($1), \.caps) },
          .elements("plan.spender_caps.caps", CapList.maximumCaps) { $0.plan = put(many($1), \.spenderCaps) },
          .number("plan.spender_caps.caps[0].limit_amount", 0...most) {
            $0.plan = put([Cap("c", .money, .day, $1)], \.spenderCaps)
          },
        ], of: Usage.putPlan
      ) { _ in }
    }
  }

  @Test("who asks for advice or usage may name a spender, a model and a type, each up to its limit")
  func asked() async throws {
    try await LiveServer.run { live in
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
          .text("model", Limits.modelByteCount) { $0.model = $1 },
          .text("type", Limits.runTypeByteCount) { $0.type = $1 },
        ], of: Usage.checkQuota
      ) { ($0.userId, $0.kind) = ("a", .generations) }
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
        ], of: Usage.getUsage
      ) { $0.userId = "a" }
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
        ], of: Credits.checkBalance
      ) { $0.userId = "a" }
      let negative = try await live.failure(Credits.checkBalance) {
        ($0.userId, $0.estimateMicros) = ("a", -1)
      }
      #expect(negative?.reason == "INVALID_AMOUNT" && negative?.details["field"] == "estimate_micros")
    }
  }

  // MARK: in force

  @Test("advice is what a debit would be refused with: of the account first, then of the spender")
  func advice() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 1_000, payment: "p", key: "p")
      _ = try await live.call(Usage.putCaps) {
        ($0.userId, $0.spender, $0.caps) = ("a", "m", [Cap("s", .money, .day, 100)])
      }
      func advice(_ micros: Int64, _ spender: String) async throws -> String {
        let reply = try await live.call(Credits.checkBalance) {
          ($0.userId, $0.estimateMicros, $0.spender) = ("a", micros, spender)
        }
        #expect(reply.allowed == reply.reason.isEmpty && reply.availableMicros == 1_000)
        #expect(reply.remainingMicros == 1_000 - micros)
        return reply.reason
      }
      /// What a debit of it is told: the caps come with it. It is one that is refused.
      func refused(_ micros: Int64, _ spender: String) async throws -> Failed? {
        try await live.failure(Credits.consume) {
          ($0.userId, $0.amountMicros, $0.spender, $0.idempotencyKey) = ("a", micros, spender, "k")
        }
      }
      #expect(try await advice(100, "m") == "")
      #expect(try await advice(101, "m") == "CAP_EXCEEDED")
      #expect(try await refused(101, "m")?.details["spender"] == "m")
      #expect(try await advice(1_000, "") == "")
      #expect(try await advice(1_000, "n") == "")
      #expect(try await advice(1_001, "") == "INSUFFICIENT_CREDITS")
      #expect(try await advice(1_001, "m") == "CAP_EXCEEDED")
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [Cap("w", .money, .hour, 500)]) }
      #expect(try await advice(501, "n") == "CAP_EXCEEDED")
      #expect(try await advice(500, "n") == "")
      // The account's own comes first, although its window is shorter.
      let both = try await refused(501, "m")
      #expect(
        both?.reason == "CAP_EXCEEDED" && both?.details["cap"] == "w" && both?.details["spender"] == nil)
      _ = try await live.putSettings("a") { $0.state = .suspended }
      #expect(try await advice(1_001, "m") == "USER_SUSPENDED")
      #expect(try await advice(0, "") == "USER_SUSPENDED")
      #expect(try await refused(1_001, "m")?.reason == "USER_SUSPENDED")
    }
  }

  @Test("a quota is told before a cap, and a cap only of runs that it counts")
  func quotaBeforeCap() async throws {
    try await LiveServer.run { live in
      try await live.subscribe("a") { $0.limits = .init(generations: 1) }
      var cap = Cap("images", .generations, .day, 0)
      cap.type = "image"
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.caps) = ("a", [cap]) }
      func reason(_ type: String) async throws -> String {
        try await live.call(Usage.checkQuota) {
          ($0.userId, $0.kind, $0.model, $0.type) = ("a", .generations, "m", type)
        }.reason
      }
      func begun(_ type: String) async throws -> String? {
        try await live.failure { try await live.begin("r\(type)", 0, user: "a") { $0.type = type } }?.reason
      }
      #expect(try await reason("text") == "")
      #expect(try await reason("image") == "CAP_EXCEEDED")
      #expect(try await begun("image") == "CAP_EXCEEDED")
      #expect(try await begun("text") == nil)
      #expect(try await reason("text") == "QUOTA_EXCEEDED")
      #expect(try await reason("image") == "QUOTA_EXCEEDED")
      #expect(try await begun("image") == "QUOTA_EXCEEDED")
      // Other quotas are not for caps.
      let pages = try await live.call(Usage.checkQuota) {
        ($0.userId, $0.kind, $0.type) = ("a", .pages, "image")
      }
      #expect(pages.allowed && pages.reason.isEmpty)
    }
  }

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
      #expect(second?.details["used"] == "1" && second?.details["limit"] == "1")
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
