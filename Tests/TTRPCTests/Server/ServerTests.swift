// What handlers may rely on: answers, cancellation, deadlines, credentials, refusals.

import Glibc
import Testing

@testable import TTRPC

@Suite("Server")
struct ServerTests {
  let service = ConformanceService.name

  @Test("the first answer counts, later ones are dropped")
  func onceOnly() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(.request(1, "Twice", [5]), .request(3, "Echo", [6]))
    #expect(try await raw.frame()?.message == [5])
    #expect(try await raw.frame()?.message == [6])
    // A late answer of the first call must not end a new one on the same id.
    try await raw.send(.request(1, "Sleep", Message().with(1, 20).encoded))
    #expect(try await raw.frame()?.message == [])
  }

  @Test("replies with flush: false leave with the next flush, in one piece")
  func heldReplies() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry)
    let raw = try host.raw()
    for id in [1, 3, 5] as [UInt32] { try await raw.send(.request(id, "Hold", service: "s")) }
    await eventually("all calls have come") { gate.count == 3 }
    let contexts = gate.contexts
    gate.release { $0.succeed([UInt8($0.call.streamId)], flush: false) }
    var buffer = [UInt8](repeating: 0, count: 100)
    #expect(Socket.receive(raw.descriptor, into: &buffer) == .wouldBlock)
    contexts[0].connection.flush()
    #expect(try await raw.frames(3).map(\.message) == [[1], [3], [5]])
  }

  @Test("an unexpected error is INTERNAL with an id that only the log can resolve", arguments: [false, true])
  func opaque(streaming: Bool) async throws {
    let host = try TestServer()
    let client = try host.connect()
    let error = await #expect(throws: CallError.self) {
      if streaming {
        _ = try await client.stream(.serverStream, service, "SurpriseStream").next()
      } else {
        _ = try await client.unary(service, "Surprise", [])
      }
    }
    let failure = try #require(host.handlerFailures.first)
    #expect(error?.status == Status(.internalError, "internal error \(failure.id)"))
    #expect(failure.error.contains("cellar"))
  }

  @Test("a client stream without a response is a fault of the server")
  func mute() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.clientStream, service, "Mute")
    let error = await #expect(throws: CallError.self) { try await stream.next() }
    #expect(error?.status.code == .internalError)
    #expect(host.handlerFailures.count == 1)
  }

  @Test("handlers see the peer's credentials")
  func credentials() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let reply = try Message(try await client.unary(service, "Inspect", []))
    #expect(reply.number(3) == Int64(getuid()))
    #expect(reply.number(4) == Int64(getgid()))
    #expect(reply.number(5) == Int64(getpid()))
  }

  @Test("a call is cancelled by its token, by the same uid only")
  func cancelToken() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let pairs = [MetadataPair(key: "tally-cancel-token", value: "t1")]
    let call = Task {
      try await client.unary(service, "Sleep", Message().with(1, 3_600_000).encoded, metadata: pairs)
    }
    await eventually("the call has begun") { host.server.statistics.callsStarted == 1 }
    #expect(host.server.cancel(token: "t1", uid: getuid() + 1) == 0)
    #expect(host.server.cancel(token: "t2", uid: getuid()) == 0)
    let request = Message().with(1, "t1").encoded
    let reply = try await client.unary(ConformanceService.control, "Cancel", request)
    #expect(try Message(reply).number(1) == 1)
    let error = await #expect(throws: CallError.self) { try await call.value }
    #expect(error?.status.code == .cancelled)
    #expect(error?.outcomeIsUnknown == false)
    #expect(host.server.cancel(token: "t1", uid: getuid()) == 0)
  }

  @Test("one token cancels a stream and a unary call alike")
  func cancelSeveral() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    let pairs = [MetadataPair(key: "tally-cancel-token", value: "t")]
    try await raw.send(
      .request(1, "Chat", flags: FrameFlags.remoteOpen, metadata: pairs),
      .request(3, "Sleep", Message().with(1, 3_600_000).encoded, metadata: pairs))
    await eventually("the calls have begun") { host.server.statistics.callsStarted == 2 }
    #expect(host.server.cancel(token: "t", uid: getuid()) == 2)
    let frames = try await raw.frames(2)
    #expect(frames.map(\.streamId).sorted() == [1, 3])
    #expect(frames.allSatisfy { $0.status?.code == .cancelled })
  }

  @Test("cancelling the task of a call with a token cancels it on the server")
  func cancelTask() async throws {
    let host = try TestServer()
    var options = ClientOptions()
    options.cancelMethod = CancelMethod(
      metadataKey: "tally-cancel-token", service: ConformanceService.control, method: "Cancel"
    ) { Message().with(1, $0).encoded }
    let client = try host.connect(options)
    let pairs = [MetadataPair(key: "tally-cancel-token", value: "x")]
    let call = Task {
      try await client.unary(service, "Sleep", Message().with(1, 3_600_000).encoded, metadata: pairs)
    }
    await eventually("the call has begun") { host.server.statistics.callsStarted == 1 }
    call.cancel()
    let error = await #expect(throws: CallError.self) { try await call.value }
    #expect(error?.status.code == .cancelled)
    #expect(error?.outcomeIsUnknown == true)
    await eventually("the server was told") { host.cancelledCount == 1 }
  }

  @Test("a unary handler is told when its deadline passes")
  func deadlineTold() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(
      .request(1, "Sleep", Message().with(1, 3_600_000).encoded, timeout: 20_000_000))
    let end = try await host.whileTimePasses(byNanoseconds: 1_000_000) { try await raw.frame() }
    #expect(end?.status?.code == .deadlineExceeded)
  }

  @Test("a negative timeout reaches no handler")
  func negativeTimeout() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(.request(1, "Echo", timeout: -5))
    #expect(try await raw.frame()?.status?.code == .deadlineExceeded)
    #expect(host.server.statistics.callsStarted == 0)
  }

  @Test("too many calls in flight are refused at once, the limit itself is not")
  func inFlight() async throws {
    let refusal = Status(
      .resourceExhausted, "too many", details: [StatusDetail(typeURL: "x", value: [1])])
    let host = try TestServer {
      $0.maximumInFlight = 4
      $0.tooManyInFlight = refusal
    }
    let raw = try host.raw()
    for id in [1, 3, 5, 7] as [UInt32] {
      try await raw.send(.request(id, "Chat", flags: FrameFlags.remoteOpen))
    }
    try await raw.send(.request(9, "Echo"))
    let refused = try #require(try await raw.frame())
    #expect(refused.streamId == 9)
    #expect(refused.status == refusal)
    // What is too late is told so, however full the connection is.
    try await raw.send(.request(13, "Echo", timeout: -5))
    #expect(try await raw.frame()?.status?.code == .deadlineExceeded)
    try await raw.send(.close(5))
    #expect(try await raw.frame() == RawFrame.close(5))
    try await raw.send(.request(11, "Echo", [1]))
    #expect(try await raw.frame()?.message == [1])
  }

  @Test("calls answered in the round they came in do not count as in flight")
  func inFlightRound() async throws {
    let host = try TestServer { $0.maximumInFlight = 2 }
    let raw = try host.raw()
    let bytes = (0..<100).flatMap { RawFrame.request(UInt32(2 * $0 + 1), "Echo", [1]).bytes }
    try await raw.send(bytes)
    #expect(try await raw.frames(100).allSatisfy { $0.message == [1] })
  }

  @Test("an interceptor refuses a call before its handler")
  func interceptor() async throws {
    let host = try TestServer {
      $0.intercept = { $0.method == "Fail" ? Status(.permissionDenied, "not you") : nil }
    }
    let client = try host.connect()
    await #expect(throws: CallError(Status(.permissionDenied, "not you"))) {
      try await client.unary(service, "Fail", [])
    }
    #expect(try await client.unary(service, "Echo", [1]) == [1])
    #expect(host.server.statistics.callsStarted == 1)
  }

  @Test("a peer that is not allowed gets its reason, then the connection closes")
  func notAllowed() async throws {
    let status = Status(
      .permissionDenied, "uid", details: [StatusDetail(typeURL: "reason", value: [7])])
    let host = try TestServer { $0.authorize = { $0.uid == getuid() ? status : nil } }
    let raw = try host.raw()
    try await raw.send(.request(1, "Echo"))
    #expect(try await raw.frame()?.status == status)
    #expect(try await raw.frame() == nil)
    #expect(host.server.statistics.callsStarted == 0)
    await eventually("the log is told why") { host.closeReasons == [.notAllowed] }
  }

  @Test("a peer that is not allowed and says nothing is cut off")
  func notAllowedSilent() async throws {
    let host = try TestServer {
      $0.authorize = { _ in Status(.permissionDenied) }
    }
    let raw = try host.raw()
    let end = try await host.whileTimePasses(byNanoseconds: 1_000_000_000) { try await raw.frame() }
    #expect(end == nil)
    await eventually("the log is told why") { host.closeReasons == [.notAllowed] }
  }

  @Test("a stream that lasts too long ends with UNAVAILABLE")
  func lifetime() async throws {
    let host = try TestServer { $0.maximumStreamNanoseconds = 20_000_000 }
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    let error = await #expect(throws: CallError.self) {
      try await host.whileTimePasses(byNanoseconds: 1_000_000) { try await stream.next() }
    }
    #expect(error?.status.code == .unavailable)
    #expect(try await client.unary(service, "Echo", [1]) == [1])
  }

  @Test("an idle connection is closed when that is asked for, a busy one is not")
  func idle() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry) { $0.idleNanoseconds = 50_000_000 }
    let busy = try host.raw()
    try await busy.send(.request(1, "Hold", service: "s"))
    await eventually("the call has begun") { gate.count == 1 }
    let idle = try host.raw()
    try await host.whileTimePasses(byNanoseconds: 10_000_000) {
      let end = try await idle.frame()
      #expect(end == nil)
      gate.release { $0.succeed([]) }
      #expect(try await busy.frame()?.message == [])
      #expect(try await busy.frame() == nil)
    }
    #expect(host.closeReasons == [.idle, .idle])
  }

  @Test("the client's ids wrap around and pass over those in use")
  func clientWrap() async throws {
    let host = try TestServer()
    let descriptor = try RawClient(path: host.path).release()
    let client = try ClientConnection(
      descriptor: descriptor, options: ClientOptions(), firstStreamId: UInt32.max - 2)
    let last = try client.stream(.bidi, service, "Chat")
    let first = try client.stream(.bidi, service, "Chat")
    #expect(last.call.id == UInt32.max - 2)
    #expect(first.call.id == UInt32.max)
    #expect(try client.stream(.bidi, service, "Chat").call.id == 1)
    for stream in [last, first] {
      try await stream.send([3])
      #expect(try await stream.next() == [3])
    }
  }
}
