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
      #expect(try await live.call(Usage.takeTopUpIntent) { $0.worker = "x" }.intent == nil)
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
      for id in ["intent-1", "intent-01", "intent-0", "1", "", "intent-99999999999999999999"] {
        #expect(
          try await live.reason(Usage.cancelTopUpIntent) { $0.intentId = id } == "TOP_UP_INTENT_NOT_FOUND")
        if id.isEmpty { continue }
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
}
