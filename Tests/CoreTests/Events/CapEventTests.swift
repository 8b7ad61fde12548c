// Rules of caps: when so much of one is used.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

private let minute = 60 * second
private let hour = 60 * minute
private let day = 24 * hour

@Suite("Events of caps")
struct CapEventTests {
  private static func rule(
    _ percent: Int64, _ scope: AlertRule.Scope = .everyUser, _ id: String? = nil
  ) -> Command {
    .admin(.putRule(AlertRule(id: id ?? "at \(percent)", scope: scope, condition: .capAt(percent: percent))))
  }

  /// With rules of every user.
  private static func world(_ engine: EngineUnderTest, at percents: Int64...) throws -> CapWorld {
    let world = try CapWorld(engine)
    for percent in percents { try world.must(rule(percent)) }
    return world
  }

  private static func steps(_ world: CapWorld) throws -> [AccountEvent.CapStep] {
    var filter = EventFilter(userId: "u", limit: 100)
    filter.kinds = [.capAt]
    return try world.rig.engine.events(filter).value.rows.reversed().compactMap(\.cap)
  }

  /// Such as `at 50: day of m 50 of 100`.
  private static func told(_ world: CapWorld) throws -> [String] {
    try steps(world).map { step in
      let spender = step.spender.isEmpty ? "" : " of \(step.spender)"
      return "\(step.ruleId): \(step.cap.id)\(spender) \(step.used) of \(step.cap.limit ?? 0)"
    }
  }

  @Test(
    "debits and holds reach it, once; what is given back can reach it again, and so can the next day",
    arguments: EngineUnderTest.allCases)
  func money(engine: EngineUnderTest) throws {
    var world = try Self.world(engine, at: 50, 100)
    try world.put([.money("day", .day, 100)])
    #expect(world.consume(49) == nil)
    #expect(try Self.told(world) == [])
    #expect(world.consume(1) == nil && world.consume(10) == nil)
    #expect(try Self.told(world) == ["at 50: day 50 of 100"])
    let hold = try world.hold(40)
    #expect(try Self.told(world).last == "at 100: day 100 of 100")
    try world.must(release(hold, "r"))
    let again = try world.hold(40)
    #expect(try Self.told(world).count == 3 && Self.told(world).last == "at 100: day 100 of 100")
    // More than is held, which no cap refuses: it is past its line already.
    try world.must(.capture(.init(holdId: again, amountMicros: 90, mayDraw: true, idempotency: world.key())))
    #expect(try Self.told(world).count == 3 && world.used() == ["day": 150])
    world.pass(day)
    #expect(world.consume(100) == nil)
    #expect(try Self.told(world).suffix(2) == ["at 50: day 100 of 100", "at 100: day 100 of 100"])
    #expect(try Self.steps(world).map(\.percent) == [50, 100, 100, 50, 100])
    try world.end()
  }

  @Test(
    "a spender's cap tells whose it is and until when; whoever else spends reaches the account's only",
    arguments: EngineUnderTest.allCases)
  func spenders(engine: EngineUnderTest) throws {
    var world = try Self.world(engine, at: 80)
    try world.put([.money("all", .week, 100)])
    try world.put([.money("own", .hour, 10)], spender: "m")
    #expect(world.consume(8, "m") == nil)
    #expect(try Self.told(world) == ["at 80: own of m 8 of 10"])
    let step = try #require(try Self.steps(world).first)
    #expect(step.resetsAtMicros == noon + hour && step.cap == .money("own", .hour, 10))
    #expect(world.consume(72, "n") == nil)
    #expect(try Self.told(world) == ["at 80: own of m 8 of 10", "at 80: all 80 of 100"])
    // The week and the hour at once.
    world.pass(7 * day)
    #expect(world.consume(9, "m") == nil && world.consume(71, "x") == nil)
    #expect(try Self.told(world).suffix(2) == ["at 80: own of m 9 of 10", "at 80: all 80 of 100"])
    world.pass(7 * day)
    try world.put([.money("all", .week, 10)])
    #expect(world.consume(10, "m") == nil)
    #expect(try Self.told(world).suffix(2) == ["at 80: all 10 of 10", "at 80: own of m 10 of 10"])
    try world.end()
  }

  @Test(
    "runs reach it as they begin; one that fails or is over in time makes room, one that succeeds does not",
    arguments: EngineUnderTest.allCases)
  func generations(engine: EngineUnderTest) throws {
    var world = try Self.world(engine, at: 50)
    let ofModel = CapSubject(.generations, .last(hours: 2), model: ExactText("gpt"))
    try world.put([
      Cap(id: "all", CapSubject(.generations, .day), limit: 4), Cap(id: "gpt", ofModel, limit: 2),
    ])
    #expect(world.begin("a", model: "gpt") == nil)
    #expect(try Self.told(world) == ["at 50: gpt 1 of 2"])
    #expect(try Self.steps(world).first?.resetsAtMicros == noon + 15 * minute)
    #expect(world.begin("b", 5) == nil)
    #expect(try Self.told(world).last == "at 50: all 2 of 4")
    try world.finish("a", 1)
    #expect(try Self.told(world).count == 2)
    try world.finish("b", 5, .failed)
    #expect(world.begin("c") == nil)
    #expect(try Self.told(world).count == 3 && Self.told(world).last == "at 50: all 2 of 4")
    // It is not finished in time: it counts no longer, and again once it is recorded.
    world.pass(61 * second)
    #expect(try world.used() == ["all": 1, "gpt": 1])
    try world.finish("c", 0)
    #expect(try Self.told(world).count == 4 && Self.told(world).last == "at 50: all 2 of 4")
    // The last hours let go by themselves.
    world.pass(2 * hour)
    #expect(try world.used()["gpt"] == 0)
    let record = UsageCommand.Record.test("x", "u", startedAt: world.now - hour, model: "gpt")
    try world.must(.usage(.record(record)))
    #expect(try Self.told(world).last == "at 50: gpt 1 of 2" && Self.told(world).count == 5)
    try world.end()
  }

  @Test("a hold that has expired makes way for the next one to be told", arguments: EngineUnderTest.allCases)
  func expiry(engine: EngineUnderTest) throws {
    var world = try Self.world(engine, at: 60)
    try world.put([.money("day", .day, 100)])
    _ = try world.hold(60, seconds: 60)
    world.pass(61 * second)
    // The debit writes it off, and rises from nothing.
    #expect(world.consume(59) == nil)
    #expect(try Self.told(world) == ["at 60: day 60 of 100"])
    #expect(world.consume(1) == nil)
    #expect(try Self.told(world).count == 2)
    _ = try world.hold(40, seconds: 60)
    try world.must(Self.rule(100))
    world.pass(61 * second)
    _ = try world.hold(40, seconds: 60)
    #expect(try Self.told(world).last == "at 100: day 100 of 100" && Self.told(world).count == 3)
    try world.end()
  }

  @Test(
    "rules of the user and of the plan count, of others not; the plan's caps too, from the first run on",
    arguments: EngineUnderTest.allCases)
  func scopes(engine: EngineUnderTest) throws {
    var world = try CapWorld(engine)
    var pro = plan("pro", dollar)
    (pro.isDefault, pro.caps) = (true, [Cap(id: "runs", CapSubject(.generations, .day), limit: 1)])
    pro.spenderCaps = [.money("each", .day, 10)]
    try world.must(.putPlan(pro))
    try world.must(.putPlan(plan("other", dollar)))
    for (id, scope) in [
      ("u", AlertRule.Scope.user("u")), ("v", .user("v")), ("pro", .plan("pro")), ("other", .plan("other")),
    ] { try world.must(Self.rule(100, scope, id)) }
    #expect(world.begin("r") == nil && world.consume(10, "m") == nil)
    #expect(
      try Self.told(world) == [
        "pro: runs 1 of 1", "u: runs 1 of 1", "pro: each of m 10 of 10", "u: each of m 10 of 10",
      ])
    // Nobody has heard of this user before.
    let begin = UsageCommand.Begin.test("first", "v", estimate: 0)
    try world.must(.usage(.begin(begin)))
    var filter = EventFilter(userId: "v", limit: 9)
    filter.kinds = [.capAt]
    let rows = try world.rig.engine.events(filter).value.rows
    #expect(rows.compactMap(\.cap?.ruleId).sorted() == ["pro", "v"])
    try world.end()
  }

  @Test(
    "a limit of zero, one that is lifted, one put below what is used and a rule put later tell nothing",
    arguments: EngineUnderTest.allCases)
  func silence(engine: EngineUnderTest) throws {
    var world = try Self.world(engine, at: 1)
    try world.put([.money("none", .day, nil)])
    #expect(world.consume(10) == nil)
    try world.put([Cap(id: "zero", CapSubject(.generations, .day), limit: 0)])
    #expect(world.consume(10) == nil)
    let record = UsageCommand.Record.test("x", "u", startedAt: world.now)
    try world.must(.usage(.record(record)))
    try world.put([.money("low", .day, 100)])
    #expect(world.consume(20) == nil)
    #expect(try Self.told(world) == [])
    // 40 of 100 are used.
    try world.must(Self.rule(40))
    #expect(world.consume(10) == nil)
    #expect(try Self.told(world) == [])
    try world.must(Self.rule(51))
    #expect(world.consume(1) == nil)
    #expect(try Self.told(world) == ["at 51: low 51 of 100"])
    try world.end()
  }

  @Test("a batch's items are told one by one, all or none too", arguments: EngineUnderTest.allCases)
  func batches(engine: EngineUnderTest) throws {
    let world = try Self.world(engine, at: 50)
    try world.put([.money("day", .day, 100)])
    let outcomes = world.rig.engine.apply([consume("u", 49, "a"), consume("u", 1, "b"), consume("u", 1, "c")])
    #expect(outcomes.allSatisfy { $0.refusal == nil })
    #expect(try Self.told(world) == ["at 50: day 50 of 100"])
    world.rig.setTime(micros: noon + day)
    let items = [("d", Int64(40)), ("e", 10), ("f", 60)].map {
      Command.Consume(userId: "u", amountMicros: $1, idempotency: CoreTests.key($0))
    }
    _ = world.rig.applyAtomically(items.map { .success($0) })
    #expect(try Self.told(world).count == 1)
    _ = world.rig.applyAtomically(items.prefix(2).map { .success($0) })
    #expect(try Self.told(world).count == 2)
    try world.end()
  }

  @Test(
    "rules and events outlive a restart, and verify knows what cannot be",
    arguments: [
      ("UPDATE event SET cap_used = 7", "event 1: no cap has come so far"),
      ("UPDATE event SET cap_percent = 101", "event 1: no cap has come so far"),
      ("UPDATE event SET cap_rule_id = NULL", "event 1: no cap has come so far"),
      ("UPDATE event SET cap_resets_at = at", "event 1: the cap's window was over"),
    ])
  func corruption(_ sql: String, _ finding: String) throws {
    let directory = try TemporaryDirectory()
    var engine = try open(directory)
    _ = try engine.decide(Self.rule(80))
    _ = try engine.decide(.admin(.putCaps("u", CapList(spender: "", caps: [.money("d", .day, 10)]))))
    try engine.close()
    engine = try open(directory)
    #expect(
      try engine.alertRules(afterId: nil, limit: 9).value.rules.map(\.condition) == [.capAt(percent: 80)])
    try engine.must(purchase("u", 100, "p"))
    try engine.must(consume("u", 8, "c"))
    let before = try engine.events(EventFilter(userId: "u", limit: 9)).value.rows
    #expect(before.count == 1 && before.first?.cap?.used == 8)
    #expect(try engine.findings() == [])
    try engine.close()
    engine = try open(directory)
    #expect(try engine.events(EventFilter(userId: "u", limit: 9)).value.rows == before)
    try engine.close()
    try VerifyTests.expect(finding, of: 3, after: sql, in: directory)
  }
}
