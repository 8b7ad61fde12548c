// Crowds: thousands of connections and calls, peers that read slowly or never, and a process that can open
// or start nothing more. Who works beside them keeps half of the throughput, and afterwards all is as before.
//
// TALLY_OVERLOAD_SECONDS sets for how long.

import CTallyProcess
import Glibc
import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Crowds")
  struct CrowdTests {
    private typealias Credits = TallystickV1.CreditService

    /// What a crowd may add to the server's memory: 16 KiB for each of 2,000 connections, or 3.6 KB for each
    /// of 10,000 streams, and 64 MiB for what the neighbours' calls and their caches take.
    private static let memoryBytes = (64 + 64) << 20
    /// The server's least total of what waits to be sent, and its total of what one uid's requests hold: see
    /// docs/OPERATIONS.md.
    private static let outboundBytes = 32 << 20
    private static let inboundBytes = 256 << 20
    private static let neighbours = Load(connections: 8, depth: 8, seconds: OverloadLoadTests.seconds)

    /// Has a crowd come to one of two servers, and neighbours call both at the same time: what else the
    /// machine does meanwhile, it does to both.
    /// - Parameter meanwhile: what the crowd does twenty times a second while they call.
    private static func beside(
      _ options: DaemonOptions = DaemonOptions(), memoryBytes: Int = memoryBytes,
      _ come: (Daemon) async throws -> [Intruder], meanwhile: ([Intruder]) async throws -> Void = { _ in }
    ) async throws {
      let daemon = try await Daemon.start(try Workplace(), options)
      let spared = try await Daemon.start(try Workplace(), options)
      for server in [daemon, spared] { try await Load.fund(neighbours.accountCount, server) }
      let before = Footprint(daemon.child)
      var crowd = try await come(daemon)
      let measured = [try neighbours.start(daemon), try neighbours.start(spared)]
      while measured.contains(where: \.isRunning) {
        try await meanwhile(crowd)
        try await Task.sleep(for: .milliseconds(50))
      }
      let beside = try await LoadReport(measured[0], daemon)
      let alone = try await LoadReport(measured[1], spared)
      print("crowd of \(crowd.count): \(beside.perSecond)/s beside it, \(alone.perSecond)/s without")
      #expect(beside.failedCount == 0, "\(beside)")
      #expect(beside.perSecond >= 0.5 * alone.perSecond, "\(beside), without the crowd \(alone)")
      try await spared.stop()
      before.expectBounds(daemon.child, memoryBytes: memoryBytes)
      crowd = []
      try await before.expectReturn(daemon.child, memoryBytes: memoryBytes)
      try await daemon.verify()
      try await daemon.stop()
    }

    private static func peers(_ count: Int, _ daemon: Daemon) throws -> [Intruder] {
      try (0..<count).map { _ in try Intruder(daemon.workplace.socket) }
    }

    /// The soft limit of this process: one descriptor for each peer.
    private static func allowDescriptors(_ count: UInt) throws {
      var limit = rlimit()
      try #require(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      if limit.rlim_cur >= count { return }
      limit.rlim_cur = min(count, limit.rlim_max)
      try #require(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    }

    @Test("2,000 connections, three quarters idle, the others calling, that all leave at once")
    func connections() async throws {
      try Self.allowDescriptors(4_096)
      try await Self.beside { daemon in
        let peers = try Self.peers(2_000, daemon)
        for number in stride(from: 0, to: peers.count, by: 4) {
          for stream in [1, 3, 5] as [UInt32] {
            try await peers[number].send(Intruder.call(stream, GrpcHealthV1.Health.check, []))
          }
        }
        for number in stride(from: 0, to: peers.count, by: 4) {
          #expect(try await peers[number].answers(3) == [nil, nil, nil])
        }
        return peers
      }
    }

    @Test("10,000 calls in flight that wait, a thousand on each connection")
    func callsInFlight() async throws {
      try await Self.beside { daemon in
        let peers = try Self.peers(10, daemon)
        for peer in peers {
          let frames = (0..<1_000 as Range<UInt32>).flatMap {
            Intruder.call(2 * $0 + 1, GrpcHealthV1.Health.watch, [])
          }
          try await peer.send(frames, reading: true)
        }
        let client = daemon.client()
        try await eventually("all are under way") { try await client.callsInFlight() >= 10_000 }
        client.close()
        return peers
      }
    }

    /// A page of 1 MB, and calls for it, or for the ledger from its start.
    private static func asks(_ daemon: Daemon) async throws -> (reads: [UInt8], watches: [UInt8]) {
      var create = TallystickV1.CreatePageRequest()
      (create.userId, create.pageId) = ("u1", "large")
      create.sections = (0..<15).map { _ in
        var section = TallystickV1.SectionInput()
        (section.kind, section.content) = ("text", String(repeating: "x", count: 65_000))
        return section
      }
      let client = daemon.client()
      defer { client.close() }
      _ = try await client.call(TallystickV1.PageService.createPage, create)
      var page = TallystickV1.GetPageRequest()
      page.pageId = create.pageId
      var watch = TallystickV1.WatchTransactionsRequest()
      watch.fromSequence = 1
      let reads = (1...8 as ClosedRange<UInt32>).flatMap {
        Intruder.call(2 * $0 + 1, TallystickV1.PageService.getPage, page.encode())
      }
      return (reads, Intruder.call(1, Credits.watchTransactions, watch.encode()))
    }

    @Test("128 peers that read nothing, or a little now and then, share what may wait for all of them")
    func readers() async throws {
      let options = DaemonOptions(flags: ["--max-total-outbound-bytes", "\(Self.outboundBytes)"])
      try await Self.beside(options, memoryBytes: Self.outboundBytes + 64 << 20) { daemon in
        let (reads, watches) = try await Self.asks(daemon)
        let peers = try Self.peers(128, daemon)
        for (number, peer) in peers.enumerated() {
          try await peer.send(number % 4 == 0 ? watches : reads)
        }
        // 1 MiB would wait for each of the 96 that ask for 8.
        try await eventually("some are cut off") { peers.count { $0.isHungUp } >= 16 }
        return peers
      } meanwhile: { peers in
        for peer in peers[..<64] { peer.receive(atMost: 256) }
      }
    }

    @Test("96 peers that hold 4 MiB of a frame each share what one uid may hold; over it frames are dropped")
    func halfFrames() async throws {
      try await Self.beside(memoryBytes: Self.inboundBytes + 64 << 20) { daemon in
        let peers = try Self.peers(96, daemon)
        let length = 4 << 20
        let frame =
          Intruder.header(length: length, stream: 1, type: 1)
          + [UInt8](repeating: 7, count: length - 1)
        for peer in peers { try await peer.send(frame, reading: true) }
        let overCount = peers.count - Self.inboundBytes / length
        try await eventually("those over the total are dropped") {
          for peer in peers { peer.receive() }
          return peers.count { $0.hasFrame } >= overCount
        }
        for peer in peers where peer.hasFrame {
          #expect(try await peer.answers(1) == ["TOO_MANY_BYTES"])
        }
        return peers
      }
    }

    @Test("peers that send noise, bombs, endless bodies, no text and single bytes all the time")
    func harm() async throws {
      // Field 1, a submessage of no bytes: half a million items of a batch.
      let bomb = [[UInt8]](repeating: [0x0A, 0x00], count: 1 << 19).flatMap { $0 }
      let endless = Intruder.header(length: (16 << 20) - 1, stream: 1, type: 1)
      var random = SeededRandom(seed: 8)
      var stream: UInt32 = 1
      var daemonSocket = ""
      try await Self.beside { daemon in
        daemonSocket = daemon.workplace.socket
        let peers = try Self.peers(7, daemon)
        try await peers[0].send(endless)
        return peers
      } meanwhile: { peers in
        stream += 2
        let noText = Intruder.call(stream, Credits.getBalance, [0x0A, 0x02, 0xFF, 0xFE])
        try await peers[0].send([UInt8](repeating: 7, count: 1 << 16), reading: true)
        try await peers[1].send(Intruder.call(stream, Credits.batchConsume, bomb), reading: true)
        for peer in peers[2..<6] { try await peer.send(noText, reading: true) }
        try await peers[6].send([0])
        let noise = try Intruder(daemonSocket)
        _ = noise.sendSome((0..<4_096).map { _ in UInt8.random(in: 0...255, using: &random) }[...])
      }
    }

    @Test("no descriptor is left: who is there goes on, nobody spins, and newcomers come in later")
    func descriptors() async throws {
      let daemon = try await Daemon.start(try Workplace(), DaemonOptions(prelude: "ulimit -n 128"))
      let sockets = daemon.child.socketCount
      try await Load.fund(Self.neighbours.accountCount, daemon)
      let alone = try await Self.neighbours.run(daemon)
      try await eventually("they have left") { daemon.child.socketCount <= sockets }
      let before = Footprint(daemon.child)
      // The neighbours have their connections before anybody takes the rest.
      let working = try Self.neighbours.start(daemon)
      try await eventually("they are there") {
        daemon.child.socketCount >= sockets + Self.neighbours.connections || !working.isRunning
      }
      var peers = try Self.peers(200, daemon)
      for peer in peers { _ = peer.sendSome(Intruder.call(1, GrpcHealthV1.Health.check, [])[...]) }
      let beside = try await LoadReport(working, daemon)
      print("descriptors: \(beside.perSecond)/s without one left, \(alone.perSecond)/s with")
      #expect(beside.failedCount == 0)
      #expect(beside.perSecond >= 0.5 * alone.perSecond)
      try await eventually("it rests while it cannot accept") {
        let spent = daemon.child.processorNanoseconds
        try await Task.sleep(for: .seconds(3))
        return daemon.child.processorNanoseconds - spent < Self.restNanoseconds
      }
      peers.removeFirst(150)
      for peer in peers { #expect(try await peer.answers(1) == [nil]) }
      peers = []
      before.expectBounds(daemon.child, memoryBytes: Self.memoryBytes)
      try await before.expectReturn(daemon.child, memoryBytes: Self.memoryBytes)
      try await eventually("the throughput is back") {
        try await Self.neighbours.run(daemon).perSecond >= 0.5 * alone.perSecond
      }
      try await daemon.verify()
      try await daemon.stop()
    }

    /// Processor time in three seconds: a try every 50 ms, and a second's upkeep.
    private static let restNanoseconds = 300_000_000
  }
}
