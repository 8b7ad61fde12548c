// Five times what the server can do, for long: what is accepted keeps a bounded latency, the rest hears at
// once that it is not, memory is bounded, and whoever calls now and then is not starved by who floods.
//
// A server may be overloaded in two ways. Where it waits for the disk, all that is offered arrives, and is
// refused as soon as it is read. Where the processors are the bound, what they cannot read any more waits in
// the callers' sockets, and in the end with the callers: a refusal takes as long as what is in flight lasts.
//
// TALLY_OVERLOAD_SECONDS sets for how long.

import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Overload by five times")
  struct OverloadLoadTests {
    static let seconds = Setting.number("TALLY_OVERLOAD_SECONDS", default: 4)
    static let overload = 5.0
    /// What waits for the writer at most, and what one commit takes: docs/OPERATIONS.md.
    private static let queueCount = 4_096.0
    private static let batchCount = 256.0
    /// Calls that a connection has looked at before others have their turn, when many are ready: 2 KiB.
    private static let roundCount = 16.0
    /// A bound is so many times what the measured rates make of the server's limits: percentiles of a shared
    /// machine are that far from means.
    private static let slack = 4.0
    /// What the queue, the calls in flight and their replies may take.
    private static let memoryBytes = 96 << 20

    private static func flood(_ perSecond: Double, firstAccount: Int, accountCount: Int) -> Load {
      Load(
        connections: 64, depth: 128, firstAccount: firstAccount, accountCount: accountCount,
        rate: Int(perSecond * overload), seconds: seconds)
    }

    /// The time in which so many are dealt with, at a measured rate.
    private static func micros(_ count: Double, at perSecond: Double) -> Double { count / perSecond * 1e6 }

    private static func answeredPerSecond(_ report: LoadReport) -> Double {
      Double(report.doneCount + report.failedCount) / Double(seconds)
    }

    /// The writer does this part of what it would on a quick disk.
    private static let diskPart = 0.25

    /// Has each commit wait so long.
    private static func slowDown(_ daemon: Daemon, commitMillis: Double) async throws {
      let client = daemon.client()
      defer { client.close() }
      var request = TallystickTestingV1.InjectFailureRequest()
      var failure = TallystickTestingV1.Failure()
      failure.action = .storeDelay
      failure.delayMillis = Int64(commitMillis)
      failure.count = 1_000_000
      request.failure = failure
      _ = try await client.call(TallystickTestingV1.TestControl.injectFailure, request)
    }

    @Test("at five times what a slow disk allows all calls arrive, and none waits for the disk to be refused")
    func slowDisk() async throws {
      let daemon = try await Daemon.start(try Workplace(), DaemonOptions(flags: ["--testing"]))
      try await Load.fund(64, daemon)
      let quick = try await Load().run(daemon)
      let capacity = quick.perSecond * Self.diskPart
      let commitMicros = Self.micros(Self.batchCount, at: capacity)
      try await Self.slowDown(daemon, commitMillis: commitMicros / 1e3)
      let before = Footprint(daemon.child)
      var flood = Self.flood(capacity, firstAccount: 0, accountCount: 64)
      // Room for all that waits and a second's refusals, however seldom the generator may run, and time to
      // fill the queue.
      flood.depth = 512
      flood.warmupSeconds = Int(2 * Self.queueCount / (Self.overload * capacity)) + 1
      let report = try await flood.run(daemon)
      before.expectBounds(daemon.child, memoryBytes: Self.memoryBytes)
      let offered = Self.overload * capacity * Double(Self.seconds)
      let batchMicros = Self.micros(Self.batchCount, at: report.perSecond)
      let figures = """
        \(quick.perSecond)/s without a wait; with \(commitMicros) us a commit: capacity \(capacity)/s, \
        offered \(flood.rate ?? 0)/s, left out \(report.leftOutCount), accepted \(report.perSecond)/s with \
        p50 \(report.medianMicros) and p99 \(report.p99Micros) us, refused \(report.failedCount) with p50 \
        \(report.failedMedianMicros) and p99 \(report.failedP99Micros) us
        """
      print("slow disk: \(figures)")
      #expect(Double(report.leftOutCount) <= 0.01 * offered, "\(figures)")
      #expect(report.failedCount == report.failedCount("QUEUE_FULL"), "\(report)")
      #expect(Double(report.failedCount) >= 0.5 * offered, "\(figures)")
      // A commit also takes the time of its work.
      #expect(report.perSecond >= 0.5 * capacity, "\(figures)")
      // The queue, the batch before and one's own, whose turn comes evenly.
      let queueMicros = (Self.queueCount / Self.batchCount + 2) * batchMicros
      #expect(report.p99Micros <= 2 * queueMicros, "\(figures)")
      #expect(report.failedMedianMicros < commitMicros / 2, "\(figures)")
      #expect(report.failedP99Micros < Self.slack * commitMicros, "\(figures)")
      try await daemon.verify()
      try await daemon.stop()
    }

    @Test("at five times its capacity the server answers as much, refuses the rest at once, and recovers")
    func overload() async throws {
      let daemon = try await Daemon.start(try Workplace())
      try await Load.fund(64, daemon)
      let capacity = try await Load().run(daemon)
      try #require(capacity.failedCount == 0)
      let before = Footprint(daemon.child)
      let flood = Self.flood(capacity.perSecond, firstAccount: 0, accountCount: 64)
      let reads = Load(workload: "balance", connections: 4, depth: 1, seconds: Self.seconds)
      let reading = try reads.start(daemon)
      let report = try await flood.run(daemon)
      let read = try await LoadReport(reading, daemon)
      before.expectBounds(daemon.child, memoryBytes: Self.memoryBytes)

      // Little's law: what is in flight, by the rate at which it is answered.
      let socketMicros = Self.micros(Double(flood.inFlight), at: Self.answeredPerSecond(report))
      let queueMicros = Self.micros(Self.queueCount, at: report.perSecond)
      let figures = """
        capacity \(capacity.perSecond)/s, offered \(flood.rate ?? 0)/s, accepted \(report.perSecond)/s with \
        p99 \(report.p99Micros) us, refused \(report.failedCount) with p50 \(report.failedMedianMicros) and \
        p99 \(report.failedP99Micros) us, left out \(report.leftOutCount); in flight \(socketMicros) us, \
        queue \(queueMicros) us; reads \(read.perSecond)/s with p99 \(read.p99Micros) us; \
        \(daemon.child.highestResidentBytes >> 20) MiB at most, \(before.residentBytes >> 20) before
        """
      print("overload: \(figures)")
      #expect(report.failedCount > 0 && report.failedCount == report.failedCount("QUEUE_FULL"), "\(report)")
      #expect(report.perSecond >= 0.25 * capacity.perSecond, "\(figures)")
      #expect(report.p99Micros <= Self.slack * (socketMicros + queueMicros), "\(figures)")
      #expect(report.failedP99Micros <= Self.slack * socketMicros, "\(figures)")
      #expect(report.failedMedianMicros < report.medianMicros, "\(figures)")
      #expect(read.failedCount == 0 && read.p99Micros < report.p99Micros, "\(figures)")

      try await eventually("the capacity is back") {
        try await Load().run(daemon).perSecond >= 0.5 * capacity.perSecond
      }
      try await before.expectReturn(daemon.child, memoryBytes: Self.memoryBytes)
      try await daemon.verify()
      try await daemon.stop()
    }

    /// Users who call now and then, and the accounts of those who flood come after theirs.
    private static let quietCount = 20
    private static let quiet = Load(
      connections: quietCount, accountCount: quietCount, rate: 100, seconds: max(2, seconds - 2))

    @Test("1, 4 or 64 users who flood from many connections do not starve 20 who call now and then")
    func fairness() async throws {
      let daemon = try await Daemon.start(try Workplace())
      try await Load.fund(Self.quietCount + 64, daemon)
      let alone = try await Self.quiet.run(daemon)
      let capacity = try await Load(firstAccount: Self.quietCount).run(daemon)
      let before = Footprint(daemon.child)
      for count in [1, 4, 64] {
        let flood = Self.flood(
          capacity.perSecond, firstAccount: Self.quietCount, accountCount: count)
        let flooding = try flood.start(daemon)
        let beside = try await Self.quiet.run(daemon)
        Self.check(beside, alone, flood, try await LoadReport(flooding, daemon))
        before.expectBounds(daemon.child, memoryBytes: Self.memoryBytes)
      }
      try await before.expectReturn(daemon.child, memoryBytes: Self.memoryBytes)
      try await daemon.verify()
      try await daemon.stop()
    }

    private static func check(
      _ beside: LoadReport, _ alone: LoadReport, _ flood: Load, _ report: LoadReport
    ) {
      let roundMicros = micros(Double(flood.connections) * roundCount, at: answeredPerSecond(report))
      let batchMicros = micros(batchCount, at: report.perSecond)
      let figures = """
        \(flood.accountCount) flooding at \(flood.rate ?? 0)/s, accepted \(report.perSecond)/s with p50 \
        \(report.medianMicros) us, refused \(report.failedCount); quiet users: p50 \(beside.medianMicros), \
        p99 \(beside.p99Micros) us, \(alone.p99Micros) us alone; a round \(roundMicros) us, a batch \
        \(batchMicros) us
        """
      print("fairness: \(figures)")
      #expect(report.failedCount("QUEUE_FULL") > 0, "\(figures)")
      #expect(beside.failedCount == 0 && beside.leftOutCount == 0, "\(beside): \(figures)")
      // It is looked at within two rounds, and decided within the batch after the one under way.
      #expect(
        beside.p99Micros <= alone.p99Micros + slack * (2 * roundMicros + 2 * batchMicros), "\(figures)")
      #expect(beside.medianMicros < report.medianMicros, "\(figures)")
    }
  }
}
