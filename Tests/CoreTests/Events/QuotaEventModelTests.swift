// Random runs, uploads and pages of a few users with quotas, over the borders of months and changes of
// clocks, against a model of their own, which counts all that there ever was anew for each question.
//
// TALLY_SEED sets the first seed; a failure names its own.

internal import Testing

@testable internal import TallyCore
@testable import TallyModel
@testable internal import TallySQLiteStore

@Suite("Events of quotas, model")
struct QuotaEventModelTests {
  private static let runs = 6
  private static let stepsPerRun = 260
  private static let expected = [
    "GENERATIONS", "UPLOADS", "PAGES", "QUOTA_EXCEEDED", "told again in a month", "in another month",
    "run over in time", "other limits",
  ]

  @Test("events are what the model says", arguments: EngineUnderTest.allCases)
  func agreement(engine: EngineUnderTest) throws {
    try QuotaWorld.agree(
      with: engine, runs: Self.runs, stepsPerRun: Self.stepsPerRun, expected: Self.expected)
  }
}

private struct QuotaWorld: ModelWorld {
  private static let users = ["a", "b"]
  private static let lines: [Int64] = [34, 100]
  private static let day: Int64 = 86_400_000_000

  private struct ModelRun {
    var userId: String
    var startedAt: Int64
    var expiresAt: Int64?
    var status = RunStatus.running
  }

  private struct ModelPage {
    var id: String
    var userId: String
    var isLive = true
  }

  private struct Told: Equatable {
    var userId: String
    var rule: String
    var used: Int64
    var limit: Int64
    var at: Int64
  }

  private let rig: any EngineRig
  private var random: SeededGenerator
  /// The last days of March, when clocks change in Europe.
  private var now: Int64 = 1_774_310_400_000_000
  private var plan: Plan
  private var zone = ModelZone.berlin
  private var ofRuns: [String: ModelRun] = [:]
  private var uploads: [(userId: String, at: Int64)] = []
  private var pages: [ModelPage] = []
  private var told: [Told] = []
  private var number = 0
  private(set) var last = ""
  private(set) var tally: [String: Int] = [:]

  init(rig: any EngineRig, seed: UInt64) throws {
    self.rig = rig
    random = SeededGenerator(seed: seed)
    plan = CoreTests.plan("pro", 50)
    (plan.isDefault, plan.timeZone) = (true, zone.rawValue)
    (plan.limits.monthlyGenerations, plan.limits.monthlyUploads, plan.limits.pageCount) = (4, 3, 3)
    rig.setTime(micros: now)
    let rules = QuotaKind.allCases.flatMap { kind in
      Self.lines.map {
        AlertRule(
          id: "\(kind.name) \($0)", scope: .everyUser, condition: .quotaAt(kind, percent: $0))
      }
    }
    let outcomes = rig.engine.apply([.putPlan(plan)] + rules.map { .admin(.putRule($0)) })
    try #require(outcomes.allSatisfy { $0.refusal == nil })
  }

  private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }
  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }
  private mutating func count(_ name: String) { tally[name, default: 0] += 1 }

  func findings() throws -> [String] { try rig.findings() }

  mutating func step() throws {
    number += 1
    let userId = pick(Self.users)
    switch roll(16) {
    case 0...2: try begin(userId)
    case 3, 4: try finish()
    case 5: try record(userId)
    case 6, 7: try upload(userId)
    case 8, 9: try create(userId)
    case 10, 11: try turn()
    case 12: try change()
    case 13: try rig.sweep()
    default: advance()
    }
  }

  private mutating func advance() {
    let end = zone.period(nil, at: now).end
    let choices = [
      now + Int64(roll(70)) * 1_000_000, now + Int64(roll(9)) * Self.day, end - 1, end, now + 1,
    ]
    now = max(now, pick(choices))
    last = "at \(now)"
    rig.setTime(micros: now)
  }

  // MARK: counting

  private func limit(_ kind: QuotaKind) -> Int64? {
    switch kind {
    case .generations: plan.limits.monthlyGenerations
    case .uploads: plan.limits.monthlyUploads
    case .pages: plan.limits.pageCount
    }
  }

  private func used(_ kind: QuotaKind, _ userId: String) -> Int64 {
    let month = zone.period(nil, at: now)
    func isNow(_ time: Int64) -> Bool { month.start <= time && time < month.end }
    let count: Int
    switch kind {
    case .generations:
      count =
        ofRuns.values.filter { run in
          guard run.userId == userId else { return false }
          return run.status == .succeeded
            ? isNow(run.startedAt) : run.status == .running && run.expiresAt ?? 0 > now
        }.count
    case .uploads: count = uploads.filter { $0.userId == userId && isNow($0.at) }.count
    case .pages: count = pages.filter { $0.userId == userId && $0.isLive }.count
    }
    return Int64(count)
  }

  /// Carries out a command that may use a quota, and what it does to the model.
  private mutating func change(
    _ command: Command, _ kind: QuotaKind, _ userId: String, mayBeRefused: Bool = true,
    _ apply: (inout Self) -> Void
  ) throws {
    last = "\(command)"
    let (before, limit) = (used(kind, userId), limit(kind))
    let outcome = rig.engine.apply(command)
    if mayBeRefused, let limit, before >= limit {
      count("QUOTA_EXCEEDED")
      return try #require(outcome.refusal?.reason == .quotaExceeded, "\(last): \(outcome)")
    }
    try #require(outcome.refusal == nil, "\(last): \(outcome)")
    apply(&self)
    guard let limit, limit > 0 else { return }
    let after = used(kind, userId)
    for line in Self.lines where before * 100 < line * limit && after * 100 >= line * limit {
      let event = Told(userId: userId, rule: "\(kind.name) \(line)", used: after, limit: limit, at: now)
      if let earlier = told.last(where: { $0.userId == userId && $0.rule == event.rule }) {
        let isSame = zone.period(nil, at: earlier.at).start == zone.period(nil, at: now).start
        count(isSame ? "told again in a month" : "in another month")
      }
      told.append(event)
      count(kind.name)
    }
  }

  // MARK: steps

  private mutating func begin(_ userId: String) throws {
    let runId = "run\(number)"
    try change(.usage(.begin(.test(runId, userId))), .generations, userId) {
      $0.ofRuns[runId] = ModelRun(userId: userId, startedAt: $0.now, expiresAt: $0.now + 60_000_000)
    }
  }

  private mutating func finish() throws {
    let open = ofRuns.filter { $0.value.status == .running }.keys.sorted()
    guard !open.isEmpty else { return }
    let runId = pick(open)
    guard let run = ofRuns[runId] else { return }
    let status: RunStatus = roll(3) == 0 ? .failed : .succeeded
    if run.expiresAt ?? 0 <= now { count("run over in time") }
    let finish = UsageCommand.Finish.test(runId, cost: 0, status: status)
    try change(.usage(.finish(finish)), .generations, run.userId, mayBeRefused: false) {
      $0.ofRuns[runId]?.status = status
    }
  }

  private mutating func record(_ userId: String) throws {
    let runId = "run\(number)"
    let startedAt = pick([now, now - Int64(roll(30)) * Self.day, zone.period(nil, at: now).start - 1])
    if startedAt < now - 34 * Self.day { return }
    let record = UsageCommand.Record.test(runId, userId, startedAt: startedAt)
    try change(.usage(.record(record)), .generations, userId, mayBeRefused: false) {
      $0.ofRuns[runId] = ModelRun(userId: userId, startedAt: startedAt, status: .succeeded)
    }
  }

  private mutating func upload(_ userId: String) throws {
    let media = Media(mediaId: "m\(number)", userId: userId, url: "x", source: .upload)
    try change(.page(.createMedia(media)), .uploads, userId) { $0.uploads.append((userId, $0.now)) }
  }

  private mutating func create(_ userId: String) throws {
    let id = "p\(number)"
    let page = PageCommand.Create(
      userId: userId, pageId: id, content: PageContent(title: id), author: "", maximumReplyByteCount: 1 << 20)
    try change(.page(.create(page)), .pages, userId) { $0.pages.append(ModelPage(id: id, userId: userId)) }
  }

  /// Deletes a page, or takes it back.
  private mutating func turn() throws {
    guard !pages.isEmpty else { return }
    let index = roll(pages.count)
    let page = pages[index]
    let target = PageTarget(pageId: page.id, actingUserId: nil, maximumReplyByteCount: 1 << 20)
    let command = Command.page(page.isLive ? .delete(target) : .undelete(target))
    try change(command, .pages, page.userId, mayBeRefused: !page.isLive) { $0.pages[index].isLive.toggle() }
  }

  /// Another limit or another zone tells nothing by itself.
  private mutating func change() throws {
    guard roll(3) == 0 else { return }
    zone = pick(ModelZone.allCases)
    plan.timeZone = zone.rawValue
    plan.limits.monthlyGenerations = pick([nil, 0, 2, 3, 4, 5])
    plan.limits.monthlyUploads = pick([nil, 1, 2, 3])
    plan.limits.pageCount = pick([nil, 2, 3, 4])
    last = "\(plan)"
    try #require(rig.engine.apply(.putPlan(plan)).refusal == nil)
    count("other limits")
  }

  // MARK: comparing

  /// nil when the engine has told what the model has.
  func difference() throws -> String? {
    for userId in Self.users {
      var filter = EventFilter(userId: userId, limit: 1_000)
      filter.kinds = [.quotaAt]
      let stored = try rig.engine.events(filter).value.rows.reversed().map { event in
        Told(
          userId: event.userId, rule: event.quota?.ruleId ?? "", used: event.quota?.used ?? 0,
          limit: event.quota?.limit ?? 0, at: event.effectiveAtMicros)
      }
      let expected = told.filter { $0.userId == userId }
      if stored != expected { return "\(stored.suffix(3)), expected \(expected.suffix(3))" }
    }
    return nil
  }
}
