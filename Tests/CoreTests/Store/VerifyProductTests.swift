// Checks of usage and pages: a sound file passes, and each way to damage one is named.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Verify usage and pages")
struct VerifyProductTests {
  private static let digest = Digest(bytes: [UInt8](repeating: 7, count: 32))

  private static func record(
    _ userId: String, _ runId: String, _ status: RunStatus, hoursAgo: Int64, model: String = "m"
  ) -> Command {
    .usage(
      .record(
        UsageCommand.Record(
          userId: userId, runId: runId, model: model, type: "text",
          end: UsageCommand.End(status: status, inputTokens: 10, outputTokens: 20, images: 1, costMicros: 5),
          startedAtMicros: noon - hoursAgo * 3_600 * second, digest: digest)))
  }

  /// With all that is counted.
  private static var grouped: Command {
    var end = UsageCommand.End(
      status: .cancelled, inputTokens: 10, outputTokens: 20, images: 1, costMicros: 5)
    (end.units, end.providerCostMicros) = ([UnitCount(.cacheRead, 7)], 2)
    return .usage(
      .record(
        UsageCommand.Record(
          userId: "u2", runId: "r3", model: "other", type: "text", end: end,
          startedAtMicros: noon - 2 * 3_600 * second, spender: "m",
          tags: [RunTag(key: "feature", value: "chat")], digest: digest)))
  }

  /// More values of a tag than have lines of their own.
  private static let manyValues = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO rollup_group SELECT g.day, 0, 'feature', 'v' || n.i, g.total, g.quarters_id
      FROM n, rollup_group g WHERE g.tag = 'feature' AND g.account = 0
    """

  private static func target(_ pageId: String) -> PageTarget {
    PageTarget(pageId: pageId, actingUserId: nil, maximumReplyByteCount: 1 << 20)
  }

  private static func section(_ id: String, image: String = "") -> PageSection {
    PageSection(sectionId: id, kind: "hero", content: "{}", firstMediaId: image)
  }

  static var team: Plan {
    var plan = limited
    plan.tagKeys = ["feature"]
    return plan
  }

  private static let limited = Plan(
    id: "team", displayName: "Team", monthlyCreditMicros: 40, grantExpiry: .periodEnd,
    limits: PlanLimits(pageCount: 5), timeZone: "Europe/Berlin",
    prices: [
      ModelPrice(model: "m", inputMicrosPerMillion: 3_000, outputMicrosPerMillion: 5_000, imageMicros: 7)
    ])

  static var settings: UserSettings {
    var settings = UserSettings(userId: "u2")
    (settings.email, settings.role, settings.planId) = ("u2@example.org", .admin, "team")
    settings.approval = .approved
    return settings
  }

  static let rateLimits = [
    RateLimit(.user("u1"), perSecond: 10, burst: 20), RateLimit(.uid(1_000), perSecond: 5, burst: 6),
    RateLimit(.everyUser, perSecond: 1, burst: 2),
  ]

  /// Account 1 has runs on two days, a run that was charged beyond its hold, one whose hold was captured by
  /// hand and one under way, media and two pages; account 2 a run, media and settings.
  static func filled(_ directory: TemporaryDirectory) throws {
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    func apply(_ command: Command) throws {
      let outcome = try engine.decide(command)
      if case .refused(let refusal) = outcome { Issue.record("\(refusal)") }
    }
    try engine.must(purchase("u1", 100, "p"))
    try apply(.putPlan(team))
    try apply(.admin(.putSettings(settings)))
    for limit in rateLimits { try apply(.admin(.setRateLimit(limit))) }
    try apply(record("u1", "r1", .succeeded, hoursAgo: 1))
    try apply(record("u1", "r2", .failed, hoursAgo: 30))
    try apply(grouped)
    // Captured by hand before it ends, beyond its cost.
    let begun = try engine.decide(.usage(.begin(.test("r6", "u1", estimate: 10))))
    try engine.must(capture(try #require(begun.run?.hold).id, 8, "r6"))
    try apply(.usage(.finish(.test("r6", cost: 5))))
    // Under way, with a hold.
    try apply(.usage(.begin(.test("r5", "u1", estimate: 3))))
    try apply(.usage(.begin(.test("r4", "u1", estimate: 10))))
    try apply(.usage(.finish(.test("r4", cost: 250))))
    for (user, media) in [("u1", "a"), ("u1", "b"), ("u2", "c")] {
      try apply(
        .page(.createMedia(Media(mediaId: media, userId: user, url: "https://x/\(media)", source: .upload))))
    }
    for page in ["one", "two"] {
      try apply(
        .page(
          .create(
            PageCommand.Create(
              userId: "u1", pageId: page,
              content: PageContent(title: page, sections: [section("s1", image: "a"), section("s2")]),
              author: "me", maximumReplyByteCount: 1 << 20))))
    }
    try apply(
      .page(
        .save(
          PageCommand.Save(
            target: target("one"), expectedVersion: 1,
            content: PageContent(title: "one", sections: [section("s2"), section("s3", image: "b")]),
            author: "me"))))
    try apply(.page(.publish(target("one"), version: 1)))
    try apply(.page(.delete(target("two"))))
    try engine.close()
  }

  @Test("a head that lies before the commit of a run is found, though no ledger row is of that commit")
  func headBeforeRun() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    try engine.must(purchase("u1", 100, "p"))
    #expect(try engine.decide(Self.record("u1", "r1", .succeeded, hoursAgo: 1)).refusal == nil)
    let last = engine.state().commitSequence
    try engine.close()
    try VerifyTests.expect(
      "meta: commit \(last - 1) is the last, but a run is of commit \(last)", of: 3,
      after: "UPDATE meta SET commit_sequence = commit_sequence - 1", in: directory)
  }

  @Test("a sound file passes, on disk and while an engine runs")
  func sound() throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    for (check, report) in try VerifyTests.reports(directory.databasePath) {
      #expect(report.violations == 0, "\(check): \(report.findings)")
      #expect(report.examined > 0, "\(check)")
    }
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    #expect(try engine.verify(enums: VerifyTests.enums) { _ in })
    try engine.close()
  }

  static let damagedQuarters = """
    UPDATE rollup_quarters SET quarters = x'6000'
    WHERE id = (SELECT quarters_id FROM rollup WHERE account = 2 AND label = 0)
    """

  static let sharedQuarters = """
    UPDATE rollup SET quarters_id = (SELECT min(quarters_id) FROM rollup WHERE account = 1)
    WHERE account = 2 AND label = 0
    """
  /// An upload in the day's last quarter hour, which neither the day's total nor the media have.
  static let uncountedQuarter = """
    UPDATE rollup_quarters SET quarters = CAST(quarters || x'5f020801' AS BLOB)
    WHERE id = (SELECT quarters_id FROM rollup WHERE account = 2 AND label = 0)
    """
  static let unreferencedQuarters = "UPDATE rollup SET quarters_id = 99 WHERE account = 2 AND label = 0"

  static let otherHold = """
    UPDATE run SET hold_id = (SELECT hold_id FROM run WHERE run_id = 'r4') WHERE run_id = 'r6'
    """
  static let otherEnd = "UPDATE run SET finish_sequence = 1 WHERE run_id = 'r4'"

  @Test(
    "what is broken is named by its check",
    arguments: [
      (4, "UPDATE run SET charged = charged - 1 WHERE run_id = 'r4'", "charged 88, its ledger rows took 89"),
      (4, "UPDATE run SET charged = 8 WHERE run_id = 'r6'", "charged 8, its ledger rows took 5"),
      (4, "UPDATE run SET spender = 's' WHERE run_id = 'r5'", "run row 5: its hold names another spender"),
      (4, "UPDATE run SET charged = 5 WHERE run_id = 'r1'", "run row 1: charged 5, its ledger rows took 0"),
      (4, "UPDATE run SET charged = 3 WHERE run_id = 'r5'", "charged 3, its ledger rows took 0"),
      (4, Self.otherHold, "charged 5, its ledger rows took 0"),
      (4, Self.otherEnd, "ledger row 1 is not of its end"),
      (
        4, "UPDATE run SET finish_sequence = NULL WHERE run_id = 'r4'",
        "its end has captured its hold, and names no ledger row"
      ),
      (6, "UPDATE run SET cost = 6 WHERE run_id = 'r1'", "account 1, label 1: its total"),
      (6, "UPDATE run SET cost = 6 WHERE run_id = 'r1'", "account 0, label 0: its quarter hours"),
      (6, "UPDATE run SET started_at = started_at - 900000000 WHERE run_id = 'r3'", "its quarter hours"),
      (6, "UPDATE run SET model = 'new' WHERE run_id = 'r3'", "no rollup has its model"),
      (6, "UPDATE rollup SET total = x'00' WHERE account = 2 AND label = 0", "account 2, label 0: its total"),
      (6, "DELETE FROM rollup WHERE account = 2", "account 2, label 0: missing"),
      (6, "INSERT INTO rollup VALUES (1, 1, 0, x'00', 1)", "rollup of 1970-1-2, account 1"),
      (
        4, "UPDATE run SET expires_at = expires_at + 1 WHERE run_id = 'r5'", "it counts against a quota until"
      ),
      (4, "UPDATE hold SET expires_at = expires_at - 1 WHERE run_id = 'r5'", ", its hold expires at"),
      (6, Self.damagedQuarters, "its quarter hours"),
      (6, Self.uncountedQuarter, "its quarter hours are not what happened"),
      (6, Self.unreferencedQuarters, ": its quarter hours are not what happened"),
      (6, Self.unreferencedQuarters, ": no rollup has them"),
      (6, "INSERT INTO rollup_quarters VALUES (99, x'')", "quarter hours 99: no rollup has them"),
      (6, "INSERT INTO rollup_quarters VALUES (-1, x'')", "quarter hours -1: no rollup has them"),
      (6, Self.sharedQuarters, "another one has the same quarter hours"),
      (6, Self.sharedQuarters, ": no rollup has them"),
      (6, "UPDATE usage_month SET generations = 9 WHERE account = 1", "account 1: 9 generations"),
      (6, "UPDATE usage_month SET uploads = 9 WHERE account = 2", "account 2: 0 generations, 9 uploads"),
      (6, "UPDATE usage_month SET cost = 9 WHERE account = 2", "uploads and a cost of 9, its days have"),
      (6, "DELETE FROM rollup_group WHERE tag = ''", "account 2, tag '', value 'm': missing"),
      (6, "UPDATE run SET tags = NULL WHERE run_id = 'r3'", "value 'chat': nothing happened that it counts"),
      (6, "UPDATE run SET spender = 'n' WHERE run_id = 'r3'", "tag '', value 'n': missing"),
      (6, "UPDATE run SET provider_cost = 3 WHERE run_id = 'r3'", "its total is not what happened"),
      (
        6, "UPDATE rollup_group SET value = '' WHERE account = 0",
        "account 0, tag 'feature': the rest was counted with 0 values"
      ),
      (6, Self.manyValues, "account 0, tag 'feature': 101 values have a line of their own"),
      (
        6, "INSERT INTO rollup_group VALUES (1, 1, 'f', 'v', x'00', 98)",
        "rollup of 1970-1-2, account 1, tag 'f'"
      ),
      (6, "UPDATE run_total SET provider_cost = 0", "the sums over all runs"),
      (6, "UPDATE run_total SET units = NULL", "the sums over all runs"),
      (6, "DELETE FROM usage_month WHERE account = 2", "account 2: not counted"),
      (6, "UPDATE media SET source = 2 WHERE media_id = 'c'", "account 2, label 0"),
      (6, "UPDATE page_counter SET pages = 2", "account 1: 2 pages are counted, it has 1"),
      (6, "UPDATE page SET deleted_at = NULL", "account 1: 1 pages are counted, it has 2"),
      (6, "UPDATE run_total SET cost = cost + 1", "the sums over all runs"),
      (7, "UPDATE section SET position = 7 WHERE section_id = 's3'", "page 1, section 1: it stands at"),
      (7, "DELETE FROM section WHERE section_id = 's3'", "page 1: 1 sections, it says 2"),
      (7, "UPDATE section SET content = 'x' WHERE section_id = 's3'", "page 1: what it shows"),
      (7, "UPDATE page SET title = 'x' WHERE id = 1", "page 1: what it shows"),
      (7, "UPDATE page SET author = 'x' WHERE id = 1", "page 1: version 2 has another author"),
      (7, "UPDATE page SET version = 3 WHERE id = 1", "page 1: version 3, its newest is 2"),
      (7, "DELETE FROM page_version WHERE page = 1 AND version = 1", "page 1: 1 versions are kept, from 2"),
      (7, "DELETE FROM page_version WHERE page = 1 AND version = 2", "page 1: version 2 is missing"),
      (7, "UPDATE page_version SET sections = x'ff' WHERE version = 2", "page 1, version 2: malformed"),
      (7, "UPDATE page SET published_version = 5 WHERE id = 1", "page 1: version 5 is published"),
      (7, "UPDATE page SET slug = 'A' WHERE id = 1", "page 1: A is no slug"),
      (
        7, "UPDATE page SET scheduled_version = 9, scheduled_at = 1 WHERE id = 1",
        "page 1: version 9 is scheduled"
      ),
      (7, "DELETE FROM page_search WHERE rowid = 1", "page 1: a search does not have its words"),
      (
        7, "UPDATE page_search SET title = '1x 1xother' WHERE rowid = 1",
        "page 1: a search does not have its words"
      ),
      (7, "INSERT INTO page_search(rowid, title) VALUES (99, '1x')", "page 99: a search has its words"),
      (7, "UPDATE section SET page = 9 WHERE section_id = 's3'", ": no page 9"),
      (7, "UPDATE page_version SET page = 9 WHERE page = 2", "no page 9"),
      (7, "UPDATE media SET account = 2 WHERE media_id = 'b'", "section 1: media 2 are another user's"),
      (7, "UPDATE media SET deleted_at = 1 WHERE media_id = 'b'", "page 1, section 1: media 2 are deleted"),
      (8, "DROP INDEX run_under_way", "index run_under_way is missing"),
      (8, "DROP INDEX page_live", "index page_live is missing"),
      (8, "UPDATE run SET account = 9 WHERE run_id = 'r1'", "no such row in account"),
    ])
  func broken(check: Int, sql: String, finding: String) throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    try VerifyTests.expect(finding, of: check, after: sql, in: directory)
  }

  @Test("two runs of one id are named")
  func sameRun() throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    // The unique index belongs to the table: a table without it takes its place.
    try VerifyTests.expect(
      "run rows 1 and 2 have the same run id", of: 5,
      after: """
        CREATE TABLE copy AS SELECT * FROM run; DROP TABLE run; ALTER TABLE copy RENAME TO run;
        UPDATE run SET run_id = 'r1' WHERE run_id = 'r2';
        """, in: directory)
  }

  @Test("what a running engine keeps in memory is held against what is stored")
  func cached() throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    _ = try engine.decide(.putPlan(plan("pro", 50)))
    let head = engine.committed.head
    let balance = try engine.balance(userId: "u1")
    #expect(balance.value.postedMicros == 3)
    #expect(try engine.findings() == [])

    var account = try #require(engine.committed.account(userId: "u1")).account
    account.postedMicros += 1
    engine.committed.publish(Books(head: head), [account])
    #expect(try engine.findings() == ["account 1: what is kept in memory is not what is stored"])
    account.postedMicros -= 1
    engine.committed.publish(Books(head: head), [account])

    var settings = try engine.settings(userId: "u1").value
    settings.email = "other@example.org"
    engine.caches.settings.offer(
      Snapshot(settings, commitSequence: head.commitSequence), group: "u1", byteCount: 1)
    engine.caches.plans.offer(
      Snapshot(plan("pro", 51), commitSequence: head.commitSequence), group: "pro", byteCount: 1)
    #expect(
      try engine.findings() == [
        "settings of a user: what is kept in memory is not what is stored",
        "plan: what is kept in memory is not what is stored",
      ])
    try engine.close()
  }
}
