// UsageService over a real socket: reading runs, limits of fields, and the order of checks.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Runs read and refused") struct RunReadTests {
  @Test("runs are listed by the time they started, newest first, page by page, under writes too") func pages()
    async throws
  {
    try await LiveServer.run { live in
      let now = try await live.freeze()
      // Two start at each time.
      for index in 0..<10 {
        try await live.record("r\(index)") { $0.startedAtMicros = now - Int64(index / 2) * 1_000 }
      }
      try await live.record("other", user: "u2")
      var seen: [String] = []
      var cursor = ""
      repeat {
        let page = try await live.call(Runs.listRuns) {
          $0.userId = "u1"
          $0.limit = 3
          $0.cursor = cursor
        }
        #expect(page.runs.count <= 3 && page.commitSequence > 0)
        seen += page.runs.map(\.runId)
        cursor = page.nextCursor
        try await live.record("new\(seen.count)")
      } while !cursor.isEmpty
      #expect(seen == ["r1", "r0", "r3", "r2", "r5", "r4", "r7", "r6", "r9", "r8"])
      #expect(try await live.call(Runs.listRuns) { $0.userId = "nobody" }.runs.isEmpty)
    }
  }

  @Test("runs are filtered by status, model, type and time") func filters() async throws {
    try await LiveServer.run { live in
      let now = try await live.freeze()
      try await live.begin("a", 0)
      try await live.record("b") {
        $0.model = "caf\u{e9}"
        $0.startedAtMicros = now - 1
      }
      try await live.record("c") {
        $0.type = "image"
        $0.status = .failed
        $0.startedAtMicros = now - 2
      }
      func list(_ fill: (inout TallystickV1.ListRunsRequest) -> Void) async throws -> [String] {
        try await live.call(Runs.listRuns) {
          $0.userId = "u1"
          fill(&$0)
        }.runs.map(\.runId)
      }
      #expect(try await list { _ in } == ["a", "b", "c"])
      #expect(try await list { $0.statuses = [.running, .failed] } == ["a", "c"])
      #expect(try await list { $0.model = "caf\u{e9}" } == ["b"])
      #expect(try await list { $0.model = "cafe\u{301}" } == [])
      #expect(try await list { $0.type = "image" } == ["c"])
      #expect(try await list { $0.fromMicros = now - 1 } == ["a", "b"])
      #expect(try await list { $0.toMicros = now - 1 } == ["c"])
      #expect(
        try await list {
          $0.fromMicros = now - 1
          $0.toMicros = now
        } == ["b"])
    }
  }

  @Test("a cursor belongs to its query") func cursors() async throws {
    try await LiveServer.run { live in
      for index in 0..<3 { try await live.record("r\(index)") }
      let page = try await live.call(Runs.listRuns) {
        $0.userId = "u1"
        $0.limit = 1
      }
      let foreign = try await live.reason(Runs.listRuns) {
        $0.userId = "u2"
        $0.cursor = page.nextCursor
      }
      #expect(foreign == "INVALID_CURSOR")
      for cursor in [
        "x", String(page.nextCursor.dropLast()), page.nextCursor + "0", "-" + page.nextCursor.dropFirst(),
      ] {
        let reason = try await live.reason(Runs.listRuns) {
          $0.userId = "u1"
          $0.cursor = cursor
        }
        #expect(reason == "INVALID_CURSOR", "\(cursor)")
      }
      let rest = try await live.call(Runs.listRuns) {
        $0.userId = "u1"
        $0.cursor = page.nextCursor
      }
      #expect(rest.runs.count == 2)
    }
  }

  @Test("an acting user sees, begins and finishes its own runs only") func acting() async throws {
    try await LiveServer.run { live in
      try await live.begin("mine", 0, actingUser: "u1")
      try await live.begin("foreign", 0, user: "u2")
      let begin = try await live.failure { try await live.begin("new", 0, user: "u2", actingUser: "u1") }
      #expect(begin?.reason == "ACTING_USER")
      let read = try await live.reason(Runs.getRun, actingUser: "u1") { $0.runId = "foreign" }
      #expect(read == "RUN_NOT_FOUND")
      let finish = try await live.failure { try await live.finish("foreign", cost: 0, actingUser: "u1") }
      #expect(finish?.reason == "RUN_NOT_FOUND")
      #expect(try await live.reason(Runs.listRuns, actingUser: "u1") { $0.userId = "u2" } == "ACTING_USER")
      #expect(try await live.call(Runs.getRun, actingUser: "u1") { $0.runId = "mine" }.run?.userId == "u1")
      #expect(try await live.finish("mine", cost: 0, actingUser: "u1").run?.status == .succeeded)
      // A replay too is the owner's only.
      let replay = try await live.failure { try await live.finish("mine", cost: 0, actingUser: "u2") }
      #expect(replay?.reason == "RUN_NOT_FOUND")
    }
  }

  @Test("each field has its limit, and is taken at it") func limits() async throws {
    try await LiveServer.run { live in
      func text(_ count: Int) -> String { String(repeating: "x", count: count) }
      try await live.begin(text(255), 0, user: text(255)) {
        $0.model = text(128)
        $0.type = text(64)
        $0.ttlMillis = Limits.holdTtlMillis
      }
      let ends: (inout TallystickV1.FinishRunRequest) -> Void = {
        $0.inputTokens = Limits.runUnitCount
        $0.outputTokens = Limits.runUnitCount
        $0.images = Limits.runUnitCount
        $0.error = text(1_024)
      }
      #expect(try await live.finish(text(255), cost: Limits.runCostMicros, ends).run?.error.count == 1_024)

      let begins: [(String, (inout TallystickV1.BeginRunRequest) -> Void)] = [
        ("user_id", { $0.userId = "" }), ("user_id", { $0.userId = text(256) }),
        ("run_id", { $0.runId = "" }), ("run_id", { $0.runId = text(256) }),
        ("model", { $0.model = "" }), ("model", { $0.model = text(129) }),
        ("type", { $0.type = "" }), ("type", { $0.type = text(65) }),
        ("estimate_micros", { $0.estimateMicros = -1 }),
        ("estimate_micros", { $0.estimateMicros = Limits.amountMicros + 1 }),
        ("ttl_millis", { $0.ttlMillis = -1 }), ("ttl_millis", { $0.ttlMillis = Limits.holdTtlMillis + 1 }),
      ]
      for (field, spoil) in begins {
        let failed = try await live.failure { try await live.begin("r", 0, spoil) }
        let reason = field == "estimate_micros" ? "INVALID_AMOUNT" : "INVALID_FIELD"
        #expect(failed?.reason == reason && failed?.details["field"] == field, "\(field)")
      }
      let finishes: [(String, (inout TallystickV1.FinishRunRequest) -> Void)] = [
        ("run_id", { $0.runId = "" }), ("status", { $0.status = .unspecified }),
        ("status", { $0.status = .running }), ("status", { $0.status = .unrecognized(9) }),
        ("input_tokens", { $0.inputTokens = -1 }),
        ("output_tokens", { $0.outputTokens = Limits.runUnitCount + 1 }),
        ("images", { $0.images = Int64.min }), ("cost_micros", { $0.costMicros = -1 }),
        ("error", { $0.error = text(1_025) }),
      ]
      for (field, spoil) in finishes {
        let failed = try await live.failure { try await live.finish("r", cost: 0, spoil) }
        let reason = field == "cost_micros" ? "INVALID_AMOUNT" : "INVALID_FIELD"
        #expect(failed?.reason == reason && failed?.details["field"] == field, "\(field)")
      }
      let early = try await live.failure { try await live.record("r") { $0.startedAtMicros = 0 } }
      #expect(early?.reason == "INVALID_FIELD" && early?.details["field"] == "started_at_micros")
      let lists: [(inout TallystickV1.ListRunsRequest) -> Void] = [
        { $0.userId = "" }, { $0.limit = 1_001 }, { $0.statuses = [.unspecified] },
        { $0.model = text(129) }, { $0.type = text(65) }, { $0.fromMicros = -1 },
      ]
      for spoil in lists {
        let reason = try await live.reason(Runs.listRuns) {
          $0.userId = "u"
          spoil(&$0)
        }
        #expect(reason == "INVALID_FIELD")
      }
    }
  }

  @Test("the order of checks: fields, acting user, existence, replay, quota, balance") func order()
    async throws
  {
    try await LiveServer.run { live in
      try await live.subscribe("u1") { $0.limits = .init(generations: 1) }
      // Fields before the acting user.
      let fields = try await live.failure {
        try await live.begin("r1", -1, user: "u2", actingUser: "u1")
      }
      #expect(fields?.reason == "INVALID_AMOUNT")
      // The acting user before a conflict.
      try await live.begin("r1", 0)
      let acting = try await live.failure { try await live.begin("r1", 5, actingUser: "u2") }
      #expect(acting?.reason == "ACTING_USER")
      // A conflict before the quota, the quota before the balance.
      #expect(try await live.failure { try await live.begin("r1", 5) }?.reason == "RUN_CONFLICT")
      #expect(try await live.failure { try await live.begin("r2", 5) }?.reason == "QUOTA_EXCEEDED")
      // A replay before the quota.
      #expect(try await live.begin("r1", 0).replayed)
      try await live.finish("r1", cost: 0, status: .failed)
      #expect(try await live.failure { try await live.begin("r2", 5) }?.reason == "INSUFFICIENT_CREDITS")
      // Fields before existence, existence before what the plan must price.
      #expect(try await live.failure { try await live.finish("none", cost: -1) }?.reason == "INVALID_AMOUNT")
      #expect(try await live.failure { try await live.finish("none", cost: nil) }?.reason == "RUN_NOT_FOUND")
      // A conflict before the price and before the age of an event.
      #expect(try await live.failure { try await live.finish("r1", cost: nil) }?.reason == "RUN_CONFLICT")
      let old = try await live.failure {
        try await live.record("r1") {
          $0.startedAtMicros = 1
          $0.costMicros = nil
        }
      }
      #expect(old?.reason == "RUN_CONFLICT")
      let unpriced = try await live.failure {
        try await live.record("r9") {
          $0.startedAtMicros = 1
          $0.costMicros = nil
        }
      }
      #expect(unpriced?.reason == "EVENT_TOO_OLD")
    }
  }
}
