// A disk that takes its time holds up those that wait for it, and nobody else.

import Dispatch
import TTRPC
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyCore
@testable import TallySQLiteStore
@testable import TallyServer

@Suite("Slow disk") struct SlowDiskTests {
  /// Holds up commits until the test lets them go.
  private final class Sync: Sendable {
    private let isDone = DispatchSemaphore(value: 0)
    private let state = Lock((isSlow: false, waiting: 0))
    let cause: CommitCause

    init(_ cause: CommitCause) { self.cause = cause }

    /// From now on each commit waits.
    func slowDown() { state.withLock { $0.isSlow = true } }
    var waitingCount: Int { state.withLock { $0.waiting } }

    func letGo() {
      let count = state.withLock { state in
        state.isSlow = false
        return state.waiting
      }
      for _ in 0..<count { isDone.signal() }
    }

    var hook: EngineFaults.CommitHook {
      { [self] cause in
        let waits = state.withLock { state in
          guard state.isSlow, cause == self.cause else { return false }
          state.waiting += 1
          return true
        }
        if waits { isDone.wait() }
      }
    }
  }

  /// Calls of each kind that needs no disk, on a connection of their own, and on that of `live`.
  private func expectQuickCalls(_ live: LiveServer) async throws {
    let other = try ClientConnection.connect(path: live.socketPath)
    defer { other.close() }
    for connection in [other, live.connection] {
      let beside = LiveServer(server: live.server, connection: connection, socketPath: live.socketPath)
      for _ in 0..<50 {
        #expect(try await beside.call(GrpcHealthV1.Health.check) { _ in }.status == .serving)
        #expect(try await beside.available("u") == 100)
      }
    }
  }

  @Test("a lone write does not hold up other connections, nor reads on its own")
  func loneWrite() async throws {
    let sync = Sync(.calls)
    try await LiveServer.run(configure: { $0.engine.faults.beforeCommit = sync.hook }) { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      // Read once from the file, so that the next read finds it in memory.
      #expect(try await live.available("u") == 100)
      sync.slowDown()
      // Whatever goes wrong, the server can end.
      defer { sync.letGo() }
      let isAnswered = Lock(false)
      let write = Task {
        let reply = try await live.consume("u", 30, key: "k")
        isAnswered.withLock { $0 = true }
        return reply
      }
      try await eventually("the write waits for the disk") { sync.waitingCount == 1 }
      try await expectQuickCalls(live)
      #expect(!isAnswered.withLock { $0 })
      sync.letGo()
      #expect(try await write.value.balance?.availableMicros == 70)
    }
  }

  @Test("reads that wait for the file hold up nobody who does not, on their own connections either")
  func waitingReads() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      #expect(try await live.available("u") == 100)
      let engine = try live.server.sqliteEngine
      let isDone = DispatchSemaphore(value: 0)
      let borrowed = Lock(0)
      defer { for _ in 0..<engine.readerCount { isDone.signal() } }
      for number in 0..<engine.readerCount {
        DispatchQueue(label: "reader \(number)").async {
          _ = try? engine.read { _, _ in
            borrowed.withLock { $0 += 1 }
            isDone.wait()
          }
        }
      }
      try await eventually("all readers are busy") { borrowed.withLock { $0 } == engine.readerCount }
      let started = live.server.statistics.callsStarted
      let answered = Lock(0)
      // Of these nothing is in memory: credit, a run, whether an acting user is an admin.
      let reads: [@Sendable () async throws -> String?] = [
        { "\(try await live.available("nobody"))" },
        { try await live.reason(TallystickV1.UsageService.getRun) { $0.runId = "r" } },
        { try await live.reason(TallystickV1.AdminService.listUsers, actingUser: "nobody") { _ in } },
      ]
      let calls = reads.map { read in
        Task {
          defer { answered.withLock { $0 += 1 } }
          return try await read()
        }
      }
      try await eventually("the reads have come") {
        live.server.statistics.callsStarted == started + UInt64(reads.count)
      }
      try await expectQuickCalls(live)
      #expect(answered.withLock { $0 } == 0)
      for _ in 0..<engine.readerCount { isDone.signal() }
      var told: [String?] = []
      for call in calls { told.append(try await call.value) }
      #expect(told == ["0", "RUN_NOT_FOUND", "ROLE_REQUIRED"])
    }
  }

  @Test("searches and diffs take turns, and hold up no other read")
  func longReads() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await rig.prepare()
      let pageId = try await rig.page("u1")
      let engine = try live.server.sqliteEngine
      let (isDone, isBorrowed) = (DispatchSemaphore(value: 0), Lock(false))
      defer { isDone.signal() }
      DispatchQueue(label: "long reader").async {
        _ = try? engine.read(isLong: true) { _, _ in
          isBorrowed.withLock { $0 = true }
          isDone.wait()
        }
      }
      try await eventually("the reader is busy") { isBorrowed.withLock { $0 } }
      let started = live.server.statistics.callsStarted
      let answered = Lock(0)
      let calls: [@Sendable () async throws -> Void] = [
        {
          _ = try await live.call(Pages.searchPages) { ($0.userId, $0.query) = ("u1", "title") }
        },
        {
          _ = try await live.call(Pages.diffVersions) {
            ($0.pageId, $0.fromVersion, $0.toVersion) = (pageId, 1, 1)
          }
        },
      ]
      let tasks = calls.map { call in
        Task {
          try await call()
          answered.withLock { $0 += 1 }
        }
      }
      try await eventually("the calls have come") {
        live.server.statistics.callsStarted == started + UInt64(calls.count)
      }
      #expect(try await live.call(Pages.listPages) { $0.userId = "u1" }.pages.count == 1)
      #expect(try await live.call(Pages.listVersions) { $0.pageId = pageId }.versions.count == 1)
      #expect(answered.withLock { $0 } == 0)
      isDone.signal()
      for task in tasks { try await task.value }
    }
  }

  @Test("lone writes behind what the server does of its own accord do not hold up other connections")
  func behindUpkeep() async throws {
    let sync = Sync(.upkeep)
    try await LiveServer.run(configure: { $0.engine.faults.beforeCommit = sync.hook }) { live in
      let now = try await live.freeze()
      try await live.purchase("u", 100, payment: "p", key: "p")
      _ = try await live.call(Credits.grantPromo) {
        $0.userId = "other"
        $0.amountMicros = 5
        $0.expiresAtMicros = now + 1_000_000
        $0.idempotencyKey = "promo"
      }
      try await live.advance(millis: 2_000)
      #expect(try await live.available("u") == 100)
      sync.slowDown()
      // Whatever goes wrong, the server can end.
      defer { sync.letGo() }
      let engine = try live.server.sqliteEngine
      // On a thread of its own: the tasks' threads are few, and this one waits.
      let swept = AsyncStream.makeStream(of: Result<Void, any Error>.self)
      DispatchQueue(label: "sweep").async {
        swept.continuation.yield(Result { try engine.sweep() })
        swept.continuation.finish()
      }
      try await eventually("the sweep waits for the disk") { sync.waitingCount == 1 }
      let isAnswered = Lock(false)
      var writes: [Task<Void, any Error>] = []
      // One after the other, so that the first finds nobody beside it.
      for number in 0..<3 {
        let connection = try ClientConnection.connect(path: live.socketPath)
        let writer = LiveServer(server: live.server, connection: connection, socketPath: live.socketPath)
        _ = try await writer.call(GrpcHealthV1.Health.check) { _ in }
        let started = live.server.statistics.callsStarted
        writes.append(
          Task {
            defer { connection.close() }
            try await writer.consume("u", 10, key: "\(number)")
            isAnswered.withLock { $0 = true }
          })
        try await eventually("the write has come") { live.server.statistics.callsStarted > started }
      }
      try await expectQuickCalls(live)
      #expect(!isAnswered.withLock { $0 })
      sync.letGo()
      for await result in swept.stream { try result.get() }
      for write in writes { try await write.value }
      #expect(try await live.available("u") == 70)
    }
  }
}
