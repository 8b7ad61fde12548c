// A disk that loses a bit of the log between a kill and the next start: nobody passes over it in silence.

import Glibc
import TallyClient
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Log damage")
  struct LogDamageTests {
    /// docs/OPERATIONS.md: the database or its log is damaged.
    static let damagedStatus: Int32 = 74

    /// Flips a bit in the middle of a file.
    private static func flip(_ path: String) throws {
      let descriptor = unsafe open(path, O_RDWR)
      try #require(descriptor >= 0)
      defer { close(descriptor) }
      let middle = lseek(descriptor, 0, SEEK_END) / 2
      var byte: UInt8 = 0
      try #require(unsafe pread(descriptor, &byte, 1, middle) == 1)
      byte ^= 1
      try #require(unsafe pwrite(descriptor, &byte, 1, middle) == 1)
    }

    @Test("a flipped bit in a killed server's log is told, by the next start and by a verification")
    func flippedBit() async throws {
      let workplace = try Workplace()
      var daemon = try await Daemon.start(workplace)
      let client = daemon.client()
      for number in 0..<40 {
        var request = TallystickV1.AddPurchaseRequest()
        request.userId = "u1"
        request.paymentId = "pay-\(number)"
        request.amountMicros = 1
        request.idempotencyKey = "key-\(number)"
        _ = try await client.call(TallystickV1.CreditService.addPurchase, request)
      }
      client.close()
      daemon.kill()
      try Self.flip("\(workplace.database)/tally.db-wal")

      let refused = try Daemon.launch(workplace)
      #expect(try await refused.child.waitForEnd() == Self.damagedStatus)
      let text = Files.text(workplace.log)
      #expect(text.contains("is damaged at frame") && text.contains("--accept-log-damage"), "\(text)")
      let verification = try Child(
        [Programs.tally, "verify", "--file", workplace.database], log: workplace.log)
      #expect(try await verification.waitForEnd() == Self.damagedStatus)

      daemon = try await Daemon.start(workplace, DaemonOptions(flags: ["--accept-log-damage"]))
      try await daemon.verify()
      try await daemon.stop()
      // What was damaged is gone: no flag is needed any more.
      daemon = try await Daemon.start(workplace)
      try await daemon.stop()
      try await workplace.verifyFile()
    }
  }
}
