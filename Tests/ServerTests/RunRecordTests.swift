// UsageService over a real socket: runs that are recorded, one by one and in batches.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import Testing

@testable import TallyServer

@Suite("Runs recorded") struct RunRecordTests {
  @Test("a recorded run is kept as told, and charges nothing") func record() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let now = try await live.freeze()
      let recorded = try await live.record("r1") {
        $0.status = .failed
        $0.inputTokens = 1
        $0.outputTokens = 2
        $0.images = 3
        $0.error = "boom"
        $0.startedAtMicros = now - 5
      }
      let run = try #require(recorded.run)
      #expect(run.recorded && run.status == .failed && run.error == "boom" && run.costMicros == 5)
      #expect(run.chargedMicros == 0 && run.uncollectedMicros == 0 && run.estimateMicros == 0)
      #expect(run.inputTokens == 1 && run.outputTokens == 2 && run.images == 3)
      #expect(run.startedAtMicros == now - 5 && run.finishedAtMicros == now && run.expiresAtMicros == 0)
      #expect(try await live.available("u1") == 1_000)
      #expect(try await live.call(Runs.getRun) { $0.runId = "r1" }.run == run)
    }
  }

  @Test("the same again replays, also later and without a time of its own; another conflicts") func replay()
    async throws
  {
    try await LiveServer.run { live in
      _ = try await live.freeze()
      let first = try await live.record("r1")
      try await live.advance(millis: 40 * 86_400_000)
      var expected = first
      expected.replayed = true
      #expect(try await live.record("r1") == expected)
      #expect(
        try await live.failure { try await live.record("r1") { $0.images = 1 } }?.reason == "RUN_CONFLICT")
      let foreign = try await live.failure { try await live.record("r1", user: "u2") }
      #expect(foreign?.reason == "RUN_CONFLICT")
    }
  }

  @Test("events are from 35 days back to 5 minutes ahead") func window() async throws {
    try await LiveServer.run { live in
      let now = try await live.freeze()
      let oldest = now - 35 * 86_400_000_000
      let newest = now + 300_000_000
      try await live.record("r1") { $0.startedAtMicros = oldest }
      try await live.record("r2") { $0.startedAtMicros = newest }
      let old = try await live.failure { try await live.record("r3") { $0.startedAtMicros = oldest - 1 } }
      #expect(old?.reason == "EVENT_TOO_OLD" && old?.code == .invalidArgument)
      #expect(old?.details["oldest_micros"] == "\(oldest)")
      let new = try await live.failure { try await live.record("r3") { $0.startedAtMicros = newest + 1 } }
      #expect(new?.reason == "EVENT_IN_FUTURE" && new?.details["newest_micros"] == "\(newest)")
      #expect(try await live.record("r3").replayed == false)
    }
  }

  private func batch(
    _ live: LiveServer, _ runs: [TallystickV1.RecordRunRequest], actingUser: String? = nil
  ) async throws -> TallystickV1.RecordRunsResponse {
    try await live.call(Runs.recordRuns, actingUser: actingUser) { $0.runs = runs }
  }

  @Test("a batch decides each run on its own, in one commit, and an item is the request alone") func batch()
    async throws
  {
    try await LiveServer.run { live in
      let single = try await live.record("r0")
      var invalid = TallystickV1.RecordRunRequest.sample("r2")
      invalid.status = .running
      var conflicting = TallystickV1.RecordRunRequest.sample("r1")
      conflicting.images = 1
      let response = try await batch(
        live, [.sample("r0"), .sample("r1", user: "u2"), invalid, conflicting, .sample("r3")])
      #expect(
        response.results.map { $0.error?.info?.reason ?? "" } == [
          "", "", "INVALID_FIELD", "RUN_CONFLICT", "",
        ])
      #expect(response.results.map(\.replayed) == [true, false, false, false, false])
      #expect(response.results[2].error?.info?.metadata["field"] == "runs[2].status")
      #expect(response.commitSequence == single.commitSequence + 1)
      #expect(response.results[4].commitPosition > response.results[1].commitPosition)
      #expect(try await live.record("r3").replayed)
      let run = try await live.call(Runs.getRun) { $0.runId = "r1" }.run
      #expect(run?.userId == "u2" && run?.recorded == true)
    }
  }

  @Test("a batch has 1 to 1,000 runs, and its reply fits") func batchLimit() async throws {
    try await LiveServer.run { live in
      let runs = (0..<Limits.runBatchCount).map { TallystickV1.RecordRunRequest.sample("r\($0)") }
      let response = try await batch(live, runs)
      #expect(response.results.count == 1_000 && response.results.allSatisfy { $0.error == nil })
      let more = try await live.failure { _ = try await batch(live, runs + [.sample("x")]) }
      #expect(more?.reason == "BATCH_TOO_LARGE" && more?.details["limit"] == "1000")
      #expect(more?.details["field"] == "runs")
      #expect(try await live.failure { _ = try await batch(live, []) }?.reason == "INVALID_FIELD")
    }
  }

  @Test("an acting user records its own runs only; a batch that names another does nothing") func acting()
    async throws
  {
    try await LiveServer.run { live in
      #expect(try await live.record("r1", actingUser: "u1").replayed == false)
      let foreign = try await live.failure { try await live.record("r2", actingUser: "u2") }
      #expect(foreign?.reason == "ACTING_USER")
      let mixed = try await live.failure {
        _ = try await batch(live, [.sample("r3"), .sample("r4", user: "u2")], actingUser: "u1")
      }
      #expect(mixed?.reason == "ACTING_USER")
      #expect(try await live.reason(Runs.getRun) { $0.runId = "r3" } == "RUN_NOT_FOUND")
    }
  }
}
