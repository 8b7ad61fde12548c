// WatchEvents: events as they are committed. What it shares with WatchTransactions is proven there.

import TTRPC
import TallyCore
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("WatchEvents") struct WatchEventsTests {
  private typealias Usage = TallystickV1.UsageService

  private typealias Call = FollowingCall<TallystickV1.WatchEventsResponse>

  private func putRule(_ live: LiveServer) async throws {
    var rule = TallystickV1.AlertRule()
    (rule.ruleId, rule.scope, rule.condition) = ("low", .everyUser(true), .balanceBelowMicros(10))
    _ = try await live.call(Usage.putAlertRule) { $0.rule = rule }
  }

  /// Each user crosses the line once.
  private func cross(_ live: LiveServer, _ users: [String], _ name: String) async throws {
    for user in users {
      try await live.purchase(user, 20, payment: "\(user)-\(name)", key: "p\(name)")
      try await live.consume(user, 20, key: "c\(name)")
    }
  }

  @Test("events come from any one on, those of all or of some users, each once and in order")
  func all() async throws {
    try await LiveServer.run { live in
      try await putRule(live)
      try await cross(live, ["a", "b"], "1")
      let (everything, some) = (
        try Call(live.connection, from: 1), try Call(live.connection, from: 1, users: ["b"])
      )
      let (new, own) = (
        try Call(live.connection), try Call(live.connection, from: 1, users: ["a"], actingUser: "a")
      )
      for call in [everything, some, new, own] { try await call.read() }
      #expect(new.nextSequence == 3)
      try await cross(live, ["a", "b"], "2")
      try await everything.read(rows: 4)
      try await some.read(rows: 2)
      try await new.read(rows: 2)
      try await own.read(rows: 2)
      #expect(everything.rows.map(\.eventId) == [1, 2, 3, 4])
      #expect(everything.rows.map(\.userId) == ["a", "b", "a", "b"])
      #expect(some.rows.map(\.eventId) == [2, 4] && own.rows.map(\.eventId) == [1, 3])
      #expect(new.rows.map(\.eventId) == [3, 4] && everything.nextSequence == 5)
      let listed = try await live.call(Usage.listEvents) { $0.userId = "b" }
      #expect(listed.events.reversed() == some.rows)
      for call in [everything, some, new, own] { call.cancel() }
      let again = try Call(live.connection, from: 4)
      try await again.read(rows: 1)
      #expect(again.rows.map(\.eventId) == [4])
    }
  }

  @Test("what makes no sense, and what is another user's, is refused")
  func refused() async throws {
    try await LiveServer.run { live in
      let calls: [(call: Call, reason: String)] = [
        (try Call(live.connection, from: -1), "INVALID_FIELD"),
        (try Call(live.connection, from: 2), "INVALID_FIELD"),
        (try Call(live.connection, users: [""]), "INVALID_FIELD"),
        (try Call(live.connection, actingUser: "a"), "ACTING_USER"),
        (try Call(live.connection, users: ["b"], actingUser: "a"), "ACTING_USER"),
      ]
      for (call, expected) in calls {
        let reason = try await call.failure().reason
        #expect(reason == expected)
      }
    }
  }

  @Test("what is refused names its field and its limit, at which a call is taken")
  func borders() async throws {
    try await LiveServer.run { live in
      func failure(_ from: Int64, _ users: [String] = []) async throws -> String {
        let failed = try await Call(live.connection, from: from, users: users).failure()
        return "\(failed.reason ?? "") \(failed.details["field"] ?? "") \(failed.details["limit"] ?? "")"
      }
      #expect(try await failure(-1) == "INVALID_FIELD from_event_id ")
      // There are none yet: the next one is the first.
      #expect(try await failure(2) == "INVALID_FIELD from_event_id 1")
      let longest = String(repeating: "u", count: Limits.userIdByteCount)
      #expect(try await failure(1, ["a", longest + "u"]) == "INVALID_FIELD user_ids[1] 255")
      let many = (0..<Limits.watchUserCount - 1).map { "u\($0)" } + [longest]
      #expect(try await failure(1, many + ["more"]) == "BATCH_TOO_LARGE user_ids 1000")
      let most = try Call(live.connection, from: 1, users: many)
      #expect(try await most.read())
      #expect(most.nextSequence == 1)
      most.cancel()
    }
  }

  @Test("a stream of events has the messages of a stream of rows, by number")
  func messages() throws {
    var response = TallystickV1.WatchEventsResponse()
    response.nextEventId = 77
    #expect(WatchMessage.end(nextSequence: 77) == response.encode())
    var event = AccountEvent(userId: "u", kind: .grantSkipped, atMicros: 1, effectiveAtMicros: 1)
    event.id = 76
    response.events = [TallystickV1.Event(event)]
    let made = WatchMessage.make([EncodedRow(event)], nextSequence: 77)
    let decoded = try TallystickV1.WatchEventsResponse.decode(made)
    #expect(decoded == response)
  }
}
