// Top-ups through the service.

internal import TTRPC
internal import TallyMessages
internal import Testing

@testable internal import TallyCore
@testable internal import TallyServer

@Suite("Top-up service")
struct TopUpServiceTests {
  private typealias Usage = TallystickV1.UsageService
  private typealias Credits = TallystickV1.CreditService

  private static func setting(
    _ userId: String = "u", below: Int64 = 10, target: Int64 = 50,
    _ change: (inout TallystickV1.TopUp) -> Void = { _ in }
  ) -> TallystickV1.TopUp {
    var setting = TallystickV1.TopUp()
    setting.userId = userId
    (setting.thresholdMicros, setting.targetMicros, setting.enabled) = (below, target, true)
    change(&setting)
    return setting
  }

  @Test("a setting is put and shown; its intent is taken, closed by a purchase, and told of in events")
  func way() async throws {
    try await LiveServer.run { live in
      #expect(try await live.call(Usage.getTopUp) { $0.userId = "u" }.topUp == nil)
      let put = try await live.call(Usage.putTopUp) {
        $0.topUp = Self.setting {
          ($0.monthlyCapMicros, $0.monthlyCapCount, $0.cooldownMillis) = (900, 8, 60_000)
        }
      }
      let topUp = try #require(put.topUp)
      #expect(!put.unchanged && topUp.openIntentId == "intent-1" && topUp.updatedAtMicros > 0)
      #expect(topUp.monthMicros == 50 && topUp.monthCount == 1 && topUp.month.utf8.count == 7)
      #expect(try await live.call(Usage.getTopUp) { $0.userId = "u" }.topUp == topUp)
      #expect(try await live.call(Usage.putTopUp) { $0.topUp = topUp }.unchanged)
      let taken = try await live.call(Usage.takeTopUpIntent) { $0.worker = "w" }
      let intent = try #require(taken.intent)
      #expect(!taken.unchanged && intent.intentId == "intent-1" && intent.amountMicros == 50)
      #expect(intent.leasedUntilMicros - intent.openedAtMicros >= 300_000_000 && intent.worker == "w")
      #expect(intent.dueAtMicros == intent.leasedUntilMicros && intent.state == .open)
      let again = try await live.call(Usage.takeTopUpIntent) { $0.worker = "w" }
      #expect(again.unchanged && again.intent == intent)
      let none = try await live.call(Usage.takeTopUpIntent) { $0.worker = "x" }
      #expect(none.intent == nil && none.unchanged)
      let bought = try await live.call(Credits.addPurchase) {
        ($0.userId, $0.paymentId, $0.amountMicros) = ("u", "p", 50)
        ($0.idempotencyKey, $0.intentId) = ("k", intent.intentId)
      }
      #expect(bought.transaction?.intentId == "intent-1")
      let listed = try await live.call(Usage.listTopUpIntents) { $0.userId = "u" }
      #expect(listed.intents.map(\.state) == [.closed] && listed.intents.first?.dueAtMicros == 0)
      #expect(listed.intents.first?.transactionId == bought.transaction?.transactionId)
      let events = try await live.call(Usage.listEvents) { ($0.userId, $0.kinds) = ("u", [.topUpIntent]) }
      #expect(events.events.map { $0.topUp?.state } == [.closed, .open])
      #expect(events.events.first?.topUp?.intentId == "intent-1")
      #expect(events.events.first?.topUp?.amountMicros == 50)
      let ended = try await live.reason(Usage.failTopUpIntent) {
        ($0.intentId, $0.worker) = ("intent-1", "w")
      }
      #expect(ended == "TOP_UP_INTENT_ENDED")
      #expect(
        try await live.reason(Usage.cancelTopUpIntent) { $0.intentId = "intent-1" } == "TOP_UP_INTENT_ENDED")
    }
  }

  @Test("a failure is told once, whoever tells it again; an intent is cancelled once")
  func failures() async throws {
    try await LiveServer.run { live in
      _ = try await live.call(Usage.putTopUp) { $0.topUp = Self.setting() }
      let early = try await live.reason(Usage.failTopUpIntent) {
        ($0.intentId, $0.worker) = ("intent-1", "w")
      }
      #expect(early == "TOP_UP_INTENT_NOT_LEASED")
      _ = try await live.call(Usage.takeTopUpIntent) { ($0.worker, $0.leaseMillis) = ("w", 1_000) }
      let failed = try await live.call(Usage.failTopUpIntent) {
        ($0.intentId, $0.worker, $0.message) = ("intent-1", "w", "declined")
      }
      #expect(failed.intent?.failures == 1 && failed.intent?.message == "declined" && !failed.unchanged)
      #expect(failed.intent?.leasedUntilMicros == 0 && failed.intent?.state == .open)
      let again = try await live.call(Usage.failTopUpIntent) {
        ($0.intentId, $0.worker, $0.message) = ("intent-1", "w", "declined")
      }
      #expect(again.unchanged && again.intent == failed.intent)
      let cancelled = try await live.call(Usage.cancelTopUpIntent) { $0.intentId = "intent-1" }
      #expect(cancelled.intent?.state == .cancelled && !cancelled.unchanged)
      #expect(try await live.call(Usage.cancelTopUpIntent) { $0.intentId = "intent-1" }.unchanged)
    }
  }

  @Test(
    "a setting that makes no sense is refused",
    arguments: [
      ("INVALID_FIELD top_up.user_id", setting("")),
      ("INVALID_AMOUNT top_up.threshold_micros", setting(below: 0)),
      ("INVALID_AMOUNT top_up.target_micros", setting(target: -1)),
      ("INVALID_FIELD top_up.target_micros", setting(below: 10, target: 9)),
      ("INVALID_AMOUNT top_up.monthly_cap_micros", setting { $0.monthlyCapMicros = -1 }),
      ("INVALID_FIELD top_up.monthly_cap_count", setting { $0.monthlyCapCount = -1 }),
      ("INVALID_FIELD top_up.monthly_cap_count", setting { $0.monthlyCapCount = 1_000_001 }),
      ("INVALID_FIELD top_up.cooldown_millis", setting { $0.cooldownMillis = -1 }),
      ("INVALID_FIELD top_up.cooldown_millis", setting { $0.cooldownMillis = 31 * 86_400_000 + 1 }),
    ])
  func refused(expected: String, setting: TallystickV1.TopUp) async throws {
    try await LiveServer.run { live in
      do {
        _ = try await live.call(Usage.putTopUp) { $0.topUp = setting }
        Issue.record("\(setting) was stored")
      } catch let failed as Failed {
        #expect("\(failed.reason ?? "") \(failed.details["field"] ?? "")" == expected)
      }
    }
  }

  @Test("fields of the other calls are checked, and unknown intents are not found")
  func fields() async throws {
    try await LiveServer.run { live in
      #expect(try await live.reason(Usage.putTopUp) { _ in } == "INVALID_FIELD")
      #expect(try await live.reason(Usage.takeTopUpIntent) { _ in } == "INVALID_FIELD")
      for millis in [-1, 86_400_001] as [Int64] {
        let reason = try await live.reason(Usage.takeTopUpIntent) {
          ($0.worker, $0.leaseMillis) = ("w", millis)
        }
        #expect(reason == "INVALID_FIELD")
      }
      let long = String(repeating: "m", count: 1_025)
      let told = try await live.reason(Usage.failTopUpIntent) {
        ($0.intentId, $0.worker, $0.message) = ("intent-1", "w", long)
      }
      #expect(told == "INVALID_FIELD")
      for id in ["intent-1", "intent-01", "intent-0", "1", "intent-99999999999999999999"] {
        #expect(
          try await live.reason(Usage.cancelTopUpIntent) { $0.intentId = id } == "TOP_UP_INTENT_NOT_FOUND")
        let reason = try await live.reason(Credits.addPurchase) {
          ($0.userId, $0.paymentId, $0.amountMicros) = ("u", "p", 50)
          ($0.idempotencyKey, $0.intentId) = ("k", id)
        }
        #expect(reason == "TOP_UP_INTENT_NOT_FOUND")
      }
      for state in [TallystickV1.TopUpIntentState.unspecified, .unrecognized(9)] {
        let reason = try await live.reason(Usage.listTopUpIntents) { $0.states = [state] }
        #expect(reason == "INVALID_FIELD")
      }
    }
  }

  @Test("intents of all users are listed page by page, with a cursor of this call only")
  func lists() async throws {
    try await LiveServer.run { live in
      for user in ["a", "b", "c"] {
        _ = try await live.call(Usage.putTopUp) { $0.topUp = Self.setting(user) }
      }
      let first = try await live.call(Usage.listTopUpIntents) { $0.limit = 2 }
      #expect(first.intents.map(\.userId) == ["c", "b"])
      let second = try await live.call(Usage.listTopUpIntents) {
        ($0.limit, $0.cursor) = (2, first.nextCursor)
      }
      #expect(second.intents.map(\.userId) == ["a"] && second.nextCursor.isEmpty)
      let reason = try await live.reason(Usage.listTopUpIntents) {
        ($0.userId, $0.cursor) = ("a", first.nextCursor)
      }
      #expect(reason == "INVALID_CURSOR")
    }
  }

  @Test("each field is taken at its border, and refused one beyond with the field and the limit")
  func borders() async throws {
    try await LiveServer.run { live in
      let most = Limits.amountMicros
      try await live.expect(
        [
          .required("top_up.user_id", Limits.userIdByteCount) { $0.topUp?.userId = $1 },
          .amount("top_up.threshold_micros", 1...most) {
            $0.topUp?.thresholdMicros = $1
            $0.topUp?.targetMicros = most
          },
          .amount("top_up.target_micros", 10...most, below: 0) { $0.topUp?.targetMicros = $1 },
          .amount("top_up.monthly_cap_micros", 0...most) { $0.topUp?.monthlyCapMicros = $1 },
          .number("top_up.monthly_cap_count", 0...Limits.topUpCapCount) { $0.topUp?.monthlyCapCount = $1 },
          .number("top_up.cooldown_millis", 0...TopUp.maximumCooldownMillis) {
            $0.topUp?.cooldownMillis = $1
          },
        ], of: Usage.putTopUp
      ) { $0.topUp = Self.setting { $0.enabled = false } }
      try await live.expect(
        [
          .required("worker", Limits.workerByteCount) { $0.worker = $1 },
          .number("lease_millis", 1...TopUpIntent.maximumLeaseMillis, below: -1) { $0.leaseMillis = $1 },
        ], of: Usage.takeTopUpIntent
      ) { $0.worker = "w" }
      try await live.expect(
        [
          .required("worker", Limits.workerByteCount) { $0.worker = $1 },
          .text("message", Limits.topUpMessageByteCount) { $0.message = $1 },
        ], of: Usage.failTopUpIntent, takenWith: "TOP_UP_INTENT_NOT_FOUND"
      ) { ($0.intentId, $0.worker) = ("intent-1", "w") }
      try await live.expect(
        [.required("user_id", Limits.userIdByteCount) { $0.userId = $1 }], of: Usage.getTopUp
      ) { _ in }
      try await live.expect(
        [
          .text("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .number("limit", 0...Int64(Limits.pageRowCount)) { $0.limit = Int32($1) },
        ], of: Usage.listTopUpIntents
      ) { _ in }
      let fails = try await live.failure(Usage.failTopUpIntent) { $0.worker = "w" }
      #expect(fails?.reason == "INVALID_FIELD" && fails?.details["field"] == "intent_id")
      let cancels = try await live.failure(Usage.cancelTopUpIntent) { _ in }
      #expect(cancels?.reason == "INVALID_FIELD" && cancels?.details["field"] == "intent_id")
    }
  }

  private static func buy(
    _ live: LiveServer, _ intentId: String, payment: String, user: String = "u", actingUser: String? = nil
  ) async throws -> TallystickV1.AddPurchaseResponse {
    try await live.call(Credits.addPurchase, actingUser: actingUser) {
      ($0.userId, $0.paymentId, $0.amountMicros) = (user, payment, 50)
      ($0.idempotencyKey, $0.intentId) = (payment, intentId)
    }
  }

  /// Lets the intent that is due fail, by the same worker, and be due again.
  private static func fail(_ live: LiveServer, times: Int) async throws {
    for _ in 0..<times {
      let intent = try await live.call(Usage.takeTopUpIntent) { $0.worker = "w" }.intent
      _ = try await live.call(Usage.failTopUpIntent) {
        ($0.intentId, $0.worker) = (intent?.intentId ?? "", "w")
      }
      try await live.advance(millis: 86_400_000)
    }
  }

  @Test(
    "what comes too late is told the state; a purchase closes what was given up or cancelled all the same")
  func ended() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      _ = try await live.call(Usage.putTopUp) { $0.topUp = Self.setting() }
      try await Self.fail(live, times: Int(TopUpIntent.maximumFailures))
      func told() async throws -> [String?] {
        let failed = try await live.failure(Usage.failTopUpIntent) {
          ($0.intentId, $0.worker) = ("intent-1", "other")
        }
        let cancelled = try await live.failure(Usage.cancelTopUpIntent) { $0.intentId = "intent-1" }
        return [failed?.reason, failed?.details["state"], cancelled?.reason, cancelled?.details["state"]]
      }
      let ended = "TOP_UP_INTENT_ENDED"
      #expect(try await told() == [ended, "FAILED", ended, "FAILED"])
      let bought = try await Self.buy(live, "intent-1", payment: "p1")
      #expect(bought.transaction?.intentId == "intent-1" && !bought.replayed)
      #expect(try await told() == [ended, "CLOSED", ended, "CLOSED"])
      // The same again replays, another one has come too late.
      #expect(try await Self.buy(live, "intent-1", payment: "p1").replayed)
      let late = try await live.failure { _ = try await Self.buy(live, "intent-1", payment: "p2") }
      #expect(late?.reason == ended && late?.details["state"] == "CLOSED")
      #expect(late?.code == .failedPrecondition && late?.details["intent_id"] == "intent-1")
      #expect(try await live.available("u") == 50)
      try await live.consume("u", 50, key: "c")
      _ = try await live.call(Usage.cancelTopUpIntent) { $0.intentId = "intent-2" }
      _ = try await Self.buy(live, "intent-2", payment: "p3")
      let intents = try await live.call(Usage.listTopUpIntents) { $0.userId = "u" }.intents
      #expect(intents.map(\.state) == [.closed, .closed])
      let closed = try await live.call(Usage.listTopUpIntents) { $0.states = [.open, .failed, .cancelled] }
      #expect(closed.intents.isEmpty)
    }
  }

  @Test("a lease is one worker's until it is over, and an intent its user's own")
  func leases() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      _ = try await live.call(Usage.putTopUp) { $0.topUp = Self.setting() }
      func take(_ worker: String) async throws -> String? {
        try await live.call(Usage.takeTopUpIntent) { ($0.worker, $0.leaseMillis) = (worker, 1_000) }
          .intent?.intentId
      }
      func fail(_ worker: String, actingUser: String? = nil) async throws -> String? {
        try await live.reason(Usage.failTopUpIntent, actingUser: actingUser) {
          ($0.intentId, $0.worker) = ("intent-1", worker)
        }
      }
      #expect(try await take("w") == "intent-1")
      #expect(try await fail("x") == "TOP_UP_INTENT_NOT_LEASED")
      #expect(try await take("x") == nil)
      try await live.advance(millis: 1_000)
      #expect(try await take("x") == "intent-1")
      #expect(try await fail("w") == "TOP_UP_INTENT_NOT_LEASED")
      // Of another user there is none, whoever the worker is.
      #expect(try await fail("x", actingUser: "v") == "TOP_UP_INTENT_NOT_FOUND")
      for (user, actingUser) in [("v", nil), ("v", "v")] as [(String, String?)] {
        let bought = try await live.failure {
          _ = try await Self.buy(live, "intent-1", payment: "p", user: user, actingUser: actingUser)
        }
        #expect(bought?.reason == "TOP_UP_INTENT_NOT_FOUND" && bought?.code == .notFound)
      }
      #expect(try await fail("x", actingUser: "u") == nil)
      #expect(
        try await live.reason(Usage.takeTopUpIntent, actingUser: "u") { $0.worker = "w" } == "ACTING_USER")
      #expect(try await live.reason(Usage.listTopUpIntents, actingUser: "u") { _ in } == "ACTING_USER")
      let own = try await live.call(Usage.listTopUpIntents, actingUser: "u") { $0.userId = "u" }
      #expect(own.intents.map(\.intentId) == ["intent-1"])
      let bought = try await Self.buy(live, "intent-1", payment: "p", actingUser: "u")
      #expect(bought.transaction?.intentId == "intent-1")
    }
  }
}
