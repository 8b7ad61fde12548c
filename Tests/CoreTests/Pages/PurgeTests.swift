// Pages of many versions that are purged: bounded in what one transaction takes.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Large purges")
struct PurgeTests {
  private static let target = PageTarget(
    pageId: "p", actingUserId: nil, maximumReplyByteCount: 2 << 20)

  private static func create(_ content: PageContent, pageId: String = "p") -> Command {
    .page(
      .create(
        PageCommand.Create(
          userId: "u", pageId: pageId, content: content, author: "", maximumReplyByteCount: 2 << 20)))
  }

  private func apply(_ engine: SQLiteEngine, _ command: Command) throws -> PageOutcome {
    guard case .page(let outcome) = try engine.decide(command) else {
      throw SQLiteError.malformed("refused: \(command)")
    }
    return outcome
  }

  /// A page of `versions` versions, deleted.
  private func deleted(_ engine: SQLiteEngine, versions: Int64) throws {
    _ = try apply(engine, Self.create(content("a:1")))
    for version in 1..<versions {
      _ = try apply(
        engine,
        .page(
          .save(
            PageCommand.Save(
              target: Self.target, expectedVersion: version, content: content("a:\(version + 1)"), author: "")
          )))
    }
    _ = try apply(engine, .page(.publish(Self.target, version: 1)))
    _ = try apply(engine, .page(.delete(Self.target)))
  }

  private func rows(_ directory: TemporaryDirectory, _ table: String) throws -> Int64 {
    try directory.connection().value("SELECT count(*) FROM \(table)")
  }

  @Test("versions beyond one transaction go with the ticks, and the page is gone at once")
  func slices() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    let versions = Int64(2 * PageLimits.purgedVersionCount + 8)
    try deleted(engine, versions: versions)
    guard case .purged(let removed, _) = try apply(engine, .page(.purge(Self.target))) else {
      Issue.record("not purged")
      return
    }
    #expect(removed == versions)
    #expect(try rows(directory, "page_version") == versions)
    #expect(try rows(directory, "section") == 0)

    #expect(throws: Refusal.self) {
      try engine.page(pageId: "p", .current, includesDeleted: true, actingUserId: nil)
    }
    var filter = PageFilter(userId: "u", limit: 10, maximumByteCount: 1 << 20)
    filter.includesDeleted = true
    #expect(try engine.pages(filter).value.rows.isEmpty)
    #expect(try engine.decide(.page(.purge(Self.target))).refusal?.reason == .pageNotFound)
    #expect(try engine.verify(enums: VerifyTests.enums) { _ in })

    // The id is free, and its new page stays what it is.
    _ = try apply(engine, Self.create(content("b:new")))
    let before = engine.state().commitSequence
    try engine.sweep()
    // Three slices of versions, then the row.
    #expect(engine.state().commitSequence == before + 4)
    #expect(try rows(directory, "page_version") == 1)
    #expect(try rows(directory, "page") == 1)
    let page = try engine.page(pageId: "p", .current, includesDeleted: false, actingUserId: nil).value
    #expect(page.facts.version == 1 && page.sections.map(\.content) == ["new"])
    #expect(try engine.verify(enums: VerifyTests.enums) { _ in })
    try engine.close()
  }

  @Test("a purge that a stop has cut short goes on with the next start, and verifies at each step")
  func cutShort() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    try deleted(engine, versions: 2_000)
    _ = try apply(engine, .page(.purge(Self.target)))
    try engine.tick()
    try engine.close()
    for round in Int64(2)...4 {
      let again = try open(directory, clock: clock)
      #expect(try again.findings() == [])
      try again.tick()
      #expect(try rows(directory, "page_version") == 2_000 - round * Int64(PageLimits.purgedVersionCount))
      try again.close()
    }
    let last = try open(directory, clock: clock)
    try last.sweep()
    #expect(try rows(directory, "page_version") == 0 && rows(directory, "page") == 0)
    #expect(try last.findings() == [])
    try last.close()
  }

  @Test("up to that many versions go with the command")
  func whole() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    try deleted(engine, versions: Int64(PageLimits.purgedVersionCount))
    _ = try apply(engine, .page(.purge(Self.target)))
    for table in ["page", "page_version", "section"] { #expect(try rows(directory, table) == 0, "\(table)") }
    try engine.close()
  }
}
