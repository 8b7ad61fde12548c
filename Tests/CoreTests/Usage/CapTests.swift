// Caps by window, in force on every engine: what counts, when it counts, and when it no longer does.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

private let minute = 60 * second
private let hour = 60 * minute
private let day = 24 * hour

@Suite("Caps") struct CapTests {
  private typealias World = CapWorld

  @Test(
    "a cap that is put at noon counts the morning, and its window ends by the calendar",
    arguments: EngineUnderTest.allCases)
  func morning(engine: EngineUnderTest) throws {
    var world = try World(engine, at: noon - 3 * hour)
    #expect(world.consume(30) == nil)
    world.go(to: noon)
    try world.put([Cap.money("day", .day, 100)])
    #expect(try world.used() == ["day": 30])
    #expect(
      world.consume(71) == "CAP_EXCEEDED" && world.consume(70) == nil && world.consume(1) == "CAP_EXCEEDED")
    world.go(to: noon + 12 * hour - 1)
    #expect(world.consume(1) == "CAP_EXCEEDED")
    world.pass(1)
    #expect(try world.used() == ["day": 0])
    #expect(world.consume(101) == "CAP_EXCEEDED" && world.consume(100) == nil)
    try world.end()
  }

  @Test(
    "a refusal says which cap, how much of it is used, and until when", arguments: EngineUnderTest.allCases)
  func details(engine: EngineUnderTest) throws {
    var world = try World(engine)
    try world.put([Cap.money("day", .day, 100), Cap.money("week", .week, 100)])
    try world.put([Cap.money("own", .hour, 5)], spender: "m")
    #expect(world.consume(60) == nil)
    // 15 January 2026 is a Thursday. The longest window comes first.
    let long = world.rig.engine.apply(consume("u", 41, "long")).refusal
    let monday = (noon / day + 4) * day
    #expect(
      long?.details == [
        "cap": "week", "used_micros": "60", "limit_micros": "100", "resets_at_micros": "\(monday)",
      ])
    let it = Command.Consume(userId: "u", amountMicros: 6, spender: "m", idempotency: CoreTests.key("m"))
    let spender = world.rig.engine.apply(.consume(it)).refusal
    #expect(spender?.details["cap"] == "own" && spender?.details["spender"] == "m")
    #expect(spender?.details["resets_at_micros"] == "\(noon + hour)")
    try world.end()
  }

  @Test(
    "holds count while they are open and in the window in which they were opened, refunds give no room back",
    arguments: EngineUnderTest.allCases)
  func holds(engine: EngineUnderTest) throws {
    var world = try World(engine, at: noon + 30 * minute)
    try world.put([Cap.money("hour", .hour, 100)])
    let (first, second, third) = (
      try world.hold(40), try world.hold(30), try world.hold(20, seconds: 60)
    )
    #expect(try world.used() == ["hour": 90] && world.consume(11) == "CAP_EXCEEDED")
    try world.must(release(second, "r"))
    #expect(try world.used() == ["hour": 60])
    world.pass(61 * CoreTests.second)
    // One that has expired counts no longer, written off or not.
    #expect(
      try world.used() == ["hour": 40] && world.consume(60) == nil && world.consume(1) == "CAP_EXCEEDED")
    #expect(third != first)
    let debit = try world.must(capture(first, 10, "c")).receipt?.transaction.sequence ?? 0
    #expect(try world.used() == ["hour": 70])
    try world.must(
      .refund(.init(debit: .transaction(debit), amountMicros: 10, idempotency: world.key())))
    #expect(try world.used() == ["hour": 70])
    let late = try world.hold(30)
    world.pass(30 * minute)
    #expect(try world.used() == ["hour": 0])
    // More than was held: all of it belongs to the hour before.
    try world.must(.capture(.init(holdId: late, amountMicros: 90, mayDraw: true, idempotency: world.key())))
    #expect(try world.used() == ["hour": 0])
    try world.end()
  }

  @Test("settlements are never refused, and what they took counts", arguments: EngineUnderTest.allCases)
  func settlements(engine: EngineUnderTest) throws {
    var world = try World(engine)
    try world.put([Cap.money("day", .day, 50)])
    #expect(world.begin("r", 50) == nil)
    try world.finish("r", 80)
    #expect(try world.used() == ["day": 80])
    // Nothing is left, so that no run begins without an estimate either.
    #expect(world.begin("s")?.reason == .capExceeded)
    world.pass(day)
    #expect(world.begin("s") == nil)
    try world.finish("s", 20)
    #expect(try world.used() == ["day": 20])
    try world.end()
  }

  @Test(
    "generations count what has succeeded and what is under way, by model",
    arguments: EngineUnderTest.allCases)
  func generations(engine: EngineUnderTest) throws {
    var world = try World(engine)
    let gpt = CapSubject(.generations, .last(hours: 2), model: ExactText("gpt"))
    try world.put([Cap(id: "all", CapSubject(.generations, .day), limit: 4), Cap(id: "gpt", gpt, limit: 2)])
    #expect(world.begin("a", model: "gpt") == nil && world.begin("b", 5, model: "gpt") == nil)
    let refused = world.begin("c", model: "gpt")
    #expect(refused?.details["cap"] == "gpt" && refused?.details["used"] == "2")
    #expect(refused?.details["resets_at_micros"] == "\(noon + 2 * hour)")
    try world.finish("a", 0, .failed)
    #expect(world.begin("c", model: "gpt") == nil)
    try world.finish("b", 1)
    #expect(try world.used() == ["all": 2, "gpt": 2])
    // What is not finished in time counts no longer; it is recorded all the same.
    world.pass(61 * second)
    #expect(try world.used() == ["all": 1, "gpt": 1])
    try world.finish("c", 1)
    let record = UsageCommand.Record.test("x", "u", startedAt: world.now - hour, model: "m")
    try world.must(.usage(.record(record)))
    #expect(try world.used() == ["all": 3, "gpt": 2])
    #expect(world.begin("d") == nil && world.begin("e")?.details["cap"] == "all")
    try world.end()
  }

  @Test(
    "a spender's caps and the account's move together; own ones take the plan's place, or lift it",
    arguments: EngineUnderTest.allCases)
  func spenders(engine: EngineUnderTest) throws {
    var world = try World(engine)
    var pro = plan("pro", dollar)
    pro.isDefault = true
    pro.caps = [Cap.money("all", .day, 100)]
    pro.spenderCaps = [Cap.money("each", .day, 40)]
    try world.must(.putPlan(pro))
    #expect(world.consume(40, "m1") == nil && world.consume(1, "m1") == "CAP_EXCEEDED")
    #expect(world.consume(30, "m2") == nil)
    #expect(
      try world.used() == ["all": 70] && world.used("m1") == ["each": 40] && world.used("m2") == ["each": 30])
    try world.put([Cap.money("each", .day, nil)], spender: "m1")
    #expect(try world.used("m1") == [:] && world.consume(20, "m1") == nil)
    try world.put([Cap.money("each", .day, 45)], spender: "m2")
    #expect(world.consume(16, "m2") == "CAP_EXCEEDED" && world.consume(10, "m2") == nil)
    #expect(world.consume(1) == "CAP_EXCEEDED")
    // Without caps nothing is counted; put again, all of it is.
    pro.caps = []
    pro.spenderCaps = []
    try world.must(.putPlan(pro))
    try world.put([], spender: "m2")
    try world.put([], spender: "m1")
    #expect(world.consume(500, "m1") == nil && world.consume(5) == nil)
    pro.caps = [Cap.money("all", .day, 1_000)]
    pro.spenderCaps = [Cap.money("each", .day, 600)]
    try world.must(.putPlan(pro))
    #expect(try world.used() == ["all": 605] && world.used("m1") == ["each": 560])
    #expect(world.consume(41, "m1") == "CAP_EXCEEDED" && world.consume(40, "m1") == nil)
    try world.end()
  }

  @Test("a batch's own items count, one by one and all or none", arguments: EngineUnderTest.allCases)
  func batches(engine: EngineUnderTest) throws {
    let world = try World(engine)
    let cap = Command.admin(.putCaps("u", CapList(spender: "", caps: [Cap.money("d", .day, 100)])))
    let outcomes = world.rig.engine.apply(
      [consume("u", 10, "a"), cap] + [consume("u", 60, "b"), consume("u", 31, "c"), consume("u", 30, "d")])
    #expect(outcomes.map(\.refusal?.reason) == [nil, nil, nil, .capExceeded, nil])
    let items = [("e", 1)].map {
      Command.Consume(userId: "u", amountMicros: $1, idempotency: CoreTests.key($0))
    }
    let refused = world.rig.applyAtomically(items.map { .success($0) })
    #expect(refused.map { $0.refusal?.reason } == [.capExceeded])
    world.rig.setTime(micros: noon + day)
    let all = [("f", Int64(60)), ("g", 41), ("h", 1)].map {
      Command.Consume(userId: "u", amountMicros: $1, idempotency: CoreTests.key($0))
    }
    let aborted = world.rig.applyAtomically(all.map { .success($0) })
    #expect(aborted.map { $0.refusal?.reason } == [.batchAborted, .capExceeded, .batchAborted])
    let kept = world.rig.applyAtomically([all[0], all[2]].map { .success($0) })
    #expect(kept.allSatisfy { $0.refusal == nil })
    #expect(try world.used() == ["d": 61])
    try world.end()
  }

  @Test(
    "windows are the plan's zone's, also on the days on which clocks change",
    arguments: EngineUnderTest.allCases,
    [
      // From 02:00 to 03:00 on 29 March 2026, and back from 03:00 to 02:00 on 25 October.
      ("Europe/Berlin", 1_774_738_800, 23), ("Europe/Berlin", 1_792_879_200, 25),
      // 8 March and 1 November.
      ("America/New_York", 1_772_946_000, 23), ("America/New_York", 1_793_505_600, 25),
    ])
  func clocks(engine: EngineUnderTest, zone: (name: String, midnight: Int64, hours: Int64)) throws {
    let midnight = zone.midnight * second
    var world = try World(engine, at: midnight - 1)
    var pro = plan("pro", dollar)
    (pro.isDefault, pro.timeZone) = (true, zone.name)
    pro.caps = [Cap.money("day", .day, 100), Cap.money("hour", .hour, 8)]
    try world.must(.putPlan(pro))
    #expect(world.consume(8) == nil)
    world.pass(1)
    // One an hour, as long as the day lasts.
    for hours in 0..<zone.hours {
      #expect(try world.used() == ["day": hours, "hour": 0])
      #expect(world.consume(1) == nil)
      world.pass(hour)
    }
    #expect(world.now == midnight + zone.hours * hour)
    #expect(try world.used() == ["day": 0, "hour": 0])
    // Another zone is another day: what was counted is counted anew.
    pro.timeZone = "UTC"
    try world.must(.putPlan(pro))
    let sinceMidnight = min(zone.hours, world.now % day / hour)
    #expect(try world.used()["day"] == sinceMidnight && world.consume(1) == nil)
    #expect(try world.used()["day"] == sinceMidnight + 1)
    try world.end()
  }

  @Test("the last hours let go quarter hour by quarter hour", arguments: EngineUnderTest.allCases)
  func lastHours(engine: EngineUnderTest) throws {
    var world = try World(engine)
    try world.put([Cap.money("two", .last(hours: 2), 100)])
    for _ in 0..<4 {
      #expect(world.consume(25) == nil)
      world.pass(15 * minute)
    }
    let refused = world.rig.engine.apply(consume("u", 26, "more")).refusal
    #expect(refused?.details["resets_at_micros"] == "\(noon + 2 * hour + 15 * minute)")
    world.go(to: noon + 2 * hour - 1)
    #expect(world.consume(1) == "CAP_EXCEEDED")
    world.pass(1)
    #expect(
      try world.used() == ["two": 75] && world.consume(26) == "CAP_EXCEEDED" && world.consume(25) == nil)
    try world.rig.restart()
    #expect(try world.used() == ["two": 100])
    try world.end()
  }

  @Test("who has no cap in force is not counted, whoever else is")
  func uncapped() throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    var pro = plan("pro", dollar)
    pro.caps = [Cap.money("c", .day, 10)]
    _ = try engine.decide(.putPlan(pro))
    try engine.must(purchase("u", 100, "p"))
    try engine.must(consume("u", 1, "c"))
    _ = try engine.decide(
      .admin(.putCaps("v", CapList(spender: "", caps: [Cap.money("c", .day, 10)]))))
    try engine.must(purchase("v", 100, "p"))
    try engine.must(consume("v", 1, "c"))
    func count(_ sql: String) throws -> Int64 { try directory.connection().value(sql) }
    #expect(try count("SELECT count(*) FROM cap_counter") == 1)
    #expect(try count("SELECT sum(cap_counted) FROM account WHERE user_id = 'u'") == 0)
    // Nobody counts what nothing limits any more.
    _ = try engine.decide(.admin(.putCaps("v", CapList(spender: "", caps: []))))
    try engine.must(consume("v", 1, "d"))
    #expect(try count("SELECT count(*) FROM cap_counter") == 0)
    #expect(try count("SELECT sum(cap_counted) + sum(own_caps) FROM account") == 0)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "what is counted and is not what the ledger comes to is found",
    arguments: [
      (
        "UPDATE cap_counter SET counters = (SELECT counters FROM cap_counter WHERE spender = '')",
        "account 1, spender m: 7 counted for a cap by day, not 4"
      ),
      (
        "UPDATE ledger SET amount = -2 WHERE type = 6 AND amount = -3",
        "account 1: 7 counted for a cap by day"
      ),
      ("DELETE FROM cap_counter; INSERT INTO cap_counter VALUES (1, '', 'UTC', x'01')", "counters of caps"),
      ("UPDATE account SET cap_counted = 0", "account 1: it does not know that its caps are counted"),
      ("UPDATE account SET own_caps = 1", "account 1: 1 caps, its lists have 2"),
      ("DELETE FROM cap_list WHERE spender = 'm'", "account 1: 2 caps, its lists have 1"),
    ])
  func corruption(_ sql: String, _ finding: String) throws {
    let directory = try TemporaryDirectory()
    let engine = try open(directory)
    try engine.must(purchase("u", 100, "p"))
    for spender in ["", "m"] {
      let list = CapList(spender: spender, caps: [Cap.money("c", .day, 50)])
      _ = try engine.decide(.admin(.putCaps("u", list)))
    }
    try engine.must(consume("u", 3, "a"))
    try engine.must(
      .consume(.init(userId: "u", amountMicros: 4, spender: "m", idempotency: key("b"))))
    #expect(try engine.findings() == [])
    try engine.close()
    try VerifyTests.expect(finding, of: VerifyCheck.usage.rawValue, after: sql, in: directory)
  }
}
