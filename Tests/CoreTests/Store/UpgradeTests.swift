// Files of version 4 with many rows: the upgrade makes of them what this version would have stored, whenever
// it ends in between, and whatever an older program does meanwhile.

internal import CTallyProcess
internal import Foundation
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Upgrade of large files", .serialized)
struct UpgradeTests {
  private static let sliceRows: Int64 = 1_000
  private static let clock = TestClock(wallMicros: noon + 100 * second)

  /// What one program stored, and what it had stored when it went on.
  private struct Files {
    let first: TemporaryDirectory
    let firstOld: TemporaryDirectory
    let last: TemporaryDirectory

    init(consumes: Int) throws {
      first = try TemporaryDirectory()
      firstOld = try TemporaryDirectory()
      last = try TemporaryDirectory()
      let clock = TestClock(wallMicros: noon)
      try UpgradeTests.fill(first, clock, consumes: consumes)
      try OldFile.make(firstOld, of: first)
      try FileManager.default.copyItem(atPath: first.databasePath, toPath: last.databasePath)
      try UpgradeTests.goOn(last, clock)
    }

    /// A copy of the older program's file.
    func old() throws -> TemporaryDirectory {
      let directory = try TemporaryDirectory()
      try FileManager.default.copyItem(atPath: firstOld.databasePath, toPath: directory.databasePath)
      return directory
    }
  }

  /// A user with more rows than a far mark passes over, and some with few; runs that have ended and runs
  /// under way; holds, grants, credit that expires.
  private static func fill(_ directory: TemporaryDirectory, _ clock: TestClock, consumes: Int) throws {
    let engine = try open(directory, clock: clock)
    _ = try engine.decide(.putPlan(plan("pro", 50)))
    for user in 0..<20 {
      try engine.must(purchase("u\(user)", 100_000, "p"))
      try engine.must(grant("u\(user)", "pro", "g"))
      try engine.must(promo("u\(user)", 5, "m", expiresAt: noon + second))
      for number in 0..<5 {
        let run = "r\(user)-\(number)"
        #expect(try engine.decide(.usage(.begin(.test(run, "u\(user)", estimate: 10)))).run != nil)
        if number < 2 { #expect(try engine.decide(.usage(.finish(.test(run, cost: 7)))).run != nil) }
      }
      try engine.must(reserve("u\(user)", 3, "h", seconds: 10_000))
    }
    clock.advance(byMicros: 2 * second)
    for start in stride(from: 0, to: consumes, by: 500) {
      let batch = (start..<min(start + 500, consumes)).map {
        consume($0 % 10 == 9 ? "u\(1 + $0 % 19)" : "u0", 1, "c\($0)")
      }
      #expect(try engine.decide(batch).allSatisfy { $0.receipt != nil })
    }
    #expect(try engine.findings() == [])
    try engine.close()
  }

  private static func goOn(_ directory: TemporaryDirectory, _ clock: TestClock) throws {
    clock.advance(byMicros: second)
    let engine = try open(directory, clock: clock)
    for user in 0..<20 {
      #expect(try engine.decide(.usage(.finish(.test("r\(user)-2", cost: 20)))).run != nil)
      #expect(try engine.decide(.usage(.begin(.test("new-\(user)", "u\(user)", estimate: 1)))).run != nil)
      try engine.must(consume("u\(user)", 2, "on"))
      try engine.must(purchase("u\(user)", 9, "on"))
    }
    #expect(try engine.findings() == [])
    try engine.close()
  }

  private func upgrade(
    _ directory: TemporaryDirectory,
    _ onProgress: @escaping (UpgradeProgress) throws(StoreError) -> Void = { (_) throws(StoreError) in }
  ) throws(StoreError) {
    let connection: Connection
    do {
      connection = try Connection(
        path: directory.databasePath, options: ConnectionOptions(readOnly: false, buffersLog: true))
      _ = try connection.text("PRAGMA journal_mode = WAL")
      try connection.execute("PRAGMA synchronous = FULL")
    } catch {
      throw StoreError(error)
    }
    var migrations = Migrations(connection)
    migrations.sliceRows = Self.sliceRows
    migrations.onProgress = onProgress
    try migrations.apply(Schema.migrations)
  }

  private static let ended = StoreError(.inputOutput, "ended by the test")

  /// - Returns: whether it was ended by its `count`th report, before the switch.
  private func upgrade(_ directory: TemporaryDirectory, endingAt count: Int) throws -> Bool {
    var reports = 0
    do {
      try upgrade(directory) { (progress) throws(StoreError) in
        reports += 1
        if reports == count, progress.work != .done { throw Self.ended }
      }
      return false
    } catch {
      guard error == Self.ended else { throw error }
      return true
    }
  }

  /// The upgraded file has what this version would have stored, but for what older rows do not know, and it
  /// proves sound and goes on.
  private func require(_ upgraded: TemporaryDirectory, is expected: TemporaryDirectory) throws {
    do {
      let (left, right) = (try upgraded.connection(), try expected.connection())
      #expect(try SchemaCheck.objects(left) == (try SchemaCheck.objects(right)))
      for table in try SchemaCheck.objects(right)
      where table.kind == "table" && !Self.ofKeys.contains(table.name) {
        let columns = try right.prepare("SELECT name FROM pragma_table_info('\(table.name)')").all {
          (row) in row.text()
        }
        let compared = columns.filter { !Self.ofFormat2.contains($0) }
        let sql = "SELECT \(compared.joined(separator: ", ")) FROM \(table.name)"
        let rows = try [left, right].map { connection in
          try connection.prepare(sql).all { (row) in compared.map { _ in row.value() } }
        }
        #expect(rows[0].count == rows[1].count, "\(table.name)")
        if let (index, difference) = zip(rows[0], rows[1]).enumerated().first(where: { $1.0 != $1.1 }) {
          Issue.record("\(table.name), row \(index): \(compared) \(difference)")
        }
      }
      #expect(try left.value("SELECT format_2_from - ledger_sequence FROM meta") == 1)
      #expect(
        try left.value("SELECT count(*) FROM ledger WHERE (type = 9) = (refers_to IS NULL)") == 0)
    }
    try goesOn(upgraded)
  }

  private static let ofFormat2: Set = [
    "hash", "text_digest", "chain_head", "format_2_from", "period_end_day", "refers_to", "key_secret",
  ]
  /// Each file has its own secret, and an index that lags as it likes; verification holds it to the ledger.
  private static let ofKeys = ["key_index", "key_mark"]

  private func goesOn(_ upgraded: TemporaryDirectory) throws {
    // A server that was killed may have committed at the time of the wall clock.
    let engine = try open(upgraded, clock: Self.clock, configure: { $0.allowsClockBehindLedger = true })
    #expect(try engine.findings() == [])
    #expect(try engine.must(purchase("u3", 100_000, "p")).replayed)
    #expect(try engine.must(consume("u0", 1, "after")).replayed == false)
    #expect(try engine.decide(.usage(.finish(.test("r3-4", cost: 1)))).run != nil)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("whenever it ends, the next start comes to the same, with an older program in between or without")
  func ended() throws {
    let files = try Files(consumes: 5_000)
    var count = 1
    while true {
      let (alone, between) = (try files.old(), try files.old())
      let isEnded = try upgrade(alone, endingAt: count)
      #expect(try upgrade(between, endingAt: count) == isEnded)
      if isEnded {
        try OldFile.goOn(between, to: files.last)
        try upgrade(between)
        try require(between, is: files.last)
        try upgrade(alone)
      }
      try require(alone, is: files.first)
      if !isEnded { break }
      // Some of the slices, each of the steps behind them.
      count += count < 7 ? 3 : 1
    }
    #expect(count > 15)
  }

  @Test("a power cut leaves the old version or the new one, and the next start comes to the same")
  func powerCut() throws {
    let files = try Files(consumes: 2_500)
    var count = 1
    while true {
      let directory = try files.old()
      guard try upgrade(directory, endingAt: count) else { break }
      let disk = try FaultyDisk(directory)
      var left: TemporaryDirectory?
      try disk.atLogSync {
        left = try? disk.cut(count % 2 == 0 ? .even : .odd)
      } while: {
        try upgrade(directory)
      }
      let cut = try #require(left)
      try upgrade(cut)
      try require(cut, is: files.first)
      count += 1
    }
    #expect(count > 12)
  }

  @Test("a server that is killed while it upgrades goes on at the next start")
  func killed() throws {
    let files = try Files(consumes: 30_000)
    var isOld = 0
    for round in 0..<12 {
      let directory = try files.old()
      let server = try Server(directory)
      // Somewhat further each time, through to the end.
      try waitUntil("the log grows") { server.logByteCount > round << 20 || server.isServing }
      server.kill()
      if try directory.connection().value("PRAGMA user_version") == Int64(OldFile.version) { isOld += 1 }
      try goesOn(directory)
      let rows = try directory.connection().value("SELECT count(*) FROM ledger")
      #expect(rows > (try files.first.connection().value("SELECT count(*) FROM ledger")))
    }
    #expect(isOld > 0)
  }

  /// `tally serve` on a directory.
  private final class Server {
    private let pid: Int32
    private let directory: TemporaryDirectory

    init(_ directory: TemporaryDirectory) throws {
      self.directory = directory
      let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/tally"
      let arguments = [
        program, "serve", "--database", directory.path, "--socket", directory.path + "/s",
        "--clock-behind-ledger", "--any-file-system", "--log-level", "critical",
      ]
      let copies = unsafe arguments.map { unsafe strdup($0) }
      defer { unsafe copies.forEach { unsafe free($0) } }
      let pointers = unsafe copies.map { unsafe UnsafePointer($0) } + [nil]
      pid = unsafe pointers.withUnsafeBufferPointer {
        unsafe cprocess_spawn($0.baseAddress, nil, nil, nil, nil)
      }
      try #require(pid > 0)
    }

    deinit { kill() }

    var logByteCount: Int {
      let attributes = try? FileManager.default.attributesOfItem(atPath: directory.databasePath + "-wal")
      return attributes?[.size] as? Int ?? 0
    }

    var isServing: Bool { unsafe access(directory.path + "/s", F_OK) == 0 }

    func kill() {
      _ = cprocess_kill(pid, SIGKILL)
      _ = cprocess_child_status(pid, 1)
      _ = unsafe unlink(directory.path + "/s")
    }
  }
}
