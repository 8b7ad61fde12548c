// Injected failures: at a method, at the socket and at the store, over real connections.

import TTRPC
import TallyCore
import TallyLocking
import TallyMessages
internal import TallySQLiteStore
import TallyTestSupport
import Testing

@testable import TallyServer

@Suite("Injected failures") struct FailureTests {
  // MARK: at a method

  @Test("a refusal has the code, the reason and the details that were asked for") func refuse() async throws {
    try await LiveServer.run { live in
      try await live.inject(.refuse) {
        $0.method = "CreditService/GetBalance"
        $0.reason = .rateLimited
        $0.details = ["retry_after_millis": "7"]
        $0.message = "slow down"
      }
      let limited = try #require(try await live.failure { _ = try await live.available("u") })
      #expect(limited.code == .resourceExhausted)
      #expect(limited.reason == "RATE_LIMITED")
      #expect(limited.details == ["retry_after_millis": "7"])
      #expect(limited.message == "slow down")
      #expect(try await live.available("u") == 0)
      try await live.inject(.refuse) { $0.code = StatusCode.aborted.rawValue }
      let plain = try #require(try await live.failure { _ = try await live.available("u") })
      #expect(plain.code == .aborted)
      #expect(plain.reason == nil)
      try await live.inject(.refuse)
      #expect(try await live.failure { _ = try await live.available("u") }?.code == .unavailable)
    }
  }

  @Test("every reason can be asked for, with its own code") func reasons() async throws {
    try await LiveServer.run { live in
      for reason in TallystickV1.Reason.known where reason != .unspecified {
        try await live.inject(.refuse) { $0.reason = reason }
        let failed = try #require(try await live.failure { _ = try await live.available("u") })
        #expect(failed.reason == reason.name)
        let name = reason.name ?? ""
        #expect(failed.code == (Reason(rawValue: name)?.code ?? ServerReason(rawValue: name)?.code))
        try await live.clear()
      }
    }
  }

  @Test("skip and count, in order, each call by one failure") func order() async throws {
    try await LiveServer.run { live in
      try await live.inject(.refuse) {
        $0.skip = 1
        $0.count = 2
        $0.message = "first"
      }
      try await live.inject(.refuse) {
        $0.method = "CreditService/GetBalance"
        $0.message = "second"
      }
      var told: [String] = []
      for _ in 0..<5 {
        told.append(try await live.failure { _ = try await live.available("u") }?.message ?? "-")
      }
      #expect(told == ["second", "first", "first", "-", "-"])
      let listed = try await live.call(Control.listFailures) { _ in }.failures
      #expect(listed.map(\.happened) == [2, 1])
      #expect(listed.map(\.failure?.message) == ["first", "second"])
      #expect(listed.map(\.failureId) == [1, 2])
      #expect(try await live.clear() == 0)
      #expect(try await live.call(Control.listFailures) { _ in }.failures == [])
    }
  }

  @Test("a method is failed alone, TestControl never, and Reset clears") func scope() async throws {
    try await LiveServer.run { live in
      try await live.inject(.refuse) {
        $0.method = "tallystick.v1.CreditService/Consume"
        $0.count = 1_000
      }
      #expect(try await live.available("u") == 0)
      #expect(try await live.reason(Control.getClock) { _ in } == nil)
      #expect(try await live.failure { _ = try await live.consume("u", 1, key: "k") }?.code == .unavailable)
      try await live.inject(.refuse) { $0.count = 1_000 }
      #expect(try await live.failure { _ = try await live.call(GrpcHealthV1.Health.check) { _ in } } != nil)
      // What fixtures call does not fail by it either.
      _ = try await live.load(#"{"promos": [{"user_id": "u", "amount_micros": 1}]}"#)
      _ = try await live.call(Control.reset) { _ in }
      #expect(try await live.available("u") == 0)
      #expect(try await live.call(Control.listFailures) { _ in }.failures == [])
    }
  }

  @Test("a delayed call holds up nothing else, and goes on when failures are cleared") func delay()
    async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.delay) {
        $0.method = "CreditService/Consume"
        $0.delayMillis = Limits.failureDelayMillis
      }
      let delayed = Task { try await live.consume("u", 30, key: "k") }
      try await live.happened(1)
      // On the same connection, read and written.
      #expect(try await live.available("u") == 100)
      _ = try await live.consume("u", 1, key: "other")
      #expect(try await live.available("u") == 99)
      try await live.clear()
      #expect(try await delayed.value.balance?.availableMicros == 69)
    }
  }

  @Test("a delay ends by itself") func delayEnds() async throws {
    try await LiveServer.run { live in
      try await live.inject(.delay) { $0.delayMillis = 1 }
      #expect(try await live.available("u") == 0)
    }
  }

  @Test("dropped before, nothing is applied; dropped after, all is; the same key tells") func drops()
    async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      for (action, replayed) in [(TallystickTestingV1.FailureAction.dropBefore, false), (.dropAfter, true)] {
        try await live.inject(action) { $0.method = "CreditService/Consume" }
        let other = try ClientConnection.connect(path: live.socketPath)
        defer { other.close() }
        let lost = await #expect(throws: CallError.self) {
          _ = try await other.unary(
            Credits.name, "Consume", Self.consume("k-\(replayed)").encode(),
            timeoutNanoseconds: Patience.nanoseconds)
        }
        #expect(lost?.outcomeIsUnknown == true)
        let again = try await live.consume("u", 10, key: "k-\(replayed)")
        #expect(again.replayed == replayed)
      }
      #expect(try await live.available("u") == 80)
    }
  }

  private static func consume(_ key: String) -> TallystickV1.ConsumeRequest {
    var request = TallystickV1.ConsumeRequest()
    request.userId = "u"
    request.amountMicros = 10
    request.idempotencyKey = key
    return request
  }

  @Test("of calls that are sent at once those behind a drop are not looked at") func pipelined() async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.dropBefore) {
        $0.method = "CreditService/Consume"
        $0.skip = 2
      }
      let other = try ClientConnection.connect(path: live.socketPath)
      defer { other.close() }
      let replies = await withCheckedContinuation { continuation in
        let answers = Lock<[Bool]>([])
        for index in 0..<6 {
          other.unary(
            Credits.name, "Consume", Self.consume("k\(index)").encode(),
            timeoutNanoseconds: Patience.nanoseconds
          ) { result in
            let all = answers.withLock { answers in
              if case .success = result { answers.append(true) } else { answers.append(false) }
              return answers
            }
            if all.count == 6 { continuation.resume(returning: all) }
          }
        }
      }
      #expect(replies.count { $0 } <= 2)
      // Behind the two in the writer's queue.
      _ = try await live.consume("u", 1, key: "after")
      #expect(try await live.available("u") == 79)
    }
  }

  @Test("streams fail too: refused, dropped instead of their end") func streams() async throws {
    try await LiveServer.run { live in
      try await live.inject(.refuse) {
        $0.method = "AdminService/Verify"
        $0.reason = .readOnly
      }
      let refused = try live.connection.stream(.serverStream, Admin.name, "Verify", [])
      let status = await #expect(throws: CallError.self) { while try await refused.next() != nil {} }
      #expect(status?.status.code == .unavailable)
      try await live.inject(.dropAfter) { $0.method = "UsageService/StreamRuns" }
      let other = try ClientConnection.connect(path: live.socketPath)
      defer { other.close() }
      let stream = try other.stream(.clientStream, Usages.name, "StreamRuns")
      try await stream.send(TallystickV1.RecordRunRequest.sample("r1").encode())
      stream.finish()
      _ = await #expect(throws: CallError.self) { while try await stream.next() != nil {} }
      #expect(try await live.call(Usages.getRun) { $0.runId = "r1" }.run?.runId == "r1")
    }
  }

  // MARK: at the socket

  @Test("a new connection is closed as soon as it is made, and only as often as asked") func connection()
    async throws
  {
    try await LiveServer.run { live in
      try await live.inject(.refuseConnection) { $0.count = 2 }
      for isTaken in [false, false, true] {
        let other = try ClientConnection.connect(path: live.socketPath)
        defer { other.close() }
        do {
          _ = try await other.unary(
            GrpcHealthV1.Health.name, "Check", [], timeoutNanoseconds: Patience.nanoseconds)
          #expect(isTaken)
        } catch { #expect(!isTaken) }
      }
      // Connections that are there stay.
      #expect(try await live.available("u") == 0)
    }
  }

  // MARK: at the store

  @Test("streams fail too: their messages leave before the drop, and a delay ends when it is let go")
  func longStreams() async throws {
    try await LiveServer.run { live in
      func messages(_ connection: ClientConnection) async throws -> Int {
        let stream = try connection.stream(.serverStream, Admin.name, "Verify", [])
        var count = 0
        do throws(CallError) { while try await stream.next() != nil { count += 1 } } catch {
          #expect(error.status.code == .unavailable)
          return -count
        }
        return count
      }
      let whole = try await messages(live.connection)
      #expect(whole > 0)
      try await live.inject(.dropAfter) { $0.method = "AdminService/Verify" }
      try await live.inject(.dropBefore) { $0.method = "AdminService/Verify" }
      for expected in [-whole, 0] {
        let other = try ClientConnection.connect(path: live.socketPath)
        #expect(try await messages(other) == expected)
        other.close()
      }
      try await live.clear()
      try await live.inject(.delay) {
        $0.method = "AdminService/Verify"
        $0.delayMillis = Limits.failureDelayMillis
      }
      let connection = live.connection
      let delayed = Task { try await messages(connection) }
      try await live.happened(1)
      try await live.clear()
      #expect(try await delayed.value == whole)
    }
  }

  @Test("what the server commits of its own accord uses up no failure") func upkeep() async throws {
    try await LiveServer.run { live in
      let now = try await live.freeze()
      try await live.purchase("u", 100, payment: "p", key: "p")
      _ = try await live.call(Credits.grantPromo) {
        $0.userId = "u"
        $0.amountMicros = 5
        $0.expiresAtMicros = now + 1_000_000
        $0.idempotencyKey = "promo"
      }
      try await live.advance(millis: 2_000)
      try await live.inject(.storeFull)
      try live.server.sqliteEngine.sweep()
      let rows = try await live.call(Credits.listTransactions) { $0.userId = "u" }.transactions
      #expect(rows.first?.type == .expiry)
      #expect(try await live.call(Control.listFailures) { _ in }.failures.first?.happened == 0)
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k") } == "DISK_FULL")
    }
  }

  @Test("the log says when writes stop, why, and when they are taken again") func fullInLog() async throws {
    let log = CapturedLog()
    try await LiveServer.run(log: log) { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.storeFull)
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k") } == "DISK_FULL")
      try live.server.engineForTesting.retryDisk()
      let lines = log.lines.filter { $0.message.hasPrefix("writes are") }
      #expect(lines.map(\.message) == ["writes are refused", "writes are taken again"])
      #expect(lines.first?.metadata["reason"] == "the disk is full")
    }
  }

  @Test("a full disk answers DISK_FULL, applies nothing, and goes by itself or when cleared") func full()
    async throws
  {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.storeFull) { $0.count = 1_000 }
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k") } == "DISK_FULL")
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k") } == "READ_ONLY")
      #expect(try await live.available("u") == 100)
      // A disk that stays full is found full again.
      try live.server.engineForTesting.retryDisk()
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k") } == "READ_ONLY")
      #expect(try await live.clear() == 1)
      #expect(try await live.consume("u", 10, key: "k").replayed == false)
      try await live.inject(.storeFull)
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k2") } == "DISK_FULL")
      try live.server.engineForTesting.retryDisk()
      #expect(try await live.consume("u", 10, key: "k2").replayed == false)
      try await live.inject(.storeFull)
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k3") } == "DISK_FULL")
      _ = try await live.call(Control.reset) { _ in }
      try await live.purchase("u", 100, payment: "p", key: "p")
    }
  }

  @Test("a slow commit holds up commits, and neither reads nor the harness") func slowCommit() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.storeDelay) { $0.delayMillis = Limits.failureDelayMillis }
      let slow = Task { try await live.consume("u", 30, key: "k") }
      try await live.happened(1)
      let behind = Task { try await live.consume("u", 1, key: "k2") }
      #expect(try await live.available("u") == 100)
      #expect(try await live.call(Credits.listTransactions) { $0.userId = "u" }.transactions.count == 1)
      try await live.clear()
      #expect(try await slow.value.balance?.availableMicros == 70)
      #expect(try await behind.value.balance?.availableMicros == 69)
    }
  }

  @Test("a failed sync answers OUTCOME_UNKNOWN, and ends the engine") func unknown() async throws {
    let fatal = Lock<StoreError?>(nil)
    try await LiveServer.run(configure: { options in
      options.engine.onFatal = { error in fatal.withLock { $0 = error } }
    }) { live in
      try await live.purchase("u", 100, payment: "p", key: "p")
      try await live.inject(.storeUnknown)
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k") } == "OUTCOME_UNKNOWN")
      #expect(fatal.withLock { $0?.code } == .outcomeUnknown)
      #expect(try await live.reason(Credits.consume) { $0 = Self.consume("k2") } == "SHUTTING_DOWN")
    }
  }

  // MARK: asking

  private static let malformed: [(String, @Sendable (inout TallystickTestingV1.Failure) -> Void)] = [
    ("failure.action", { $0.action = .unspecified }),
    ("failure.action", { $0.action = .unrecognized(99) }),
    ("failure.method", { $0.method = "CreditService/Nothing" }),
    ("failure.method", { $0.method = "Consume" }),
    ("failure.method", { $0.method = "TestControl/Reset" }),
    ("failure.method", { ($0.action, $0.method) = (.storeFull, "CreditService/Consume") }),
    ("failure.method", { ($0.action, $0.method) = (.refuseConnection, "CreditService/Consume") }),
    ("failure.skip", { $0.skip = -1 }),
    ("failure.skip", { $0.skip = Limits.failureRepeatCount + 1 }),
    ("failure.count", { $0.count = Limits.failureRepeatCount + 1 }),
    ("failure.code", { $0.code = 17 }),
    ("failure.code", { ($0.action, $0.code) = (.dropAfter, 14) }),
    ("failure.message", { $0.message = String(repeating: "m", count: Limits.failureMessageByteCount + 1) }),
    ("failure.reason", { $0.reason = .unrecognized(9_999) }),
    ("failure.details", { $0.details = ["a": "b"] }),
    ("failure.delay_millis", { $0.delayMillis = 1 }),
    ("failure.delay_millis", { $0.action = .delay }),
    ("failure.delay_millis", { ($0.action, $0.delayMillis) = (.storeDelay, Limits.failureDelayMillis + 1) }),
  ]

  @Test(
    "what cannot be a failure names its field",
    arguments: malformed)
  func fields(field: String, change: @Sendable (inout TallystickTestingV1.Failure) -> Void) throws {
    var request = TallystickTestingV1.InjectFailureRequest()
    var failure = TallystickTestingV1.Failure()
    failure.action = .refuse
    change(&failure)
    request.failure = failure
    let refusal = #expect(throws: Refusal.self) {
      _ = try FailureRequests.injection(
        request, methods: ["tallystick.v1.CreditService/Consume", "tallystick.v1.UsageService/StreamRuns"])
    }
    #expect(refusal?.reason == .invalidField)
    #expect(refusal?.details["field"] == field)
  }

  @Test("as many may wait as the limit says; what is over makes room") func limit() async throws {
    try await LiveServer.run { live in
      try await live.inject(.refuse) { $0.method = "CreditService/GetBalance" }
      for _ in 1..<Limits.failureCount {
        try await live.inject(.refuse) { $0.method = "CreditService/Consume" }
      }
      let full = try await live.reason(Control.injectFailure) { request in
        request.failure = TallystickTestingV1.Failure()
        request.failure?.action = .refuse
      }
      #expect(full == "INVALID_FIELD")
      #expect(try await live.failure { _ = try await live.available("u") } != nil)
      try await live.inject(.refuse) { $0.method = "CreditService/Reserve" }
      #expect(try await live.call(Control.listFailures) { _ in }.failures.count == Limits.failureCount)
    }
  }

  @Test("a server that is not for testing has no harness at all") func absent() async throws {
    try await LiveServer.run(configure: { $0.testing = false }) { live in
      #expect(live.server.harness == nil)
      for method in ["InjectFailure", "LoadFixtures", "SaveSnapshot", "Reset", "SetClock"] {
        let failed = await #expect(throws: CallError.self) {
          _ = try await live.connection.unary(Control.name, method, [])
        }
        #expect(failed?.status.code == .unimplemented)
      }
    }
  }
}

extension LiveServer {
  func inject(
    _ action: TallystickTestingV1.FailureAction,
    _ fill: (inout TallystickTestingV1.Failure) -> Void = { _ in }
  ) async throws {
    _ = try await call(Control.injectFailure) { request in
      var failure = TallystickTestingV1.Failure()
      failure.action = action
      fill(&failure)
      request.failure = failure
    }
  }

  @discardableResult
  func clear() async throws -> Int32 { try await call(Control.clearFailures) { _ in }.cleared }

  /// Waits until failures have happened so often.
  func happened(_ count: Int64) async throws {
    try await eventually("\(count) failures happen") {
      try await call(Control.listFailures, { _ in }).failures.reduce(0) { $0 + $1.happened } >= count
    }
  }
}
