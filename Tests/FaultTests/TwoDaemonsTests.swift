// One database, one server: what a second one meets, and what a killed one leaves.

import Glibc
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Two servers")
  struct TwoDaemonsTests {
    static let databaseFiles: Set<String> = ["tally.db", "tally.db-wal", "tally.db-shm", "daemon.lock"]
    /// docs/OPERATIONS.md: another daemon serves the database.
    static let busyStatus: Int32 = 75

    @Test("a second server on a database refuses to start, and the first notices nothing")
    func second() async throws {
      let workplace = try Workplace()
      let first = try await Daemon.start(workplace)
      for socket in [workplace.socket, "\(workplace.socket)2"] {
        let second = try Child(
          [Programs.tally, "serve", "--database", workplace.database, "--socket", socket], log: workplace.log)
        let status = try await second.waitForEnd()
        #expect(status == Self.busyStatus, "\(Files.text(workplace.log).suffix(2_000))")
      }
      let client = first.client()
      let info = try await client.call(TallystickV1.AdminService.getServerInfo, .init())
      #expect(info.pid == first.child.pid)
      client.close()
      #expect(workplace.socketFiles == ["s"])
      try await first.stop()
    }

    @Test("a killed server's socket is replaced, and nothing else of it stays")
    func staleSocket() async throws {
      let workplace = try Workplace()
      for _ in 0..<3 {
        let daemon = try await Daemon.start(workplace)
        daemon.kill()
        #expect(workplace.socketFiles == ["s"])
      }
      let daemon = try await Daemon.start(workplace)
      #expect(workplace.socketFiles == ["s"])
      #expect(workplace.databaseFiles.isSubset(of: Self.databaseFiles))
      try await daemon.stop()
      #expect(workplace.socketFiles == [])
      #expect(workplace.databaseFiles == ["tally.db", "daemon.lock"])
    }

    @Test("of many that start at once on one database, one serves and the others refuse")
    func race() async throws {
      let workplace = try Workplace()
      let children = try (0..<6).map { number in
        try Child(
          [
            Programs.tally, "serve", "--database", workplace.database, "--socket",
            "\(workplace.socket)\(number)",
          ], log: workplace.log)
      }
      try await eventually("all but one have ended") { children.filter(\.isRunning).count == 1 }
      #expect(children.compactMap(\.status).allSatisfy { $0 == Self.busyStatus })
      #expect(children.first { $0.isRunning }?.end(SIGTERM) == 0)
    }
  }
}
