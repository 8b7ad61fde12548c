// UsageService over a real socket: runs that are recorded in streams, to their end or cut off before it.

import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import TallyTestSupport
import Testing

@testable import TallyServer

extension LiveServer {
  /// Sends runs in a stream, as a generated client would.
  fileprivate func streamRuns(
    _ runs: [TallystickV1.RecordRunRequest], actingUser: String? = nil, on other: ClientConnection? = nil
  ) async throws -> TallystickV1.StreamRunsResponse {
    let connection = other ?? connection
    let metadata = actingUser.map { [MetadataPair(key: "tally-acting-user", value: $0)] } ?? []
    do {
      let stream = try connection.openRuns(timeoutNanoseconds: Patience.nanoseconds, metadata: metadata)
      for run in runs { try await stream.send(run.encode()) }
      stream.finish()
      let payload = try #require(try await stream.next())
      return try TallystickV1.StreamRunsResponse.decode(payload)
    } catch let error as CallError { throw Failed(error.status) }
  }

  /// How often StreamRuns was answered with a status, or would have been.
  fileprivate func endedStreams(_ code: String) async throws -> Int64 {
    try await count("tallystick_calls_total", ["method": Runs.streamRuns.method, "code": code])
  }

  fileprivate func count(_ metric: String, _ wanted: [String: String]) async throws -> Int64 {
    let metrics = try await call(TallystickV1.AdminService.getMetrics) { _ in }.metrics
    let samples = metrics.first { $0.name == metric }?.samples ?? []
    return samples.first { sample in
      wanted.allSatisfy { label in
        sample.labels.contains { $0.name == label.key && $0.value == label.value }
      }
    }?.value ?? 0
  }
}

extension ClientConnection {
  fileprivate func openRuns(
    timeoutNanoseconds: UInt64? = nil, metadata: [MetadataPair] = []
  ) throws -> ClientStream {
    try stream(
      .clientStream, Runs.streamRuns.service, Runs.streamRuns.method,
      timeoutNanoseconds: timeoutNanoseconds, metadata: metadata)
  }
}

@Suite("Runs streamed") struct RunStreamTests {
  @Test("a stream of more runs than a batch is recorded, and the same again is replayed") func stream()
    async throws
  {
    try await LiveServer.run { live in
      let runs = (0..<2 * Limits.runStreamBatchCount + 10).map {
        TallystickV1.RecordRunRequest.sample("r\($0)", user: "u\($0 % 7)")
      }
      let first = try await live.streamRuns(runs)
      #expect(first.received == Int64(runs.count) && first.recorded == first.received)
      #expect(first.replayed == 0 && first.failed == 0 && first.failures.isEmpty)
      let state = try await live.call(TallystickV1.AdminService.getServerInfo) { _ in }
      #expect(first.commitSequence == state.commitSequence && first.commitSequence >= 3)
      let again = try await live.streamRuns(runs)
      #expect(again.recorded == 0 && again.replayed == again.received)
      #expect(try await live.call(Runs.getRun) { $0.runId = "r2009" }.run?.recorded == true)
    }
  }

  @Test("what a stream's runs are refused with is told of the first hundred") func streamFailures()
    async throws
  {
    try await LiveServer.run { live in
      try await live.record("r0") { $0.images = 9 }
      var runs = (0..<120).map { _ in TallystickV1.RecordRunRequest.sample("r0") }
      runs[1].status = .running
      runs.append(.sample("new"))
      let response = try await live.streamRuns(runs)
      #expect(response.received == 121 && response.failed == 120 && response.recorded == 1)
      #expect(response.failures.count == Limits.runStreamFailureCount)
      let reasons = Dictionary(
        response.failures.map { ($0.index, $0.error?.info?.reason ?? "") }, uniquingKeysWith: { $1 })
      #expect(reasons.count == 100 && reasons[0] == "RUN_CONFLICT" && reasons[1] == "INVALID_FIELD")
    }
  }

  @Test("a run of a stream that a field was wrong of is told with the field and its limit")
  func streamFields() async throws {
    try await LiveServer.run { live in
      var runs = (0..<4).map { TallystickV1.RecordRunRequest.sample("r\($0)") }
      runs[0].spender = String(repeating: "s", count: Limits.spenderByteCount + 1)
      runs[1].tags = ["k": ""]
      runs[2].providerCostMicros = Limits.runCostMicros + 1
      let response = try await live.streamRuns(runs)
      #expect(response.recorded == 1 && response.failed == 3)
      let told = response.failures.map { failure in
        let info = failure.error?.info
        return "\(info?.reason ?? "") \(info?.metadata["field"] ?? "") \(info?.metadata["limit"] ?? "")"
      }
      #expect(
        told == [
          "INVALID_FIELD spender 255", "INVALID_FIELD tags.value ",
          "INVALID_AMOUNT provider_cost_micros \(Limits.runCostMicros)",
        ])
    }
  }

  @Test("the refused runs that the reply names are the first ones, in order, however they were refused")
  func streamFailuresInOrder() async throws {
    try await LiveServer.run { live in
      try await live.record("r0") { $0.images = 9 }
      // The writer refuses the odd ones, and their fields the even ones; over more than one batch.
      var runs = (0..<Limits.runStreamBatchCount + 200).map { number in
        var run = TallystickV1.RecordRunRequest.sample("r0")
        if number % 2 == 0 { run.status = .running }
        return run
      }
      let response = try await live.streamRuns(runs)
      #expect(response.failed == Int64(runs.count) && response.received == response.failed)
      #expect(response.failures.map(\.index) == (0..<100).map { Int64($0) })
      #expect(
        response.failures.map { $0.error?.info?.reason }
          == (0..<100).map { $0 % 2 == 0 ? "INVALID_FIELD" : "RUN_CONFLICT" })
      // Late ones of a kind that is told at once do not stand before early ones of the other.
      runs = (0..<150).map { _ in TallystickV1.RecordRunRequest.sample("r0") }
      for place in 100..<150 { runs[place].status = .running }
      #expect(try await live.streamRuns(runs).failures.map(\.index) == (0..<100).map { Int64($0) })
    }
  }

  @Test("a stream's reply names as many refused runs as fit into a message, and counts them all")
  func streamFailuresThatFit() async throws {
    try await LiveServer.run(configure: { $0.server.maximumMessageByteCount = 1_024 }) { live in
      let runs = (0..<60).map { number in
        var run = TallystickV1.RecordRunRequest.sample("r\(number)")
        if number % 2 == 0 { run.status = .running }
        return run
      }
      let response = try await live.streamRuns(runs)
      #expect(response.recorded == 30 && response.failed == 30)
      #expect(!response.failures.isEmpty && response.failures.count < 30)
      #expect(response.failures.map(\.index) == (0..<Int64(response.failures.count)).map { 2 * $0 })
    }
  }

  @Test(
    "an empty stream is answered; one that cannot be read or names another user ends, and keeps what was in")
  func streamEnds() async throws {
    try await LiveServer.run { live in
      let empty = try await live.streamRuns([])
      #expect(empty.received == 0 && empty.commitSequence == 0)
      let whole = (0..<Limits.runStreamBatchCount).map { TallystickV1.RecordRunRequest.sample("r\($0)") }
      let foreign = try await live.failure {
        _ = try await live.streamRuns(whole + [.sample("x", user: "u2")], actingUser: "u1")
      }
      #expect(foreign?.reason == "ACTING_USER")
      // The first batch is the writer's by then; it is decided before whatever comes after it.
      #expect(try await live.record("after").replayed == false)
      #expect(try await live.record("r0").replayed)
      #expect(try await live.reason(Runs.getRun) { $0.runId = "x" } == "RUN_NOT_FOUND")
    }
  }

  @Test("while the writer's queue is full a stream waits, and loses nothing")
  func fullQueue() async throws {
    try await LiveServer.run(configure: { $0.server.maximumBulkInboundByteCount = 20_000 }) { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.storeDelay) { $0.delayMillis = Limits.failureDelayMillis }
      let slow = Task { try await live.consume("u", 30, key: "k") }
      try await live.happened(1)
      // One submission that says that it is as large as the whole queue.
      let filling = UsageCommand.PutPlan(
        Plan(id: "p", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never))
      live.server.engineForTesting.submit(
        Work(
          submission: Submission(commands: [filling], sharer: "", byteCount: 32 << 20), group: nil,
          completion: { _ in }))
      let runs = (0..<3 * Limits.runStreamBatchCount).map { TallystickV1.RecordRunRequest.sample("r\($0)") }
      // A connection that waits is not read.
      let other = try ClientConnection.connect(path: live.socketPath)
      defer { other.close() }
      let stream = Task { try await live.streamRuns(runs, on: other) }
      try await eventually("a batch of the stream is turned away") {
        try await live.count("tallystick_writer_turned_away_total", ["reason": "QUEUE_FULL"]) > 0
      }
      try await live.clear()
      #expect(try await slow.value.balance?.availableMicros == 70)
      let response = try await stream.value
      #expect(response.recorded == Int64(runs.count) && response.failed == 0)
    }
  }

  /// What ends a stream before its client has finished it.
  enum Cut: CaseIterable {
    case deadline, lostConnection
  }

  @Test(
    "of a stream that is cut off, what was submitted stays, and nothing else; sent again, no run is twice",
    arguments: Cut.allCases)
  func cutOff(cut: Cut) async throws {
    try await LiveServer.run { live in
      // One batch, full by its bytes, and one run that waits for more: its stream is not finished.
      let error = String(repeating: "e", count: Limits.runErrorByteCount)
      var runs: [TallystickV1.RecordRunRequest] = []
      var byteCount = 0
      while byteCount < Limits.runStreamBatchByteCount {
        var run = TallystickV1.RecordRunRequest.sample("r\(runs.count)")
        run.error = error
        byteCount += run.encode().count
        runs.append(run)
      }
      let submitted = Int64(runs.count)
      runs.append(.sample("rest"))

      switch cut {
      case .deadline: try await cutByDeadline(live, runs)
      case .lostConnection: try await cutByLoss(live, runs)
      }

      // The writer goes in order: what the stream had submitted is decided before this.
      #expect(try await live.record("after").replayed == false)
      #expect(try await live.record("r0") { $0.error = error }.replayed)
      #expect(try await live.reason(Runs.getRun) { $0.runId = "rest" } == "RUN_NOT_FOUND")

      let again = try await live.streamRuns(runs)
      #expect(again.replayed == submitted && again.recorded == 1 && again.failed == 0)
      let stats = try await live.call(Runs.getStats) { $0.userId = "u1" }
      #expect(stats.totals?.count == submitted + 2)
    }
  }

  private func isRecorded(_ live: LiveServer, _ runId: String) async throws -> Bool {
    try await live.reason(Runs.getRun) { $0.runId = runId } == nil
  }

  /// On a machine that is busy a deadline may pass before the batch is whole; then a later one.
  private func cutByDeadline(_ live: LiveServer, _ runs: [TallystickV1.RecordRunRequest]) async throws {
    var attempts: Int64 = 0
    var timeoutNanoseconds: UInt64 = 250_000_000
    repeat {
      attempts += 1
      timeoutNanoseconds *= 2
      let stream = try live.connection.openRuns(timeoutNanoseconds: timeoutNanoseconds)
      do throws(CallError) {
        for run in runs { try await stream.send(run.encode()) }
        _ = try await stream.next()
        Issue.record("the stream was answered")
      } catch { #expect(error.status.code == .deadlineExceeded) }
      // The server has a clock of its own.
      try await eventually("the server ends the stream") {
        try await live.endedStreams("DEADLINE_EXCEEDED") >= attempts
      }
    } while try await !isRecorded(live, "r0")
  }

  private func cutByLoss(_ live: LiveServer, _ runs: [TallystickV1.RecordRunRequest]) async throws {
    let connection = try ClientConnection.connect(path: live.socketPath)
    let stream = try connection.openRuns()
    for run in runs { try await stream.send(run.encode()) }
    try await eventually("the batch is recorded") { try await isRecorded(live, "r0") }
    connection.close()
    await #expect(throws: CallError.self) { try await stream.next() }
    try await eventually("the server ends the stream") { try await live.endedStreams("CANCELLED") > 0 }
  }
}
