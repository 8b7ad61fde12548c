// Threads and tasks of the process: as many as the machine has cores for, however many peers there are and
// whatever they do at once.

import Glibc
import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

@testable import TTRPC

extension FaultTests {
  @Suite("Threads of the program")
  struct ThreadTests {
    static let connectionCount = 500
    /// What a container or a service may be held to: `--pids-limit`, TasksMax.
    static let taskLimit = 32
    /// A user of nobody else's, since a limit of processes counts all that a user has.
    static let limitedUid: UInt32 = 61_247

    /// Peers that may all leave at once.
    private final class Crowd {
      private var peers: [Intruder]

      init(_ peers: [Intruder]) { self.peers = peers }

      func leave() { peers = [] }

      func waitUntilClosed() async throws {
        for peer in peers { try await peer.waitUntilClosed() }
      }
    }

    private static func connect(_ count: Int, _ daemon: Daemon) async throws -> Crowd {
      var peers: [Intruder] = []
      for number in 0..<count {
        let peer = try Intruder(daemon.workplace.socket)
        // Each has called, so that its connection has done more than begin.
        let check = GrpcHealthV1.Health.check
        try await peer.send(Intruder.call(1, check, []))
        #expect(try await peer.answers(1) == [nil], "\(number)")
        peers.append(peer)
      }
      return Crowd(peers)
    }

    /// The most threads that a process has until it ends or `isOver`. A worker that has nothing more to do
    /// stays for seconds, so that a look now and then sees it.
    private static func peak(_ child: Child, until isOver: () -> Bool = { false }) async throws -> Int {
      var peak = 0
      try await eventually("it is over") {
        peak = max(peak, child.threadCount)
        return !child.isRunning || isOver()
      }
      return peak
    }

    @Test("a shutdown with many connections starts no thread for each")
    func shutdown() async throws {
      let daemon = try await Daemon.start(try Workplace())
      let peers = try await Self.connect(Self.connectionCount, daemon)
      let before = daemon.child.threadCount
      daemon.child.signal(SIGTERM)
      let peak = try await Self.peak(daemon.child)
      #expect(peak <= before + Footprint.spareThreadCount, "\(before) threads before, \(peak) at most")
      #expect(daemon.child.status == 0)
      try await peers.waitUntilClosed()
    }

    @Test("many clients that leave at once start no thread for each")
    func leave() async throws {
      let daemon = try await Daemon.start(try Workplace())
      let peers = try await Self.connect(Self.connectionCount, daemon)
      let before = daemon.child.threadCount
      let isOver = { daemon.child.descriptorCount < Self.connectionCount }
      #expect(!isOver())
      peers.leave()
      let peak = try await Self.peak(daemon.child, until: isOver)
      #expect(peak <= before + Footprint.spareThreadCount, "\(before) threads before, \(peak) at most")
      try await daemon.stop()
    }

    /// A server that may have so many tasks. The limit does not bind root, so it is somebody else's.
    private static func limited(to count: Int) -> DaemonOptions {
      DaemonOptions(
        flags: ["--allow-uid", "0:admin"],
        prelude: """
          log=$1; shift
          set -- "$log" setpriv --reuid=\(limitedUid) --clear-groups prlimit --nproc=\(count) "$@"
          """)
    }

    private static func startLimited(to count: Int = taskLimit) async throws -> Daemon {
      let workplace = try Workplace()
      try workplace.give(to: limitedUid)
      return try await Daemon.start(workplace, limited(to: count))
    }

    /// How a start ends under a limit of so many tasks that it refuses, and what it says.
    private static func refusal(of count: Int) async throws -> (status: Int32, text: String) {
      let workplace = try Workplace()
      try workplace.give(to: limitedUid)
      let daemon = try Daemon.launch(workplace, limited(to: count))
      return (try await daemon.child.waitForEnd(), Files.text(workplace.log))
    }

    /// Whatever a server does on threads of their own, all at once.
    private static func useAll(_ daemon: Daemon) async throws {
      try await Load.fund(64, daemon)
      let watchers = try (0..<4).map { _ in try Intruder(daemon.workplace.socket) }
      for watcher in watchers {
        var frames = Intruder.call(1, GrpcHealthV1.Health.watch, [])
        frames += Intruder.call(3, TallystickV1.CreditService.watchTransactions, [])
        frames += Intruder.call(5, TallystickV1.UsageService.watchEvents, [])
        frames += Intruder.call(7, TallystickV1.PageService.watchPages, [])
        try await watcher.send(frames)
      }
      let loads = try [Load(seconds: 1), Load(workload: "balance", connections: 4, depth: 4, seconds: 1)]
        .map { try $0.start(daemon) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            let client = daemon.client()
            defer { client.close() }
            for _ in 0..<20 { _ = try await client.call(TallystickV1.AdminService.listUsers, .init()) }
          }
        }
        group.addTask { try await daemon.verify() }
        try await group.waitForAll()
      }
      for load in loads {
        let report = try await LoadReport(load, daemon)
        #expect(report.failedCount == 0 && report.doneCount > 0, "\(report)")
      }
    }

    @Test(
      "with a task fewer than it needs a server refuses to start and says so; with just as many it does all",
      .enabled(if: geteuid() == 0, "becoming another user needs root"))
    func fewest() async throws {
      let refused = try await Self.refusal(of: 4)
      #expect(refused.status == Self.systemStatus)
      let words = refused.text.split(separator: " ")
      let place = try #require(words.firstIndex(of: "needs"), "\(refused.text)")
      let needed = try #require(Int(words[place + 1]), "\(refused.text)")
      #expect(needed <= Self.taskLimit)
      let close = try await Self.refusal(of: needed - 1)
      #expect(close.status == Self.systemStatus && close.text.contains("may have only \(needed - 1)"))
      let daemon = try await Self.startLimited(to: needed)
      try await Self.useAll(daemon)
      let start = ContinuousClock.now
      try await daemon.stop()
      #expect(start.duration(to: .now) < Self.endLimit)
    }

    /// See docs/OPERATIONS.md, "Exit statuses".
    private static let systemStatus: Int32 = 71

    @Test(
      "a server under a limit of tasks ends as soon as one without",
      .enabled(if: geteuid() == 0, "becoming another user needs root"), arguments: [0, 300])
    func limited(leaving: Int) async throws {
      let daemon = try await Self.startLimited()
      let peers = try await Self.connect(Self.connectionCount, daemon)
      let others = try await Self.connect(leaving, daemon)
      let before = daemon.child.threadCount
      let start = ContinuousClock.now
      others.leave()
      daemon.child.signal(SIGTERM)
      let peak = try await Self.peak(daemon.child)
      // A thread that cannot start is tried again a second later, for each that is wanted: far longer.
      #expect(start.duration(to: .now) < Self.endLimit)
      #expect(peak <= before + Footprint.spareThreadCount, "\(before) threads before, \(peak) at most")
      #expect(daemon.child.status == 0, "\(Files.text(daemon.workplace.log).suffix(2_000))")
      try await peers.waitUntilClosed()
    }

    @Test(
      "under a limit of tasks the server does at least half of what it does without",
      .enabled(if: geteuid() == 0, "becoming another user needs root"))
    func limitedLoad() async throws {
      var rates: [Double] = []
      for daemon in [try await Daemon.start(try Workplace()), try await Self.startLimited()] {
        try await Load.fund(64, daemon)
        let peers = try await Self.connect(Self.connectionCount, daemon)
        let reads = try Load(workload: "balance", connections: 4, depth: 1, seconds: 1).start(daemon)
        let report = try await Load(seconds: 1).run(daemon)
        let read = try await LoadReport(reads, daemon)
        #expect(report.failedCount == 0 && read.failedCount == 0 && read.doneCount > 0, "\(report) \(read)")
        #expect(daemon.child.threadCount <= Self.taskLimit)
        rates.append(report.perSecond)
        peers.leave()
        try await daemon.verify()
        try await daemon.stop()
      }
      print("threads: \(rates[1])/s under a limit of \(Self.taskLimit) tasks, \(rates[0])/s without")
      #expect(rates[1] >= 0.5 * rates[0])
    }

    /// Thirty times what it takes on a machine that does little else.
    static let endLimit: Duration = .seconds(30)

    @Test("a thousand streams that wait for their peers start no thread for each")
    func blockedStreams() async throws {
      let daemon = try await Daemon.start(try Workplace(), DaemonOptions(flags: ["--testing"]))
      let before = daemon.child.threadCount
      typealias Conformance = TallystickTestingV1.Conformance
      // Those that watch, and on each connection one that sends more than its peer takes: after that, nothing
      // more is read of the connection.
      var count = TallystickTestingV1.CountRequest()
      (count.count, count.bodySize) = (1_000, 64 << 10)
      let peers = try (0..<100).map { _ in try Intruder(daemon.workplace.socket) }
      for peer in peers {
        var frames: [UInt8] = []
        for stream in stride(from: UInt32(1), to: 19, by: 2) {
          frames += Intruder.call(stream, GrpcHealthV1.Health.watch, [])
        }
        try await peer.send(frames + Intruder.call(19, Conformance.count, count.encode()))
      }
      let client = daemon.client()
      var peak = 0
      try await eventually("all streams are under way") {
        peak = max(peak, daemon.child.threadCount)
        return try await client.callsInFlight() >= 1_000
      }
      client.close()
      peak = max(peak, daemon.child.threadCount)
      #expect(peak <= before + Footprint.spareThreadCount, "\(before) threads before, \(peak) at most")
      daemon.kill()
    }

    /// A call of each kind of watch, of which nothing comes by itself.
    private static let watches: [@Sendable (UInt32) -> [UInt8]] = [
      { Intruder.call($0, GrpcHealthV1.Health.watch, []) },
      { Intruder.call($0, TallystickV1.CreditService.watchTransactions, []) },
    ]

    @Test("a thousand watchers of the ledger that wait for their peers start no thread for each")
    func blockedWatchers() async throws {
      let daemon = try await Daemon.start(try Workplace())
      let before = daemon.child.threadCount
      let client = daemon.client()
      var purchase = TallystickV1.AddPurchaseRequest()
      (purchase.userId, purchase.paymentId, purchase.amountMicros) = ("u", "p", 1_000_000)
      _ = try await client.call(TallystickV1.CreditService.addPurchase, purchase)
      // None reads anything, whether it has joined or reads the past.
      let peers = try (0..<20).map { _ in try Intruder(daemon.workplace.socket) }
      for peer in peers {
        var frames: [UInt8] = []
        for stream in stride(from: UInt32(1), to: 100, by: 2) { frames += Self.watches[1](stream) }
        try await peer.send(frames)
      }
      var peak = 0
      try await eventually("all watch") {
        peak = max(peak, daemon.child.threadCount)
        return try await client.callsInFlight() >= 1_000
      }
      var batch = TallystickV1.BatchConsumeRequest()
      for round in 0..<4 {
        batch.items = (0..<4_096).map { _ in
          var item = TallystickV1.ConsumeRequest()
          (item.userId, item.amountMicros) = ("u", 1)
          return item
        }
        _ = try await client.call(TallystickV1.CreditService.batchConsume, batch)
        var watch = TallystickV1.WatchTransactionsRequest()
        watch.fromSequence = Int64(round + 1)
        for peer in peers {
          try await peer.send(
            Intruder.call(
              UInt32(1_001 + 2 * round), TallystickV1.CreditService.watchTransactions, watch.encode()))
        }
        peak = max(peak, daemon.child.threadCount)
      }
      #expect(peak <= before + Footprint.spareThreadCount, "\(before) threads before, \(peak) at most")
      client.close()
      daemon.kill()
    }

    @Test(
      "a thousand watchers of health or of the ledger cost nothing while nothing changes", arguments: [0, 1])
    func idleWatchers(kind: Int) async throws {
      let daemon = try await Daemon.start(try Workplace())
      let peers = try (0..<10).map { _ in try Intruder(daemon.workplace.socket) }
      for peer in peers {
        var frames: [UInt8] = []
        for stream in stride(from: UInt32(1), to: 200, by: 2) { frames += Self.watches[kind](stream) }
        try await peer.send(frames)
      }
      let client = daemon.client()
      try await eventually("all watch") { try await client.callsInFlight() >= 1_000 }
      client.close()
      try await eventually("what the beginning of the watches costs is spent") {
        let before = daemon.child.processorNanoseconds
        try await Task.sleep(for: .seconds(3))
        return daemon.child.processorNanoseconds - before < Self.restNanoseconds
      }
      daemon.kill()
    }

    /// Processor time in three seconds: what a second's upkeep costs, and far less than looking ten times a
    /// second for each of a thousand watchers.
    static let restNanoseconds = 100_000_000
  }
}
