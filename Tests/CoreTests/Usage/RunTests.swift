// Runs in the store: what races for a quota, what fails half way, what a restart keeps.

internal import TallyLocking
internal import Testing

@testable internal import TallyCore
@testable import TallyModel
@testable internal import TallySQLiteStore

extension SQLiteEngine {
  /// Expects a command of runs to be applied.
  @discardableResult
  func must(_ command: UsageCommand, sourceLocation: SourceLocation = #_sourceLocation) throws -> RunReceipt {
    let outcome = try decide(.usage(command))
    return try #require(outcome.run, "\(outcome)", sourceLocation: sourceLocation)
  }

  /// Gives users a plan that allows so many generations a month.
  func subscribe(_ userIds: [String], generations: Int64?) throws {
    var pro = plan("pro", dollar)
    pro.limits.monthlyGenerations = generations
    _ = try decide(.putPlan(pro))
    for userId in userIds {
      var settings = UserSettings(userId: userId)
      settings.planId = "pro"
      _ = try decide(.admin(.putSettings(settings)))
    }
  }
}

extension Outcome {
  var run: RunReceipt? {
    guard case .usage(.run(let receipt)) = self else { return nil }
    return receipt
  }
}

func begin(
  _ userId: String, _ runId: String, _ estimateMicros: Int64 = 0, attempt: Int32 = 1, seconds: Int64 = 60,
  digest: UInt8 = 1
) -> UsageCommand {
  .begin(
    UsageCommand.Begin(
      userId: userId, runId: runId, attempt: attempt, model: "m", type: "t", estimateMicros: estimateMicros,
      ttlMillis: seconds * 1_000, digest: Digest(bytes: [UInt8](repeating: digest, count: 32))))
}

func finish(
  _ runId: String, _ costMicros: Int64?, _ status: RunStatus = .succeeded, attempt: Int32 = 1,
  digest: UInt8 = 2
) -> UsageCommand {
  .finish(
    UsageCommand.Finish(
      runId: runId, attempt: attempt, end: UsageCommand.End(status: status, costMicros: costMicros),
      digest: Digest(bytes: [UInt8](repeating: digest, count: 32))))
}

func record(
  _ userId: String, _ runId: String, at startedAtMicros: Int64? = nil, cost: Int64 = 1
) -> UsageCommand {
  .record(
    UsageCommand.Record(
      userId: userId, runId: runId, model: "m", type: "t",
      end: UsageCommand.End(status: .succeeded, costMicros: cost), startedAtMicros: startedAtMicros,
      digest: Digest(bytes: [UInt8](repeating: 3, count: 32))))
}

@Suite("Run store")
struct RunTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  /// What became of 64 runs begun all at once.
  private func race(_ engine: SQLiteEngine, estimateMicros: Int64) throws -> [String: Int] {
    let outcomes = Monitor<[String: Int]>([:])
    let gate = Monitor(false)
    let threads = try (0..<64).map { number in
      try Thread {
        _ = gate.wait(until: { $0 }, then: { _ in })
        let outcome = try? engine.decide(.usage(begin("u", "r\(number)", estimateMicros)))
        let name = outcome?.run != nil ? "begun" : outcome?.refusal?.reason.rawValue ?? "lost"
        outcomes.withLock { $0[name, default: 0] += 1 }
      }
    }
    gate.withLock { $0 = true }
    gate.broadcast()
    for thread in threads { try thread.join() }
    return outcomes.withLock { $0 }
  }

  @Test("of 64 runs begun at once on a quota of ten, ten are")
  func quotaRace() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", 100 * dollar, "p"))
    try engine.subscribe(["u"], generations: 10)
    #expect(try race(engine, estimateMicros: dollar) == ["begun": 10, "QUOTA_EXCEEDED": 54])
    #expect(try engine.available("u") == 90 * dollar)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("on a balance for seven, seven are, and what is refused uses up no quota")
  func balanceRace() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", 7 * dollar + dollar / 2, "p"))
    try engine.subscribe(["u"], generations: 10)
    #expect(try race(engine, estimateMicros: dollar) == ["begun": 7, "INSUFFICIENT_CREDITS": 57])
    #expect(try engine.available("u") == dollar / 2)
    // Three are left of the quota: those ask for nothing.
    for name in ["a", "b", "c"] { try engine.must(begin("u", name)) }
    #expect(try engine.refusal(.usage(begin("u", "d"))).reason == .quotaExceeded)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a commit looks once for what a user has under way, however many runs it begins and ends")
  func lookedForOnce() throws {
    let engine = try open(directory, clock: clock)
    try engine.subscribe(["u"], generations: 100)
    let list = CapList(
      spender: "", caps: [Cap(id: "c", CapSubject(.generations, .day), limit: 45)])
    _ = try engine.decide(.admin(.putCaps("u", list)))
    #expect(try engine.decide((0..<20).map { .usage(begin("u", "a\($0)")) }).allSatisfy { $0.refusal == nil })
    let before = engine.statements.runCounts
    let outcomes = try engine.decide(
      (0..<10).map { .usage(finish("a\($0)", 0, .failed)) } + (0..<40).map { .usage(begin("u", "b\($0)")) })
    let after = engine.statements.runCounts
    #expect(outcomes.filter { $0.run != nil }.count == 10 + 35)
    #expect(outcomes.compactMap { $0.refusal?.reason } == Array(repeating: .capExceeded, count: 5))
    for sql in [RunTable.underWaySQL, RunTable.openCountSQL] {
      #expect(after[sql] == (before[sql] ?? 0) + 1, "\(sql)")
    }
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("runs of one commit see each other: the same replays, another conflicts, quotas count")
  func oneCommit() throws {
    let engine = try open(directory, clock: clock)
    try engine.subscribe(["u"], generations: 2)
    let outcomes = try engine.decide([
      .usage(begin("u", "r1")), .usage(begin("u", "r1")), .usage(begin("v", "r1", digest: 9)),
      .usage(begin("u", "r2")), .usage(begin("u", "r3")), .usage(finish("r1", 0, .failed)),
      .usage(begin("u", "r3")), .usage(finish("r1", 0, .failed)),
    ])
    #expect(outcomes.map { $0.run?.replayed } == [false, true, nil, false, nil, false, false, true])
    #expect(outcomes.compactMap { $0.refusal?.reason } == [.runConflict, .quotaExceeded])
    let points = outcomes.enumerated().compactMap { index, outcome in
      outcome.run?.replayed == true ? nil : outcome.run?.commit ?? outcome.refusal?.commit
    }
    #expect(Set(points.map(\.sequence)).count == 1 && points.map(\.position) == [0, 1, 2, 3, 4, 5])
    try engine.close()
  }

  @Test(
    "what others have used is nobody's quota who was not known before", arguments: EngineUnderTest.allCases)
  func unknownUser(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: noon)
    var plan = plan("pro", dollar)
    (plan.isDefault, plan.limits.monthlyGenerations) = (true, 2)
    for (number, zone) in ["", "Asia/Kathmandu"].enumerated() {
      plan.timeZone = zone
      #expect(rig.engine.apply(.putPlan(plan)).refusal == nil)
      // At the month's edge in that zone, and within it.
      for (index, at) in [noon - 14 * 86_400 * second - 15 * 3_600 * second, noon].enumerated() {
        for run in 0..<2 {
          #expect(
            rig.engine.apply(.usage(record("other", "\(number)-\(index)-\(run)", at: at))).refusal == nil)
        }
      }
      #expect(rig.engine.apply(.usage(begin("new\(number)", "first\(number)"))).refusal == nil)
    }
  }

  @Test("a run that fails in SQL leaves nothing, and the others of its commit go on as if it had not been")
  func undone() throws {
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      switch command {
      case .usage(.begin(let begin)) where begin.runId == "bad": throw .outOfMemory
      case .usage(.finish(let finish)) where finish.runId == "r2": throw .outOfMemory
      default: return
      }
    }
    let engine = try open(directory, clock: clock, faults: faults)
    try engine.must(purchase("u", 10 * dollar, "p"))
    try engine.subscribe(["u"], generations: 3)
    let outcomes = try engine.decide([
      .usage(begin("u", "r1", dollar)), .usage(begin("u", "bad", dollar)), .usage(begin("u", "r2", dollar)),
      .usage(finish("r2", dollar)), .usage(finish("r1", dollar / 2)), .usage(begin("u", "r3")),
      .usage(begin("u", "r4")),
    ])
    #expect(outcomes.map { $0.run != nil } == [true, false, true, false, true, true, false])
    #expect(outcomes[6].refusal?.reason == .quotaExceeded)
    #expect(throws: Refusal.self) { try engine.run(runId: "bad", attempt: nil, actingUserId: nil) }
    #expect(try engine.run(runId: "r2", attempt: nil, actingUserId: nil).value.status == .running)
    #expect(try engine.available("u") == 10 * dollar - dollar / 2 - dollar)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a restart keeps runs, and replays answer what was stored")
  func restart() throws {
    let first = try open(directory, clock: clock)
    try first.must(purchase("u", 10 * dollar, "p"))
    let begun = try first.must(begin("u", "r1", dollar))
    let finished = try first.must(finish("r1", 2 * dollar))
    let recorded = try first.must(record("v", "r2", at: noon - 5))
    try first.close()
    let second = try open(directory, clock: clock)
    var expected = begun
    (expected.replayed, expected.run) = (true, finished.run)
    expected.hold = try second.holds(HoldFilter(userId: "u", limit: 1)).value.rows.first
    #expect(expected.hold?.state == .captured)
    #expect(try second.must(begin("u", "r1", dollar)) == expected)
    expected = finished
    expected.replayed = true
    #expect(try second.must(finish("r1", 2 * dollar)) == expected)
    expected = recorded
    expected.replayed = true
    #expect(try second.must(record("v", "r2", at: noon - 5)) == expected)
    #expect(try second.run(runId: "r1", attempt: nil, actingUserId: "u").value == finished.run)
    try second.close()
  }

  @Test("an expired hold is written off first, and its credit pays the run that had it")
  func expiredHold() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(promo("u", 3 * dollar, "g", expiresAt: noon + 30 * second))
    try engine.must(purchase("u", dollar, "p"))
    try engine.must(begin("u", "r1", 2 * dollar, seconds: 20))
    try engine.must(begin("u", "r2", dollar, seconds: 40))
    clock.set(wallMicros: noon + 25 * second)
    // What the first hold gave back is there again.
    let first = try engine.must(finish("r1", 2 * dollar))
    #expect(first.run.chargedMicros == 2 * dollar && first.transaction?.holdId == nil)
    clock.set(wallMicros: noon + 45 * second)
    // The second's lot expired before it did: its credit is forfeited.
    let second = try engine.must(finish("r2", 2 * dollar))
    #expect(second.run.chargedMicros == dollar && second.run.uncollectedMicros == dollar)
    #expect(second.balance?.postedMicros == 0)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a page of runs takes the same statements at 10 and at 1,000 rows")
  func statementCounts() throws {
    let engine = try open(directory, clock: clock)
    let commands = (0..<1_000).map { Command.usage(record("u", "r\($0)", at: noon - Int64($0))) }
    #expect(try engine.decide(commands).allSatisfy { $0.run != nil })
    func count(_ limit: Int) throws -> [String: Int64] {
      try statements(engine) {
        let page = try engine.runs(RunFilter(userId: "u", limit: limit))
        #expect(page.value.runs.count == limit)
      }
    }
    _ = try count(10)
    let few = try count(10)
    #expect(try count(1_000) == few && few.values.reduce(0, +) == 5)
    try engine.close()
  }

  @Test("a page that ends after the rows it may look at says where to go on")
  func examined() throws {
    let engine = try open(directory, clock: clock)
    let commands = (0...TallySQLiteStore.History.maximumExaminedRows).map {
      Command.usage(record("u", "r\($0)", at: noon - Int64($0)))
    }
    _ = try engine.decide(commands)
    var filter = RunFilter(userId: "u", limit: 5)
    filter.statuses = [.failed]
    let page = try engine.runs(filter).value
    #expect(page.runs.isEmpty)
    filter.before = page.nextBefore
    #expect(filter.before != nil)
    filter.statuses = []
    let last = "r\(TallySQLiteStore.History.maximumExaminedRows)"
    #expect(try engine.runs(filter).value.runs.map(\.runId) == [last])
    try engine.close()
  }

  @Test("a hold that is extended and captured by its run's end in one commit leaves the run as it was told")
  func extendedAndFinished() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", dollar, "p"))
    let begun = try engine.must(begin("u", "r1", 100))
    let hold = try #require(begun.run.holdId)
    let outcomes = try engine.decide([extend(hold, "e", seconds: 600), .usage(finish("r1", 1))])
    let told = try #require(outcomes[1].run?.run)
    #expect(told.expiresAtMicros != begun.run.expiresAtMicros)
    #expect(try engine.run(runId: "r1", attempt: nil, actingUserId: nil).value == told)
    #expect(try engine.decide([.usage(finish("r1", 1))])[0].run?.run == told)
    try engine.close()
  }

  @Test("whoever begins, extends or ends a run makes answers about runs stale")
  func staleAnswers() throws {
    let touches = Touches()
    let engine = try open(directory, clock: clock, configure: { $0.observer = touches })
    try engine.must(purchase("u", dollar, "p"))
    func isForgotten(after body: () throws -> Void) throws -> Bool {
      touches.clear(commitSequence: 0)
      try body()
      return touches.stats == ["u", ""]
    }
    #expect(try isForgotten { try engine.must(begin("u", "r1", 100)) })
    let hold = try #require(try engine.run(runId: "r1", attempt: nil, actingUserId: nil).value.holdId)
    #expect(try isForgotten { try engine.must(extend(hold, "e")) })
    #expect(try isForgotten { try engine.must(finish("r1", 1)) })
    #expect(try isForgotten { try engine.must(record("u", "r2")) })
    #expect(try !isForgotten { try engine.must(record("u", "r2")) })
    try engine.close()
  }
}

/// Whose statistics commits have changed.
private final class Touches: CommitObserver {
  private let userIds = Lock<Set<String>>([])

  var stats: Set<String> { userIds.withLock { $0 } }

  func forget(_ touched: Touched, commitSequence: Int64) {
    userIds.withLock { $0.formUnion(touched.stats.map(\.text)) }
  }

  func clear(commitSequence: Int64) { userIds.withLock { $0 = [] } }
}
