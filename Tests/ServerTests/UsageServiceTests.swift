// UsageService over a real socket: what was used, quotas, plans and the dashboard.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

private let quarter = StatsQuery.stepMicros

@Suite("Usage, quotas and dashboards") struct UsageServiceTests {
  // MARK: plans

  @Test("a plan's limits, zone and prices are stored, listed, and the same ones again change nothing")
  func plans() async throws {
    try await LiveServer.run { (live) async throws in
      var plan = TallystickV1.Plan.sample
      var price = TallystickV1.ModelPrice()
      price.model = "b"
      price.inputMicrosPerMillion = 1_000_000_000_000_000
      plan.prices = [price]
      price.model = "a"
      price.imageMicros = 7
      plan.prices.append(price)
      let stored = try await live.call(Runs.putPlan) { $0.plan = plan }
      #expect(!stored.unchanged && stored.plan?.timeZone == "Asia/Kathmandu")
      #expect(stored.plan?.limits?.monthlyGenerations == 2 && stored.plan?.limits?.monthlyUploads == nil)
      #expect(stored.plan?.limits?.pageCount == 0)
      #expect(stored.plan?.prices.map(\.model) == ["a", "b"])
      plan.prices.reverse()
      #expect(try await live.call(Runs.putPlan) { $0.plan = plan }.unchanged)
      let kept = try #require(stored.plan)
      #expect(try await live.call(Runs.listPlans) { _ in }.plans == [kept])
      plan.limits?.pageCount = nil
      #expect(try await live.call(Runs.putPlan) { $0.plan = plan }.unchanged == false)
    }
  }

  @Test("a plan's terms beyond their limits are refused, at them they are not")
  func planFields() async throws {
    try await LiveServer.run { (live) async throws in
      func price(_ change: (inout TallystickV1.ModelPrice) -> Void) -> TallystickV1.ModelPrice {
        var price = TallystickV1.ModelPrice()
        change(&price)
        return price
      }
      let most = Limits.quotaCount
      #expect(try await live.planField { $0.limits?.monthlyGenerations = most } == nil)
      #expect(
        try await live.planField { $0.limits?.monthlyGenerations = most + 1 }
          == "plan.limits.monthly_generations")
      #expect(try await live.planField { $0.limits?.monthlyUploads = -1 } == "plan.limits.monthly_uploads")
      #expect(try await live.planField { $0.limits?.pageCount = -1 } == "plan.limits.page_count")
      #expect(try await live.planField { $0.timeZone = "Mars/Olympus" } == "plan.time_zone")
      let many = (0...Limits.planPriceCount).map { index in price { $0.model = "m\(index)" } }
      #expect(try await live.planField { $0.prices = Array(many.dropLast()) } == nil)
      #expect(try await live.planField { $0.prices = many } == "plan.prices")
      #expect(
        try await live.planField { $0.prices = [price { _ in }, price { _ in }] } == "plan.prices[1].model")
      let long = String(repeating: "m", count: Limits.modelByteCount)
      #expect(try await live.planField { $0.prices = [price { $0.model = long }] } == nil)
      #expect(
        try await live.planField { $0.prices = [price { $0.model = long + "m" }] } == "plan.prices[0].model")
      #expect(try await live.planField { $0.prices = [price { $0.imageMicros = Limits.priceMicros }] } == nil)
      #expect(
        try await live.planField { $0.prices = [price { $0.imageMicros = Limits.priceMicros + 1 }] }
          == "plan.prices[0].image_micros")
      #expect(
        try await live.planField { $0.prices = [price { $0.outputMicrosPerMillion = -1 }] }
          == "plan.prices[0].output_micros_per_million")
    }
  }

  @Test("each further field of a plan is taken at its border, and refused one beyond with field and limit")
  func planBorders() async throws {
    try await LiveServer.run { live in
      try await live.expect(
        [
          .required("plan.plan_id", Limits.planIdByteCount) { $0.plan?.planId = $1 },
          .text("plan.display_name", Limits.displayNameByteCount) { $0.plan?.displayName = $1 },
          .amount("plan.monthly_credit_micros", 1...Limits.amountMicros) {
            $0.plan?.monthlyCreditMicros = $1
          },
          .number("plan.priority", 1...Int64(Limits.lotPriority), below: -1) {
            $0.plan?.priority = Int32($1)
          },
          .number("plan.expires_after_millis", 1...Limits.timeMicros / 1_000) {
            $0.plan?.grantExpiry = .after
            $0.plan?.expiresAfterMillis = $1
          },
          .amount("plan.rollover_cap_micros", 0...Limits.amountMicros) {
            // Of a plan of its own, since what is stored of it stays.
            $0.plan?.planId = "rolling"
            $0.plan?.grantExpiry = .periodEnd
            $0.plan?.rolloverCapMicros = $1
          },
          .number("plan.price_multiplier_ppm", 0...Limits.priceMultiplierPpm) {
            $0.plan?.priceMultiplierPpm = $1
          },
          .number("plan.limits.monthly_generations", 0...Limits.quotaCount) {
            $0.plan?.limits?.monthlyGenerations = $1
          },
          .number("plan.limits.monthly_uploads", 0...Limits.quotaCount) {
            $0.plan?.limits?.monthlyUploads = $1
          },
          .number("plan.limits.page_count", 0...Limits.quotaCount) { $0.plan?.limits?.pageCount = $1 },
        ], of: Runs.putPlan
      ) { $0.plan = .sample }
      #expect(try await live.planField { $0.grantExpiry = .unspecified } == "plan.grant_expiry")
      #expect(try await live.planField { $0.grantExpiry = .unrecognized(4) } == "plan.grant_expiry")
      #expect(try await live.planField { $0.expiresAfterMillis = 1 } == "plan.expires_after_millis")
      #expect(try await live.planField { $0.onShort = .unrecognized(4) } == "plan.on_short")
      #expect(try await live.planField { $0.rolloverCapMicros = 1 } == "plan.rollover_cap_micros")
      #expect(try await live.failure(Runs.putPlan) { _ in }?.details["field"] == "plan")
    }
  }

  // MARK: usage and quotas

  @Test("usage counts what succeeded and what runs, against the plan")
  func usage() async throws {
    try await LiveServer.run { (live) async throws in
      try await live.subscribe("u1") {
        $0.limits = .sample
        $0.timeZone = "Asia/Kathmandu"
      }
      try await live.record("r1")
      try await live.record("r2") { $0.status = .failed }
      try await live.begin("r3", 0)
      let reply = try await live.call(Runs.getUsage) { $0.userId = "u1" }
      let usage = try #require(reply.usage)
      #expect(usage.userId == "u1" && usage.generations == 1 && usage.running == 1 && usage.uploads == 0)
      #expect(usage.planId == "pro" && usage.timeZone == "Asia/Kathmandu")
      #expect(usage.limits?.monthlyGenerations == 2 && reply.commitSequence > 0)
      #expect(usage.month.utf8.count == 7 && usage.resetsAtMicros % quarter == 0)
      let utc = try await live.call(Runs.getUsage) {
        $0.userId = "u1"
        $0.month = "2001-02"
        $0.timeZone = "UTC"
      }.usage
      #expect(utc?.generations == 0 && utc?.running == 1 && utc?.month == "2001-02")
      #expect(utc?.resetsAtMicros == 983_404_800_000_000 && utc?.timeZone == "UTC")
      let batch = try await live.call(Runs.batchGetUsage) { $0.userIds = ["nobody", "u1", "nobody", "u1"] }
      #expect(batch.usages.map(\.userId) == ["nobody", "u1", "nobody", "u1"])
      #expect(batch.usages.map(\.generations) == [0, 1, 0, 1])
      #expect(batch.usages[1] == usage && batch.usages[0].planId == "" && batch.usages[0].limits == nil)

      let full = try await live.failure { try await live.begin("r4", 0) }
      #expect(full?.reason == "QUOTA_EXCEEDED")
      #expect(full?.details["quota"] == "GENERATIONS" && full?.details["limit"] == "2")
      #expect(full?.details["used"] == "2")
      #expect(full?.details["resets_at_micros"] == String(usage.resetsAtMicros))
      let quota = try await live.quota("u1", .generations)
      #expect(!quota.allowed && quota.limitCount == 2 && quota.used == 2)
      #expect(quota.resetsAtMicros == usage.resetsAtMicros)
      let pages = try await live.quota("u1", .pages)
      #expect(!pages.allowed && pages.limitCount == 0 && pages.used == 0 && pages.resetsAtMicros == 0)
      let uploads = try await live.quota("u1", .uploads)
      #expect(uploads.allowed && uploads.limitCount == nil)
      #expect(try await live.quota("nobody", .pages).allowed)
      // A run that failed counts no more.
      try await live.finish("r3", cost: 0, status: .failed)
      #expect(try await live.quota("u1", .generations).allowed)
      try await live.begin("r4", 0)
    }
  }

  @Test("usage asked for wrongly, at the limits and beyond them")
  func usageFields() async throws {
    try await LiveServer.run { (live) async throws in
      #expect(try await live.usageField { $0.userId = "" } == "user_id")
      #expect(try await live.usageField { $0.userId = String(repeating: "u", count: 256) } == "user_id")
      for month in ["2026-1", "2026-13", "2026-00", "1969-12", "2026-01-01", "abcd-01"] {
        #expect(try await live.usageField { $0.month = month } == "month")
      }
      #expect(try await live.usageField { $0.month = "9999-12" } == nil)
      #expect(try await live.usageField { $0.timeZone = "Europe" } == "time_zone")
      let most = (0..<Limits.usageUserCount).map { "u\($0)" }
      #expect(try await live.call(Runs.batchGetUsage) { $0.userIds = most }.usages.count == most.count)
      #expect(try await live.reason(Runs.batchGetUsage) { $0.userIds = most + ["u"] } == "BATCH_TOO_LARGE")
      #expect(try await live.reason(Runs.batchGetUsage) { $0.userIds = [] } == "INVALID_FIELD")
      #expect(try await live.reason(Runs.batchGetUsage) { $0.userIds = ["u", ""] } == "INVALID_FIELD")
      try await live.expect(
        [
          .elements("user_ids", Limits.usageUserCount, reason: "BATCH_TOO_LARGE") {
            $0.userIds = (0..<$1).map { "u\($0)" }
          },
          .required("user_ids[1]", Limits.userIdByteCount) { $0.userIds = ["u", $1] },
        ], of: Runs.batchGetUsage
      ) { _ in }
      let month = try await live.failure(Runs.batchGetUsage) { ($0.userIds, $0.month) = (["u"], "2026-13") }
      #expect(month?.reason == "INVALID_FIELD" && month?.details["field"] == "month")
      let zone = try await live.failure(Runs.batchGetUsage) { ($0.userIds, $0.timeZone) = (["u"], "Mars") }
      #expect(zone?.reason == "INVALID_FIELD" && zone?.details["field"] == "time_zone")
      #expect(try await live.reason(Runs.checkQuota) { $0.userId = "u" } == "INVALID_FIELD")
      #expect(
        try await live.reason(Runs.checkQuota) {
          $0.userId = "u"
          $0.kind = .unrecognized(9)
        } == "INVALID_FIELD")
    }
  }

  @Test("an acting user sees its own usage and no other's, and nobody's dashboard but its own")
  func actingUser() async throws {
    try await LiveServer.run { (live) async throws in
      #expect(try await live.reason(Runs.getUsage, actingUser: "u1") { $0.userId = "u1" } == nil)
      #expect(try await live.reason(Runs.getUsage, actingUser: "u1") { $0.userId = "u2" } == "ACTING_USER")
      #expect(
        try await live.reason(Runs.batchGetUsage, actingUser: "u1") { $0.userIds = ["u1", "u2"] }
          == "ACTING_USER")
      #expect(
        try await live.reason(Runs.checkQuota, actingUser: "u1") {
          $0.userId = "u2"
          $0.kind = .pages
        } == "ACTING_USER")
      #expect(try await live.reason(Runs.getStats, actingUser: "u1") { $0.userId = "u1" } == nil)
      #expect(try await live.reason(Runs.getStats, actingUser: "u1") { $0.userId = "u2" } == "ACTING_USER")
      #expect(try await live.reason(Runs.getStats, actingUser: "u1") { _ in } == "ACTING_USER")
      #expect(
        try await live.reason(Runs.putPlan, actingUser: "u1") { $0.plan = .sample } == "ROLE_REQUIRED")
    }
  }

  // MARK: dashboards

  @Test("a dashboard has totals, groups, every day and the last runs")
  func dashboard() async throws {
    try await LiveServer.run { (live) async throws in
      try await live.record("r1") { $0.costMicros = 10 }
      try await live.record("r2") {
        $0.model = "n"
        $0.costMicros = 5
        $0.inputTokens = 7
      }
      try await live.record("r3") {
        $0.model = "n"
        $0.type = "image"
        $0.status = .failed
        $0.images = 2
        $0.costMicros = 0
      }
      try await live.record("r4", user: "u2")
      try await live.begin("r5", 0)
      let reply = try await live.stats("u1") { $0.recentLimit = 3 }
      #expect(reply.totals?.count == 3 && reply.totals?.succeeded == 2 && reply.totals?.failed == 1)
      #expect(reply.totals?.costMicros == 15 && reply.totals?.errorRatePpm == 333_333)
      #expect(reply.byModel.map(\.name) == ["n", "m"] && reply.byModel.first?.totals?.images == 2)
      #expect(reply.byType.map(\.name) == ["text", "image"])
      #expect(reply.byStatus.map(\.name) == ["SUCCEEDED", "FAILED"])
      #expect(reply.byStatus.first?.totals?.costMicros == 15)
      #expect(reply.days.count == 30 && reply.days.last?.totals?.count == 3)
      #expect(reply.days.first?.totals?.count == 0 && reply.days.first?.startAtMicros == reply.fromMicros)
      #expect(reply.recent.map(\.runId) == ["r5", "r3", "r2"])
      #expect(reply.timeZone == "UTC" && reply.toMicros - reply.fromMicros == 30 * 96 * quarter)
      let all = try await live.stats("") { $0.days = 1 }
      #expect(all.totals?.count == 4 && all.days.count == 1 && all.recent.isEmpty)
      #expect(try await live.stats("nobody") { $0.recentLimit = 1 }.totals?.count == 0)
      // A part of a day.
      let day = try #require(reply.days.last).startAtMicros
      let part = try await live.stats("u1") {
        $0.fromMicros = day - quarter
        $0.toMicros = day + quarter
      }
      #expect(part.days.count == 2 && part.fromMicros == day - quarter)
    }
  }

  @Test("at most 100 groups have names, and the rest is one")
  func groups() async throws {
    try await LiveServer.run { (live) async throws in
      let count = Limits.statsGroupCount + 5
      _ = try await live.call(Runs.recordRuns) {
        $0.runs = (0..<count).map { index in
          var run = TallystickV1.RecordRunRequest.sample("r\(index)")
          run.model = "model-\(1_000 + index)"
          return run
        }
      }
      let reply = try await live.stats("u1") { _ in }
      #expect(reply.byModel.count == Limits.statsGroupCount + 1)
      #expect(reply.byModel.first?.name == "model-1000")
      #expect(reply.byModel.last?.name == "" && reply.byModel.last?.totals?.count == 5)
      #expect(reply.byModel.last?.totals?.costMicros == 25)
    }
  }

  @Test("a dashboard asked for wrongly, at the limits and beyond them")
  func dashboardFields() async throws {
    try await LiveServer.run { (live) async throws in
      let day = 96 * quarter
      func span(_ from: Int64?, _ to: Int64?) -> (inout TallystickV1.GetStatsRequest) -> Void {
        return {
          $0.fromMicros = from
          $0.toMicros = to
        }
      }
      #expect(try await live.statsField { $0.days = 400 } == nil)
      #expect(try await live.statsField { $0.days = 401 } == "days")
      #expect(try await live.statsField { $0.days = -1 } == "days")
      #expect(try await live.statsField { $0.recentLimit = 100 } == nil)
      #expect(try await live.statsField { $0.recentLimit = 101 } == "recent_limit")
      try await live.expect(
        [
          .text("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .number("days", 0...Int64(Limits.statsDayCount)) { $0.days = Int32($1) },
          .number("recent_limit", 0...Int64(Limits.recentRunCount)) { $0.recentLimit = Int32($1) },
          .text("tag", Limits.tagKeyByteCount) { $0.tag = $1 },
        ], of: Runs.getStats
      ) { _ in }
      #expect(try await live.statsField { $0.timeZone = "x" } == "time_zone")
      #expect(try await live.statsField(span(0, 400 * day)) == nil)
      #expect(try await live.statsField(span(0, 400 * day + quarter)) == "to_micros")
      #expect(try await live.statsField(span(day, day)) == "to_micros")
      #expect(try await live.statsField(span(1, day)) == "from_micros")
      #expect(try await live.statsField(span(-quarter, day)) == "from_micros")
      #expect(try await live.statsField(span(0, day + 1)) == "to_micros")
      #expect(try await live.statsField(span(0, nil)) == "to_micros")
      #expect(try await live.statsField(span(nil, day)) == "from_micros")
      #expect(
        try await live.statsField {
          span(0, day)(&$0)
          $0.days = 1
        } == "days")
    }
  }

  @Test("a kept dashboard is told with the last commit, and any change of the user's runs makes it anew")
  func keptDashboard() async throws {
    try await LiveServer.run { (live) async throws in
      try await live.record("r1")
      func ask(_ userId: String = "u1") async throws -> TallystickV1.GetStatsResponse {
        try await live.stats(userId) { $0.recentLimit = 10 }
      }
      let first = try await ask()
      let hits = live.server.replyHits("stats")
      #expect(try await ask() == first)
      #expect(live.server.replyHits("stats") == hits + 1)
      // Another user's run leaves it as it is, but for the commit.
      let other = try await live.record("r2", user: "u2")
      var later = first
      later.commitSequence = other.commitSequence
      #expect(try await ask() == later)
      #expect(live.server.replyHits("stats") == hits + 2)
      #expect(try await ask("").totals?.count == 2)
      try await live.begin("r3", 0)
      #expect(try await ask().recent.map(\.runId) == ["r3", "r1"])
      #expect(try await ask("").recent.first?.runId == "r3")
      try await live.finish("r3", cost: 0, status: .cancelled)
      #expect(try await ask().totals?.cancelled == 1)
      #expect(try await ask("").recent.first?.status == .cancelled)
    }
  }
}

extension LiveServer {
  /// The field that a request is refused for; nil when it is not.
  func planField(_ change: (inout TallystickV1.Plan) -> Void) async throws -> String? {
    try await failure {
      _ = try await call(Runs.putPlan) {
        var plan = TallystickV1.Plan.sample
        change(&plan)
        $0.plan = plan
      }
    }?.details["field"]
  }

  fileprivate func usageField(
    _ change: (inout TallystickV1.GetUsageRequest) -> Void
  ) async throws -> String? {
    try await failure {
      _ = try await call(Runs.getUsage) {
        $0.userId = "u"
        change(&$0)
      }
    }?.details["field"]
  }

  fileprivate func statsField(
    _ change: (inout TallystickV1.GetStatsRequest) -> Void
  ) async throws -> String? {
    try await failure { _ = try await call(Runs.getStats) { change(&$0) } }?.details["field"]
  }

  func stats(
    _ userId: String, _ fill: (inout TallystickV1.GetStatsRequest) -> Void
  ) async throws -> TallystickV1.GetStatsResponse {
    try await call(Runs.getStats) {
      $0.userId = userId
      fill(&$0)
    }
  }

  func quota(_ userId: String, _ kind: TallystickV1.QuotaKind) async throws -> TallystickV1.CheckQuotaResponse
  {
    try await call(Runs.checkQuota) {
      $0.userId = userId
      $0.kind = kind
    }
  }
}

extension TallystickV1.PlanLimits {
  /// Two generations a month, any number of uploads, no page.
  fileprivate static var sample: Self {
    var limits = Self()
    limits.monthlyGenerations = 2
    limits.pageCount = 0
    return limits
  }
}

extension TallystickV1.Plan {
  fileprivate static var sample: Self {
    var plan = Self()
    plan.planId = "pro"
    plan.monthlyCreditMicros = 1
    plan.grantExpiry = .never
    plan.limits = .sample
    plan.timeZone = "Asia/Kathmandu"
    return plan
  }
}
