// A balance at a past time, asked of a server whose clock the test drives.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Past balances") struct PastBalanceTests {
  private typealias Control = TallystickTestingV1.TestControl

  /// 2026-11-04T12:00:00Z.
  private static let now: Int64 = 1_793_793_600_000_000
  private static let minute: Int64 = 60_000_000

  @Test("holds, expiry and pending credit are told as they were, to the microsecond") func exact()
    async throws
  {
    try await LiveServer.run { live in
      func goTo(_ micros: Int64) async throws {
        _ = try await live.call(Control.setClock) { $0.nowMicros = micros }
      }
      func told(_ atMicros: Int64?) async throws -> [Int64?] {
        let reply = try await live.call(Credits.getBalance) { ($0.userId, $0.atMicros) = ("u", atMicros) }
        let balance = try #require(reply.balance)
        return [
          balance.postedMicros, balance.heldMicros, balance.pendingMicros, balance.nextExpiryAtMicros,
          balance.nextExpiryMicros, balance.version,
        ]
      }
      let now = Self.now
      try await goTo(now)
      try await live.purchase("u", 100, payment: "p", key: "p")
      let (hour, day) = (now + 60 * Self.minute, now + 1_440 * Self.minute)
      _ = try await live.call(Credits.grantPromo) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u", 10, "promo")
        ($0.effectiveAtMicros, $0.expiresAtMicros) = (hour, day)
      }
      try await goTo(now + 1)
      _ = try await live.call(Credits.reserve) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey, $0.ttlMillis) = ("u", 40, "h", 60_000)
      }
      // Nothing is written before the next day: what is over by then is told from what is due.
      let holdEnd = now + 1 + Self.minute
      let expected: [(atMicros: Int64, balance: [Int64?])] = [
        (now - 1, [0, 0, 0, nil, 0, 0]), (now, [100, 0, 10, nil, 0, 2]), (now + 1, [100, 40, 10, nil, 0, 3]),
        (holdEnd - 1, [100, 40, 10, nil, 0, 3]), (holdEnd, [100, 0, 10, nil, 0, 3]),
        (hour - 1, [100, 0, 10, nil, 0, 3]), (hour, [110, 0, 0, day, 10, 3]),
        (day - 1, [110, 0, 0, day, 10, 3]), (day, [100, 0, 0, nil, 0, 3]),
      ]
      try await goTo(day)
      for (atMicros, balance) in expected {
        #expect(try await told(atMicros) == balance, "\(atMicros - now)")
      }
      // Once it is written off it is told from the rows.
      try await goTo(day + 1)
      try await live.consume("u", 100, key: "c")
      for (atMicros, balance) in expected {
        #expect(try await told(atMicros) == balance, "\(atMicros - now)")
      }
      #expect(try await told(day + 1) == (try await told(nil)))
    }
  }

  @Test("a time that has not come is refused, and one outside of time; an unknown user had nothing")
  func limits() async throws {
    try await LiveServer.run { live in
      _ = try await live.call(Control.setClock) { $0.nowMicros = Self.now }
      try await live.purchase("u", 100, payment: "p", key: "p")
      for atMicros in [Self.now + 1, 0, -1, Int64.max] {
        let failed = try await live.failure(Credits.getBalance) { ($0.userId, $0.atMicros) = ("u", atMicros) }
        #expect(failed?.reason == "INVALID_FIELD" && failed?.details["field"] == "at_micros", "\(atMicros)")
      }
      let foreign = try await live.reason(Credits.getBalance, actingUser: "v") {
        ($0.userId, $0.atMicros) = ("u", Self.now)
      }
      #expect(foreign == "ACTING_USER")
      let nobody = try await live.call(Credits.getBalance) { ($0.userId, $0.atMicros) = ("nobody", Self.now) }
      #expect(nobody.balance?.availableMicros == 0 && nobody.balance?.userId == "nobody")
    }
  }
}
