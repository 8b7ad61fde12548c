// The Swift fixture's harness, against the program: what docs/TESTING.md promises.

import Glibc
import TallyClient
import TallyMessages
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Harness") struct HarnessTests {
  private typealias Credits = TallystickV1.CreditService

  private static let unknownStatus = ExitStatus.outcomeUnknown.rawValue
  private static let fixture = """
    {"promos": [{"user_id": "alice", "amount_micros": "1000000"}]}
    """

  private func available(_ tally: TallyFixture, _ userId: String = "alice") async throws -> Int64? {
    var request = TallystickV1.GetBalanceRequest()
    request.userId = userId
    return try await tally.client.call(Credits.getBalance, request).balance?.availableMicros
  }

  private static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  private func consume(_ key: String) -> TallystickV1.ConsumeRequest {
    var request = TallystickV1.ConsumeRequest()
    request.userId = "alice"
    request.amountMicros = 250_000
    request.idempotencyKey = key
    return request
  }

  @Test("fixtures, snapshots, the clock and failures") func everything() async throws {
    let tally = try TallyFixture.start()
    defer { tally.stop() }
    #expect(try await tally.loadFixtures(Self.fixture) == 1)
    try await tally.saveSnapshot("rich")
    let now = try await tally.nowMicros()
    try await tally.advanceClock(by: .seconds(3_600))
    _ = try await tally.client.call(Credits.consume, consume("k"))
    #expect(try await available(tally) == 750_000)
    try await tally.restoreSnapshot("rich")
    #expect(try await available(tally) == 1_000_000)
    #expect(try await tally.nowMicros() < now + 1_800_000_000)
    // The client calls again with the same key: applied once.
    try await tally.inject(.dropAfter) { $0.method = "CreditService/Consume" }
    let reply = try await tally.client.call(Credits.consume, consume("k2"))
    #expect(reply.replayed)
    #expect(try await tally.failures().map(\.happened) == [1])
    try await tally.clearFailures()
    #expect(try await tally.failures() == [])
    #expect(try await available(tally) == 750_000)
  }

  @Test("servers beside each other have nothing in common") func parallel() async throws {
    try await withThrowingTaskGroup(of: String.self) { group in
      for number in 1...6 {
        group.addTask {
          let tally = try TallyFixture.start()
          defer { tally.stop() }
          for _ in 0..<number { try await tally.reset() }
          try await tally.loadFixtures(
            #"{"promos": [{"user_id": "u", "amount_micros": \#(number)}]}"#)
          #expect(try await self.available(tally, "u") == Int64(number))
          return tally.socket
        }
      }
      var sockets: Set<String> = []
      for try await socket in group { sockets.insert(socket) }
      #expect(sockets.count == 6)
      for socket in sockets { #expect(!Self.exists(socket)) }
    }
  }

  @Test("a server whose commit is delayed ends at once when it is told to") func delayedEnd() async throws {
    let tally = try TallyFixture.start()
    try await tally.loadFixtures(Self.fixture)
    try await tally.inject(.storeDelay) { $0.delayMillis = 60_000 }
    let delayed = Task { try await tally.client.call(Credits.consume, consume("k")) }
    try await eventually("the commit is delayed") { try await tally.failures().first?.happened == 1 }
    // The delay is twice as long as what this may take.
    let began = ContinuousClock.now
    #expect(tally.stop() == 0)
    #expect(began.duration(to: .now) < .seconds(30))
    _ = await delayed.result
  }

  @Test("a commit of unknown outcome ends the server with its status, and leaves nothing behind")
  func unknown()
    async throws
  {
    let tally = try TallyFixture.start()
    try await tally.loadFixtures(Self.fixture)
    try await tally.inject(.storeUnknown)
    let error = await #expect(throws: TallyError.self) {
      _ = try await tally.client.call(Credits.consume, consume("k"), options: CallOptions(retry: .never))
    }
    #expect(error?.reason == "OUTCOME_UNKNOWN")
    #expect(tally.stop() == Self.unknownStatus)
    #expect(!Self.exists(tally.socket))
  }

  @Test("a server that does not end by itself is killed") func killed() throws {
    let stubborn = try ChildProcess(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
    #expect(stubborn.readLine(timeoutMilliseconds: Patience.milliseconds) == "ready")
    #expect(stubborn.end(signal: SIGTERM, withinMilliseconds: 100) == 128 + SIGKILL)
    let willing = try ChildProcess([
      "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done",
    ])
    #expect(willing.readLine(timeoutMilliseconds: Patience.milliseconds) == "ready")
    #expect(willing.end(signal: SIGTERM, withinMilliseconds: UInt64(Patience.milliseconds)) == 7)
    #expect(willing.wait() == 7)
  }

  @Test("a child ends by a signal that this process ignores") func ignored() throws {
    // As a shell has it for what it runs in the background.
    let former = signal(SIGINT, SIG_IGN)
    defer { signal(SIGINT, former) }
    let child = try ChildProcess(["sleep", "3600"])
    #expect(child.end(signal: SIGINT, withinMilliseconds: UInt64(Patience.milliseconds)) == 128 + SIGINT)
  }
}
