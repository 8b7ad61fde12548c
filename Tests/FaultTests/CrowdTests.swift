// Crowds: thousands of connections and calls, peers that read slowly or never, and a process that can open
// or start nothing more. Who works beside them keeps half of the throughput, and afterwards all is as before.

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
    /// Beside what waits for peers that do not read, 1 MiB for each.
    private static let unreadMemoryBytes = (64 + 64 + 64) << 20
    private static let neighbours = Load(connections: 8, depth: 8, seconds: 1)

    /// Has the neighbours measured, then lets a crowd come, which stays while they are measured again.
    private static func beside(
      _ options: DaemonOptions = DaemonOptions(), memoryBytes: Int = memoryBytes,
      _ come: (Daemon) async throws -> [Intruder]
    ) async throws {
      let daemon = try await Daemon.start(try Workplace(), options)
      try await Load.fund(neighbours.accountCount, daemon)
      let alone = try await neighbours.run(daemon)
      let before = Footprint(daemon.child)
      var crowd = try await come(daemon)
      try await eventually("the neighbours keep half of their throughput") {
        let beside = try await neighbours.run(daemon)
        #expect(beside.failedCount == 0, "\(beside)")
        print("crowd of \(crowd.count): \(beside.perSecond)/s beside it, \(alone.perSecond)/s alone")
        return beside.perSecond >= 0.5 * alone.perSecond
      }
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

    @Test("watchers of the ledger and askers of balances that never read, or a little now and then")
    func readers() async throws {
      try await Self.beside(memoryBytes: Self.unreadMemoryBytes) { daemon in
        let peers = try Self.peers(64, daemon)
        var watch = TallystickV1.WatchTransactionsRequest()
        watch.fromSequence = 1
        var balances = TallystickV1.BatchGetBalancesRequest()
        balances.userIds = (0..<1_000).map { "user-\($0)-with-a-long-name" }
        let watches = Intruder.call(1, Credits.watchTransactions, watch.encode())
        let reads = (1...50 as ClosedRange<UInt32>).flatMap {
          Intruder.call(2 * $0 + 1, Credits.batchGetBalances, balances.encode())
        }
        for (number, peer) in peers.enumerated() {
          _ = peer.sendSome((number % 2 == 0 ? watches : reads)[...])
          if number % 4 == 0 { peer.receive() }
        }
        return peers
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
