// A disk that fills and empties again and again, a log at its limit, and a directory that is taken away, each
// while callers are at work: nothing that was acknowledged is lost, reads go on, and it all comes back. Of a
// directory that is removed for good nothing comes back, and from then on nothing is acknowledged.
//
// TALLY_DISK_ROUNDS sets how often the disk fills, TALLY_SEED the seed.

import CTallyProcess
import Glibc
import TallyClient
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Disk and files under load")
  struct DiskRoundTests {
    private static let diskBytes = 48 << 20
    private static let rounds = Setting.number("TALLY_DISK_ROUNDS", default: 3)
    private static let seed = UInt64(Setting.number("TALLY_SEED", default: 1))
    private static let memoryBytes = 128 << 20
    private static let accountCount = 300

    /// A server, its callers, and what both are held to.
    private struct Run {
      let workplace: Workplace
      let options: DaemonOptions
      let oracle: Oracle
      var workload: Workload
      let daemon: Daemon
      let before: Footprint

      init(_ workplace: Workplace, _ options: DaemonOptions, expecting reasons: Set<String>) async throws {
        (self.workplace, self.options) = (workplace, options)
        oracle = Oracle(accountCount: accountCount, expecting: reasons)
        workload = Workload(seed: seed)
        (workload.callerCount, workload.connectionCount) = (16, 4)
        daemon = try await Daemon.start(workplace, options)
        await workload.fund(oracle, daemon)
        before = Footprint(daemon.child)
      }

      /// Callers who go on until `change` has returned.
      func underLoad(_ round: Int, _ change: () async throws -> Void) async throws {
        let isOver = Lock(false)
        let callers = Task { [workload, oracle, daemon] in
          await workload.run(oracle, daemon, round: round) { isOver.withLock { $0 } }
        }
        let result: Result<Void, any Error>
        do { result = .success(try await change()) } catch { result = .failure(error) }
        isOver.withLock { $0 = true }
        await callers.value
        try result.get()
      }

      func state() async throws -> TallystickV1.ServerState {
        let client = daemon.client()
        defer { client.close() }
        return try await client.call(TallystickV1.AdminService.getServerInfo, .init()).state
      }

      /// Callers hear so often that nothing is taken, and reads go on.
      func refuses(_ reasons: String...) async throws {
        let count = { reasons.reduce(0) { $0 + oracle.count($1) } }
        let start = count()
        try await eventually("writes are refused") { count() >= start + 50 }
        #expect(try await state() == .readOnly)
        let client = daemon.client()
        defer { client.close() }
        var request = TallystickV1.GetBalanceRequest()
        request.userId = "u1"
        _ = try await client.call(TallystickV1.CreditService.getBalance, request)
      }

      func comesBack() async throws {
        try await eventually("the server takes writes again") { try await state() == .serving }
        let start = oracle.acknowledgedCount
        try await eventually("writes are taken") { oracle.acknowledgedCount >= start + 100 }
      }

      /// Nobody knows what is done to the files, so nothing is written any more. Reads are of what was
      /// committed.
      func isLost() async throws {
        let start = oracle.count("CORRUPT")
        // Answers from before the loss may still be on their way.
        try await eventually("all callers hear of it") { oracle.count("CORRUPT") >= start + 500 }
        let (before, refused) = (oracle.acknowledgedCount, oracle.count("CORRUPT"))
        try await eventually("writes are still refused") { oracle.count("CORRUPT") >= refused + 100 }
        #expect(oracle.acknowledgedCount == before)
        let client = daemon.client()
        defer { client.close() }
        #expect(try await client.call(GrpcHealthV1.Health.check, .init()).status == .notServing)
        try await oracle.checkBalances(client)
      }

      /// A kill, a start, and what was acknowledged is there.
      func finish() async throws {
        before.expectBounds(daemon.child, memoryBytes: memoryBytes)
        try await before.expectReturn(daemon.child, memoryBytes: memoryBytes)
        daemon.kill()
        let second = try await Daemon.start(workplace, options)
        let client = second.client()
        try await oracle.settleUnknown(client)
        await oracle.checkRecent(client)
        try await oracle.checkBalances(client)
        client.close()
        try await second.verify()
        try await second.stop()
        oracle.checkHistory()
        #expect(oracle.violations == [], "seed \(seed): \(oracle.summary)")
        #expect(oracle.count("OUTCOME_UNKNOWN", "CONNECTION_LOST") == 0)
      }
    }

    @Test(
      "a disk that fills and empties again and again loses nothing and comes back each time",
      .enabled(if: geteuid() == 0, "mounting a small disk needs root"))
    func disk() async throws {
      let workplace = try Workplace(diskBytes: Self.diskBytes)
      let options = DaemonOptions(flags: ["--any-file-system"])
      let run = try await Run(workplace, options, expecting: ["DISK_FULL", "READ_ONLY"])
      for round in 0..<Self.rounds {
        try await run.underLoad(round) {
          try workplace.fillDisk()
          try await run.refuses("DISK_FULL", "READ_ONLY")
          workplace.freeDisk()
          try await run.comesBack()
        }
      }
      print("disk: \(Self.rounds) rounds, seed \(Self.seed): \(run.oracle.summary)")
      try await run.finish()
    }

    /// Holds a snapshot of a database until it is killed.
    private static let snapshotHolder = """
      import signal, sqlite3, sys
      database = sqlite3.connect(sys.argv[1], isolation_level=None)
      database.execute("BEGIN")
      database.execute("SELECT count(*) FROM ledger").fetchone()
      open(sys.argv[2], "w").close()
      signal.pause()
      """

    @Test("a log at its limit refuses writes until another program's snapshot ends, and loses nothing")
    func log() async throws {
      let workplace = try Workplace()
      let options = DaemonOptions(flags: ["--max-log-bytes", "\(128 << 20)"])
      let run = try await Run(workplace, options, expecting: ["READ_ONLY"])
      let mark = "\(workplace.path)/held"
      let holder = try Child(
        ["python3", "-c", Self.snapshotHolder, "\(workplace.database)/tally.db", mark], log: workplace.log)
      try await eventually("a snapshot is held") {
        try #require(holder.isRunning, "\(Files.text(workplace.log).suffix(2_000))")
        return unsafe access(mark, F_OK) == 0
      }
      try await run.underLoad(0) {
        let filling = Task { try await Self.fillLog(run.daemon) }
        try await run.refuses("READ_ONLY")
        #expect(try await filling.value == "READ_ONLY")
        holder.end(SIGKILL)
        try await run.comesBack()
      }
      try await run.finish()
    }

    /// Saves pages of 1 MB until that is refused.
    private static func fillLog(_ daemon: Daemon) async throws -> String {
      let client = daemon.client()
      defer { client.close() }
      var create = TallystickV1.CreatePageRequest()
      create.userId = "filler"
      create.sections = (0..<15).map { _ in
        var section = TallystickV1.SectionInput()
        // The name of a member, which is not searched.
        (section.kind, section.content) = ("text", "{\"\(String(repeating: "x", count: 65_000))\": 1}")
        return section
      }
      for number in 0..<1_000 {
        create.pageId = "filling-\(number)"
        do { _ = try await client.call(TallystickV1.PageService.createPage, create) } catch {
          return error.reason
        }
      }
      return "nothing"
    }

    @Test("a directory that is taken away and put back: writes end at once, and a start goes on from it")
    func directory() async throws {
      let run = try await Run(try Workplace(), DaemonOptions(), expecting: ["CORRUPT"])
      let (database, aside) = (run.workplace.database, run.workplace.database + "-aside")
      try await run.underLoad(0) {
        try await eventually("callers are at work") { run.oracle.acknowledgedCount > Self.accountCount + 500 }
        try #require(unsafe rename(database, aside) == 0)
        try await eventually("writes are refused") { run.oracle.count("CORRUPT") >= 100 }
        // It stays so: nobody knows what was done to the files meanwhile.
        try #require(unsafe rename(aside, database) == 0)
        try await run.isLost()
      }
      try await run.finish()
    }

    @Test("a directory that is removed for good: writes end at once, reads go on, and the end says so")
    func removed() async throws {
      let run = try await Run(try Workplace(), DaemonOptions(), expecting: ["CORRUPT"])
      try await run.underLoad(0) {
        try await eventually("callers are at work") { run.oracle.acknowledgedCount > Self.accountCount + 500 }
        try #require(unsafe cprocess_tree_remove(run.workplace.database) >= 0)
        try await eventually("writes are refused") { run.oracle.count("CORRUPT") >= 100 }
        try await run.isLost()
      }
      run.before.expectBounds(run.daemon.child, memoryBytes: Self.memoryBytes)
      run.daemon.child.signal(SIGTERM)
      #expect(try await run.daemon.child.waitForEnd() == Self.damagedStatus)
      run.oracle.checkHistory()
      #expect(run.oracle.violations == [], "seed \(Self.seed): \(run.oracle.summary)")
      // What is started next has nothing of it, and no part of it either.
      #expect(run.workplace.databaseFiles == [])
      let second = try await Daemon.start(run.workplace)
      let client = second.client()
      var request = TallystickV1.ListTransactionsRequest()
      request.userId = "u1"
      #expect(try await client.call(TallystickV1.CreditService.listTransactions, request).transactions == [])
      client.close()
      try await second.verify()
      try await second.stop()
    }

    /// See docs/OPERATIONS.md, "Exit statuses".
    private static let damagedStatus: Int32 = 74
  }
}
