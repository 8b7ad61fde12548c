// A stream whose handler is slower than its peer: who waits, who is cut off, and who is held up.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Flow of a client stream")
struct FlowTests {
  /// Of the test server, in bytes.
  static let limit = 100_000
  static let message = [UInt8](repeating: 1, count: 10_000 - InboundBuffer.messageOverheadByteCount)
  /// More than the buffer, the socket and what is read at once take together.
  static let count = 200

  /// Client streams whose handlers wait for `open`, then do as their names say.
  final class Sluice: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)

    func open() { continuation.finish() }

    var registry: ServiceRegistry {
      let stream = stream
      var registry = ServiceRegistry()
      registry.add(
        service: "s",
        methods: [
          "Count": .streaming(.clientStream) { _, messages, sink in
            for await _ in stream {}
            var count: Int64 = 0
            for try await _ in messages { count += 1 }
            try await sink.send(Message().with(1, count).encoded)
          },
          "Take": .bulk { _, messages, sink in
            for await _ in stream {}
            var count: Int64 = 0
            for try await _ in messages { count += 1 }
            try await sink.send(Message().with(1, count).encoded)
          },
          "Leave": .streaming(.clientStream) { _, _, _ in
            for await _ in stream {}
            throw Status(.aborted, "enough")
          },
          "Echo": .unary { _, payload, responder in responder.succeed(payload) },
          "Wait": .unary { context, _, responder in context.onCancel { responder.fail($0) } },
        ])
      return registry
    }
  }

  private let sluice = Sluice()

  private func host() throws -> TestServer {
    try TestServer(registry: sluice.registry) {
      $0.maximumStreamInboundByteCount = Self.limit
      $0.maximumBulkInboundByteCount = Self.limit
    }
  }

  /// Begins the stream 1 and sends all its messages, for as long as the server takes them.
  private func pour(_ method: String, into raw: RawClient, timeout: Int64 = 0) async throws {
    try await raw.send(.request(1, method, flags: FrameFlags.remoteOpen, timeout: timeout, service: "s"))
    for _ in 0..<Self.count { try await raw.send(.data(1, Self.message)) }
    try await raw.send(.close(1))
  }

  private func openOnceHeld(_ host: TestServer) async {
    await eventually("much waits for the handler") { host.server.heldByteCount > Self.limit / 2 }
    sluice.open()
  }

  private func expectEcho(_ raw: RawClient) async throws {
    try await raw.send(.request(3, "Echo", [7], service: "s"))
    #expect(try await raw.frame()?.message == [7])
  }

  @Test("alone on its connection, the peer waits and nothing is lost")
  func waits() async throws {
    let host = try host()
    let raw = try host.raw()
    async let opened: Void = openOnceHeld(host)
    try await pour("Count", into: raw)
    await opened
    #expect(try await raw.frame()?.message == Message().with(1, Int64(Self.count)).encoded)
    try await expectEcho(raw)
    #expect(host.server.heldByteCount == 0)
  }

  @Test("a handler that ends without taking what waits holds up nobody any longer")
  func leaves() async throws {
    let host = try host()
    let raw = try host.raw()
    async let opened: Void = openOnceHeld(host)
    try await pour("Leave", into: raw)
    await opened
    #expect(try await raw.frame()?.status?.code == .aborted)
    try await expectEcho(raw)
  }

  @Test("a deadline that passes meanwhile ends the stream, and the connection goes on")
  func deadline() async throws {
    let host = try host()
    let raw = try host.raw()
    try await host.whileTimePasses(byNanoseconds: 10_000_000) {
      try await pour("Count", into: raw, timeout: 100_000_000)
      #expect(try await raw.frame()?.status?.code == .deadlineExceeded)
    }
    try await expectEcho(raw)
    sluice.open()
  }

  @Test("beside another call nobody is held up: the stream ends with RESOURCE_EXHAUSTED")
  func besides() async throws {
    let host = try host()
    let raw = try host.raw()
    try await raw.send(.request(5, "Wait", service: "s"))
    try await pour("Count", into: raw)
    let end = try #require(try await raw.frame())
    #expect(end.streamId == 1)
    #expect(end.status?.code == .resourceExhausted)
    try await expectEcho(raw)
    sluice.open()
  }

  @Test("a bulk stream makes its peer wait beside other calls too, and nothing is lost")
  func bulk() async throws {
    let host = try host()
    let raw = try host.raw()
    try await raw.send(.request(5, "Wait", service: "s"))
    async let opened: Void = openOnceHeld(host)
    try await pour("Take", into: raw)
    await opened
    let end = try #require(try await raw.frame())
    #expect(end.streamId == 1 && end.message == Message().with(1, Int64(Self.count)).encoded)
    try await expectEcho(raw)
    #expect(host.server.heldByteCount == 0)
  }

  @Test("a bulk stream of which nothing is taken for long ends, and its connection goes on")
  func bulkStalls() async throws {
    let host = try host()
    let raw = try host.raw()
    try await host.whileTimePasses(byNanoseconds: host.server.options.bulkStallNanoseconds / 10) {
      try await pour("Take", into: raw)
      let end = try #require(try await raw.frame())
      #expect(end.streamId == 1 && end.status == host.server.options.streamOverflow)
      try await expectEcho(raw)
    }
    #expect(host.closeReasons == [])
    sluice.open()
  }

  @Test("a bulk stream of which something is taken now and then lasts as long as it takes")
  func bulkGoesOn() async throws {
    let clock = Lock<ManualTime?>(nil)
    let other = Lock<ClientConnection?>(nil)
    var registry = sluice.registry
    registry.add(
      service: "s",
      methods: [
        "Take": .bulk { _, messages, sink in
          var count: Int64 = 0
          for try await _ in messages {
            count += 1
            let step = ServerOptions(path: "").bulkStallNanoseconds / 2
            clock.withLock { $0 }?.advance(byNanoseconds: step)
            // The server has seen the moment when it has answered.
            _ = try await other.withLock { $0 }?.unary("s", "Echo", [])
          }
          try await sink.send(Message().with(1, count).encoded)
        }
      ])
    let host = try TestServer(registry: registry) { $0.maximumBulkInboundByteCount = Self.limit }
    clock.withLock { $0 = host.time }
    let connection = try host.connect()
    other.withLock { $0 = connection }
    let raw = try host.raw()
    try await pour("Take", into: raw)
    #expect(try await raw.frame()?.message == Message().with(1, Int64(Self.count)).encoded)
  }

  @Test("a handler that takes nothing loses its stream only", arguments: [20, 1_000_000])
  func takesNothing(byteCount: Int) async throws {
    let host = try TestServer(registry: sluice.registry) {
      $0.maximumStreamInboundByteCount = byteCount < 1000 ? 1 << 20 : 8 << 20
    }
    let raw = try host.raw()
    let message = RawFrame.data(1, [UInt8](repeating: 1, count: byteCount)).bytes
    let count = 2 * host.server.options.maximumStreamInboundByteCount / (byteCount + 64)
    try await raw.send(.request(1, "Count", flags: FrameFlags.remoteOpen, service: "s"))
    try await host.whileTimePasses(byNanoseconds: 20_000_000) {
      try await raw.send([UInt8]((0..<count).map { _ in message }.joined()))
      let end = try #require(try await raw.frame())
      #expect(end.streamId == 1 && end.status == host.server.options.streamOverflow)
      try await expectEcho(raw)
    }
    #expect(host.closeReasons == [])
    sluice.open()
  }

  @Test("a call behind a stream that nobody takes is reached within a second, and the stream lives on")
  func behind() async throws {
    let host = try TestServer(registry: sluice.registry)
    let raw = try host.raw()
    let message = RawFrame.data(1, [UInt8](repeating: 1, count: 300_000)).bytes
    try await raw.send(.request(1, "Count", flags: FrameFlags.remoteOpen, service: "s"))
    try await host.whileTimePasses(byNanoseconds: 10_000_000) {
      try await raw.send([UInt8]((0..<20).map { _ in message }.joined()))
      try await expectEcho(raw)
    }
    sluice.open()
    try await raw.send(.close(1))
    #expect(try await raw.frame()?.message == Message().with(1, 20).encoded)
  }

  @Test("the upper half of a buffer lasts for the time of the hold", arguments: [84, 10_000, 1_000_064])
  func pace(byteCount: Int) {
    var pace = StreamPace(holdNanoseconds: 1_000_000_000)
    pace.begin(requestCount: 1)
    var rested: UInt64 = 0
    let buffer = 8 << 20
    for _ in 0..<(buffer / 2 / byteCount) {
      rested +=
        pace.rest(
          afterByteCount: byteCount, bufferByteCount: buffer, requestCount: 1, now: 1 + rested) ?? 0
    }
    #expect(rested <= 1_000_000_000 && rested >= 900_000_000)
  }

  @Test("a connection is not slowed down while it has other calls, nor for a second after")
  func paceBesides() {
    var pace = StreamPace(holdNanoseconds: 1_000)
    pace.begin(requestCount: 7)
    func rest(_ requestCount: UInt64, _ now: UInt64) -> UInt64? {
      pace.rest(afterByteCount: 100, bufferByteCount: 200, requestCount: requestCount, now: now)
    }
    #expect(rest(7, 1) == 1_000)
    #expect(rest(8, 10) == nil)
    #expect(rest(8, 1_009) == nil)
    #expect(rest(8, 1_010) == 1_000)
    #expect(rest(9, 1_010) == nil)
  }

  @Test("a peer that goes meanwhile is noticed, and what was held is given back")
  func goes() async throws {
    let host = try host()
    let raw = try host.raw()
    try await raw.send(.request(1, "Count", flags: FrameFlags.remoteOpen, service: "s"))
    for _ in 0..<8 { try await raw.send(.data(1, Self.message)) }
    await eventually("it is held") { host.server.heldByteCount > Self.limit / 2 }
    raw.close()
    await eventually("it is let go") { host.closeReasons == [.peerClosed] && host.server.heldByteCount == 0 }
    sluice.open()
  }
}
