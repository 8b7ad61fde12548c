// The themes of ttrpc's own tests.

import Testing

@testable import TTRPC

@Suite("ttrpc themes")
struct TTRPCThemesTests {
  let service = ConformanceService.name

  @Test("echo null: an empty message of a stream comes back")
  func echoNull() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    for _ in 0..<3 {
      try await stream.send([])
      #expect(try await stream.next() == [])
    }
    stream.finish()
    #expect(try await stream.next() == nil)
  }

  @Test("an empty payload of a unary call")
  func emptyPayload() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(.request(1, "Echo"))
    let frame = try await raw.frame()
    // OK is no status, and an empty payload is no field: nothing at all.
    #expect(frame == RawFrame(streamId: 1, type: FrameType.response))
  }

  @Test("sum stream")
  func sumStream() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.clientStream, service, "Sum")
    for number in -99...100 as ClosedRange<Int64> {
      try await stream.send(Message().with(2, number).encoded)
    }
    stream.finish()
    let reply = try Message(try #require(try await stream.next()))
    #expect(reply.number(1) == 200)
    #expect(reply.number(2) == 100)
  }

  @Test("divide stream: one request, many parts")
  func divideStream() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.serverStream, service, "Count", Message().with(1, 10_000).encoded)
    var count: Int64 = 0
    for try await message in stream {
      #expect(try Message(message).number(2) == count)
      count += 1
    }
    #expect(count == 10_000)
  }

  @Test("server shutdown, idle")
  func shutdownIdle() async throws {
    let host = try TestServer()
    let client = try host.connect()
    _ = try await client.unary(service, "Echo", [])
    await host.server.shutdown(drainNanoseconds: 30_000_000_000)
    #expect(host.server.statistics.connectionsOpen == 0)
    await eventually("the client sees the end") { client.isClosed }
    #expect(throws: SystemError.self) { try host.connect() }
  }

  @Test("server shutdown, busy: the calls under way end well, new ones are refused")
  func shutdownBusy() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry)
    let raw = try host.raw()
    try await raw.send(.request(1, "Hold", service: "s"))
    await eventually("the call has begun") { host.server.statistics.callsStarted == 1 }
    async let done: Void = host.server.shutdown(drainNanoseconds: 30_000_000_000)
    var refused: RawFrame?
    for id in stride(from: 3 as UInt32, to: 2000, by: 2) where refused?.status == nil {
      try await raw.send(.request(id, "Echo", service: "s"))
      refused = try await raw.frame()
    }
    #expect(refused?.status == Status(.unavailable, "the server is shutting down"))
    gate.release { $0.succeed([9]) }
    let finished = try #require(try await raw.frame())
    #expect(finished.streamId == 1)
    #expect(finished.message == [9])
    #expect(try await raw.frame() == nil)
    await done
    #expect(host.closeReasons == [.shutdown])
  }

  @Test("server shutdown, immediate: the calls under way are lost")
  func shutdownImmediate() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let call = Task {
      try await client.unary(service, "Sleep", Message().with(1, 3_600_000).encoded)
    }
    await eventually("the call has begun") { host.server.statistics.callsStarted == 1 }
    await host.server.shutdown(drainNanoseconds: 0)
    let error = await #expect(throws: CallError.self) { try await call.value }
    #expect(error?.status.code == .unavailable)
    #expect(error?.outcomeIsUnknown == true)
  }

  @Test("client EOF: its connection is let go and its calls are told")
  func clientEnd() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(
      .request(1, "Chat", flags: FrameFlags.remoteOpen),
      .request(3, "Sleep", Message().with(1, 3_600_000).encoded))
    await eventually("the calls have begun") { host.server.statistics.callsStarted == 2 }
    raw.close()
    await eventually("the connection is let go") { host.server.statistics.connectionsOpen == 0 }
    #expect(host.closeReasons == [.peerClosed])
  }

  @Test("server EOF: calls fail UNAVAILABLE, their outcome unknown; later ones are not sent")
  func serverEnd() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    try await stream.send([1])
    #expect(try await stream.next() == [1])
    await host.server.shutdown(drainNanoseconds: 0)
    let error = await #expect(throws: CallError.self) { try await stream.next() }
    // The stream is told CANCELLED by the server, or finds the connection gone.
    #expect(error?.status.code == .unavailable || error?.status.code == .cancelled)
    await eventually("the client sees the end") { client.isClosed }
    let late = await #expect(throws: CallError.self) { try await client.unary(service, "Echo", []) }
    #expect(late?.status.code == .unavailable)
    #expect(late?.outcomeIsUnknown == false)
  }

  @Test("request timeout: the client does not wait for a mute server")
  func requestTimeout() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(
      .bidi, service, "Ignore", [1], timeoutNanoseconds: 20_000_000)
    let error = await #expect(throws: CallError.self) { while try await stream.next() != nil {} }
    #expect(error?.status.code == .deadlineExceeded)
  }

  @Test("connection leak: connections that made no call are let go as well")
  func connectionLeak() async throws {
    let host = try TestServer()
    for _ in 0..<200 { try host.raw().close() }
    await eventually("all have come") {
      let statistics = host.server.statistics
      return statistics.connectionsAccepted == 200 && statistics.connectionsOpen == 0
    }
  }

  @Test("an unconsumed stream does not block the connection")
  func unconsumedStream() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Ignore", [1])
    for _ in 0..<64 { try await stream.send([UInt8](repeating: 1, count: 16 << 10)) }
    for index in 0..<20 as Range<UInt8> {
      #expect(try await client.unary(service, "Echo", [index]) == [index])
    }
    #expect(try await stream.next() == [])
  }

  @Test("an unconsumed stream on the client does not block its connection")
  func unconsumedClientStream() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let request = Message().with(1, 60).with(2, 100_000).encoded
    let stream = try client.stream(.serverStream, service, "Count", request)
    for index in 0..<20 as Range<UInt8> {
      #expect(try await client.unary(service, "Echo", [index]) == [index])
    }
    var count = 0
    for try await _ in stream { count += 1 }
    #expect(count == 60)
  }

  @Test("stream full: it ends with RESOURCE_EXHAUSTED, the connection goes on")
  func streamFull() async throws {
    let host = try TestServer { $0.maximumStreamInboundByteCount = 100_000 }
    let raw = try host.raw()
    try await raw.send(.request(1, "Ignore", [1], flags: FrameFlags.remoteOpen))
    #expect(try await raw.frame() == RawFrame.data(1, []))
    let message = [UInt8](repeating: 1, count: 10_000 - InboundBuffer.messageOverheadByteCount)
    for _ in 0..<10 { try await raw.send(.data(1, message)) }
    try await raw.send(.request(3, "Echo", [1]))
    // Exactly full is not over.
    #expect(try await raw.frame()?.message == [1])
    try await raw.send(.data(1, []))
    let end = try #require(try await raw.frame())
    #expect(end.streamId == 1)
    #expect(end.status?.code == .resourceExhausted)
    // What is still on its way for it is dropped.
    try await raw.send(.data(1, message), .request(5, "Echo", [2]))
    #expect(try await raw.frame()?.message == [2])
  }
}
