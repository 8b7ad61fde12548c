// SaveSnapshot and RestoreSnapshot over real connections: what is served afterwards is what was saved.

import TTRPC
import TallyCore
import TallyLocking
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Snapshots") struct SnapshotTests {
  @Test("database, clock and failures are as they were, and snapshots outlive a reset") func restored()
    async throws
  {
    try await LiveServer.run { live in
      let frozen = try await live.freeze()
      _ = try await live.load(#"{"purchases": [{"user_id": "u", "payment_id": "p", "amount_micros": 100}]}"#)
      let saved = try await live.call(Control.saveSnapshot) { $0.name = "base" }
      #expect(saved.sizeBytes > 0)
      try await live.advance(millis: 60_000)
      _ = try await live.consume("u", 30, key: "k")
      try await live.inject(.refuse) { $0.count = 1_000 }
      let restored = try await live.call(Control.restoreSnapshot) { $0.name = "base" }
      #expect(restored.commitSequence > saved.commitSequence)
      #expect(try await live.available("u") == 100)
      let clock = try await live.call(Control.getClock) { _ in }
      #expect(clock.frozen)
      #expect(clock.nowMicros == frozen)
      #expect(try await live.call(Control.listFailures) { _ in }.failures == [])
      #expect(try await live.consume("u", 30, key: "k").replayed == false)
      _ = try await live.call(Control.reset) { _ in }
      #expect(try await live.available("u") == 0)
      _ = try await live.call(Control.restoreSnapshot) { $0.name = "base" }
      #expect(try await live.available("u") == 100)
    }
  }

  @Test("rate limits are those of the snapshot") func limits() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      _ = try await live.call(Control.saveSnapshot) { $0.name = "free" }
      try await live.setLimit(.everyUser(true), perSecond: 1, burst: 1)
      _ = try await live.call(Control.saveSnapshot) { $0.name = "limited" }
      for (name, reason) in [("free", nil), ("limited", "RATE_LIMITED"), ("free", nil)] {
        _ = try await live.call(Control.restoreSnapshot) { $0.name = name }
        _ = try await live.available("u")
        #expect(try await live.reason(Credits.getBalance) { $0.userId = "u" } == reason)
      }
    }
  }

  @Test("a name is one that was saved, and has its limits") func names() async throws {
    try await LiveServer.run { live in
      for name in ["", String(repeating: "n", count: Limits.snapshotNameByteCount + 1)] {
        #expect(try await live.reason(Control.saveSnapshot) { $0.name = name } == "INVALID_FIELD")
        #expect(try await live.reason(Control.restoreSnapshot) { $0.name = name } == "INVALID_FIELD")
      }
      let unknown = try await live.failure {
        _ = try await live.call(Control.restoreSnapshot) { $0.name = "nothing" }
      }
      #expect(unknown?.details["field"] == "name")
    }
  }

  @Test("as many are kept as the limit says, each name once") func count() async throws {
    try await LiveServer.run { live in
      let longest = String(repeating: "n", count: Limits.snapshotNameByteCount - 3)
      for index in 0..<Limits.snapshotCount {
        _ = try await live.call(Control.saveSnapshot) { $0.name = "\(longest)\(index)" }
      }
      _ = try await live.call(Control.saveSnapshot) { $0.name = "\(longest)0" }
      let failed = try await live.failure {
        _ = try await live.call(Control.saveSnapshot) { $0.name = "one more" }
      }
      #expect(failed?.reason == "INVALID_FIELD")
      #expect(failed?.details["limit"] == String(Limits.snapshotCount))
    }
  }

  @Test("all together have a limit of bytes; one that is replaced gives its bytes back") func bytes()
    async throws
  {
    try await LiveServer.run { live in
      let engine = live.server.engineForTesting
      let size = try #require(try engine.saveCopy(limitByteCount: .max, note: {})).byteCount
      let snapshots = Snapshots(clock: TestClock(), limitByteCount: 2 * size)
      _ = try snapshots.save("a", engine)
      _ = try snapshots.save("b", engine)
      _ = try snapshots.save("b", engine)
      let refusal = #expect(throws: Refusal.self) { _ = try snapshots.save("c", engine) }
      #expect(refusal?.details["limit"] == String(2 * size))
      _ = try snapshots.restore("b", engine)
    }
  }

  // MARK: what is served under way

  /// What of a state is read, and by which methods: caches stand behind each of them.
  private struct Seen: Equatable {
    var available: Int64
    var title: String?
    var runs: Int64
    var email: String?
    var plan: Int64?
    var commitSequence: Int64

    static func == (left: Seen, right: Seen) -> Bool {
      left.available == right.available && left.title == right.title && left.runs == right.runs
        && left.email == right.email && left.plan == right.plan
    }
  }

  private func read(_ live: LiveServer) async throws -> Seen {
    let balance = try await live.call(Credits.getBalance) { $0.userId = "u" }
    var page: TallystickV1.GetPageResponse?
    do { page = try await live.call(Pages.getPage) { $0.pageId = "home" } } catch let failed as Failed {
      #expect(failed.reason == "PAGE_NOT_FOUND")
    }
    let stats = try await live.call(Usages.getStats) { $0.userId = "u" }
    var settings: TallystickV1.UserSettings?
    do {
      settings = try await live.call(Admin.getUserSettings) { $0.userId = "u" }.settings
    } catch let failed as Failed { #expect(failed.reason == "USER_NOT_FOUND") }
    let quota = try await live.call(Usages.listPlans) { _ in }.plans.first
    return Seen(
      available: balance.balance?.availableMicros ?? -1, title: page?.page?.title,
      runs: stats.totals?.count ?? 0, email: settings?.email, plan: quota?.monthlyCreditMicros,
      commitSequence: balance.commitSequence)
  }

  private func state(_ number: Int) -> String {
    let run = #"{"user_id": "u", "model": "m", "type": "t", "status": 2, "cost_micros": 1}"#
    return """
      {"plans": [{"plan_id": "pro", "monthly_credit_micros": \(number), "grant_expiry": 1}],
       "users": [{"user_id": "u", "email": "\(number)@example.org", "plan_id": "pro"}],
       "promos": [{"user_id": "u", "amount_micros": \(number)}],
       "pages": [{"user_id": "u", "page_id": "home", "title": "\(number)"}],
       "runs": [\(Array(repeating: run, count: number).joined(separator: ","))]}
      """
  }

  @Test("whatever was read and kept meanwhile, after a restore only what was saved is served") func fresh()
    async throws
  {
    try await LiveServer.run { live in
      try await live.freeze()
      var expected: [Seen] = []
      for number in 1...3 {
        _ = try await live.call(Control.reset) { _ in }
        try await live.freeze()
        _ = try await live.load(state(number))
        expected.append(try await read(live))
        #expect(expected.last?.available == Int64(number))
        #expect(expected.last?.runs == Int64(number))
        _ = try await live.call(Control.saveSnapshot) { $0.name = "\(number)" }
      }
      let isOver = Lock(false)
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Readers of all that is kept, who would offer what they read before a restore after it.
        for _ in 0..<4 {
          let other = LiveServer(
            server: live.server, connection: try ClientConnection.connect(path: live.socketPath),
            socketPath: live.socketPath)
          group.addTask {
            defer { other.connection.close() }
            var last: Int64 = 0
            while !isOver.withLock({ $0 }) {
              let seen = try await self.read(other)
              // Commits never go back, for anybody.
              #expect(seen.commitSequence >= last)
              last = seen.commitSequence
            }
          }
        }
        for round in 0..<300 {
          let number = round % 3 + 1
          _ = try await live.call(Control.restoreSnapshot) { $0.name = "\(number)" }
          let seen = try await self.read(live)
          if seen != expected[number - 1] {
            Issue.record("round \(round): \(seen), not \(expected[number - 1])")
            break
          }
        }
        isOver.withLock { $0 = true }
        try await group.waitForAll()
      }
    }
  }
}
