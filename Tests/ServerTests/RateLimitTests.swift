// Rate limits over a real socket, on a clock that stands still.

import Glibc
import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Rate limits") struct RateLimitTests {
  @Test("a user's calls are limited, told when to come back, and let in then") func user() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      try await live.setLimit(.userId("u1"), perSecond: 1, burst: 2)
      for _ in 0..<2 { #expect(try await live.limited("u1") == nil) }
      let details = try #require(try await live.limited("u1"))
      #expect(details["retry_after_millis"] == "1000" && details["user_id"] == "u1")
      #expect(try await live.limited("u2") == nil)
      try await live.advance(millis: 999)
      #expect(try await live.limited("u1")?["retry_after_millis"] == "1")
      try await live.advance(millis: 1)
      #expect(try await live.limited("u1") == nil)
      #expect(try await live.limited("u1") != nil)
    }
  }

  @Test("a call counts for whom it acts, or else for whom it names; AdminService's for no user it names")
  func whoIsCounted() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      try await live.setLimit(.everyUser(true), perSecond: 1, burst: 1)
      #expect(try await live.limited("u1", actingUser: "u1") == nil)
      #expect(try await live.limited("u1") != nil)
      // What is asked in another's name counts for whoever asks.
      let foreign = try await live.reason(Credits.getBalance, actingUser: "u2") { $0.userId = "u3" }
      #expect(foreign == "ACTING_USER")
      #expect(try await live.limited("u2", actingUser: "u2") != nil)
      #expect(try await live.limited("u3") == nil)
      // Objects that are named by their ids count for nobody, and so do administrators' calls.
      for _ in 0..<2 {
        #expect(
          try await live.reason(Credits.getTransaction) { $0.transactionId = "x" } == "TRANSACTION_NOT_FOUND")
        _ = try await live.putSettings("u4") { _ in }
        _ = try await live.call(Admin.getUserSettings) { $0.userId = "u4" }
      }
      #expect(try await live.limited("u4") == nil)
    }
  }

  @Test("a batch counts once for the one user that it names, and for no user when it names several")
  func batches() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      try await live.setLimit(.everyUser(true), perSecond: 1, burst: 1)
      func batch(_ userIds: [String]) async throws -> String? {
        try await live.reason(Credits.batchGetBalances) { $0.userIds = userIds }
      }
      #expect(try await batch(["u1", "u1", "u1"]) == nil)
      #expect(try await batch(["u1", "u1"]) == "RATE_LIMITED")
      for _ in 0..<3 { #expect(try await batch(["u1", "u2"]) == nil) }
      #expect(try await live.limited("u2") == nil)
      let items = ["u3", "u3"].map { userId in
        var item = TallystickV1.ConsumeRequest()
        item.userId = userId
        item.amountMicros = 1
        item.idempotencyKey = "k"
        return item
      }
      #expect(try await live.reason(Credits.batchConsume) { $0.items = items } == nil)
      #expect(try await live.reason(Credits.batchConsume) { $0.items = items } == "RATE_LIMITED")
    }
  }

  @Test("a peer's calls are limited, whatever they name") func peer() async throws {
    try await LiveServer.run { live in
      try await live.freeze()
      try await live.setLimit(.everyUid(true), perSecond: 1, burst: 2)
      #expect(try await live.limited("u1") == nil)
      #expect(try await live.limited("u2") == nil)
      let details = try #require(try await live.limited("u3"))
      #expect(details["uid"] == String(geteuid()) && details["retry_after_millis"] == "1000")
      // Health, reflection, cancellation and the harness are not counted.
      _ = try await live.call(GrpcHealthV1.Health.check) { _ in }
      _ = try await live.call(TallystickV1.Control.cancel) { $0.token = "t" }
      try await live.advance(millis: 1_000)
      // A limit of its own, which begins with a full bucket.
      try await live.setLimit(.uid(geteuid()), perSecond: 3, burst: 0)
      for _ in 0..<3 { #expect(try await live.limited("u1") == nil) }
      #expect(try await live.limited("u1")?["retry_after_millis"] == "334")
    }
  }

  @Test("limits outlive a restart and end with a reset") func restart() async throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let database = directory.path + "/db"
    try await LiveServer.run(configure: { $0.engine.directory = database }) { live in
      try await live.setLimit(.userId("u1"), perSecond: 1, burst: 1)
      try await live.setLimit(.uid(12), perSecond: 5, burst: 6)
    }
    try await LiveServer.run(configure: { $0.engine.directory = database }) { live in
      try await live.freeze()
      #expect(try await live.limited("u1") == nil)
      #expect(try await live.limited("u1") != nil)
      let stored = try await live.call(Admin.listRateLimits) { _ in }.rateLimits
      #expect(stored.map(\.subject) == [.userId("u1"), .uid(12)])
      #expect(stored.map(\.perSecond) == [1, 5] && stored.map(\.burst) == [1, 6])
      _ = try await live.call(TallystickTestingV1.TestControl.reset) { _ in }
      for _ in 0..<3 { #expect(try await live.limited("u1") == nil) }
      #expect(try await live.call(Admin.listRateLimits) { _ in }.rateLimits.isEmpty)
    }
  }

  @Test("what is full or late comes before the rate, and the rate before the fields") func order()
    async throws
  {
    try await LiveServer.run { live in
      try await live.freeze()
      try await live.setLimit(.userId("u1"), perSecond: 1, burst: 1)
      #expect(try await live.limited("u1") == nil)
      let fields = try await live.reason(Credits.consume) { $0.userId = "u1" }
      #expect(fields == "RATE_LIMITED")
      #expect(try await live.reason(Credits.consume, actingUser: "u1") { _ in } == "RATE_LIMITED")
      let rpc = Credits.consume
      do {
        let acting = [MetadataPair(key: "tally-acting-user", value: "u1")]
        _ = try await live.connection.unary(rpc.service, rpc.method, [0xff], metadata: acting)
        Issue.record("decoded")
      } catch let error as CallError { #expect(Failed(error.status).reason == "RATE_LIMITED") }
      try live.server.engineForTesting.close()
      #expect(try await live.reason(Credits.consume) { $0.userId = "u1" } == "SHUTTING_DOWN")
    }
  }

  @Test("the same limit again writes nothing; zero takes it away, and makes no user") func replay()
    async throws
  {
    try await LiveServer.run { live in
      let gone = try await live.setLimit(.userId("u1"), perSecond: 0, burst: 0)
      #expect(try await live.reason(Admin.getUserSettings) { $0.userId = "u1" } == "USER_NOT_FOUND")
      let first = try await live.setLimit(.userId("u1"), perSecond: 9, burst: 0)
      #expect(first.rateLimit?.burst == 9 && first.commitSequence == gone.commitSequence + 1)
      let again = try await live.setLimit(.userId("u1"), perSecond: 9, burst: 9)
      #expect(again.commitSequence == first.commitSequence && again.commitPosition > first.commitPosition)
      #expect(try await live.reason(Admin.getUserSettings) { $0.userId = "u1" } == nil)
      let removed = try await live.setLimit(.userId("u1"), perSecond: 0, burst: 0)
      #expect(removed.commitSequence == first.commitSequence + 1 && removed.rateLimit?.perSecond == 0)
      #expect(try await live.call(Admin.listRateLimits) { _ in }.rateLimits.isEmpty)
    }
  }

  @Test("limits are listed in pages, in the order in which they were set") func list() async throws {
    try await LiveServer.run { live in
      for uid in UInt32(100)..<105 { try await live.setLimit(.uid(uid), perSecond: 1, burst: 1) }
      try await live.setLimit(.uid(103), perSecond: 0, burst: 0)
      try await live.setLimit(.uid(100), perSecond: 2, burst: 2)
      var seen: [TallystickV1.RateLimit] = []
      var cursor = ""
      var pages = 0
      repeat {
        let page = try await live.call(Admin.listRateLimits) {
          $0.limit = 2
          $0.cursor = cursor
        }
        seen += page.rateLimits
        cursor = page.nextCursor
        pages += 1
      } while !cursor.isEmpty
      #expect(pages == 2 && seen.map(\.subject) == [.uid(100), .uid(101), .uid(102), .uid(104)])
      #expect(seen.map(\.perSecond) == [2, 1, 1, 1])
      #expect(try await live.reason(Admin.listRateLimits) { $0.cursor = "x" } == "INVALID_CURSOR")
      #expect(try await live.reason(Admin.listRateLimits) { $0.limit = -1 } == "INVALID_FIELD")
      #expect(try await live.reason(Admin.listRateLimits) { $0.limit = 1_001 } == "INVALID_FIELD")
      #expect(try await live.reason(Admin.listRateLimits) { $0.limit = 1_000 } == nil)
    }
  }

  @Test("fields are checked, each up to its limit") func fields() async throws {
    try await LiveServer.run { live in
      func field(_ subject: TallystickV1.RateLimit.Subject?, _ perSecond: Int32, _ burst: Int32) async throws
        -> String?
      {
        do {
          try await live.setLimit(subject, perSecond: perSecond, burst: burst)
          return nil
        } catch let failed as Failed {
          #expect(failed.reason == "INVALID_FIELD")
          return failed.details["field"]
        }
      }
      typealias Case = (TallystickV1.RateLimit.Subject?, Int32, Int32, String?)
      let cases: [Case] = [
        (nil, 1, 1, "rate_limit.subject"),
        (.userId(""), 1, 1, "rate_limit.user_id"),
        (.userId(String(repeating: "u", count: 256)), 1, 1, "rate_limit.user_id"),
        (.userId(String(repeating: "u", count: 255)), 1, 1, nil),
        (.everyUser(false), 1, 1, "rate_limit.every_user"),
        (.everyUid(false), 1, 1, "rate_limit.every_uid"),
        (.uid(.max), -1, 1, "rate_limit.per_second"),
        (.uid(.max), 1_000_001, 1, "rate_limit.per_second"),
        (.uid(.max), 1, -1, "rate_limit.burst"),
        (.uid(.max), 1, 1_000_001, "rate_limit.burst"),
        (.uid(.max), 0, 1, "rate_limit.burst"),
        (.uid(.max), 1_000_000, 1_000_000, nil),
      ]
      for (subject, perSecond, burst, expected) in cases {
        let refused = try await field(subject, perSecond, burst)
        #expect(refused == expected)
      }
      let absent = try await live.reason(Admin.setRateLimit) { _ in }
      #expect(absent == "INVALID_FIELD")
    }
  }

  @Test("so many limits of a kind are kept and no more") func bound() async throws {
    try await LiveServer.run { live in
      let most = RateLimit.maximumOfAKind
      for start in stride(from: 0, to: most, by: 8_192) {
        try await live.apply(
          (start..<min(start + 8_192, most)).map { uid in
            AdminCommand.SetRateLimit(
              RateLimit(.uid(UInt32(uid)), perSecond: 1_000_000, burst: 1_000_000))
          })
      }
      do {
        try await live.setLimit(.uid(UInt32(most)), perSecond: 1, burst: 1)
        Issue.record("one more than there may be")
      } catch let failed as Failed {
        #expect(failed.reason == "INVALID_FIELD" && failed.details["limit"] == "16384")
        #expect(failed.details["commit_sequence"] != nil)
      }
      // Those that are there change, go and make room; another kind has room.
      try await live.setLimit(.uid(0), perSecond: 2, burst: 2)
      try await live.setLimit(.userId("u1"), perSecond: 2, burst: 2)
      try await live.setLimit(.uid(0), perSecond: 0, burst: 0)
      try await live.setLimit(.uid(UInt32(most)), perSecond: 1, burst: 1)
    }
  }
}

extension LiveServer {
  @discardableResult
  func setLimit(
    _ subject: TallystickV1.RateLimit.Subject?, perSecond: Int32, burst: Int32
  ) async throws -> TallystickV1.SetRateLimitResponse {
    try await call(Admin.setRateLimit) {
      var limit = TallystickV1.RateLimit()
      limit.subject = subject
      limit.perSecond = perSecond
      limit.burst = burst
      $0.rateLimit = limit
    }
  }

  /// The details of RATE_LIMITED that a read of a user's balance is answered with; nil when it succeeds.
  fileprivate func limited(_ userId: String, actingUser: String? = nil) async throws -> [String: String]? {
    do {
      _ = try await call(Credits.getBalance, actingUser: actingUser) { $0.userId = userId }
      return nil
    } catch let failed as Failed where failed.reason == "RATE_LIMITED" { return failed.details }
  }

  /// Has the engine carry out commands, each of which must be applied.
  fileprivate func apply(_ commands: [AdminCommand.SetRateLimit]) async throws {
    let outcomes = await withCheckedContinuation { continuation in
      server.engineForTesting.submit(
        Work(submission: Submission(commands: commands, sharer: "", byteCount: 0), group: nil) {
          continuation.resume(returning: $0)
        })
    }
    for outcome in outcomes {
      if case .failure(let refusal) = outcome { Issue.record("\(refusal)") }
    }
  }
}
