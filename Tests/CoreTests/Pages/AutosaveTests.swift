// Autosaves: which are kept, by the pure rule, and how the sweep thins them in slices.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Autosaves")
struct AutosaveTests {
  private static let hour: Int64 = 3_600 * second
  private static let day = 24 * hour
  /// The beginning of an hour and a day.
  private static let midnight: Int64 = 1_767_225_600_000_000

  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: midnight)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  // MARK: the rule

  @Test(
    "the newest of an hour is kept for a day, the newest of a day for 30, all others for an hour",
    arguments: [
      (next: Int64(1), keptMicros: hour), (next: hour - 1, keptMicros: hour), (next: hour, keptMicros: day),
      (next: day - 1, keptMicros: day), (next: day, keptMicros: 30 * day), (next: nil, keptMicros: 30 * day),
    ] as [(next: Int64?, keptMicros: Int64)])
  func borders(next: Int64?, keptMicros: Int64) {
    let end = AutosaveThinning.endMicros(of: Self.midnight, nextMicros: next.map { Self.midnight + $0 })
    // It is kept while it is no older than that.
    #expect(end == Self.midnight + keptMicros + 1)
  }

  @Test("hours and days are those of UTC since the epoch, before it too")
  func buckets() {
    func end(_ at: Int64, _ next: Int64) -> Int64 {
      AutosaveThinning.endMicros(of: at, nextMicros: next) - at
    }
    #expect(end(Self.midnight - 1, Self.midnight) == 30 * Self.day + 1)
    #expect(end(Self.midnight + Self.hour - 1, Self.midnight + Self.hour) == Self.day + 1)
    #expect(end(-1, 0) == 30 * Self.day + 1 && end(-2, -1) == Self.hour + 1)
    #expect(AutosaveThinning.endMicros(of: Int64.max - 1, nextMicros: nil) == Int64.max)
  }

  @Test("however often a page is thinned, the same is left")
  func confluence() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      var at = Self.midnight
      let all = (Int64(1)...60).map { version in
        at +=
          Int64.random(in: 0...3, using: &random) * Int64.random(in: 0...(20 * 60), using: &random) * second
        return Autosave(version: version, atMicros: at)
      }
      let end = at + Int64.random(in: 0...40, using: &random) * Self.day
      func thinned(_ autosaves: [Autosave], _ nowMicros: Int64, limit: Int) -> [Autosave] {
        var left = autosaves
        while true {
          let plan = AutosaveThinning.plan(
            left, isWhole: true, current: 60, nowMicros: nowMicros, limit: limit)
          if plan.removed.isEmpty { return left }
          left.removeAll { plan.removed.contains($0.version) }
        }
      }
      var often = all
      var now = at
      while now < end {
        often = thinned(often, now, limit: 2)
        now += Int64.random(in: 1...Self.day, using: &random)
      }
      #expect(thinned(often, end, limit: 3) == thinned(all, end, limit: 1_000))
    }
  }

  @Test("a plan says when there is more to do: at once beyond its limit, at the first end, or never")
  func plans() {
    func plan(_ offsets: [Int64], whole: Bool = true, current: Int64 = 99, at: Int64, limit: Int = 9)
      -> AutosaveThinning.Plan
    {
      let autosaves = offsets.enumerated().map {
        Autosave(version: Int64($0.offset) + 1, atMicros: Self.midnight + $0.element)
      }
      return AutosaveThinning.plan(
        autosaves, isWhole: whole, current: current, nowMicros: Self.midnight + at, limit: limit)
    }
    let later = 2 * Self.hour
    #expect(
      plan([0, 1, 2], at: later) == .init(removed: [1, 2], nextMicros: Self.midnight + 30 * Self.day + 3))
    #expect(plan([0, 1, 2], at: later, limit: 1) == .init(removed: [1], nextMicros: Self.midnight + later))
    #expect(plan([0, 1], at: Self.hour) == .init(removed: [], nextMicros: Self.midnight + Self.hour + 1))
    #expect(plan([0], at: 30 * Self.day + 1) == .init(removed: [1], nextMicros: nil))
    // The current one stays, and is due with the version that follows it.
    #expect(plan([0], current: 1, at: 31 * Self.day) == .init(removed: [], nextMicros: nil))
    // Of the last one that was looked at nobody knows what follows.
    #expect(
      plan([0, later], whole: false, at: later)
        == .init(removed: [], nextMicros: Self.midnight + later + Self.hour + 1))
  }

  // MARK: the sweep

  private static let target = PageTarget(
    pageId: "p", actingUserId: nil, maximumReplyByteCount: 1 << 20)

  private func make(_ engine: SQLiteEngine) throws {
    let create = PageCommand.Create(
      userId: "u", pageId: "p", content: content("a:0"), author: "", maximumReplyByteCount: 1 << 20)
    #expect(try engine.decide(.page(.create(create))).refusal == nil)
  }

  private func save(_ engine: SQLiteEngine, _ text: String, isAutosave: Bool = true) throws {
    let save = PageCommand.Save(
      target: Self.target, expectedVersion: nil, content: content("a:\(text)"), author: "",
      isAutosave: isAutosave)
    #expect(try engine.decide(.page(.save(save))).refusal == nil)
  }

  private func versions(_ engine: SQLiteEngine) throws -> [Int64] {
    try engine.versions(
      VersionFilter(pageId: "p", actingUserId: nil, limit: 1_000, maximumByteCount: 1 << 20)
    ).value.rows.map(\.version).reversed()
  }

  @Test("what was saved, published or scheduled stays, and so does the current version")
  func kept() throws {
    let engine = try open(directory, clock: clock)
    try make(engine)
    for number in 2...7 { try save(engine, "\(number)") }
    // Saved as it is: the same version, which is none of an autosave's from now on.
    try save(engine, "7", isAutosave: false)
    for number in 8...10 { try save(engine, "\(number)") }
    #expect(try engine.decide(.page(.publish(Self.target, version: 3))).refusal == nil)
    #expect(try engine.decide(.page(.unpublish(Self.target))).refusal == nil)
    let schedule = PageCommand.schedule(Self.target, version: 5, atMicros: Self.midnight + 99 * Self.day)
    #expect(try engine.decide(.page(schedule)).refusal == nil)
    clock.advance(byMicros: Self.hour)
    try engine.sweep()
    #expect(try versions(engine) == Array(1...10))
    clock.advance(byMicros: 1)
    try engine.sweep()
    #expect(try versions(engine) == [1, 3, 5, 7, 10])
    clock.advance(byMicros: 40 * Self.day)
    try engine.sweep()
    #expect(try versions(engine) == [1, 3, 5, 7, 10])
    #expect(try engine.findings() == [])
    // Once another one is current it is as old as it is.
    try save(engine, "11", isAutosave: false)
    try engine.sweep()
    #expect(try versions(engine) == [1, 3, 5, 7, 11])
    for command: PageCommand in [
      .publish(Self.target, version: 4), .schedule(Self.target, version: 4, atMicros: Self.midnight),
      .restore(.init(target: Self.target, version: 4, expectedVersion: 11, author: "")),
    ] {
      #expect(try engine.decide(.page(command)).refusal?.reason == .versionNotFound)
    }
    let stale = PageCommand.Save(
      target: Self.target, expectedVersion: 4, content: content("a:x"), author: "")
    #expect(try engine.decide(.page(.save(stale))).refusal?.reason == .versionConflict)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("they go in slices with the ticks, under a clock that stands still too, and on after a start")
  func slices() throws {
    let engine = try open(directory, clock: clock)
    try make(engine)
    let count = Int64(2 * PageLimits.thinnedVersionCount + 5)
    for number in 0..<count { try save(engine, "v\(number)") }
    clock.advance(byMicros: 2 * Self.hour)
    let before = engine.state().commitSequence
    try engine.tick(writesOff: false)
    #expect(try versions(engine).count == Int(count) + 1 - PageLimits.thinnedVersionCount)
    #expect(engine.state().commitSequence == before + 1)
    #expect(try engine.findings() == [])
    try engine.close()
    let again = try open(directory, clock: clock)
    #expect(try again.findings() == [])
    for _ in 0..<3 { try again.tick(writesOff: false) }
    #expect(try versions(again) == [1, count + 1])
    // Nothing is due any more.
    let after = again.state().commitSequence
    try again.tick(writesOff: false)
    #expect(again.state().commitSequence == after)
    #expect(try again.findings() == [])
    try again.close()
  }

  @Test("a page of many autosaves of the last hour is looked at in part, and all the same comes of it")
  func scanned() throws {
    let engine = try open(directory, clock: clock)
    try make(engine)
    let count = Int64(PageLimits.scannedAutosaveCount + 40)
    for number in 0..<count {
      try save(engine, "v\(number)")
      clock.advance(byMicros: second)
    }
    try engine.sweep()
    #expect(try versions(engine).count == Int(count) + 1)
    clock.advance(byMicros: Self.hour)
    try engine.sweep()
    #expect(try versions(engine) == [1, count + 1])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a deleted page is thinned as well, and a purged one takes its autosaves along")
  func life() throws {
    let engine = try open(directory, clock: clock)
    try make(engine)
    let count = Int64(2 * PageLimits.purgedVersionCount)
    for number in 0..<count { try save(engine, "v\(number)") }
    #expect(try engine.decide(.page(.delete(Self.target))).refusal == nil)
    clock.advance(byMicros: 2 * Self.hour)
    try engine.tick()
    guard case .page(.purged(let removed, _)) = try engine.decide(.page(.purge(Self.target))) else {
      Issue.record("not purged")
      return
    }
    #expect(removed == count + 1 - Int64(PageLimits.thinnedVersionCount))
    try engine.sweep()
    for table in ["page", "page_version", "page_autosave"] {
      #expect(try directory.connection().value("SELECT count(*) FROM \(table)") == 0, "\(table)")
    }
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "verification finds versions that are missing, and autosaves that are shown or never thinned",
    arguments: [
      (
        "DELETE FROM page_version WHERE version = 2",
        "page 1: 3 versions are kept, from 1 to 4, 0 were thinned"
      ),
      ("UPDATE page SET thinned = 1", "page 1: 4 versions are kept, from 1 to 4, 1 were thinned"),
      ("UPDATE page SET thin_at = NULL", "page 1: its autosaves are never thinned"),
      ("UPDATE page SET autosave = 0", "page 1: whether its version is an autosave"),
      ("DELETE FROM page_autosave WHERE version = 4", "page 1: whether its version is an autosave"),
      ("UPDATE page_autosave SET at = at - 1", "page 1: autosaves have no versions of their times"),
      ("INSERT INTO page_autosave VALUES (1, 9, 1)", "page 1: autosaves have no versions of their times"),
      (
        "UPDATE page SET published_version = 2", "page 1: an autosave is published or scheduled"
      ),
      (
        "UPDATE page SET scheduled_version = 2, scheduled_at = 1",
        "page 1: an autosave is published or scheduled"
      ),
      (
        """
        UPDATE page SET published_version = 2, thinned = 1; DELETE FROM page_version WHERE version = 2
        """, "page 1: a version that is published or scheduled is missing"
      ),
    ])
  func broken(sql: String, finding: String) throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory, clock: clock)
    try make(engine)
    for number in 2...4 { try save(engine, "\(number)") }
    #expect(try engine.findings() == [])
    try engine.close()
    try VerifyTests.expect(finding, of: 7, after: sql, in: directory)
  }
}
