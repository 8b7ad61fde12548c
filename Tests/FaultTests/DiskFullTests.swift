// A disk without a byte left: writes are refused, reads go on, and it all comes back when space does.

import Glibc
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Disk full", .enabled(if: geteuid() == 0, "mounting a small disk needs root"))
  struct DiskFullTests {
    static let diskBytes = 48 << 20

    @Test("a full disk refuses writes, serves reads, comes back by itself and loses nothing")
    func fullDisk() async throws {
      let workplace = try Workplace(diskBytes: Self.diskBytes)
      let options = DaemonOptions(flags: ["--any-file-system"])
      let oracle = Oracle(accountCount: 500, expecting: ["DISK_FULL", "READ_ONLY"])
      var workload = Workload(seed: 3)
      workload.callerCount = 16
      var daemon = try await Daemon.start(workplace, options)
      await workload.fund(oracle, daemon)

      try workplace.fillDisk()
      await workload.run(oracle, daemon, round: 0) { oracle.count("DISK_FULL", "READ_ONLY") >= 100 }
      #expect(oracle.count("DISK_FULL", "READ_ONLY") >= 100)
      let client = daemon.client()
      try await oracle.checkBalances(client)
      let full = try await client.call(TallystickV1.AdminService.getServerInfo, .init())
      #expect(full.state == .readOnly)

      workplace.freeDisk()
      try await eventually("the server takes writes again") {
        try await client.call(TallystickV1.AdminService.getServerInfo, .init()).state == .serving
      }
      let before = oracle.acknowledgedCount
      await workload.run(oracle, daemon, round: 1) { oracle.acknowledgedCount >= before + 500 }
      #expect(oracle.acknowledgedCount >= before + 500)
      client.close()

      daemon.kill()
      daemon = try await Daemon.start(workplace, options)
      let second = daemon.client()
      try await oracle.settleUnknown(second)
      await oracle.checkRecent(second)
      try await oracle.checkBalances(second)
      second.close()
      try await daemon.verify()
      try await daemon.stop()
      oracle.checkHistory()
      #expect(oracle.violations == [], "\(oracle.summary)")
      #expect(oracle.count("OUTCOME_UNKNOWN", "CONNECTION_LOST") == 0)
    }
  }
}
