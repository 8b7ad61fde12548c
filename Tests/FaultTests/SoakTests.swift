// Load of all products that goes on: what the server takes of the machine does not grow with time, nor does
// it become slower, though the database grows. A second server, which nobody else calls, tells how much
// slower the machine has become.
//
// TALLY_SOAK_SECONDS sets how long it takes; TALLY_SEED another load.

import Glibc
import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Soak")
  struct SoakTests {
    private static let workerCount = 2
    private static let callersOfAWorker = "16"
    private static let sampleCount = 20
    /// From here on the samples are held to each other; shorter runs are still warming up.
    private static let longSeconds = 600
    /// Bounded caches and the filter of keys, whatever the load (docs/OPERATIONS.md).
    private static let boundedBytes = 300 << 20
    private static let boundedLogBytes = 256 << 20

    /// One look at a server, and at how long its calls took since the one before.
    private struct Sample {
      var commitSequence: Int64
      var databaseBytes: Int
      var logBytes: Int
      var residentBytes: Int
      var descriptors: Int
      var threads: Int
      var medianMicros: Int64
      var slowMicros: Int64
      /// On the server that nobody else calls.
      var idleMedianMicros: Int64 = 0

      static let heading =
        "commits | database MiB | log MiB | RSS MiB | descriptors | threads | p50 us | p99 us | idle p50 us"

      var row: String {
        let sizes = [databaseBytes, logBytes, residentBytes].map { "\($0 >> 20)" }
        return
          (["\(commitSequence)"] + sizes + [
            "\(descriptors)", "\(threads)", "\(medianMicros)", "\(slowMicros)", "\(idleMedianMicros)",
          ])
          .joined(separator: " | ")
      }
    }

    /// Calls of its own on a server, one after the other, whose times are what the samples tell.
    private struct Probe {
      let client: TallyClient
      let daemon: Daemon
      private var count = 0

      init(_ daemon: Daemon) async throws {
        (client, self.daemon) = (daemon.client(), daemon)
        var purchase = TallystickV1.AddPurchaseRequest()
        (purchase.userId, purchase.amountMicros) = ("probe", 1_000_000_000)
        (purchase.paymentId, purchase.idempotencyKey) = ("probe", "probe")
        _ = try await client.call(TallystickV1.CreditService.addPurchase, purchase)
      }

      /// Makes calls for a while.
      mutating func sample(for duration: Duration) async throws -> Sample {
        let clock = ContinuousClock()
        let end = clock.now + duration
        var micros: [Int64] = []
        var commitSequence: Int64 = 0
        while clock.now < end || micros.count < 20 {
          count += 1
          var request = TallystickV1.ConsumeRequest()
          (request.userId, request.amountMicros, request.idempotencyKey) = ("probe", 1, "probe\(count)")
          let began = clock.now
          let reply = try await client.call(TallystickV1.CreditService.consume, request)
          micros.append(began.duration(to: clock.now).micros)
          commitSequence = reply.commitSequence
        }
        micros.sort()
        let directory = daemon.workplace.database
        return Sample(
          commitSequence: commitSequence, databaseBytes: Files.byteCount("\(directory)/tally.db"),
          logBytes: Files.byteCount("\(directory)/tally.db-wal"),
          residentBytes: daemon.child.residentBytes,
          descriptors: Files.names(in: "/proc/\(daemon.child.pid)/fd").count,
          threads: Files.names(in: "/proc/\(daemon.child.pid)/task").count,
          medianMicros: micros[micros.count / 2], slowMicros: micros[micros.count * 99 / 100])
      }
    }

    @Test("memory, descriptors, threads and the log stay within bounds while the database grows")
    func soak() async throws {
      let seconds = Setting.number("TALLY_SOAK_SECONDS", default: 15)
      let seed = Setting.number("TALLY_SEED", default: 1)
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace)
      let workers = try (0..<Self.workerCount).map { number in
        try Child(
          [
            Programs.loadWorker, workplace.socket, "-", "soak\(number)/0/0", "24", "\(seed + number)",
            Self.callersOfAWorker, "0", "0",
          ], log: workplace.log)
      }
      let idle = try await Daemon.start(try Workplace())
      var (probe, idleProbe) = (try await Probe(daemon), try await Probe(idle))
      var samples: [Sample] = []
      print(Sample.heading)
      for _ in 0..<Self.sampleCount {
        let half = Duration.seconds(seconds) / Self.sampleCount / 2
        var sample = try await probe.sample(for: half)
        sample.idleMedianMicros = try await idleProbe.sample(for: half).medianMicros
        samples.append(sample)
        print(sample.row)
        for worker in workers { #expect(worker.isRunning, "\(Files.text(workplace.log).suffix(2_000))") }
      }
      for probe in [probe, idleProbe] { probe.client.close() }
      try await idle.stop()
      try await daemon.verify()
      try await daemon.stop()
      for worker in workers {
        let status = try await worker.waitForEnd()
        let counts = worker.outputText()
        print(counts)
        #expect(status == 0 && !counts.contains("INTERNAL") && !counts.contains("CORRUPT"), "\(counts)")
      }
      try await workplace.verifyFile()
      checkBounds(samples)
      if seconds >= Self.longSeconds { checkGrowth(samples) }
    }

    private func checkBounds(_ samples: [Sample]) {
      let most = samples.map(\.residentBytes).max() ?? 0
      #expect(most < Self.boundedBytes, "\(most) bytes in use")
      #expect(samples.allSatisfy { $0.logBytes < Self.boundedLogBytes }, "\(samples.map(\.logBytes))")
      #expect(samples.allSatisfy { $0.descriptors < 64 }, "\(samples.map(\.descriptors))")
      #expect(samples.allSatisfy { $0.threads < 64 }, "\(samples.map(\.threads))")
      // It was a load.
      #expect((samples.last?.commitSequence ?? 0) > (samples.first?.commitSequence ?? 0))
    }

    /// Of the second quarter, when the server is warm, against the last.
    private func checkGrowth(_ samples: [Sample]) {
      let quarter = samples.count / 4
      let (warm, last) = (samples[quarter..<2 * quarter], samples[(3 * quarter)...])
      func most(_ figure: (Sample) -> Int, _ part: ArraySlice<Sample>) -> Int { part.map(figure).max() ?? 0 }
      func median(_ figure: (Sample) -> Int64, _ part: ArraySlice<Sample>) -> Int64 {
        part.map(figure).sorted()[part.count / 2]
      }
      // The filter of keys has ten bits for each row's key, and grows by doubling.
      let keyBytes = Int((last.last?.commitSequence ?? 0) * 48) * 10 / 8
      let (before, after) = (most(\.residentBytes, warm), most(\.residentBytes, last))
      #expect(
        after <= before + before / 4 + min(2 * keyBytes, 64 << 20), "\(before), then \(after) bytes in use")
      #expect(most(\.descriptors, last) <= most(\.descriptors, warm) + 2)
      #expect(most(\.threads, last) <= most(\.threads, warm) + 2)
      let (idleBefore, idleAfter) = (median(\.idleMedianMicros, warm), median(\.idleMedianMicros, last))
      let slower = max(1, Double(idleAfter) / Double(idleBefore))
      for figure in [\Sample.medianMicros, \Sample.slowMicros] {
        let (before, after) = (median({ $0[keyPath: figure] }, warm), median({ $0[keyPath: figure] }, last))
        #expect(
          Double(after) <= 2 * slower * Double(before),
          "calls took \(before) us, then \(after); of an idle server \(idleBefore), then \(idleAfter)")
      }
    }
  }
}

extension Duration {
  fileprivate var micros: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
