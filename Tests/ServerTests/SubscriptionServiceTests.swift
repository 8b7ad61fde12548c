// Subscriptions, suspended users and the default plan through the service.

internal import TallyMessages
internal import Testing

@testable internal import TallyCore
@testable internal import TallyServer

@Suite("Subscription service")
struct SubscriptionServiceTests {
  private typealias Credits = TallystickV1.CreditService
  private typealias Usage = TallystickV1.UsageService
  private typealias Admin = TallystickV1.AdminService

  private func putPlan(
    _ live: LiveServer, _ id: String, _ fill: (inout TallystickV1.Plan) -> Void = { _ in }
  ) async throws -> TallystickV1.Plan {
    let reply = try await live.call(Usage.putPlan) { request in
      var plan = TallystickV1.Plan()
      plan.planId = id
      plan.monthlyCreditMicros = 100
      plan.grantExpiry = .periodEnd
      fill(&plan)
      request.plan = plan
    }
    return try #require(reply.plan)
  }

  private func subscription(
    _ planId: String = "", _ start: String = "", _ grants: TallystickV1.GrantMode = .unspecified
  ) -> TallystickV1.Subscription {
    var subscription = TallystickV1.Subscription()
    (subscription.planId, subscription.start, subscription.grants) = (planId, start, grants)
    return subscription
  }

  @Test("absent, state and subscription are kept; an empty subscription ends it")
  func presence() async throws {
    try await LiveServer.run { live in
      _ = try await putPlan(live, "pro")
      let set = try #require(
        try await live.putSettings("u") {
          $0.planId = "pro"
          $0.state = .suspended
          $0.subscription = subscription("", "2026-01-31", .manual)
        }.settings)
      #expect(set.state == .suspended)
      #expect(set.subscription == subscription("pro", "2026-01-31", .manual))
      let kept = try #require(try await live.putSettings("u") { $0.email = "a@example.com" }.settings)
      #expect(kept.state == .suspended && kept.planId.isEmpty)
      #expect(kept.subscription == subscription("pro", "2026-01-31", .manual))
      #expect(try await live.putSettings("u") { $0.email = "a@example.com" }.unchanged)
      let ended = try #require(
        try await live.putSettings("u") {
          $0.state = .active
          $0.subscription = subscription()
        }.settings)
      #expect(ended.state == .active && ended.subscription == nil)
      let read = try await live.call(Admin.getUserSettings) { $0.userId = "u" }
      #expect(read.settings?.state == .active)
    }
  }

  @Test(
    "a subscription that is none is refused",
    arguments: [
      ("settings.subscription.plan_id", "", "2026-01-31", TallystickV1.GrantMode.automatic),
      ("settings.subscription.start", "pro", "", .automatic),
      ("settings.subscription.start", "pro", "2026-02-30", .manual),
      ("settings.subscription.start", "pro", "2026-02", .manual),
      ("settings.subscription.grants", "pro", "2026-02-01", .unrecognized(9)),
    ])
  func refused(field: String, planId: String, start: String, grants: TallystickV1.GrantMode) async throws {
    try await LiveServer.run { live in
      _ = try await putPlan(live, "pro")
      do {
        _ = try await live.putSettings("u") { $0.subscription = subscription(planId, start, grants) }
        Issue.record("it was taken")
      } catch let failed as Failed {
        #expect(failed.reason == "INVALID_FIELD" && failed.details["field"] == field, "\(failed)")
      }
    }
  }

  @Test("an automatic subscription is granted without a call, and balances count it at once")
  func automatic() async throws {
    try await LiveServer.run { live in
      _ = try await putPlan(live, "pro")
      _ = try await live.putSettings("u") { $0.subscription = subscription("pro", "2020-01-31", .automatic) }
      let balance = try await live.call(Credits.getBalance) { $0.userId = "u" }.balance
      #expect(balance?.availableMicros == 100)
      let check = try await live.call(Credits.checkBalance) {
        $0.userId = "u"
        $0.estimateMicros = 100
      }
      #expect(check.allowed)
      let consumed = try await live.call(Credits.consume) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 40, "k")
      }
      #expect(consumed.balance?.availableMicros == 60)
      let rows = try await live.call(Credits.listTransactions) { $0.userId = "u" }.transactions
      let granted = try #require(rows.last)
      #expect(granted.type == .planGrant && granted.idempotencyKey.isEmpty && granted.planId == "pro")
      #expect(granted.periodStartDate.utf8.count == 10 && granted.periodEndDate.utf8.count == 10)
    }
  }

  @Test("the default plan holds for users without one, known or not, until another plan takes its place")
  func defaultPlan() async throws {
    try await LiveServer.run { live in
      let free = try await putPlan(live, "free") {
        $0.isDefault = true
        $0.limits = TallystickV1.PlanLimits()
        $0.limits?.monthlyGenerations = 5
      }
      #expect(free.isDefault == true)
      var begun = 0
      for number in 0..<20 {
        let reason = try await live.reason(Usage.beginRun) {
          ($0.userId, $0.runId, $0.model, $0.type) = ("nobody", "r\(number)", "m", "t")
        }
        if reason == nil { begun += 1 } else { #expect(reason == "QUOTA_EXCEEDED") }
      }
      #expect(begun == 5)
      for userId in ["nobody", "unknown"] {
        let usage = try await live.call(Usage.getUsage) { $0.userId = userId }.usage
        #expect(usage?.planId == "free" && usage?.limits?.monthlyGenerations == 5)
      }
      #expect(try await putPlan(live, "next") { $0.isDefault = true }.isDefault == true)
      let plans = try await live.call(Usage.listPlans) { _ in }.plans
      #expect(plans.map { $0.isDefault ?? false } == [false, true])
      let usage = try await live.call(Usage.getUsage) { $0.userId = "nobody" }.usage
      #expect(usage?.planId == "next" && usage?.limits == nil)
    }
  }

  @Test("a period by its date and index, and a grant that is effective later")
  func periods() async throws {
    try await LiveServer.run { live in
      _ = try await putPlan(live, "pro")
      let far = try await live.call(Credits.grantPlan) {
        ($0.userId, $0.planId, $0.idempotencyKey) = ("u", "pro", "a")
        ($0.period, $0.periodIndex) = ("2990-01-31", 1)
      }
      #expect(far.transaction?.periodStartDate == "2990-02-28" && far.balance?.pendingMicros == 100)
      let overlapping = try await live.reason(Credits.grantPlan) {
        ($0.userId, $0.planId, $0.period, $0.idempotencyKey) = ("u", "pro", "2990-03", "b")
      }
      #expect(overlapping == "GRANT_OVERLAPS")
      let later = try await live.call(Credits.grantPlan) {
        ($0.userId, $0.planId, $0.period, $0.idempotencyKey) = ("u", "pro", "2991-01", "c")
        $0.effectiveAtMicros = 32_218_000_000_000_000
      }
      #expect(later.transaction?.effectiveAtMicros == 32_218_000_000_000_000)
      let reason = try await live.reason(Credits.grantPlan) {
        ($0.userId, $0.planId, $0.period, $0.idempotencyKey) = ("u", "pro", "2992-01", "d")
        $0.periodIndex = 1
      }
      #expect(reason == "INVALID_FIELD")
    }
  }
}
