// Every method of every service, called by whoever knows its messages and not its rules: nothing that a
// peer says makes the server fail, grow without bound or break what `tally verify` proves.

import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Call sequences")
  struct CallSequenceTests {
    /// What the calls may add to the server's memory, in bytes; snapshots of the database are among it.
    static let memoryBytes = 256 << 20
    /// Of the calls of each sequence.
    static let rounds = 40

    /// TALLY_SEQUENCES and TALLY_SEED choose a longer or another run.
    @Test("valid, half valid and wrong calls of every method: the server answers, serves and verifies")
    func everyMethod() async throws {
      let count = Setting.number("TALLY_SEQUENCES", default: 16)
      let seed = UInt64(Setting.number("TALLY_SEED", default: 1))
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace, DaemonOptions(flags: ["--testing"]))
      let before = daemon.child.residentBytes
      var sequence = try CallSequence(daemon: daemon, seed: seed)
      for number in 1...count {
        do {
          try await sequence.run(rounds: Self.rounds)
          try #require(sequence.violations == [])
          try #require(daemon.child.isRunning)
          try await daemon.verify()
          try await Self.serves(daemon, "after \(number)")
          let growth = daemon.child.highestResidentBytes - before
          try #require(growth < Self.memoryBytes, "\(growth) bytes more")
        } catch {
          print(sequence.recent.joined(separator: "\n"))
          print("sequence \(number) with TALLY_SEED=\(seed): \(sequence.summary)")
          print(Files.text(workplace.log).suffix(4_000))
          throw error
        }
      }
      print("\(count) sequences with seed \(seed): \(sequence.summary)")
      // The calls were not all turned away at the door.
      #expect(sequence.wellCount > sequence.callCount / 5, "\(sequence.summary)")
      if count >= 16 {
        #expect(sequence.succeeded.count > CalledMethod.unary.count * 3 / 4, "\(sequence.summary)")
      }
      try await daemon.stop()
      try await workplace.verifyFile()
    }

    private static func serves(_ daemon: Daemon, _ name: String) async throws {
      let client = daemon.client()
      defer { client.close() }
      var request = TallystickV1.AddPurchaseRequest()
      (request.userId, request.amountMicros) = ("served \(name)", 5)
      (request.paymentId, request.idempotencyKey) = ("payment \(name)", "key \(name)")
      // The disk that was told to be full is tried again within a second.
      try await eventually("a purchase \(name)") {
        do throws(TallyError) {
          return try await client.call(TallystickV1.CreditService.addPurchase, request).balance?
            .availableMicros == 5
        } catch {
          try #require(error.reason == "READ_ONLY", "\(error)")
          return false
        }
      }
    }
  }
}
