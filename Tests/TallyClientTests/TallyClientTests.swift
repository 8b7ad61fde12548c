// The Swift client against a ttrpc server in this process whose handlers do what the test says.

import TTRPC
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyClient

/// A server with one service whose two methods a test brings. A handler need not answer: the call then waits.
final class Peer: Sendable {
  typealias Handler = @Sendable (CallContext, TallystickV1.ConsumeRequest, UnaryResponder) -> Void

  let path: String
  private let server: Server
  private let responders = Lock<[UnaryResponder]>([])

  init(path: String = Peer.newPath(), handler: @escaping Handler) throws {
    self.path = path
    var registry = ServiceRegistry()
    registry.add(
      service: TallystickV1.CreditService.name,
      methods: [
        "Consume": .unary { [responders] context, payload, responder in
          responders.withLock { $0.append(responder) }
          guard let request = try? TallystickV1.ConsumeRequest.decode(payload) else {
            return responder.fail(Status(.invalidArgument, "not a request"))
          }
          handler(context, request, responder)
        }
      ])
    registry.add(
      service: TallystickV1.AdminService.name,
      methods: [
        "Verify": .streaming(.serverStream) { _, _, sink in
          for check in 1...3 as ClosedRange<Int32> {
            var response = TallystickV1.VerifyResponse()
            response.check = check
            try await sink.send(response.encode())
          }
          throw Status(.dataLoss, "damaged", details: [Peer.info("CORRUPT", ["row": "7"])])
        }
      ])
    server = Server(options: ServerOptions(path: path), registry: registry)
    try server.start()
  }

  func stop() async { await server.shutdown(drainNanoseconds: 0) }

  /// For calls that end by themselves, on however busy a machine.
  static let patient = CallOptions(timeout: Patience.duration)

  static func newPath() -> String {
    "/tmp/tally-client-\(String(UInt64.random(in: 0 ... .max), radix: 16)).sock"
  }

  static func info(_ reason: String, _ metadata: [String: String] = [:]) -> StatusDetail {
    var info = TallystickV1.ErrorInfo()
    info.reason = reason
    info.domain = "tallystick"
    info.metadata = metadata
    return StatusDetail(typeURL: "type.googleapis.com/tallystick.v1.ErrorInfo", value: info.encode())
  }
}

@Suite("Client")
struct TallyClientTests {
  private func request(_ key: String = "k1") -> TallystickV1.ConsumeRequest {
    var request = TallystickV1.ConsumeRequest()
    request.userId = "alice"
    request.amountMicros = 250_000
    request.idempotencyKey = key
    return request
  }

  private static let quick = RetryPolicy(
    duration: Patience.duration, maximumAttempts: 5, firstDelay: .milliseconds(1),
    maximumDelay: .milliseconds(2))

  @Test("a call carries its request, acting user, metadata and deadline, and brings its reply")
  func call() async throws {
    let peer = try Peer { context, request, responder in
      var response = TallystickV1.ConsumeResponse()
      response.transaction = TallystickV1.Transaction()
      response.transaction?.userId = context.metadata("tally-acting-user") ?? ""
      response.transaction?.description = context.metadata("a") ?? ""
      response.transaction?.amountMicros = request.amountMicros
      response.replayed = context.deadlineNanoseconds != nil
      responder.succeed(response.encode())
    }
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    let options = CallOptions(actingUserId: "bob", timeout: .seconds(30), metadata: ["a": "b"])
    let reply = try await client.call(TallystickV1.CreditService.consume, request(), options: options)
    #expect(reply.transaction?.userId == "bob")
    #expect(reply.transaction?.description == "b")
    #expect(reply.transaction?.amountMicros == 250_000)
    #expect(reply.replayed)
    let plain = try await client.call(TallystickV1.CreditService.consume, request())
    #expect(plain.transaction?.userId == "")
    // Every call has a deadline: the client's, if it brings none.
    #expect(plain.replayed)
    await peer.stop()
  }

  @Test("a refusal brings its reason, its details and that nothing was applied")
  func refusal() async throws {
    let peer = try Peer { _, _, responder in
      let info = Peer.info("INSUFFICIENT_CREDITS", ["available_micros": "7"])
      responder.fail(Status(.failedPrecondition, "too little", details: [info]))
    }
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    let error = await #expect(throws: TallyError.self) {
      try await client.call(TallystickV1.CreditService.consume, request())
    }
    #expect(error?.reason == "INSUFFICIENT_CREDITS")
    #expect(error?.details == ["available_micros": "7"])
    #expect(error?.code == .failedPrecondition)
    #expect(error?.outcome == .notApplied)
    #expect(error?.isRetrySafe == false)
    await peer.stop()
  }

  @Test("UNAVAILABLE is retried with the same bytes, if the caller says so")
  func retry() async throws {
    let keys = Lock<[String]>([])
    let peer = try Peer { _, request, responder in
      let count = keys.withLock { keys in
        keys.append(request.idempotencyKey)
        return keys.count
      }
      if count % 3 == 0 { return responder.succeed([]) }
      responder.fail(Status(.unavailable, "not now", details: [Peer.info("READ_ONLY")]))
    }
    let client = TallyClient(
      socket: peer.path, defaults: CallOptions(timeout: Patience.duration, retry: Self.quick))
    _ = try await client.call(TallystickV1.CreditService.consume, request("same"))
    #expect(keys.withLock { $0 } == ["same", "same", "same"])
    let error = await #expect(throws: TallyError.self) {
      try await client.call(
        TallystickV1.CreditService.consume, request(),
        options: CallOptions(timeout: Patience.duration, retry: .never))
    }
    #expect(error?.reason == "READ_ONLY")
    #expect(keys.withLock { $0.count } == 4)
    await peer.stop()
  }

  @Test("other failures are not retried, and attempts end with the policy")
  func noRetry() async throws {
    let count = Lock(0)
    let peer = try Peer { _, request, responder in
      count.withLock { $0 += 1 }
      let code: StatusCode = request.idempotencyKey == "busy" ? .unavailable : .invalidArgument
      responder.fail(Status(code, "no"))
    }
    let client = TallyClient(
      socket: peer.path, defaults: CallOptions(timeout: Patience.duration, retry: Self.quick))
    await #expect(throws: TallyError.self) {
      try await client.call(TallystickV1.CreditService.consume, request())
    }
    #expect(count.withLock { $0 } == 1)
    await #expect(throws: TallyError.self) {
      try await client.call(TallystickV1.CreditService.consume, request("busy"))
    }
    #expect(count.withLock { $0 } == 1 + Self.quick.maximumAttempts)
    await peer.stop()
  }

  @Test("without a server a call was not applied")
  func notConnected() async throws {
    let client = TallyClient(
      socket: Peer.newPath(), defaults: CallOptions(timeout: Patience.duration, retry: .never))
    let error = await #expect(throws: TallyError.self) {
      try await client.call(TallystickV1.CreditService.consume, request())
    }
    #expect(error?.reason == "NOT_CONNECTED")
    #expect(error?.outcome == .notApplied)
    #expect(error?.isRetrySafe == true)
  }

  @Test("a connection lost under a call leaves its outcome unknown, and the next call connects again")
  func lost() async throws {
    let (arrivals, arrival) = AsyncStream<Void>.makeStream()
    let first = try Peer { _, _, _ in arrival.yield() }
    let client = TallyClient(
      socket: first.path, defaults: CallOptions(timeout: Patience.duration, retry: .never))
    let pending = Task { try await client.call(TallystickV1.CreditService.consume, request()) }
    for await _ in arrivals { break }
    await first.stop()
    let error = await #expect(throws: TallyError.self) { try await pending.value }
    #expect(error?.reason == "CONNECTION_LOST")
    #expect(error?.outcome == .unknown)
    #expect(error?.isRetrySafe == true)
    let second = try Peer(path: first.path) { _, _, responder in responder.succeed([]) }
    _ = try await client.call(
      TallystickV1.CreditService.consume, request(),
      options: CallOptions(timeout: Patience.duration, retry: Self.quick))
    await second.stop()
  }

  @Test("a deadline in the client leaves the outcome unknown")
  func deadline() async throws {
    let peer = try Peer { _, _, _ in }
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    let error = await #expect(throws: TallyError.self) {
      try await client.call(
        TallystickV1.CreditService.consume, request(), options: CallOptions(timeout: Patience.soon))
    }
    #expect(error?.reason == "DEADLINE_EXCEEDED")
    #expect(error?.outcome == .unknown)
    await peer.stop()
  }

  @Test("a server stream brings its messages, then its failure by reason")
  func stream() async throws {
    let peer = try Peer { _, _, _ in }
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    var checks: [Int32] = []
    let responses = try await client.stream(TallystickV1.AdminService.verify, TallystickV1.VerifyRequest())
    let error = await #expect(throws: TallyError.self) {
      for try await response in responses { checks.append(response.check) }
    }
    #expect(checks == [1, 2, 3])
    #expect(error?.reason == "CORRUPT")
    #expect(error?.details == ["row": "7"])
    await peer.stop()
  }

  @Test("a stream outlives the client that opened it")
  func streamAlone() async throws {
    let peer = try Peer { _, _, _ in }
    let responses = try await TallyClient(socket: peer.path, defaults: Peer.patient)
      .stream(TallystickV1.AdminService.verify, TallystickV1.VerifyRequest())
    let error = await #expect(throws: TallyError.self) { for try await _ in responses {} }
    #expect(error?.reason == "CORRUPT")
    await peer.stop()
  }

  @Test("a closed client connects again with its next call")
  func close() async throws {
    let peer = try Peer { _, _, responder in responder.succeed([]) }
    let client = TallyClient(socket: peer.path, defaults: Peer.patient)
    _ = try await client.call(TallystickV1.CreditService.consume, request())
    client.close()
    _ = try await client.call(TallystickV1.CreditService.consume, request())
    await peer.stop()
  }

  @Test(
    "the socket is looked for where it is said to be",
    arguments: [
      (["TALLY_SOCKET": "/a", "XDG_RUNTIME_DIR": "/run/user/1"], ["/a"]),
      (
        ["XDG_RUNTIME_DIR": "/run/user/1"],
        ["/run/user/1/tallystick/tally.sock", "/run/tallystick/tally.sock"]
      ),
      ([:], ["/run/tallystick/tally.sock"]),
    ] as [([String: String], [String])])
  func sockets(environment: [String: String], candidates: [String]) {
    #expect(SocketLocation.candidates { environment[$0] } == candidates)
  }

  @Test("delays grow, and stay between half and all of what the policy says")
  func delays() {
    let policy = RetryPolicy(
      maximumAttempts: 9, firstDelay: .milliseconds(10), maximumDelay: .milliseconds(65))
    for (attempt, full) in [(2, 10), (3, 20), (4, 40), (5, 65), (60, 65)] {
      let delay = policy.delay(beforeAttempt: attempt)
      #expect(delay >= .milliseconds(full) / 2)
      #expect(delay <= .milliseconds(full))
    }
  }

  @Test("keys made one after the other are UUIDs of version 7 that rise")
  func keys() {
    let keys = (0..<10_000).map { _ in IdempotencyKey.next() }
    let form = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
    #expect(keys.allSatisfy { $0.wholeMatch(of: form) != nil })
    #expect(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test("keys rise although the clock goes back, and when a millisecond's are used up")
  func keysOfOneMoment() {
    var clock = KeyClock()
    var keys = [clock.next(1_000), clock.next(999)]
    for _ in 0..<1_000 { keys.append(clock.next(1_000)) }
    #expect(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 })
    #expect(keys[1].hasPrefix("00000000-03e8-7"))
    #expect(clock.next(1_001).hasPrefix("00000000-03e9-7"))
  }

  @Test(
    "a timeout is never sent as none",
    arguments: [
      (Duration.zero, 1), (.nanoseconds(1), 1), (.milliseconds(1), 1_000_000), (.seconds(-5), 1),
      (.seconds(Int64.max), UInt64(Int64.max)),
    ] as [(Duration, UInt64)])
  func timeouts(duration: Duration, nanoseconds: UInt64) {
    #expect(duration.nanosecondsRoundedUp == nanoseconds)
  }
}
