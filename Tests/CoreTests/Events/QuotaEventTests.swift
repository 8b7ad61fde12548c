// Rules of quotas: when so much of a plan's limit is used.

internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Events of quotas")
struct QuotaEventTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  /// With rules of every user at 50 and at 100 percent, and a plan by default.
  private func opened(_ kind: QuotaKind, _ limits: (inout PlanLimits) -> Void) throws -> SQLiteEngine {
    let engine = try CoreTests.open(directory, clock: clock)
    var pro = plan("pro", 50)
    pro.isDefault = true
    limits(&pro.limits)
    #expect(try engine.decide(.putPlan(pro)).refusal == nil)
    for percent in [50, 100] as [Int64] {
      let rule = AlertRule(
        id: "at \(percent)", scope: .everyUser, condition: .quotaAt(kind, percent: percent))
      #expect(try engine.decide(.admin(.putRule(rule))).refusal == nil)
    }
    return engine
  }

  private func told(_ engine: SQLiteEngine) throws -> [String] {
    let events = try engine.events(EventFilter(userId: "u", limit: 100)).value.rows
    return events.reversed().compactMap(\.quota).map { "\($0.ruleId) \($0.used) of \($0.limit)" }
  }

  private func begin(_ engine: SQLiteEngine, _ runId: String) throws {
    #expect(try engine.decide(.usage(.begin(.test(runId, "u", estimate: 0)))).run != nil)
  }

  private func finish(_ engine: SQLiteEngine) throws {
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("generations reach it as they begin, once; one that fails goes back; a new month begins below")
  func generations() throws {
    let engine = try opened(.generations) { $0.monthlyGenerations = 3 }
    try begin(engine, "r1")
    #expect(try told(engine) == [])
    try begin(engine, "r2")
    #expect(try told(engine) == ["at 50 2 of 3"])
    #expect(try engine.decide(.usage(.finish(.test("r1", cost: 0)))).run != nil)
    #expect(try engine.decide(.usage(.finish(.test("r2", cost: 0, status: .failed)))).run != nil)
    #expect(try told(engine).count == 1)
    try begin(engine, "r3")
    try begin(engine, "r4")
    #expect(try told(engine) == ["at 50 2 of 3", "at 50 2 of 3", "at 100 3 of 3"])
    for run in ["r3", "r4"] { #expect(try engine.decide(.usage(.finish(.test(run, cost: 0)))).run != nil) }
    let february = try #require(Civil(parsing: "2026-02-01")).dayNumber * Civil.microsPerDay
    clock.set(wallMicros: february + second)
    try begin(engine, "r5")
    #expect(try told(engine).count == 3)
    // What started in the month before counts there.
    let end = UsageCommand.End(status: .succeeded, costMicros: 0)
    for (run, start) in [("old", february - second), ("new", february)] {
      _ = try engine.decide(.usage(.record(.test(run, "u", startedAt: start, end: end))))
    }
    #expect(try told(engine).last == "at 50 2 of 3" && told(engine).count == 4)
    try finish(engine)
  }

  @Test("uploads and pages reach theirs; a deleted page makes room, an upload does not")
  func uploadsAndPages() throws {
    let engine = try opened(.uploads) { ($0.monthlyUploads, $0.pageCount) = (2, 2) }
    let pages = AlertRule(id: "pages", scope: .user("u"), condition: .quotaAt(.pages, percent: 100))
    #expect(try engine.decide(.admin(.putRule(pages))).refusal == nil)
    for id in ["m1", "m2"] {
      let media = Media(mediaId: id, userId: "u", url: "x", source: .upload)
      #expect(try engine.decide(.page(.createMedia(media))).refusal == nil)
    }
    #expect(try told(engine) == ["at 50 1 of 2", "at 100 2 of 2"])
    func create(_ id: String) throws {
      let page = PageCommand.Create(
        userId: "u", pageId: id, content: PageContent(title: id), author: "", maximumReplyByteCount: 1 << 20)
      #expect(try engine.decide(.page(.create(page))).refusal == nil)
    }
    let first = PageTarget(pageId: "p1", actingUserId: nil, maximumReplyByteCount: 1 << 20)
    for id in ["p1", "p2"] { try create(id) }
    #expect(try engine.decide(.page(.delete(first))).refusal == nil)
    #expect(try engine.decide(.page(.undelete(first))).refusal == nil)
    #expect(try told(engine).suffix(2) == ["pages 2 of 2", "pages 2 of 2"] && told(engine).count == 4)
    try finish(engine)
  }

  @Test("without a limit nothing comes about; rules outlive a restart, and verify knows what cannot be")
  func limits() throws {
    var engine = try opened(.generations) { _ in }
    try begin(engine, "r1")
    #expect(try told(engine) == [])
    try engine.close()
    engine = try CoreTests.open(directory, clock: clock)
    #expect(
      try engine.alertRules(afterId: nil, limit: 9).value.rules.map(\.condition) == [
        .quotaAt(.generations, percent: 100), .quotaAt(.generations, percent: 50),
      ])
    var pro = plan("pro", 50)
    (pro.isDefault, pro.limits.monthlyGenerations) = (true, 2)
    #expect(try engine.decide(.putPlan(pro)).refusal == nil)
    try begin(engine, "r2")
    #expect(try told(engine) == ["at 100 2 of 2"])
    try finish(engine)
    try VerifyTests.expect(
      "event 1: no quota has come so far", of: 3, after: "UPDATE event SET quota_used = 1", in: directory)
  }
}
