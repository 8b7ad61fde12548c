// Database files of each version, as programs of that version left them.
//
// v1.db is what `VerifyTests.filled` leaves; v2.db what that, then `VerifyProductTests.filled`, leave in one
// directory, v3.db the same with a page that was patched, v4.db the same with a page that was purged and has
// versions left, v5.db the same with refunds, reversals and what is owed, v6.db the same with alert rules
// whose lines are crossed, v7.db the same with top-ups, v8.db and v9.db the same with caps that have reached
// a rule's line and credit that expires soon. TALLY_UPDATE_GOLDENS=1 swift test --filter StoredFileTests
// makes the one of this program's version, if it is not there yet: a stored file is never made anew.

import Foundation
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Stored files")
struct StoredFileTests {
  private static let current = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/v\(Schema.version).db")

  private static func filled(_ directory: TemporaryDirectory) throws {
    try VerifyTests.filled(directory)
    try VerifyProductTests.filled(directory)
    let engine = try opened(directory)
    _ = try engine.decide(create("patched"))
    _ = try engine.decide(patch)
    _ = try engine.decide(.page(.publish(target, version: 1)))
    try purge(engine)
    for rule in rules { _ = try engine.decide(.admin(.putRule(rule))) }
    try VerifyCreditsTests.moneyBack(engine, userId: "u3")
    try topUps(engine)
    try caps(engine)
    try engine.close()
  }

  /// One intent that was closed, one that is leased, one that has failed, and a user above the threshold.
  private static func topUps(_ engine: SQLiteEngine) throws {
    for (userId, below) in [("u4", 10), ("u5", 20), ("u6", 30)] as [(String, Int64)] {
      _ = try engine.decide(
        .topUp(.put(TopUp(userId: userId, thresholdMicros: below, targetMicros: 50, cooldownMillis: 60_000))))
    }
    let first = try engine.decide(.topUp(.take(.init(worker: "w", leaseMillis: 1)))).intent?.intent?.id ?? 0
    _ = try engine.decide(
      .addPurchase(
        .init(
          userId: "u4", paymentId: "topped-up", amountMicros: 50, intentId: first, idempotency: key("t"))))
    let second = try engine.decide(.topUp(.take(.init(worker: "w", leaseMillis: 1)))).intent?.intent?.id ?? 0
    _ = try engine.decide(.topUp(.fail(.init(intentId: second, worker: "w", message: "declined"))))
    _ = try engine.decide(.topUp(.take(.init(worker: "w", leaseMillis: 60_000))))
  }

  /// A spender's debit and a run under way that have reached a rule's line, and credit that expires soon.
  private static func caps(_ engine: SQLiteEngine) throws {
    let runs = Cap(id: "runs", CapSubject(.generations, .day), limit: 1)
    for (spender, cap) in [("", runs), ("m", .money("day", .day, 10))] {
      _ = try engine.decide(.admin(.putCaps("u7", CapList(spender: spender, caps: [cap]))))
    }
    let rule = AlertRule(id: "near", scope: .user("u7"), condition: .capAt(percent: 50))
    let soon = AlertRule(id: "soon", scope: .everyUser, condition: .creditExpires(withinMillis: 86_400_000))
    for rule in [rule, soon] { _ = try engine.decide(.admin(.putRule(rule))) }
    try engine.must(purchase("u7", 50, "of caps"))
    try engine.must(promo("u7", 5, "soon", expiresAt: noon + 3_600 * second))
    try engine.must(
      .consume(.init(userId: "u7", amountMicros: 6, spender: "m", idempotency: key("of a cap"))))
    _ = try engine.decide(.usage(.begin(.test("of a cap", "u7"))))
  }

  private static let rules = [
    AlertRule(id: "low", scope: .everyUser, condition: .balanceBelow(micros: 10)),
    AlertRule(id: "owes", scope: .user("u3"), condition: .owedAbove(micros: 0)),
    AlertRule(id: "team", scope: .plan("team"), condition: .balanceBelow(micros: 1)),
  ]

  private static let purged = PageTarget(
    pageId: "purged", actingUserId: nil, maximumReplyByteCount: 1 << 20)
  private static let purgedVersions = Int64(PageLimits.purgedVersionCount) + 4

  /// Makes a page and purges it. It has more versions than go at once.
  private static func purge(_ engine: SQLiteEngine) throws {
    _ = try engine.decide(create("purged"))
    for version in 1..<purgedVersions {
      _ = try engine.decide(
        .page(
          .save(
            .init(
              target: purged, expectedVersion: version, content: PageContent(title: "version \(version)"),
              author: "me"))))
    }
    _ = try engine.decide(.page(.delete(purged)))
    _ = try engine.decide(.page(.purge(purged)))
  }

  private static func create(_ pageId: String) -> Command {
    .page(
      .create(
        .init(
          userId: "u2", pageId: pageId, content: PageContent(title: "old"), author: "me",
          maximumReplyByteCount: 1 << 20)))
  }

  private static let target = PageTarget(
    pageId: "patched", actingUserId: nil, maximumReplyByteCount: 1 << 20)

  private static var patch: Command {
    var patch = PagePatch()
    patch.title = "new"
    return .page(
      .patch(
        .init(
          target: target, expectedVersion: 1, patch: patch, author: "me",
          digest: Digest(bytes: [UInt8](repeating: 9, count: 32)))))
  }

  private static func opened(_ directory: TemporaryDirectory) throws -> SQLiteEngine {
    try open(directory, clock: TestClock(wallMicros: noon + 10 * second))
  }

  @Test("each version has one, that of this program too")
  func made() throws {
    if ProcessInfo.processInfo.environment["TALLY_UPDATE_GOLDENS"] == "1",
      !FileManager.default.fileExists(atPath: Self.current.path)
    {
      let directory = try TemporaryDirectory()
      try Self.filled(directory)
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: directory.databasePath), to: Self.current)
    }
    for migration in Schema.migrations {
      let directory = try TemporaryDirectory(inMemory: true)
      try directory.install(fixture: "v\(migration.version).db")
      #expect(try directory.connection().value("PRAGMA user_version") == Int64(migration.version))
    }
  }

  @Test(
    "a stored file of each version opens, verifies and goes on",
    arguments: [
      (version: 1, rows: 10, available: 140), (version: 2, rows: 17, available: 0),
      (version: 3, rows: 17, available: 0), (version: 4, rows: 17, available: 0),
      (version: 5, rows: 28, available: 0), (version: 6, rows: 28, available: 0),
      (version: 7, rows: 29, available: 0), (version: 8, rows: 32, available: 0),
    ])
  func storedFile(version: Int, rows: Int64, available: Int64) throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v\(version).db")
    let engine = try Self.opened(directory)
    #expect(try engine.findings() == [])
    #expect(engine.state().ledgerSequence == rows)
    #expect(try engine.available("u1") == available)
    #expect(try engine.must(consume("u2", 1, "k2")).transaction.sequence == rows + 1)
    #expect(try engine.must(purchase("u1", 100, "p")).replayed)
    try engine.close()
  }

  @Test("what version 3 brought reads back from a stored file, and goes on")
  func version3() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v3.db")
    let connection = try directory.connection()
    #expect(try connection.value("SELECT committed_at >= last_at AND committed_at > 0 FROM meta") == 1)
    #expect(try connection.value("SELECT sum(open_holds) FROM account") == 2)
    let engine = try Self.opened(directory)
    // It was made from version 1, which is not the current one any more: it is found by its digest.
    guard case .page(.changed(let view, let replayed, _, _)) = try engine.decide(Self.patch) else {
      Issue.record("the patch was refused")
      return
    }
    #expect(replayed && view.facts.version == 2 && view.facts.title == "new")
    #expect(try engine.findings() == [])
    try engine.close()
  }

  /// Of version 3, with a page that was purged and has versions left, as that version marked it.
  private func version3WithPurgedPage() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v3.db")
    try directory.connection().execute(
      """
      INSERT INTO page(id, page_id, account, title, settings, version, author, created_at, updated_at,
        deleted_at, section_count)
      VALUES (9, char(10) || 9, 2, 'old', '', \(Self.purgedVersions), 'me', 1, 2, 3, 0);
      WITH RECURSIVE number(n) AS (
        SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < \(Self.purgedVersions))
      INSERT INTO page_version(page, version, base_version, title, settings, author, at, section_count,
        sections)
        SELECT 9, n, n - 1, 'old', '', 'me', n, 0, x'00' FROM number;
      CREATE VIEW mine AS SELECT page_id FROM page;
      """)
    return directory
  }

  private func requirePurgedPage(_ directory: TemporaryDirectory, id: Int64, pageId: String) throws {
    let connection = try directory.connection()
    #expect(try connection.value("SELECT id FROM page WHERE purged = 1") == id)
    #expect(try connection.text("SELECT page_id FROM page WHERE purged = 1") == pageId)
    let versions = try connection.value("SELECT count(*) FROM page_version WHERE page = \(id)")
    #expect(versions == Self.purgedVersions)
    #expect(try connection.value("SELECT count(*) FROM pragma_foreign_key_check") == 0)
    #expect(try connection.text("PRAGMA integrity_check") == "ok")
  }

  /// The purged page's id is free, and the ticks remove its versions, then its row.
  private func requireGoesOn(_ directory: TemporaryDirectory, pageId: String) throws {
    let engine = try Self.opened(directory)
    #expect(try engine.findings() == [])
    guard case .page(.changed(let view, _, _, _)) = try engine.decide(Self.create(pageId)) else {
      Issue.record("the id is not free")
      return
    }
    #expect(view.facts.version == 1)
    #expect(try engine.findings() == [])
    try engine.sweep()
    #expect(try directory.connection().value("SELECT count(*) FROM page WHERE purged = 1") == 0)
    let page = try engine.page(pageId: pageId, .current, includesDeleted: false, actingUserId: nil).value
    #expect(page.facts.version == 1)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("what version 4 brought reads back from a stored file, and goes on")
  func version4() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v4.db")
    let id = try directory.connection().value("SELECT id FROM page WHERE purged = 1")
    try requirePurgedPage(directory, id: id, pageId: "purged")
    try requireGoesOn(directory, pageId: "purged")
  }

  @Test("what version 6 brought reads back from a stored file, and goes on")
  func events() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v6.db")
    let engine = try Self.opened(directory)
    let rules = try engine.alertRules(afterId: nil, limit: 10).value.rules
    #expect(rules.map(\.id) == ["low", "owes", "team"] && rules.map(\.scope) == Self.rules.map(\.scope))
    let before = try engine.events(EventFilter(userId: "u3", limit: 100)).value.rows
    #expect(Set(before.map(\.kind)) == [.balanceBelow, .owed])
    try engine.must(purchase("u3", 1_000, "more"))
    let available = try engine.balance(userId: "u3").value.availableMicros
    try engine.must(consume("u3", available, "all"))
    let after = try engine.events(EventFilter(userId: "u3", limit: 100)).value.rows
    #expect(after.count == before.count + 1 && after.first?.id == (before.first?.id ?? 0) + 1)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("what version 5 brought reads back from a stored file, and goes on")
  func version5() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v5.db")
    let engine = try Self.opened(directory)
    #expect(try engine.balance(userId: "u3").value.owedMicros == 5)
    let rows = try engine.transactions(TransactionFilter(userId: "u3", limit: 100)).value.rows
    #expect(rows.map(\.type).contains(.owedForgiven) && rows.map(\.type).contains(.reinstatement))
    #expect(rows.last?.previous == 0 && rows.first?.previous == rows.dropFirst().first?.sequence)
    // Under its other id the purchase is the same, and an event happens once.
    let again = CreditCommand.ReversePurchase(
      paymentId: "ra", amountMicros: 30, eventId: "e3", onShortfall: .owe, idempotency: key("again"))
    #expect(try engine.must(.reversePurchase(again)).replayed)
    #expect(try engine.must(purchase("u3", 9, "more")).balance.owedMicros == 0)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a purged page that version 3 has marked in its id is marked in its column by version 4")
  func purgedPage() throws {
    let directory = try version3WithPurgedPage()
    try Self.opened(directory).close()
    try requirePurgedPage(directory, id: 9, pageId: "9")
    try requireGoesOn(directory, pageId: "9")
  }

  @Test("version 4's migration that does not reach its end leaves version 3 as it was")
  func endedMigration() throws {
    let directory = try version3WithPurgedPage()
    let before = try schema(directory)
    let rows = try directory.connection().value("SELECT count(*) FROM page_version")
    var broken = Schema.migrations.filter { $0.version <= 4 }
    let last = broken.removeLast()
    broken.append(
      Migration(
        version: last.version, name: last.name, sql: last.sql + "CREATE TABLE ledger(x);",
        replacesTables: true))
    let connection = try directory.connection()
    #expect(throws: StoreError.self) { try Migrations.apply(broken, to: connection) }
    #expect(try connection.value("PRAGMA foreign_keys") == 1)
    #expect(try schema(directory) == before)
    #expect(try directory.connection().value("PRAGMA user_version") == 3)
    #expect(try directory.connection().value("SELECT count(*) FROM page_version") == rows)
    try Self.opened(directory).close()
    try requirePurgedPage(directory, id: 9, pageId: "9")
  }

  private func schema(_ directory: TemporaryDirectory) throws -> [SchemaCheck.Object] {
    try SchemaCheck.objects(try directory.connection())
  }

  @Test(
    "what version 2 brought reads back from a stored file, and goes on",
    arguments: ["v2.db", "v3.db", "v4.db"])
  func readBack(fixture: String) throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: fixture)
    let engine = try Self.opened(directory)
    let runs = try engine.runs(RunFilter(userId: "u1", limit: 10)).value.runs
    let charges = Dictionary(
      uniqueKeysWithValues: runs.map { ($0.runId, [$0.chargedMicros, $0.uncollectedMicros]) })
    #expect(charges == ["r1": [0, 0], "r2": [0, 0], "r4": [129, 121], "r5": [0, 0], "r6": [5, 0]])
    #expect(runs.filter { $0.status == .running }.map(\.runId) == ["r5"])
    let usage = try #require(try engine.usages(UsageQuery(userIds: ["u1"])).value.first)
    #expect([usage.generations, usage.running, usage.uploads, usage.pages] == [3, 1, 2, 1])

    let team = try #require(try engine.plans(afterId: "pro", limit: 10).value.first)
    #expect(team.limits == VerifyProductTests.team.limits && team.prices == VerifyProductTests.team.prices)
    #expect(team.timeZone == VerifyProductTests.team.timeZone)
    #expect(try engine.settings(userId: "u2").value.hasContent(of: VerifyProductTests.settings))
    #expect(try engine.rateLimits(afterId: 0, limit: 10).value.limits == VerifyProductTests.rateLimits)

    let page = try engine.page(pageId: "one", .current, includesDeleted: false, actingUserId: "u1").value
    #expect(page.facts.version == 2 && page.facts.publishedVersion == 1)
    #expect(page.sections.map(\.sectionId) == ["s2", "s3"])
    #expect(page.sections.last?.firstImage?.url == "https://x/b")
    let first = try engine.version(pageId: "one", version: 1, actingUserId: nil).value
    #expect(first.sections.map(\.firstImage?.mediaId) == ["a", nil])
    #expect(try engine.media(mediaId: "c", actingUserId: "u2").value.source == .upload)

    let ended = try engine.decide(.usage(.finish(.test("r5", cost: 2)))).run?.run
    #expect(ended?.chargedMicros == 2)
    #expect(try engine.decide(.usage(.begin(.test("r4", "u1", estimate: 10)))).run?.replayed == true)
    #expect(try engine.findings() == [])
    try engine.close()
  }
}
