// The last change of each page: kept with its commit, found again after a start and by an upgrade, verified.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Changes of pages")
struct PageUpdateTests {
  private static func target(_ pageId: String) -> PageTarget {
    PageTarget(pageId: pageId, actingUserId: nil, maximumReplyByteCount: 1 << 20)
  }

  private func make(_ engine: SQLiteEngine, _ pageId: String) throws {
    let create = PageCommand.Create(
      userId: "u", pageId: pageId, content: content("a:1"), author: "", maximumReplyByteCount: 1 << 20)
    #expect(try engine.decide(.page(.create(create))).refusal == nil)
  }

  private func updates(_ engine: SQLiteEngine) throws -> [PageUpdate] {
    try engine.pageUpdates(LedgerFilter(fromSequence: 1, limit: 1_000)).value.rows
  }

  @Test("numbers go on after a start, and name commits; what changes a page twice in a commit counts twice")
  func restarted() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory)
    try make(engine, "p")
    _ = try engine.decide([
      .page(.publish(Self.target("p"), version: 1)), .page(.unpublish(Self.target("p"))),
    ])
    let before = try updates(engine)
    #expect(before.map(\.number) == [3] && before.map(\.kind) == [.unpublished])
    #expect(before.first?.commit.sequence == engine.state().commitSequence)
    try engine.close()
    let again = try open(directory)
    #expect(try updates(again) == before)
    try make(again, "q")
    #expect(try updates(again).map(\.number) == [3, 4])
    #expect(try again.findings() == [])
    try again.close()
  }

  @Test("a file of the version before has a change of each page, and its pages go on")
  func upgraded() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v6.db")
    let before = try directory.connection()
    let pages = try before.prepare("SELECT page_id FROM page WHERE purged = 0 ORDER BY id").all { (row) in
      row.text()
    }
    let clock = TestClock(wallMicros: noon + 10 * second)
    let engine = try open(directory, clock: clock)
    #expect(try engine.findings() == [])
    let updates = try updates(engine)
    #expect(updates.map(\.pageId) == pages && updates.map(\.number) == Array(1...Int64(pages.count)))
    #expect(updates.allSatisfy { $0.facts != nil && [.saved, .deleted].contains($0.kind) })
    let target = Self.target("patched")
    let save = PageCommand.Save(
      target: target, expectedVersion: nil, content: content("a:auto"), author: "", isAutosave: true)
    for command: PageCommand in [
      .save(save), .schedule(target, version: 1, atMicros: noon + 20 * second),
      .setSlug(target, slug: "slug"),
    ] {
      #expect(try engine.decide(.page(command)).refusal == nil)
    }
    clock.advance(byMicros: 20 * second)
    try engine.sweep()
    let last = try #require(try self.updates(engine).last)
    #expect(last.pageId == "patched" && last.kind == .published && last.number == Int64(pages.count) + 4)
    #expect(last.facts?.publishedVersion == 1 && last.facts?.isAutosave == true)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "verification finds changes that are missing, or say what is not so",
    arguments: [
      ("DELETE FROM page_update WHERE page_id = 'p'", "page 1: its last change is not known"),
      (
        "UPDATE page_update SET kind = 10 WHERE page_id = 'p'",
        "page update 1: what it says of its page is not so"
      ),
      (
        "UPDATE page_update SET kind = 2 WHERE page_id = 'q'",
        "page update 4: what it says of its page is not so"
      ),
      (
        "UPDATE page_update SET kind = 60 WHERE page_id = 'p'",
        "page update 1: what it says of its page is not so"
      ),
      ("UPDATE page_update SET commit_sequence = 99", "page update 1: it is of a commit that is yet to come"),
    ])
  func broken(sql: String, finding: String) throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    for pageId in ["p", "q"] { try make(engine, pageId) }
    #expect(try engine.decide(.page(.delete(Self.target("q")))).refusal == nil)
    _ = try engine.decide(.page(.purge(Self.target("q"))))
    #expect(try engine.findings() == [])
    try engine.close()
    try VerifyTests.expect(finding, of: 7, after: sql, in: directory)
  }
}
