// What is counted of spenders and of tags: which values have a line of their own.

import TallyCore
import Testing

@Suite("Spenders and tags") struct RunGroupTests {
  private static func query(_ userId: String, tag: String = "f", days: Int = 2) -> StatsQuery {
    var query = StatsQuery(userId: userId, days: days, untilMicros: noon, zone: .utc, recentLimit: 0)
    (query.bySpender, query.tag) = (true, tag)
    return query
  }

  private static func counts(_ groups: [Stats.Group]) -> [String: Int64] {
    Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0.totals.all.count) })
  }

  private static func record(
    _ engine: any ServedEngine, _ runId: String, _ userId: String, _ value: String, daysAgo: Int64 = 0
  ) throws {
    let command = UsageCommand.Record.test(
      runId, userId, startedAt: noon - daysAgo * 86_400 * second, spender: "s\(userId)",
      tags: [RunTag(key: "f", value: value), RunTag(key: "undeclared", value: "v")])
    #expect(engine.apply(.usage(.record(command))).refusal == nil)
  }

  private static func declare(_ engine: any ServedEngine, _ keys: [String]) throws {
    var plan = Plan(id: "p", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never)
    (plan.tagKeys, plan.isDefault) = (keys, true)
    #expect(engine.apply(.putPlan(plan)).refusal == nil)
  }

  @Test(
    "a tag's first hundred values of a day have a line of their own, all others one",
    arguments: EngineUnderTest.allCases)
  func rest(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: noon)
    let engine = rig.engine
    try Self.declare(engine, ["f"])
    for number in 0..<103 { try Self.record(engine, "a\(number)", "a", "v\(number)") }
    // One that has its line keeps it. The day before has lines of its own.
    try Self.record(engine, "again", "a", "v0")
    try Self.record(engine, "before", "a", "v102", daysAgo: 1)
    // A line of this user, but not among those of all.
    try Self.record(engine, "b", "b", "v101")
    let own = Self.counts(try engine.stats(Self.query("a")).value.byTag)
    #expect(own.count == 102 && own["v0"] == 2 && own["v99"] == 1 && own["v100"] == nil)
    #expect(own["v102"] == 1 && own[""] == 3)
    #expect(Self.counts(try engine.stats(Self.query("b")).value.byTag) == ["v101": 1])
    let ofAll = Self.counts(try engine.stats(Self.query("")).value.byTag)
    #expect(ofAll["v0"] == 2 && ofAll["v101"] == nil && ofAll[""] == 4)
    #expect(Self.counts(try engine.stats(Self.query("a", days: 1)).value.byTag)["v102"] == nil)
    #expect(try rig.findings() == [])
  }

  @Test(
    "only keys that the plan declares at the end are counted; spenders are lines of their user only",
    arguments: EngineUnderTest.allCases)
  func declared(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: noon)
    let engine = rig.engine
    try Self.record(engine, "r1", "a", "v")
    try Self.declare(engine, ["f"])
    var begin = UsageCommand.Begin.test("r2", "a")
    begin.tags = [RunTag(key: "f", value: "w"), RunTag(key: "g", value: "x")]
    #expect(engine.apply(.usage(.begin(begin))).refusal == nil)
    #expect(try engine.stats(Self.query("a")).value.byTag == [])
    try Self.declare(engine, ["g"])
    #expect(engine.apply(.usage(.finish(.test("r2", cost: 0)))).refusal == nil)
    #expect(try engine.stats(Self.query("a")).value.byTag == [])
    #expect(Self.counts(try engine.stats(Self.query("a", tag: "g")).value.byTag) == ["x": 1])
    #expect(Self.counts(try engine.stats(Self.query("a", tag: "g")).value.bySpender) == ["sa": 1])
    #expect(try engine.stats(Self.query("")).value.bySpender == [])
    #expect(try engine.run(runId: "r1", attempt: nil, actingUserId: nil).value.tags.count == 2)
    #expect(try rig.findings() == [])
  }

  @Test(
    "users are listed by what their runs cost in a month, and by what they owe",
    arguments: EngineUnderTest.allCases)
  func lists(engine: EngineUnderTest) throws {
    let rig = try engine.rig()
    rig.setTime(micros: noon)
    let engine = rig.engine
    var plan = Plan(id: "p", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never)
    (plan.onShort, plan.isDefault) = (.collect, true)
    #expect(engine.apply(.putPlan(plan)).refusal == nil)
    for (user, cost) in [("a", 5), ("b", 9), ("c", 0), ("d", 9), ("e", 7)] as [(String, Int64)] {
      #expect(engine.apply(.usage(.begin(.test("r\(user)", user)))).refusal == nil)
      #expect(engine.apply(.usage(.finish(.test("r\(user)", cost: cost)))).refusal == nil)
    }
    func listed(_ order: UserFilter.Order, month: String = "") throws -> [String] {
      var filter = UserFilter(limit: 2)
      (filter.order, filter.month) = (order, Month(parsing: month))
      var users: [String] = []
      repeat {
        let page = try engine.users(filter).value
        users += page.users.map(\.settings.userId)
        filter.after = page.nextAfter
      } while filter.after != nil
      return users
    }
    #expect(try listed(.mostSpent) == ["d", "b", "e", "a"])
    #expect(try listed(.mostSpent, month: "2020-01") == [])
    #expect(try listed(.mostOwed) == ["d", "b", "e", "a"])
    let pay = engine.apply(purchase("b", 4, "p"))
    #expect(pay.refusal == nil)
    #expect(try listed(.mostOwed) == ["d", "e", "b", "a"])
    #expect(try listed(.mostSpent) == ["d", "b", "e", "a"])
    #expect(try rig.findings() == [])
  }
}
