// Peers that mean harm, and the connections beside them that must go on.

import CTallyLinux
import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Hostile peers")
struct HostileTests {
  let service = ConformanceService.name

  /// Another connection is answered, so the server is well.
  func expectWell(_ host: TestServer) async throws {
    let client = try host.connect()
    #expect(try await client.unary(service, "Echo", [1]) == [1])
  }

  @Test("a half frame closes its connection after the limit, others go on", arguments: [3, 10, 40])
  func halfFrame(byteCount: Int) async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(Array(RawFrame.request(1, "Echo", [1, 2, 3]).bytes.prefix(byteCount)))
    try await expectWell(host)
    let end = try await host.whileTimePasses(byNanoseconds: 1_000_000_000) { try await raw.frame() }
    #expect(end == nil)
    #expect(host.closeReasons.contains(.halfFrame))
  }

  @Test("why a connection ends is noted before its peer sees that it does")
  func notedFirst() async throws {
    let gate = Monitor(false)
    let host = try TestServer {
      let note = $0.hooks.connectionClosed
      $0.hooks.connectionClosed = { id, peer, reason in
        note(id, peer, reason)
        _ = gate.wait(until: { $0 }, then: { _ in })
      }
    }
    let raw = try host.raw()
    // The first byte of a header is zero.
    try await raw.send([1])
    await eventually("it is noted") { host.closeReasons == [.frameViolation] }
    var bytes: [UInt8] = [0]
    #expect(Socket.receive(raw.descriptor, into: &bytes) == .wouldBlock)
    gate.withLock { $0 = true }
    gate.broadcast()
    #expect(try await raw.frame() == nil)
  }

  @Test("a frame that trickles in does not outlive the limit")
  func trickle() async throws {
    let host = try TestServer { $0.halfFrameNanoseconds = 100_000_000 }
    let raw = try host.raw()
    let frame = RawFrame.request(1, "Echo", [UInt8](repeating: 1, count: 100_000)).bytes
    await #expect(throws: RawError.self) {
      for (index, byte) in frame.enumerated() {
        try await raw.send([byte])
        await eventually("it has come, or is too late") {
          host.server.statistics.bytesReceived > index || host.closeReasons == [.halfFrame]
        }
        host.time.advance(byNanoseconds: 1_000_000)
      }
    }
    #expect(host.closeReasons == [.halfFrame])
  }

  @Test("whole frames before a half one do not count against it")
  func wholeThenHalf() async throws {
    let host = try TestServer { $0.halfFrameNanoseconds = 30_000_000_000 }
    let raw = try host.raw()
    let frame = RawFrame.request(1, "Echo", [1]).bytes
    try await raw.send(frame + Array(frame.prefix(20)))
    #expect(try await raw.frame()?.message == [1])
    try await raw.send(Array(frame.dropFirst(20)))
    #expect(try await raw.frame()?.message == [1])
    #expect(host.server.statistics.connectionsOpen == 1)
  }

  @Test("a peer that never reads is not read any more, then cut off; others go on")
  func neverReads() async throws {
    let host = try TestServer {
      $0.outboundPauseByteCount = 100_000
    }
    let raw = try host.raw()
    let payload = [UInt8](repeating: 1, count: 50_000)
    var buffer: [UInt8] = []
    for id in 0..<200 { buffer += RawFrame.request(UInt32(2 * id + 1), "Echo", payload).bytes }
    let requests = buffer
    await #expect(throws: RawError.self) {
      try await host.whileTimePasses(byNanoseconds: 100_000_000) { try await raw.send(requests) }
    }
    await eventually("it is told") { host.closeReasons == [.stalledWrite] }
    try await expectWell(host)
    // 10 MB were offered; it was not read far beyond what it would not take.
    #expect(host.server.statistics.callsStarted < 100)
  }

  @Test("a slow reader gets everything, in order")
  func slowReader() async throws {
    let host = try TestServer { $0.outboundPauseByteCount = 10_000 }
    let raw = try host.raw()
    let payload = [UInt8](repeating: 1, count: 5_000)
    var requests: [UInt8] = []
    for id in 0..<400 { requests += RawFrame.request(UInt32(2 * id + 1), "Echo", payload).bytes }
    let bytes = requests
    try await withThrowingTaskGroup(of: Void.self) { group in
      let descriptor = raw.descriptor
      group.addTask {
        let sender = RawClient(descriptor: descriptor)
        defer { _ = sender.release() }
        try await sender.send(bytes)
      }
      for id in 0..<400 {
        let frame = try await raw.frame()
        #expect(frame?.streamId == UInt32(2 * id + 1))
        #expect(frame?.message?.count == 5_000)
      }
      try await group.waitForAll()
    }
  }

  @Test("a stream's handler waits while its peer does not read")
  func sinkWaits() async throws {
    let sent = Lock(0)
    let flooding = Lock<CallContext?>(nil)
    var registry = ServiceRegistry()
    registry.add(
      service: "s",
      methods: [
        "Flood": .streaming(.serverStream) { context, _, sink in
          flooding.withLock { $0 = context }
          for _ in 0..<1000 {
            try await sink.send([UInt8](repeating: 1, count: 10_000))
            sent.withLock { $0 += 1 }
          }
        },
        "Echo": .unary { _, payload, responder in responder.succeed(payload) },
      ])
    let host = try TestServer(registry: registry) { $0.outboundPauseByteCount = 50_000 }
    let raw = try host.raw()
    try await raw.send(.request(1, "Flood", flags: FrameFlags.remoteClosed, service: "s"))
    let client = try host.connect()
    await eventually("too much waits") { flooding.withLock { $0 }?.connection.isPaused == true }
    #expect(sent.withLock { $0 } < 500)
    #expect(try await client.unary("s", "Echo", [1]) == [1])
    var count = 0
    while let frame = try await raw.frame(), frame.payload.count == 10_000 { count += 1 }
    #expect(count == 1000)
  }

  @Test("more than may wait for a peer closes its connection")
  func outboundLimit() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry) { $0.maximumOutboundByteCount = 3_000_000 }
    let raw = try host.raw()
    for id in 0..<4 { try await raw.send(.request(UInt32(2 * id + 1), "Hold", service: "s")) }
    await eventually("all have come") { gate.count == 4 }
    gate.release { $0.succeed([UInt8](repeating: 1, count: 1_500_000)) }
    await eventually("it is closed") { host.closeReasons == [.outboundFailed] }
  }

  @Test("10,000 calls in flight: the limit answers the rest at once, and all come back")
  func tenThousandInFlight() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry)
    let raw = try host.raw()
    let bytes = (0..<10_000).flatMap {
      RawFrame.request(UInt32(2 * $0 + 1), "Hold", service: "s").bytes
    }
    try await raw.send(bytes)
    let limit = host.server.options.maximumInFlight
    for _ in 0..<(10_000 - limit) {
      let frame = try await raw.frame()
      #expect(frame?.status?.code == .resourceExhausted)
    }
    #expect(gate.count == limit)
    gate.release { $0.succeed([1]) }
    for _ in 0..<limit { #expect(try await raw.frame()?.message == [1]) }
    try await raw.send(.request(1, "Echo", [2], service: "s"))
    #expect(try await raw.frame()?.message == [2])
  }

  @Test("10,000 calls on many connections at once are all answered")
  func manyCalls() async throws {
    let host = try TestServer()
    let clients = try (0..<16).map { _ in try host.connect() }
    let done = Lock(0)
    for index in 0..<10_000 {
      clients[index % 16].unary(service, "EchoLater", [UInt8(index & 0xFF)]) { result in
        if case .success(let reply) = result, reply == [UInt8(index & 0xFF)] {
          done.withLock { $0 += 1 }
        }
      }
    }
    await eventually("all are answered") { done.withLock { $0 } == 10_000 }
  }

  @Test("bytes of requests are bounded on a connection and in all")
  func inboundBytes() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry) {
      $0.maximumInboundByteCount = 75_000
      $0.maximumTotalInboundByteCount = 105_000
    }
    // Small enough to arrive whole: a cut frame that goes over the total closes its connection.
    let payload = [UInt8](repeating: 1, count: 30_000)
    let first = try host.raw()
    for id in [1, 3, 5] as [UInt32] {
      try await first.send(.request(id, "Hold", payload, service: "s"))
    }
    let refused = try #require(try await first.frame())
    #expect(refused.streamId == 5)
    #expect(refused.status?.code == .resourceExhausted)
    let second = try host.raw()
    for id in [1, 3] as [UInt32] {
      try await second.send(.request(id, "Hold", payload, service: "s"))
    }
    #expect(try await second.frame()?.streamId == 3)
    gate.release { $0.succeed([]) }
    #expect(try await second.frame()?.streamId == 1)
    try await second.send(.request(5, "Echo", payload, service: "s"))
    #expect(try await second.frame()?.message == payload)
    #expect(host.server.heldByteCount == 0)
  }

  @Test("cut frames count as held bytes: over their share the oldest is dropped, its connection goes on")
  func cutFrames() async throws {
    let host = try TestServer { $0.maximumTotalInboundByteCount = 2_000_000 }
    let payload = [UInt8](repeating: 1, count: 900_000)
    let frame = RawFrame.request(1, "Echo", payload).bytes
    let first = try host.raw()
    try await first.send(Array(frame.prefix(600_000)))
    await eventually("it is held") { host.server.heldByteCount == 600_000 }
    let second = try host.raw()
    try await second.send(Array(frame.prefix(600_000)))
    let refusal = try #require(try await first.frame())
    #expect(refusal.streamId == 1 && refusal.status?.code == .resourceExhausted)
    // The rest of what was dropped is not taken for frames.
    try await first.send(Array(frame.dropFirst(600_000)))
    try await first.send(.request(3, "Echo", [3]))
    #expect(try await first.frame()?.message == [3])
    try await second.send(Array(frame.dropFirst(600_000)))
    #expect(try await second.frame()?.message == payload)
    await eventually("all is given back") { host.server.heldByteCount == 0 }
    #expect(host.closeReasons == [])
  }

  @Test("half frames of one peer leave room for the requests of all others")
  func halfFramesOfOnePeer() async throws {
    let host = try TestServer {
      $0.maximumTotalInboundByteCount = 8_000_000
      $0.maximumPeerInboundByteCount = 4_000_000
    }
    let half = RawFrame.request(1, "Echo", [UInt8](repeating: 1, count: 900_000)).bytes.prefix(600_000)
    var peers: [RawClient] = []
    for _ in 0..<20 {
      let peer = try host.raw()
      try await peer.send(Array(half))
      peers.append(peer)
      #expect(host.server.heldByteCount <= 4_000_000)
    }
    let client = try host.connect()
    for count in [20_000, 500_000, 1_500_000] {
      let payload = [UInt8](repeating: 2, count: count)
      #expect(try await client.unary(service, "Echo", payload) == payload)
    }
    for peer in peers { peer.close() }
    await eventually("all is given back") { host.server.heldByteCount == 0 }
  }

  @Test("one uid holds at most its share of the bytes")
  func shareOfAPeer() async throws {
    let total = ByteBudget(limit: 100)
    let peers = PeerBudgets(total: total, limit: 50)
    let first = peers.join(1)
    #expect(peers.join(1) === first)
    let (one, other) = (ByteBudget(limit: 40, parent: first), ByteBudget(limit: 40, parent: first))
    #expect(one.take(40) && !other.take(11) && other.take(10))
    #expect(peers.join(2).take(50) && total.usedByteCount == 100)
    peers.leave(1)
    #expect(peers.join(1) === first)
    one.give(40)
    #expect(first.usedByteCount == 10 && total.usedByteCount == 60)
  }

  @Test("calls without number on many connections are bounded as the bytes of requests are")
  func smallCalls() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry) { $0.maximumTotalInboundByteCount = 1_000_000 }
    var peers: [RawClient] = []
    for _ in 0..<4 {
      let peer = try host.raw()
      try await peer.send((0..<200).flatMap { RawFrame.request(2 * $0 + 1, "Hold", service: "s").bytes })
      peers.append(peer)
    }
    let refused = try #require(try await peers[3].frame())
    #expect(refused.status == host.server.options.tooManyBytes)
    #expect(gate.count < 400 && host.server.heldByteCount <= 1_000_000)
    gate.release { $0.succeed([]) }
    for peer in peers { peer.close() }
    await eventually("all is given back") { host.server.heldByteCount == 0 }
  }

  @Test("metadata counts as the request's bytes do")
  func metadataBytes() async throws {
    let host = try TestServer { $0.maximumInboundByteCount = 50_000 }
    let raw = try host.raw()
    let pair = MetadataPair(key: "k", value: String(repeating: "v", count: 60_000))
    try await raw.send(.request(1, "Echo", metadata: [pair]))
    #expect(try await raw.frame()?.status == host.server.options.tooManyBytes)
  }

  @Test("peers that never read are cut off before the bytes for all of them go over the total")
  func outboundTotal() async throws {
    let total = 8_000_000
    let gate = Gate()
    let host = try TestServer(registry: gate.registry) { $0.maximumTotalOutboundByteCount = total }
    let reader = try host.connect()
    var peers: [RawClient] = []
    for _ in 0..<16 {
      let peer = try host.raw()
      try await peer.send((0..<16).flatMap { RawFrame.request(2 * $0 + 1, "Hold", service: "s").bytes })
      peers.append(peer)
    }
    await eventually("all have come") { gate.count == 256 }
    let highest = Lock(0)
    gate.release {
      $0.succeed([UInt8](repeating: 1, count: 100_000))
      let now = host.server.waitingByteCount
      highest.withLock { $0 = max($0, now) }
    }
    let message = [UInt8](repeating: 2, count: 100_000)
    #expect(try await reader.unary("s", "Echo", message) == message)
    #expect(highest.withLock { $0 } <= total * 5 / 4)
    await eventually("it is below the mark") { host.server.waitingByteCount <= total * 7 / 8 }
    #expect(!host.closeReasons.isEmpty)
    #expect(host.closeReasons.allSatisfy { $0 == .outboundFull })
    #expect(try await reader.unary("s", "Echo", message) == message)
  }

  @Test("of those who read nothing the one that holds most is cut off first, before one that reads")
  func cutOffFirst() async throws {
    let gate = Gate()
    let host = try TestServer(registry: gate.registry) { $0.maximumTotalOutboundByteCount = 14_000_000 }
    /// A peer for whom `count` MB wait.
    func peer(_ count: UInt32) async throws -> RawClient {
      let peer = try host.raw()
      for id in 0..<count { try await peer.send(.request(2 * id + 1, "Hold", service: "s")) }
      await eventually("they have come") { gate.count == Int(count) }
      gate.release { $0.succeed([UInt8](repeating: 1, count: 1_000_000)) }
      return peer
    }
    let small = try await peer(1)
    let large = try await peer(3)
    host.time.advance(byNanoseconds: OutboundBudget.notReadingNanoseconds)
    // Holds more than both, but has only begun to.
    let late = try await peer(5)
    await eventually("one has gone") { host.closeReasons == [.outboundFull] }
    #expect(try await large.frames(3).count < 3)
    #expect(try await late.frames(5).count == 5)
    #expect(try await small.frame()?.message?.count == 1_000_000)
  }

  @Test("2,000 connections: all are served, all are let go")
  func manyConnections() async throws {
    let host = try TestServer()
    try raiseDescriptorLimit(8192)
    let clients = try (0..<2000).map { _ in try host.raw() }
    await eventually("all are taken up") { host.server.statistics.connectionsOpen == 2000 }
    for client in clients { try await client.send(.request(1, "Echo", [1])) }
    for client in clients { #expect(try await client.frame()?.message == [1]) }
    for client in clients { client.close() }
    await eventually("all are let go") { host.server.statistics.connectionsOpen == 0 }
  }

  @Test("one connection over the limit is turned away, and there is room again afterwards")
  func connectionLimit() async throws {
    let host = try TestServer { $0.maximumConnections = 3 }
    let clients = try (0..<3).map { _ in try host.raw() }
    for client in clients {
      try await client.send(.request(1, "Echo"))
      #expect(try await client.frame() != nil)
    }
    let over = try host.raw()
    #expect(try await over.frame() == nil)
    #expect(host.server.statistics.connectionsRefused == 1)
    clients[0].close()
    await eventually("there is room") { host.server.statistics.connectionsOpen == 2 }
    try await expectWell(host)
  }

  @Test("oversize bodies without end are dropped, the connection goes on")
  func oversize() async throws {
    let host = try TestServer { $0.maximumMessageByteCount = 1000 }
    let raw = try host.raw()
    let frame = RawFrame(streamId: 1, type: 1, payload: [UInt8](repeating: 1, count: 1_000_000))
    for _ in 0..<10 { try await raw.send(frame) }
    for _ in 0..<10 { #expect(try await raw.frame()?.status?.code == .resourceExhausted) }
    try await raw.send(.request(3, "Echo", [1]))
    #expect(try await raw.frame()?.message == [1])
    #expect(host.server.heldByteCount == 0)
  }

  @Test("two peers that both write without reading do not block each other")
  func mutualWriting() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    let message = [UInt8](repeating: 1, count: 64 << 10)
    let sender = Task {
      for _ in 0..<100 { try await stream.send(message) }
      stream.finish()
    }
    var count = 0
    for try await reply in stream {
      #expect(reply.count == message.count)
      count += 1
    }
    #expect(count == 100)
    try await sender.value
  }

  @Test("random bytes never harm anybody else")
  func noise() async throws {
    let host = try TestServer()
    for _ in 0..<100 {
      let raw = try host.raw()
      var bytes = (0..<500).map { _ in UInt8.random(in: 0...255) }
      for index in stride(from: 0, to: 400, by: 50) {
        bytes.replaceSubrange(index..<(index + 4), with: [0, 0, 0, 40])
      }
      try await raw.send(bytes)
      raw.close()
    }
    try await expectWell(host)
    await eventually("all are let go") { host.server.statistics.connectionsOpen <= 1 }
  }
}

/// Lets the process open more files.
func raiseDescriptorLimit(_ count: UInt) throws {
  var limit = rlimit()
  try #require(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  if limit.rlim_cur >= count { return }
  limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
  try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
}
