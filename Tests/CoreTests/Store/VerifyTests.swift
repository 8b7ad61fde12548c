// Each check of `verify`, proven by breaking a file in just that way.

internal import TallyLocking
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Verify")
struct VerifyTests {
  static let enums = VerifyEnums(
    transactionTypes: TransactionType.allCases.map(\.rawValue),
    holdStates: HoldState.allCases.map(\.rawValue),
    runStatuses: RunStatus.allCases.map(\.rawValue), mediaSources: MediaSource.allCases.map(\.rawValue),
    userRoles: UserRole.allCases.map(\.rawValue), userApprovals: UserApproval.allCases.map(\.rawValue),
    eventKinds: EventKind.allCases.map(\.rawValue),
    pageUpdateKinds: PageUpdateKind.allCases.map(\.rawValue),
    intentStates: TopUpIntent.State.allCases.map(\.rawValue))

  /// A file in which everything happened once: rows 1 to 10.
  static func filled(_ directory: TemporaryDirectory) throws {
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 100, "p"))
    _ = try engine.decide(.putPlan(plan("pro", 50)))
    try engine.must(grant("u1", "pro", "g"))
    let hold = try #require(try engine.must(reserve("u1", 30, "r")).hold)
    try engine.must(capture(hold.id, 10, "c"))
    try engine.must(promo("u2", 40, "m", expiresAt: noon + second))
    _ = try engine.must(reserve("u2", 15, "r", seconds: 3_600))
    clock.advance(byMicros: 2 * second)
    try engine.must(purchase("u2", 5, "p"))
    try engine.must(
      .consume(
        .init(
          userId: "u2", amountMicros: 1, idempotency: key("k"),
          text: FreeText(description: "words", metadata: [MetadataEntry(key: "a", value: "b")]))))
    try engine.close()
  }

  /// The last report of each check.
  static func reports(_ path: String, enums: VerifyEnums? = enums) throws -> [Int: VerifyProgress] {
    var reports: [Int: VerifyProgress] = [:]
    let isSound = try Verifier.verify(file: path, enums: enums) { reports[$0.check] = $0 }
    #expect(isSound == reports.values.allSatisfy { $0.violations == 0 })
    let done = reports.values.allSatisfy(\.isDone)
    #expect(done && reports.keys.sorted() == [1, 2, 3, 4, 5, 6, 7, 8])
    return reports
  }

  @Test("a sound file passes, on disk and while an engine runs")
  func sound() throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    for report in try Self.reports(directory.databasePath).values {
      #expect(report.violations == 0, "\(report.findings)")
      #expect(report.examined > 0 || report.check == VerifyCheck.pages.rawValue)
    }
    let engine = try open(directory)
    #expect { try Verifier.verify(file: directory.databasePath) { _ in } } throws: {
      ($0 as? StoreError)?.code == .alreadyRunning
    }
    #expect(try engine.verify(enums: Self.enums) { _ in })
    try engine.close()
  }

  @Test(
    "what is broken is named by its check",
    arguments: [
      (1, "UPDATE system_account SET balance = balance + 1 WHERE id = 1", "system account issued"),
      (1, "UPDATE ledger SET held_after = balance_after + 1 WHERE sequence = 3", "ledger row 3"),
      (2, "UPDATE account SET posted = posted + 1 WHERE user_id = 'u1'", "account 1: posted 141"),
      (2, "UPDATE account SET held = held - 1 WHERE user_id = 'u2'", "account 2: held 14"),
      (2, "UPDATE account SET lots = x'00' WHERE user_id = 'u1'", "account 1: 0 lots"),
      (2, "UPDATE account SET lots = x'ff' WHERE user_id = 'u1'", "account 1: malformed lots"),
      (2, "UPDATE account SET next_due = 5 WHERE user_id = 'u1'", "account 1: what it expects"),
      (2, "UPDATE account SET head = 1 WHERE user_id = 'u1'", "account 1: version"),
      (2, "UPDATE account SET open_holds = 2 WHERE user_id = 'u2'", "account 2: 2 open holds, 1 are stored"),
      (2, "DELETE FROM account WHERE user_id = 'u2'", "account 2: its ledger rows have no account"),
      (2, "UPDATE hold SET amount = 16 WHERE id = 7", "account 2: held 15, open holds 16"),
      (3, "UPDATE ledger SET amount = amount + 1 WHERE sequence = 1", "ledger row 1: the hash"),
      (3, "UPDATE ledger SET balance_after = 7 WHERE sequence = 2", "ledger row 2: balance after 7"),
      (3, "DELETE FROM ledger WHERE sequence = 4", "ledger row 5 follows row 3"),
      (3, "UPDATE ledger SET at = 1 WHERE sequence = 9", "ledger row 9: time goes back"),
      (3, "UPDATE ledger SET version = 9 WHERE sequence = 2", "ledger row 2: version 9"),
      (3, "UPDATE ledger SET hash = zeroblob(32) WHERE sequence = 6", "ledger row 7: the hash"),
      (3, "UPDATE meta SET chain_head = zeroblob(32)", "meta: the chain's head"),
      (3, "UPDATE meta SET ledger_sequence = 7", "meta: row 7 is the last"),
      (3, "UPDATE ledger SET description = 'other' WHERE sequence = 10", "ledger row 10: the text"),
      (3, "UPDATE ledger SET run_id = 'r' WHERE sequence = 10", "ledger row 10: the hash"),
      (3, "UPDATE ledger SET commit_sequence = 1 WHERE sequence = 9", "ledger row 9: commit"),
      (3, "UPDATE meta SET commit_sequence = 3", "meta: commit 3 is the last, but row 10 is of commit"),
      (3, "UPDATE meta SET last_at = 7", "meta: the last time is 7, row 10 is of"),
      (1, "DELETE FROM system_account WHERE id = 2", "system account revenue is missing"),
      (8, "UPDATE migration SET checksum = 'x' WHERE version = 1", "the migrations that were noted"),
      (4, "UPDATE ledger SET lots = x'0102' WHERE sequence = 10", "ledger row 10: lots 2, amount -1"),
      (4, "UPDATE hold SET captured = 11, released = 19 WHERE id = 3", "hold 3: captured"),
      (4, "UPDATE hold SET state = 2, captured = 15 WHERE id = 7", "hold 7: settled 0"),
      (4, "DELETE FROM hold WHERE id = 3", "2 rows open a hold, 1 holds"),
      (4, "UPDATE ledger SET hold_id = 7 WHERE sequence = 5", "hold 3: settled 0"),
      (
        5, "UPDATE ledger SET key = 'p' WHERE sequence = 2",
        "ledger rows 1 and 2 have the same key"
      ),
      (5, "DELETE FROM key_index WHERE sequence = 5", "ledger row 5: its key is not in the index"),
      (
        5, "UPDATE key_mark SET sequence = 999 WHERE segment = 3",
        "key mark 3: row 999, the ledger's last is row 10"
      ),
      (5, "INSERT INTO key_index VALUES (7, 5)", "key index, row 5: the ledger's row has another key"),
      (5, "INSERT INTO key_index VALUES (7, 999)", "key index, row 999: the ledger's row has another key"),
      (
        5,
        """
        DROP INDEX ledger_event; UPDATE ledger SET event_id = 'e' WHERE sequence IN (1, 9)
        """, "ledger rows 1 and 9 have the same event"
      ),
      (
        5,
        """
        DROP INDEX ledger_by_period; UPDATE ledger SET plan_id = 'pro', type = 3, period_end_day = 99999,
          period_start_day = (SELECT period_start_day FROM ledger WHERE sequence = 2) WHERE sequence = 1
        """, "ledger rows 1 and 2 have the same period"
      ),
      (8, "DROP INDEX ledger_by_plan", "index ledger_by_plan is missing"),
      (8, "DROP INDEX ledger_by_hold", "index ledger_by_hold is not chosen"),
      (8, "UPDATE ledger SET account = 99 WHERE sequence = 9", "table ledger, row 9: no such row in account"),
    ])
  func broken(check: Int, sql: String, finding: String) throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    try Self.expect(finding, of: check, after: sql, in: directory)
  }

  /// Damages a file, with no constraint to hold it back, and looks for what is said of it.
  static func expect(
    _ finding: String, of check: Int, after sql: String, in directory: TemporaryDirectory
  ) throws {
    let connection = try directory.connection()
    try connection.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
    try connection.execute(sql)
    let report = try #require(try reports(directory.databasePath)[check])
    #expect(report.findings.contains { $0.contains(finding) }, "\(report.findings)")
  }

  @Test("enums that are not the protocol's")
  func otherEnums() throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    var enums = Self.enums
    enums.holdStates.append(5)
    let report = try #require(try Self.reports(directory.databasePath, enums: enums)[8])
    #expect(report.findings == ["hold states are not the protocol's"])
  }

  @Test(
    "a damaged page is found, and ends no more than the check that needs it",
    arguments: [
      ("payment_ref", 4_036), ("ledger", 4_036), ("account", 4_036), ("ledger", 0), ("account", 0),
      ("hold", 0),
    ])
  func damagedPage(name: String, offset: Int64) throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    try {
      let connection = try directory.connection()
      let page = try connection.value("SELECT rootpage FROM sqlite_schema WHERE name = '\(name)'")
      try directory.overwrite(at: (page - 1) * 4_096 + offset, with: [UInt8](repeating: 0xff, count: 60))
    }()
    let reports = try Self.reports(directory.databasePath)
    // Of what stands at the end of a ledger row only its hash tells.
    let finder = name == "ledger" && offset > 0 ? VerifyCheck.chain : .schema
    #expect(try #require(reports[finder.rawValue]).violations > 0)
    #expect(try #require(reports[1]).examined > 0 || name == "account")
    // A check that could not look at anything is not sound.
    for report in reports.values where report.check != VerifyCheck.pages.rawValue {
      #expect(report.examined > 0 || report.violations > 0, "\(report)")
    }
    let stopped: [VerifyCheck] =
      switch (name, offset) {
      case ("ledger", 0): [.chain, .books, .balances, .allocations]
      case ("account", _): [.balances, .books]
      case ("hold", 0): [.allocations]
      default: []
      }
    for check in stopped {
      #expect(try #require(reports[check.rawValue]).findings.contains { $0.hasPrefix("stopped") }, "\(check)")
    }
    for finding in reports.values.flatMap(\.findings) {
      #expect(finding.utf8.count <= Verifier.maximumFindingBytes && !finding.contains("\n"), "\(finding)")
    }
  }

  @Test("a finding is one line, and cut at its limit")
  func longFinding() {
    var tally = VerifyTally()
    tally.add(String(repeating: "a", count: Verifier.maximumFindingBytes))
    tally.add("line\nline  \t" + String(repeating: "é", count: Verifier.maximumFindingBytes))
    #expect(tally.findings[0].utf8.count == Verifier.maximumFindingBytes)
    #expect(tally.findings[1].hasPrefix("line line éé") && tally.findings[1].hasSuffix("..."))
    #expect(tally.findings[1].utf8.count <= Verifier.maximumFindingBytes)
  }

  @Test("findings are capped, violations are not")
  func capped() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    try engine.must(purchase("u", 1_000, "p"))
    _ = try engine.decide((0..<100).map { consume("u", 1, "c\($0)") })
    try engine.close()
    try directory.connection().execute("UPDATE ledger SET reason = 'x'")
    let report = try #require(try Self.reports(directory.databasePath)[3])
    #expect(report.violations == 101)
    #expect(report.findings.count == Verifier.maximumFindings)
  }

  @Test("a file of another version, or none at all, is refused")
  func otherFiles() throws {
    let directory = try TemporaryDirectory()
    #expect { try Verifier.verify(file: directory.databasePath) { _ in } } throws: {
      ($0 as? StoreError)?.code == .inputOutput
    }
    try directory.connection().execute("CREATE TABLE t(x)")
    #expect { try Verifier.verify(file: directory.databasePath) { _ in } } throws: {
      ($0 as? StoreError)?.code == .otherSchema
    }
  }

  @Test("a running engine is verified while it writes")
  func whileWriting() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    for user in 0..<20 { try engine.must(purchase("u\(user)", 1_000_000, "p")) }
    let finished = Slot<Bool>()
    let stop = Monitor(false)
    let writing = try Thread {
      var number = 0
      while !stop.withLock({ $0 }) {
        number += 1
        let commands = (0..<20).map { consume("u\($0)", 1, "c\(number)") }
        guard (try? engine.decide(commands))?.allSatisfy({ $0.receipt != nil }) == true else { break }
      }
      finished.put(number > 0)
    }
    for _ in 0..<5 {
      var findings: [String] = []
      #expect(try engine.verify(enums: Self.enums) { findings += $0.findings }, "\(findings)")
    }
    stop.withLock { $0 = true }
    #expect(try finished.wait())
    try writing.join()
    try engine.close()
  }
}
