// Database files of each version, as programs of that version left them.
//
// v1.db is what `VerifyTests.filled` leaves; v2.db what that, then `VerifyProductTests.filled`, leave in one
// directory, and v3.db the same with a page that was patched. TALLY_UPDATE_GOLDENS=1 swift test --filter
// StoredFileTests makes the one of this program's version, if it is not there yet: a stored file is never
// made anew.

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
    _ = try engine.decide(
      .page(
        .create(
          .init(
            userId: "u2", pageId: "patched", content: PageContent(title: "old"), author: "me",
            maximumReplyByteCount: 1 << 20))))
    _ = try engine.decide(patch)
    _ = try engine.decide(.page(.publish(target, version: 1)))
    try engine.close()
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
      (version: 3, rows: 17, available: 0),
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

  @Test("what version 2 brought reads back from a stored file, and goes on", arguments: ["v2.db", "v3.db"])
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
