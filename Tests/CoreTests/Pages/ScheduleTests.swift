// Publications on a schedule: written by the ticks, whatever the clock does and whether or not the server
// was up.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Scheduled publications")
struct ScheduleTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private static func target(_ pageId: String) -> PageTarget {
    PageTarget(pageId: pageId, actingUserId: nil, maximumReplyByteCount: 1 << 20)
  }

  private func make(_ engine: SQLiteEngine, _ pageId: String, at micros: Int64) throws {
    let create = PageCommand.Create(
      userId: "u", pageId: pageId, content: content("a:1"), author: "", maximumReplyByteCount: 1 << 20)
    #expect(try engine.decide(.page(.create(create))).refusal == nil)
    let schedule = PageCommand.schedule(Self.target(pageId), version: 1, atMicros: noon + micros)
    #expect(try engine.decide(.page(schedule)).refusal == nil)
  }

  private func published(_ engine: SQLiteEngine, _ pageId: String) throws -> Int64? {
    try engine.page(pageId: pageId, .current, includesDeleted: false, actingUserId: nil).value.facts
      .publishedVersion
  }

  @Test("a tick writes what is due under a clock that stands still, and nothing before it")
  func drivenClock() throws {
    let engine = try open(directory, clock: clock)
    try make(engine, "p", at: second)
    let commit = engine.state().commitSequence
    try engine.tick(writesOff: false)
    #expect(engine.state().commitSequence == commit)
    clock.advance(byMicros: second)
    #expect(try published(engine, "p") == 1)
    try engine.tick(writesOff: false)
    #expect(engine.state().commitSequence == commit + 1)
    #expect(try directory.connection().value("SELECT published_version FROM page") == 1)
    try engine.tick(writesOff: false)
    #expect(engine.state().commitSequence == commit + 1)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("what came due while the server was down is published by the first read and written by a tick")
  func down() throws {
    let engine = try open(directory, clock: clock)
    try make(engine, "early", at: second)
    try make(engine, "late", at: 100 * second)
    try engine.close()
    clock.advance(byMicros: 10 * second)
    let again = try open(directory, clock: clock)
    #expect(try published(again, "early") == 1 && published(again, "late") == nil)
    try again.tick()
    let connection = try directory.connection()
    #expect(try connection.value("SELECT count(*) FROM page WHERE scheduled_at IS NOT NULL") == 1)
    #expect(try connection.value("SELECT count(*) FROM page WHERE published_version = 1") == 1)
    #expect(try again.findings() == [])
    try again.close()
  }

  @Test("more pages than one transaction publishes go in slices, one a tick")
  func slices() throws {
    let engine = try open(directory, clock: clock)
    let count = Committer.upkeptPages + 3
    for number in 0..<count { try make(engine, "p\(number)", at: second) }
    clock.advance(byMicros: second)
    let commit = engine.state().commitSequence
    let connection = try directory.connection()
    try engine.tick()
    #expect(try connection.value("SELECT count(*) FROM page WHERE scheduled_at IS NOT NULL") == 3)
    try engine.tick()
    #expect(try connection.value("SELECT count(*) FROM page WHERE scheduled_at IS NOT NULL") == 0)
    #expect(engine.state().commitSequence == commit + 2)
    try engine.close()
  }
}
