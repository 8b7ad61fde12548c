// UsageService over a real socket: runs that are begun, finished, read and listed.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

typealias Runs = TallystickV1.UsageService

extension LiveServer {
  @discardableResult
  func begin(
    _ runId: String, _ estimateMicros: Int64, user: String = "u1", actingUser: String? = nil,
    _ fill: (inout TallystickV1.BeginRunRequest) -> Void = { _ in }
  ) async throws -> TallystickV1.BeginRunResponse {
    try await call(Runs.beginRun, actingUser: actingUser) {
      $0.runId = runId
      $0.userId = user
      $0.model = "m"
      $0.type = "text"
      $0.estimateMicros = estimateMicros
      fill(&$0)
    }
  }

  @discardableResult
  func finish(
    _ runId: String, cost: Int64?, status: TallystickV1.RunStatus = .succeeded, actingUser: String? = nil,
    _ fill: (inout TallystickV1.FinishRunRequest) -> Void = { _ in }
  ) async throws -> TallystickV1.FinishRunResponse {
    try await call(Runs.finishRun, actingUser: actingUser) {
      $0.runId = runId
      $0.status = status
      $0.costMicros = cost
      fill(&$0)
    }
  }

  @discardableResult
  func record(
    _ runId: String, user: String = "u1", actingUser: String? = nil,
    _ fill: (inout TallystickV1.RecordRunRequest) -> Void = { _ in }
  ) async throws -> TallystickV1.RecordRunResponse {
    try await call(Runs.recordRun, actingUser: actingUser) {
      $0 = .sample(runId, user: user)
      fill(&$0)
    }
  }

  /// What a call fails with; nil when it succeeds.
  func failure(_ body: () async throws -> Void) async throws -> Failed? {
    do {
      try await body()
      return nil
    } catch let failed as Failed { return failed }
  }

  /// Gives a user a plan.
  func subscribe(_ userId: String, _ fill: (inout TallystickV1.Plan) -> Void) async throws {
    _ = try await call(Runs.putPlan) {
      var plan = TallystickV1.Plan()
      plan.planId = "pro"
      plan.monthlyCreditMicros = 1
      plan.grantExpiry = .never
      fill(&plan)
      $0.plan = plan
    }
    _ = try await call(TallystickV1.AdminService.putUserSettings) {
      var settings = TallystickV1.UserSettings()
      settings.userId = userId
      settings.planId = "pro"
      $0.settings = settings
    }
  }

  /// Stops the clock where it is.
  @discardableResult
  func freeze() async throws -> Int64 {
    let now = try await call(TallystickTestingV1.TestControl.getClock) { _ in }.nowMicros
    return try await call(TallystickTestingV1.TestControl.setClock) { $0.nowMicros = now }.nowMicros
  }

  func advance(millis: Int64) async throws {
    _ = try await call(TallystickTestingV1.TestControl.advanceClock) { $0.millis = millis }
  }
}

extension TallystickV1.RecordRunRequest {
  static func sample(_ runId: String, user: String = "u1") -> Self {
    var request = Self()
    request.runId = runId
    request.userId = user
    request.model = "m"
    request.type = "text"
    request.status = .succeeded
    request.costMicros = 5
    return request
  }
}

@Suite("Runs begun and finished") struct RunServiceTests {
  @Test("a run holds its estimate, is charged its cost, and gives the rest back") func wholeWay() async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let begun = try await live.begin("r1", 300)
      let run = try #require(begun.run)
      #expect(run.runId == "r1" && run.userId == "u1" && run.model == "m" && run.type == "text")
      #expect(run.status == .running && run.estimateMicros == 300 && run.holdId == begun.hold?.holdId)
      #expect(run.expiresAtMicros == run.startedAtMicros + 900_000_000 && run.finishedAtMicros == 0)
      #expect(begun.transaction?.type == .hold && begun.transaction?.runId == "r1")
      #expect(begun.transaction?.idempotencyKey == "" && begun.hold?.state == .open)
      #expect(begun.balance?.availableMicros == 700 && !begun.replayed && begun.commitSequence > 0)

      let finished = try await live.finish("r1", cost: 120) {
        $0.inputTokens = 10
        $0.outputTokens = 20
        $0.images = 3
        $0.error = "none"
      }
      let ended = try #require(finished.run)
      #expect(ended.status == .succeeded && ended.costMicros == 120 && ended.chargedMicros == 120)
      #expect(ended.uncollectedMicros == 0 && ended.finishedAtMicros > 0 && ended.error == "none")
      #expect(ended.inputTokens == 10 && ended.outputTokens == 20 && ended.images == 3)
      #expect(finished.transaction?.type == .apiUsage && finished.transaction?.amountMicros == -120)
      #expect(finished.transaction?.holdId == run.holdId && finished.transaction?.runId == "r1")
      #expect(finished.balance?.availableMicros == 880 && finished.balance?.heldMicros == 0)
      let read = try await live.call(Runs.getRun) { $0.runId = "r1" }
      #expect(read.run == ended && read.commitSequence == finished.commitSequence)
    }
  }

  @Test("begin and finish replay to the letter, but for run and hold, which are as they are now")
  func replays()
    async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let begun = try await live.begin("r1", 300)
      let finished = try await live.finish("r1", cost: 400)
      try await live.consume("u1", 100, key: "c")
      let again = try await live.begin("r1", 300)
      #expect(again.replayed && again.run == finished.run)
      #expect(again.transaction == begun.transaction && again.balance == begun.balance)
      #expect(again.hold?.state == .captured && again.hold?.capturedMicros == 300)
      #expect(again.commitSequence == begun.commitSequence)
      #expect(again.commitPosition == begun.commitPosition)
      var expected = finished
      expected.replayed = true
      #expect(try await live.finish("r1", cost: 400) == expected)
      #expect(try await live.available("u1") == 500)
    }
  }

  @Test("another request under the id conflicts, whoever makes it") func conflicts() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      try await live.begin("r1", 300)
      #expect(try await live.failure { try await live.begin("r1", 301) }?.reason == "RUN_CONFLICT")
      let foreign = try await live.failure { try await live.begin("r1", 300, user: "u2") }
      #expect(foreign?.reason == "RUN_CONFLICT" && foreign?.code == .alreadyExists)
      #expect(try await live.failure { try await live.record("r1") }?.reason == "RUN_CONFLICT")
      try await live.finish("r1", cost: 1)
      #expect(try await live.failure { try await live.finish("r1", cost: 2) }?.reason == "RUN_CONFLICT")
      try await live.record("r2")
      #expect(try await live.failure { try await live.finish("r2", cost: 5) }?.reason == "RUN_CONFLICT")
      #expect(try await live.failure { try await live.begin("r2", 0) }?.reason == "RUN_CONFLICT")
      #expect(try await live.failure { try await live.finish("r3", cost: 5) }?.reason == "RUN_NOT_FOUND")
    }
  }

  @Test("a refusal leaves nothing and does not burn the run's id") func refusals() async throws {
    try await LiveServer.run { live in
      let failed = try await live.failure { try await live.begin("r1", 300) }
      #expect(failed?.reason == "INSUFFICIENT_CREDITS" && failed?.details["available_micros"] == "0")
      #expect(failed?.details["commit_position"] != nil)
      #expect(try await live.reason(Runs.getRun) { $0.runId = "r1" } == "RUN_NOT_FOUND")
      try await live.purchase("u1", 300, payment: "p1", key: "k1")
      #expect(try await live.begin("r1", 300).replayed == false)
    }
  }

  @Test("nothing is held for nothing: a run without estimate has no hold, no row, and its user is made")
  func withoutEstimate() async throws {
    try await LiveServer.run { live in
      let begun = try await live.begin("r1", 0)
      #expect(begun.run?.holdId == "" && begun.hold == nil && begun.transaction == nil)
      #expect(begun.balance?.userId == "u1" && begun.balance?.version == 0)
      let failed = try await live.finish("r1", cost: nil, status: .failed)
      #expect(failed.transaction == nil && failed.run?.status == .failed && failed.run?.costMicros == 0)
      #expect(try await live.finish("r1", cost: nil, status: .failed).replayed)
      #expect(try await live.begin("r1", 0).replayed)
      // Without a hold the cost is drawn from what there is.
      try await live.begin("r2", 0)
      try await live.purchase("u1", 30, payment: "p1", key: "k1")
      let finished = try await live.finish("r2", cost: 50)
      #expect(finished.run?.chargedMicros == 30 && finished.run?.uncollectedMicros == 20)
      #expect(finished.transaction?.amountMicros == -30 && finished.balance?.availableMicros == 0)
    }
  }

  @Test("beyond the hold what is available is drawn, and the rest is uncollected") func beyond() async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      try await live.begin("r1", 300)
      let drawn = try await live.finish("r1", cost: 400)
      #expect(drawn.run?.chargedMicros == 400 && drawn.transaction?.amountMicros == -400)
      #expect(drawn.transaction?.holdId != "" && drawn.transaction?.runId == "r1")
      try await live.begin("r2", 500)
      let short = try await live.finish("r2", cost: 1_000, status: .cancelled)
      #expect(short.run?.chargedMicros == 600 && short.run?.uncollectedMicros == 400)
      #expect(short.run?.status == .cancelled && short.balance?.postedMicros == 0)
      // What comes in later does not pay for it.
      try await live.purchase("u1", 50, payment: "p2", key: "k2")
      #expect(try await live.available("u1") == 50)
    }
  }

  @Test("a hold that has expired pays nothing; the run goes on what is available") func expired() async throws
  {
    try await LiveServer.run { live in
      _ = try await live.freeze()
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      try await live.begin("r1", 300) { $0.ttlMillis = 1_000 }
      try await live.advance(millis: 1_000)
      #expect(try await live.call(Runs.getRun) { $0.runId = "r1" }.run?.status == .running)
      try await live.consume("u1", 900, key: "c")
      let finished = try await live.finish("r1", cost: 250)
      #expect(finished.run?.chargedMicros == 100 && finished.run?.uncollectedMicros == 150)
    }
  }

  @Test("what was captured by hand pays the cost and is not taken again", arguments: [40, 120] as [Int64])
  func capturedByHand(cost: Int64) async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let begun = try await live.begin("r1", 300)
      _ = try await live.call(Credits.capture) {
        $0.holdId = begun.hold?.holdId ?? ""
        $0.amountMicros = 100
        $0.idempotencyKey = "c"
      }
      let finished = try await live.finish("r1", cost: cost)
      #expect(finished.run?.chargedMicros == cost && finished.run?.uncollectedMicros == 0)
      // Up to a hundred was captured before; only what goes beyond is drawn.
      #expect(try await live.available("u1") == 900 - max(0, cost - 100))
      #expect((finished.transaction == nil) == (cost <= 100))
    }
  }

  @Test("a hold released by hand pays nothing, and one that is extended lets its run count on")
  func releasedAndExtended() async throws {
    try await LiveServer.run { live in
      _ = try await live.freeze()
      try await live.subscribe("u1") { $0.limits = .init(generations: 1) }
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let begun = try await live.begin("r1", 300) { $0.ttlMillis = 1_000 }
      let extended = try await live.call(Credits.extend) {
        $0.holdId = begun.hold?.holdId ?? ""
        $0.ttlMillis = 5_000
        $0.idempotencyKey = "e"
      }
      let run = try await live.call(Runs.getRun) { $0.runId = "r1" }.run
      #expect(run?.expiresAtMicros == extended.hold?.expiresAtMicros)
      try await live.advance(millis: 4_999)
      #expect(try await live.failure { try await live.begin("r2", 0) }?.reason == "QUOTA_EXCEEDED")
      _ = try await live.call(Credits.release) {
        $0.holdId = begun.hold?.holdId ?? ""
        $0.idempotencyKey = "f"
      }
      let finished = try await live.finish("r1", cost: 200, status: .failed)
      #expect(finished.run?.chargedMicros == 200 && finished.balance?.availableMicros == 800)
    }
  }

  @Test("what a run costs comes from the plan's prices as it began, once, and not when it failed")
  func prices()
    async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      try await live.begin("r1", 0)
      let tokens: (inout TallystickV1.FinishRunRequest) -> Void = {
        $0.inputTokens = 1
        $0.outputTokens = 1_000_000
        $0.images = 2
      }
      let planless = try await live.failure { try await live.finish("r1", cost: nil, tokens) }
      #expect(planless?.reason == "INVALID_FIELD" && planless?.details["field"] == "cost_micros")
      try await live.subscribe("u1") { $0.prices = [.of("other", 1, 1, 1)] }
      let priceless = try await live.failure { try await live.finish("r1", cost: nil, tokens) }
      #expect(priceless?.reason == "INVALID_FIELD" && priceless?.details["model"] == "m")
      #expect(
        try await live.failure { try await live.record("n") { $0.costMicros = nil } }?.reason
          == "INVALID_FIELD")
      try await live.subscribe("u1") { $0.prices = [.of("m", 1, 7, 10)] }
      // It began without a price.
      let early = try await live.failure { try await live.finish("r1", cost: nil, tokens) }
      #expect(early?.reason == "INVALID_FIELD")
      try await live.begin("priced", 0)
      let finished = try await live.finish("priced", cost: nil, tokens)
      // 1 + 7,000,000 millionths, rounded up, and two images.
      #expect(finished.run?.costMicros == 28)
      let recorded = try await live.record("r2") {
        $0.costMicros = nil
        $0.images = 1
      }
      #expect(recorded.run?.costMicros == 10 && recorded.run?.chargedMicros == 0)
      try await live.subscribe("u1") {
        $0.prices = [.of("m", 1_000_000_000_000_000, 0, 1_000_000_000_000_000)]
      }
      try await live.begin("r3", 0)
      let beyond = try await live.failure {
        try await live.finish("r3", cost: nil) { $0.images = Limits.runUnitCount }
      }
      #expect(beyond?.reason == "AMOUNT_OVERFLOW")
      #expect(try await live.finish("r3", cost: nil, status: .failed, tokens).run?.costMicros == 0)
    }
  }

  @Test("a run's cost has a limit, given or from prices, so that no user's runs use up everybody's sums")
  func costLimit() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 100, payment: "p1", key: "k1")
      try await live.subscribe("u1") { $0.prices = [.of("m", 0, 0, 1_000_000_000)] }
      try await live.begin("r", 100)
      let refused = try await live.failure { try await live.finish("r", cost: Limits.runCostMicros + 1) }
      #expect(refused?.reason == "INVALID_AMOUNT" && refused?.details["field"] == "cost_micros")
      let beyond = try await live.failure { try await live.finish("r", cost: nil) { $0.images = 1_001 } }
      #expect(beyond?.reason == "AMOUNT_OVERFLOW")
      #expect(try await live.available("u1") == 0)
      let finished = try await live.finish("r", cost: nil) { $0.images = 1_000 }
      #expect(finished.run?.costMicros == Limits.runCostMicros && finished.run?.chargedMicros == 100)
    }
  }

  @Test("runs under way count against the quota until they end or expire") func quota() async throws {
    try await LiveServer.run { live in
      _ = try await live.freeze()
      try await live.subscribe("u1") { $0.limits = .init(generations: 2) }
      try await live.begin("r1", 0) { $0.ttlMillis = 1_000 }
      try await live.begin("r2", 0)
      let full = try await live.failure { try await live.begin("r3", 0) }
      #expect(full?.reason == "QUOTA_EXCEEDED" && full?.code == .resourceExhausted)
      #expect(full?.details["limit"] == "2" && full?.details["used"] == "2")
      #expect(full?.details["quota"] == "GENERATIONS" && full?.details["resets_at_micros"] != nil)
      try await live.advance(millis: 1_000)
      try await live.begin("r3", 0)
      #expect(try await live.failure { try await live.begin("r4", 0) }?.reason == "QUOTA_EXCEEDED")
      try await live.finish("r2", cost: 0, status: .failed)
      try await live.begin("r4", 0)
      try await live.finish("r3", cost: 0)
      try await live.finish("r4", cost: 0)
      #expect(try await live.failure { try await live.begin("r5", 0) }?.reason == "QUOTA_EXCEEDED")
      // One that is late still counts, and recording asks no quota.
      #expect(try await live.finish("r1", cost: 0).run?.status == .succeeded)
      #expect(try await live.record("r6").replayed == false)
    }
  }
}

extension TallystickV1.PlanLimits {
  init(generations: Int64) {
    self.init()
    monthlyGenerations = generations
  }
}

extension TallystickV1.ModelPrice {
  static func of(_ model: String, _ input: Int64, _ output: Int64, _ image: Int64) -> Self {
    var price = Self()
    price.model = model
    price.inputMicrosPerMillion = input
    price.outputMicrosPerMillion = output
    price.imageMicros = image
    return price
  }
}
