// Alert rules and events through the service.

internal import TallyMessages
internal import Testing

@testable internal import TallyCore
@testable internal import TallyServer

@Suite("Event service")
struct EventServiceTests {
  private typealias Usage = TallystickV1.UsageService

  private static func rule(
    _ id: String, _ scope: TallystickV1.AlertRule.Scope?, _ condition: TallystickV1.AlertRule.Condition?
  ) -> TallystickV1.AlertRule {
    var rule = TallystickV1.AlertRule()
    (rule.ruleId, rule.scope, rule.condition) = (id, scope, condition)
    return rule
  }

  @Test("a rule is put, replaced, listed and deleted; its event names what crossed")
  func rules() async throws {
    try await LiveServer.run { live in
      let low = Self.rule("low", .everyUser(true), .balanceBelowMicros(10))
      let put = try await live.call(Usage.putAlertRule) { $0.rule = low }
      #expect(!put.unchanged && put.rule?.updatedAtMicros ?? 0 > 0 && put.commitSequence > 0)
      #expect(try await live.call(Usage.putAlertRule) { $0.rule = low }.unchanged)
      _ = try await live.call(Usage.putAlertRule) {
        $0.rule = Self.rule("owes", .userId("u"), .owedAboveMicros(0))
      }
      let first = try await live.call(Usage.listAlertRules) { $0.limit = 1 }
      #expect(first.rules.map(\.ruleId) == ["low"])
      let second = try await live.call(Usage.listAlertRules) {
        ($0.limit, $0.cursor) = (1, first.nextCursor)
      }
      #expect(second.rules.map(\.ruleId) == ["owes"] && second.nextCursor.isEmpty)
      try await live.purchase("u", 10, payment: "p", key: "p")
      let debit = try await live.consume("u", 4, key: "c")
      let listed = try await live.call(Usage.listEvents) { $0.userId = "u" }
      let event = try #require(listed.events.first)
      #expect(listed.events.count == 1 && event.kind == .balanceBelow && event.ruleId == "low")
      #expect(event.transactionId == debit.transaction?.transactionId && event.eventId == 1)
      #expect([event.thresholdMicros, event.beforeMicros, event.afterMicros] == [10, 10, 6])
      #expect(event.commitSequence == debit.commitSequence)
      let other = try await live.call(Usage.listEvents) { ($0.userId, $0.kinds) = ("u", [.owed]) }
      #expect(other.events.isEmpty)
      let higher = Self.rule("low", .userId("u"), .balanceBelowMicros(20))
      let replaced = try await live.call(Usage.putAlertRule) { $0.rule = higher }
      #expect(!replaced.unchanged && replaced.rule?.condition == higher.condition)
      let stored = try await live.call(Usage.listAlertRules) { _ in }.rules
      #expect(stored.map(\.ruleId) == ["low", "owes"] && stored.first == replaced.rule)
      #expect(!(try await live.call(Usage.deleteAlertRule) { $0.ruleId = "low" }.unchanged))
      #expect(try await live.call(Usage.deleteAlertRule) { $0.ruleId = "low" }.unchanged)
    }
  }

  @Test(
    "a rule that makes no sense is refused",
    arguments: [
      ("rule.rule_id", rule("", .everyUser(true), .balanceBelowMicros(1))),
      ("rule.scope", rule("r", nil, .balanceBelowMicros(1))),
      ("rule.every_user", rule("r", .everyUser(false), .balanceBelowMicros(1))),
      ("rule.user_id", rule("r", .userId(""), .balanceBelowMicros(1))),
      ("rule.plan_id", rule("r", .planId(""), .balanceBelowMicros(1))),
      ("rule.condition", rule("r", .everyUser(true), nil)),
      ("rule.generations_at_percent", rule("r", .everyUser(true), .generationsAtPercent(0))),
      ("rule.uploads_at_percent", rule("r", .everyUser(true), .uploadsAtPercent(101))),
      ("rule.pages_at_percent", rule("r", .everyUser(true), .pagesAtPercent(-1))),
      ("rule.cap_at_percent", rule("r", .everyUser(true), .capAtPercent(0))),
      ("rule.cap_at_percent", rule("r", .everyUser(true), .capAtPercent(101))),
      (
        "rule.credit_expires_within_millis",
        rule("r", .everyUser(true), .creditExpiresWithinMillis(3_599_999))
      ),
      (
        "rule.credit_expires_within_millis",
        rule("r", .everyUser(true), .creditExpiresWithinMillis(366 * 86_400_000 + 1))
      ),
      ("rule.rule_id", rule(String(repeating: "r", count: 129), .everyUser(true), .balanceBelowMicros(1))),
    ])
  func refused(field: String, rule: TallystickV1.AlertRule) async throws {
    try await LiveServer.run { live in
      do {
        _ = try await live.call(Usage.putAlertRule) { $0.rule = rule }
        Issue.record("\(rule) was stored")
      } catch let failed as Failed {
        #expect(failed.reason == "INVALID_FIELD" && failed.details["field"] == field, "\(failed)")
      }
    }
  }

  @Test("a rule of each quota comes back as it was put, and its event tells how much is used")
  func quotas() async throws {
    try await LiveServer.run { live in
      var plan = TallystickV1.Plan()
      (plan.planId, plan.monthlyCreditMicros, plan.grantExpiry) = ("pro", 1, .never)
      (plan.isDefault, plan.limits) = (true, TallystickV1.PlanLimits())
      plan.limits?.pageCount = 2
      _ = try await live.call(Usage.putPlan) { $0.plan = plan }
      let conditions: [TallystickV1.AlertRule.Condition] = [
        .generationsAtPercent(80), .uploadsAtPercent(1), .pagesAtPercent(100),
      ]
      for (index, condition) in conditions.enumerated() {
        let rule = Self.rule("r\(index)", .everyUser(true), condition)
        #expect(try await live.call(Usage.putAlertRule) { $0.rule = rule }.rule?.condition == condition)
        #expect(try await live.call(Usage.putAlertRule) { $0.rule = rule }.unchanged)
      }
      #expect(try await live.call(Usage.listAlertRules) { _ in }.rules.map(\.condition) == conditions)
      for page in ["a", "b"] {
        _ = try await live.call(TallystickV1.PageService.createPage) { ($0.userId, $0.pageId) = ("u", page) }
      }
      let events = try await live.call(Usage.listEvents) { ($0.userId, $0.kinds) = ("u", [.quotaAt]) }.events
      let event = try #require(events.first)
      #expect(events.count == 1 && event.ruleId == "r2" && event.transactionId.isEmpty)
      #expect(event.quota?.quota == "PAGES" && event.quota?.percent == 100)
      #expect(event.quota?.used == 2 && event.quota?.limit == 2)
    }
  }

  @Test("a rule of caps comes back as it was put, and its event tells which cap, whose, and how much is used")
  func caps() async throws {
    try await LiveServer.run { live in
      let rule = Self.rule("r", .userId("u"), .capAtPercent(90))
      #expect(try await live.call(Usage.putAlertRule) { $0.rule = rule }.rule?.condition == rule.condition)
      #expect(try await live.call(Usage.putAlertRule) { $0.rule = rule }.unchanged)
      #expect(try await live.call(Usage.listAlertRules) { _ in }.rules.map(\.condition) == [rule.condition])
      var cap = TallystickV1.Cap()
      (cap.capId, cap.measure, cap.window, cap.hours) = ("recent", .money, .lastHours, 2)
      cap.limitAmount = 100
      _ = try await live.call(Usage.putCaps) { ($0.userId, $0.spender, $0.caps) = ("u", "m", [cap]) }
      _ = try await live.call(TallystickV1.CreditService.addPurchase) {
        ($0.userId, $0.paymentId, $0.amountMicros, $0.idempotencyKey) = ("u", "p", 1_000, "p")
      }
      for (key, micros) in [("a", Int64(89)), ("b", 2)] {
        _ = try await live.call(TallystickV1.CreditService.consume) {
          ($0.userId, $0.amountMicros, $0.spender, $0.idempotencyKey) = ("u", micros, "m", key)
        }
      }
      let events = try await live.call(Usage.listEvents) { ($0.userId, $0.kinds) = ("u", [.capAt]) }.events
      let event = try #require(events.first)
      #expect(events.count == 1 && event.ruleId == "r" && event.transactionId.isEmpty)
      #expect(event.cap?.cap == cap && event.cap?.spender == "m")
      #expect(event.cap?.percent == 90 && event.cap?.used == 91 && event.cap?.limit == 100)
      #expect(event.cap?.resetsAtMicros ?? 0 > event.createdAtMicros)
    }
  }

  @Test("a rule of credit that expires comes back as it was put, of the shortest and the longest time")
  func expiries() async throws {
    try await LiveServer.run { live in
      let conditions: [TallystickV1.AlertRule.Condition] = [
        .creditExpiresWithinMillis(366 * 86_400_000), .creditExpiresWithinMillis(3_600_000),
      ]
      for (index, condition) in conditions.enumerated() {
        let rule = Self.rule("r\(index)", .everyUser(true), condition)
        #expect(try await live.call(Usage.putAlertRule) { $0.rule = rule }.rule?.condition == condition)
        #expect(try await live.call(Usage.putAlertRule) { $0.rule = rule }.unchanged)
      }
      #expect(try await live.call(Usage.listAlertRules) { _ in }.rules.map(\.condition) == conditions)
      let now = try await live.purchase("u", 10, payment: "p", key: "p").transaction?.createdAtMicros ?? 0
      var grants: [TallystickV1.GrantPromoResponse] = []
      for days in [367, 1] as [Int64] {
        let grant = try await live.call(TallystickV1.CreditService.grantPromo) {
          ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 5, "g\(days)")
          $0.expiresAtMicros = now + days * 86_400_000_000
        }
        grants.append(grant)
      }
      let events = try await live.call(Usage.listEvents) { ($0.userId, $0.kinds) = ("u", [.creditExpires]) }
        .events
      let event = try #require(events.first)
      #expect(events.count == 1 && event.ruleId == "r0" && event.transactionId.isEmpty)
      #expect(event.expiringCredit?.transactionId == grants[1].transaction?.transactionId)
      #expect(event.expiringCredit?.amountMicros == 5)
      #expect(event.expiringCredit?.expiresAtMicros == grants[1].transaction?.expiresAtMicros)
      #expect(event.expiringCredit?.withinMillis == Int64(366 * 86_400_000))
    }
  }

  @Test("amounts and kinds are checked")
  func amounts() async throws {
    try await LiveServer.run { live in
      for condition in [
        TallystickV1.AlertRule.Condition.balanceBelowMicros(0), .balanceBelowMicros(-1), .owedAboveMicros(-1),
      ] {
        let reason = try await live.reason(Usage.putAlertRule) {
          $0.rule = Self.rule("r", .everyUser(true), condition)
        }
        #expect(reason == "INVALID_AMOUNT")
      }
      let missing = try await live.reason(Usage.putAlertRule) {
        $0.rule = Self.rule("r", .planId("none"), .owedAboveMicros(0))
      }
      #expect(missing == "GRANT_NOT_FOUND")
      for kind in [TallystickV1.EventKind.unspecified, .unrecognized(40)] {
        let reason = try await live.reason(Usage.listEvents) { ($0.userId, $0.kinds) = ("u", [kind]) }
        #expect(reason == "INVALID_FIELD")
      }
    }
  }

  @Test("each field is taken at its border, and refused one beyond with the field and the limit")
  func borders() async throws {
    try await LiveServer.run { live in
      let most = Limits.amountMicros
      let valid: (inout TallystickV1.PutAlertRuleRequest) -> Void = {
        $0.rule = Self.rule("r", .everyUser(true), .balanceBelowMicros(1))
      }
      try await live.expect(
        [
          .required("rule.rule_id", Limits.alertRuleIdByteCount) { $0.rule?.ruleId = $1 },
          .required("rule.user_id", Limits.userIdByteCount) { $0.rule?.scope = .userId($1) },
          .amount("rule.balance_below_micros", 1...most) { $0.rule?.condition = .balanceBelowMicros($1) },
          .amount("rule.owed_above_micros", 0...most) { $0.rule?.condition = .owedAboveMicros($1) },
          .number("rule.generations_at_percent", 1...100) {
            $0.rule?.condition = .generationsAtPercent(Int32($1))
          },
          .number("rule.uploads_at_percent", 1...100) { $0.rule?.condition = .uploadsAtPercent(Int32($1)) },
          .number("rule.pages_at_percent", 1...100) { $0.rule?.condition = .pagesAtPercent(Int32($1)) },
        ], of: Usage.putAlertRule, valid)
      try await live.expect(
        [.required("rule.plan_id", Limits.planIdByteCount) { $0.rule?.scope = .planId($1) }],
        of: Usage.putAlertRule, takenWith: "GRANT_NOT_FOUND", valid)
      try await live.expect(
        [.required("rule_id", Limits.alertRuleIdByteCount) { $0.ruleId = $1 }], of: Usage.deleteAlertRule
      ) { _ in }
      try await live.expect(
        [.number("limit", 0...Int64(Limits.pageRowCount)) { $0.limit = Int32($1) }], of: Usage.listAlertRules
      ) { _ in }
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .number("from_micros", 1...Limits.timeMicros) { $0.fromMicros = $1 },
          .number("limit", 0...Int64(Limits.pageRowCount)) { $0.limit = Int32($1) },
        ], of: Usage.listEvents
      ) { $0.userId = "u" }
    }
  }

  @Test("a scope has so many rules and no more; one of them may still be replaced")
  func rulesOfAScope() async throws {
    try await LiveServer.run { live in
      func put(_ id: String, _ scope: TallystickV1.AlertRule.Scope, below micros: Int64 = 1) async throws
        -> Failed?
      {
        try await live.failure(Usage.putAlertRule) {
          $0.rule = Self.rule(id, scope, .balanceBelowMicros(micros))
        }
      }
      for number in 0..<AlertRule.maximumOfAScope {
        #expect(try await put("r\(number)", .userId("u")) == nil)
      }
      let more = try await put("more", .userId("u"))
      #expect(more?.reason == "INVALID_FIELD" && more?.details["field"] == "rule")
      #expect(more?.details["limit"] == "64" && more?.message.contains("rule: there are already 64") == true)
      #expect(try await put("more", .userId("v")) == nil)
      // One of another scope does not find room here either.
      #expect(try await put("more", .userId("u"))?.details["limit"] == "64")
      #expect(try await put("r0", .userId("u"), below: 2) == nil)
      _ = try await live.call(Usage.deleteAlertRule) { $0.ruleId = "r1" }
      #expect(try await put("more", .userId("u")) == nil)
    }
  }

  @Test("events are listed from their very time on, page by page, with a cursor of that question only")
  func events() async throws {
    try await LiveServer.run { live in
      let now = try await live.freeze()
      _ = try await live.call(Usage.putAlertRule) {
        $0.rule = Self.rule("low", .everyUser(true), .balanceBelowMicros(10))
      }
      for number in 0..<3 {
        try await live.purchase("u", 10, payment: "p\(number)", key: "p\(number)")
        try await live.consume("u", 10, key: "c\(number)")
        try await live.advance(millis: 1_000)
      }
      func ids(from micros: Int64) async throws -> [Int64] {
        try await live.call(Usage.listEvents) { ($0.userId, $0.fromMicros) = ("u", micros) }.events.map(
          \.eventId)
      }
      #expect(try await ids(from: now + 1_000_000) == [3, 2])
      #expect(try await ids(from: now + 1_000_001) == [3])
      let first = try await live.call(Usage.listEvents) { ($0.userId, $0.limit) = ("u", 2) }
      let second = try await live.call(Usage.listEvents) {
        ($0.userId, $0.limit, $0.cursor) = ("u", 2, first.nextCursor)
      }
      #expect(first.events.map(\.eventId) == [3, 2] && second.events.map(\.eventId) == [1])
      #expect(second.nextCursor.isEmpty)
      let other = try await live.reason(Usage.listEvents) {
        ($0.userId, $0.kinds, $0.cursor) = ("u", [.balanceBelow], first.nextCursor)
      }
      #expect(other == "INVALID_CURSOR")
      #expect(try await live.reason(Usage.listEvents, actingUser: "v") { $0.userId = "u" } == "ACTING_USER")
    }
  }
}
