// Events: which lines are crossed, when, and how often.

internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Events")
struct EventTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func opened() throws -> SQLiteEngine { try CoreTests.open(directory, clock: clock) }

  private func put(
    _ engine: SQLiteEngine, _ id: String, _ scope: AlertRule.Scope = .everyUser, below: Int64
  ) throws {
    try put(engine, AlertRule(id: id, scope: scope, condition: .balanceBelow(micros: below)))
  }

  private func put(_ engine: SQLiteEngine, _ rule: AlertRule) throws {
    let outcome = try engine.decide(.admin(.putRule(rule)))
    #expect(outcome.refusal == nil, "\(outcome)")
  }

  /// All of a user, oldest first.
  private func events(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [AccountEvent] {
    try engine.events(EventFilter(userId: userId, limit: 1_000)).value.rows.reversed()
  }

  private func told(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [String] {
    try events(engine, userId).map { event in
      let line = event.crossing
      return "\(line?.ruleId ?? "") \(line?.beforeMicros ?? 0) \(line?.afterMicros ?? 0)"
    }
  }

  private func finish(_ engine: SQLiteEngine) throws {
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a line is crossed once, and again only after the figure was back; at the line it is not below")
  func once() throws {
    let engine = try opened()
    try put(engine, "low", below: 10)
    // Nobody with nothing has crossed anything.
    try engine.must(purchase("u", 5, "p1"))
    #expect(try events(engine).isEmpty)
    try engine.must(purchase("u", 15, "p2"))
    try engine.must(consume("u", 10, "c1"))
    #expect(try events(engine).isEmpty)
    let crossing = try engine.must(consume("u", 1, "c2")).transaction
    try engine.must(consume("u", 1, "c3"))
    try engine.must(consume("u", 1, "c2"))
    #expect(try told(engine) == ["low 10 9"])
    let event = try #require(try events(engine).first)
    #expect(event.commit == crossing.commit && event.crossing?.sequence == crossing.sequence)
    #expect(event.kind == .balanceBelow && event.effectiveAtMicros == noon && event.id == 1)
    try engine.must(purchase("u", 2, "p3"))
    try engine.must(consume("u", 3, "c4"))
    #expect(try told(engine) == ["low 10 9", "low 10 7"])
    try finish(engine)
  }

  @Test("one debit crosses all lines that it passes, and those of a batch are each judged by themselves")
  func several() throws {
    let engine = try opened()
    for (id, line) in [("a", 80), ("b", 50), ("c", 20)] { try put(engine, id, below: Int64(line)) }
    try engine.must(purchase("u", 100, "p"))
    let outcomes = try engine.decide([
      consume("u", 60, "c1"), purchase("u", 40, "p2"), consume("u", 70, "c2"), consume("v", 1, "none"),
    ])
    #expect(outcomes.filter { $0.refusal != nil }.count == 1)
    #expect(
      try told(engine) == ["b 100 40", "a 100 40", "c 80 10", "b 80 10", "a 80 10"])
    #expect(try events(engine).map(\.id) == [1, 2, 3, 4, 5])
    try finish(engine)
  }

  @Test("what is set aside is not available")
  func holds() throws {
    let engine = try opened()
    try put(engine, "low", below: 50)
    try engine.must(purchase("u", 100, "p"))
    let hold = try #require(try engine.must(reserve("u", 60, "h")).hold)
    #expect(try told(engine) == ["low 100 40"])
    // The charge takes what was set aside: nothing more is crossed, though 10 came back.
    try engine.must(capture(hold.id, 50, "c"))
    #expect(try told(engine) == ["low 100 40"])
    try finish(engine)
  }

  @Test("a rule that is put while a figure is past its line waits until it crosses")
  func late() throws {
    let engine = try opened()
    try engine.must(purchase("u", 5, "p"))
    try put(engine, "low", below: 10)
    try engine.must(consume("u", 1, "c1"))
    #expect(try events(engine).isEmpty)
    // Another line is another rule.
    try put(engine, "low", below: 4)
    try engine.must(consume("u", 1, "c2"))
    #expect(try told(engine) == ["low 4 3"])
    #expect(try engine.decide(.admin(.deleteRule("low"))).refusal == nil)
    try engine.must(purchase("u", 5, "p2"))
    try engine.must(consume("u", 7, "c3"))
    #expect(try told(engine) == ["low 4 3"])
    try finish(engine)
  }

  @Test("what is owed rises above a line; a purchase that pays it crosses none on the way")
  func owed() throws {
    let engine = try opened()
    var pro = plan("pro", 50)
    (pro.onShort, pro.isDefault) = (.collect, true)
    #expect(try engine.decide(.putPlan(pro)).refusal == nil)
    try put(engine, AlertRule(id: "owes", scope: .everyUser, condition: .owedAbove(micros: 0)))
    try put(engine, "low", below: 10)
    try engine.must(purchase("u", 5, "p"))
    #expect(try engine.decide(.usage(.begin(.test("r", "u", estimate: 1)))).run != nil)
    #expect(try engine.decide(.usage(.finish(.test("r", cost: 25)))).run != nil)
    #expect(try told(engine) == ["owes 0 20"])
    try engine.must(purchase("u", 25, "p2"))
    #expect(try told(engine) == ["owes 0 20"])
    try engine.must(consume("u", 1, "c"))
    #expect(try told(engine) == ["owes 0 20"])
    try finish(engine)
  }

  @Test("what expires crosses at its time, when it is written off, with the user's write or the sweep")
  func expiry() throws {
    let engine = try opened()
    try put(engine, "low", below: 15)
    for user in ["u", "v"] {
      try engine.must(promo(user, 20, "m", expiresAt: noon + 10 * second))
      try engine.must(purchase(user, 10, "p"))
    }
    clock.advance(byMicros: 20 * second)
    try engine.must(purchase("u", 30, "p2"))
    #expect(try told(engine) == ["low 30 10"])
    #expect(try events(engine).first?.effectiveAtMicros == noon + 10 * second)
    #expect(try events(engine).first?.atMicros == noon + 20 * second)
    try engine.sweep()
    #expect(try told(engine, "v") == ["low 30 10"])
    try finish(engine)
  }

  @Test("a rule hears nothing of what has expired before it was put, and is written off after")
  func expiredBefore() throws {
    let engine = try opened()
    try put(engine, "early", below: 15)
    try engine.must(promo("u", 20, "m", expiresAt: noon + 10 * second))
    clock.advance(byMicros: 10 * second)
    try put(engine, "just", below: 15)
    clock.advance(byMicros: 1)
    try put(engine, "late", below: 15)
    try engine.sweep()
    #expect(try told(engine) == ["early 20 0", "just 20 0"])
    try engine.must(purchase("u", 20, "p"))
    try engine.must(consume("u", 6, "c"))
    #expect(try told(engine).suffix(3) == ["early 20 14", "just 20 14", "late 20 14"])
    try finish(engine)
  }

  @Test("credit that follows another without a moment between crosses nothing; credit that begins re-arms")
  func beginnings() throws {
    let engine = try opened()
    try put(engine, "low", below: 15)
    try engine.must(promo("u", 20, "a", expiresAt: noon + 10 * second))
    try engine.must(promo("u", 20, "b", effectiveAt: noon + 10 * second))
    clock.advance(byMicros: 20 * second)
    try engine.sweep()
    #expect(try events(engine).isEmpty)
    try engine.must(promo("v", 20, "a", effectiveAt: noon + 30 * second))
    clock.advance(byMicros: 20 * second)
    try engine.must(consume("v", 6, "c"))
    #expect(try told(engine, "v") == ["low 20 14"])
    try finish(engine)
  }

  @Test("a plan's rule is of whoever is under the plan at that time, a user's of that one")
  func scopes() throws {
    let engine = try opened()
    for id in ["free", "pro"] { #expect(try engine.decide(.putPlan(plan(id, 5))).refusal == nil) }
    try put(engine, "pro", .plan("pro"), below: 50)
    try put(engine, "u", .user("u"), below: 50)
    for user in ["u", "v"] { try engine.must(purchase(user, 100, "p")) }
    func cross(_ name: String) throws {
      for user in ["u", "v"] {
        try engine.must(consume(user, 60, "c\(name)"))
        try engine.must(purchase(user, 60, "p\(name)"))
      }
    }
    try cross("1")
    #expect(try told(engine) == ["u 100 40"])
    #expect(try told(engine, "v") == [])
    var settings = UserSettings(userId: "v")
    settings.planId = "pro"
    #expect(try engine.decide(.admin(.putSettings(settings))).refusal == nil)
    try cross("2")
    #expect(try told(engine, "v") == ["pro 100 40"])
    settings.planId = "free"
    #expect(try engine.decide(.admin(.putSettings(settings))).refusal == nil)
    var pro = plan("pro", 5)
    pro.isDefault = true
    #expect(try engine.decide(.putPlan(pro)).refusal == nil)
    try cross("3")
    #expect(try told(engine, "v") == ["pro 100 40"])
    #expect(try told(engine) == ["u 100 40", "u 100 40", "u 100 40", "pro 100 40"])
    let none = try engine.refusal(
      .admin(.putRule(AlertRule(id: "x", scope: .plan("none"), condition: .owedAbove(micros: 0)))))
    #expect(none.reason == .grantNotFound)
    try finish(engine)
  }

  @Test("rules and numbers outlive a restart")
  func restart() throws {
    var engine = try opened()
    try put(engine, "low", below: 10)
    try engine.must(purchase("u", 10, "p"))
    try engine.must(consume("u", 1, "c1"))
    try engine.close()
    engine = try opened()
    try engine.must(purchase("u", 1, "p2"))
    try engine.must(consume("u", 1, "c2"))
    #expect(try events(engine).map(\.id) == [1, 2])
    #expect(try engine.alertRules(afterId: nil, limit: 10).value.rules.map(\.id) == ["low"])
    try finish(engine)
  }

  @Test("a period that is not granted is an event")
  func skippedGrants() throws {
    let engine = try opened()
    #expect(try engine.decide(.putPlan(plan("pro", 10, expiry: .periodEnd))).refusal == nil)
    var settings = UserSettings(userId: "u")
    let start = try #require(Civil(parsing: "2026-01-01")).dayNumber
    settings.subscription = Subscription(planId: "pro", startDay: start, isAutomatic: true)
    #expect(try engine.decide(.admin(.putSettings(settings))).refusal == nil)
    try engine.sweep()
    let april = try #require(Civil(parsing: "2026-04-02")).dayNumber
    clock.set(wallMicros: april * Civil.microsPerDay)
    try engine.sweep()
    let skipped = try #require(try events(engine).first)
    #expect(skipped.kind == .grantSkipped && skipped.crossing == nil)
    #expect(
      skipped.skippedGrant
        == AccountEvent.SkippedGrant(
          cause: .passed, planId: "pro", startDay: try #require(Civil(parsing: "2026-02-01")).dayNumber,
          otherStartDay: try #require(Civil(parsing: "2026-04-01")).dayNumber))
    #expect(try events(engine).count == 1)
    try finish(engine)
  }

  @Test("a scope has so many rules, and no more; the same again changes nothing")
  func limits() throws {
    let engine = try opened()
    for number in 0..<AlertRule.maximumOfAScope { try put(engine, "r\(number)", below: 10) }
    let more = AlertRule(id: "more", scope: .everyUser, condition: .balanceBelow(micros: 1))
    let refused = try engine.refusal(.admin(.putRule(more)))
    #expect(refused.reason == .invalidField && refused.details["limit"] == "64")
    try put(engine, "of u", .user("u"), below: 10)
    guard
      case .admin(.ruleStored(let rule, true, _)) = try engine.decide(
        .admin(.putRule(AlertRule(id: "r0", scope: .everyUser, condition: .balanceBelow(micros: 10)))))
    else {
      Issue.record("the rule was stored again")
      return
    }
    #expect(rule?.updatedAtMicros == noon)
    // Of another scope it makes room.
    try put(engine, "r0", .user("u"), below: 10)
    try put(engine, more)
    let first = try engine.alertRules(afterId: nil, limit: 60).value
    let rest = try engine.alertRules(afterId: first.nextAfter, limit: 60).value
    #expect(first.rules.count == 60 && rest.rules.count == 6 && rest.nextAfter == nil)
    try finish(engine)
  }

  @Test(
    "there are so many rules in all and no more; one is replaced all the same, and a deleted one makes room")
  func limitInAll() throws {
    var world = Deciding(.keysFirst, nowMicros: noon)
    try world.write { writes in
      writes.books.alerts = AlertBook(
        (1..<AlertRule.maximumInAll).map { number in
          AlertRule(id: "r\(number)", scope: .plan("p\(number)"), condition: .balanceBelow(micros: 1))
        })
    }
    func put(_ id: String, below micros: Int64 = 1) throws -> [String: String]? {
      do {
        try world.carryOut(
          .admin(.putRule(AlertRule(id: id, scope: .user("u"), condition: .balanceBelow(micros: micros)))))
        return nil
      } catch let refusal as Refusal {
        #expect(refusal.reason == .invalidField)
        return refusal.details
      }
    }
    #expect(try put("last") == nil)
    #expect(try put("more") == ["field": "rule", "limit": "16384"])
    #expect(try put("r1") == nil)
    #expect(try put("last", below: 2) == nil)
    try world.carryOut(.admin(.deleteRule("r2")))
    #expect(try put("more") == nil)
  }

  @Test("events are listed by kind, time and page")
  func lists() throws {
    let engine = try opened()
    try put(engine, "low", below: 10)
    for number in 0..<5 {
      try engine.must(purchase("u", 10, "p\(number)"))
      try engine.must(consume("u", 10, "c\(number)"))
      clock.advance(byMicros: second)
    }
    var filter = EventFilter(userId: "u", limit: 2)
    var ids: [Int64] = []
    repeat {
      let page = try engine.events(filter).value
      ids += page.rows.map(\.id)
      filter.beforeId = page.nextBefore
    } while filter.beforeId != nil
    #expect(ids == [5, 4, 3, 2, 1])
    filter = EventFilter(userId: "u", limit: 10)
    filter.fromMicros = noon + 3 * second
    #expect(try engine.events(filter).value.rows.map(\.id) == [5, 4])
    filter.kinds = [.owed]
    #expect(try engine.events(filter).value.rows.isEmpty)
    #expect(try engine.events(EventFilter(userId: "nobody", limit: 1)).value.rows.isEmpty)
    try finish(engine)
  }

  @Test(
    "verify finds an event that cannot have come about",
    arguments: [
      ("UPDATE event SET id = 9 WHERE id = 2", "event 9: the one before it is 1"),
      ("UPDATE event SET figure_after = 8 WHERE id = 1", "event 1: the figure after it is not that of"),
      ("UPDATE event SET threshold = 3 WHERE id = 1", "event 1: from 10 to 9 does not cross 3"),
      ("UPDATE event SET sequence = 1 WHERE id = 2", "event 2: ledger row 1 is another user's"),
      ("UPDATE event SET account = 2 WHERE id = 1", "event 1: ledger row 2 is another user's"),
      ("UPDATE event SET commit_sequence = 1 WHERE id = 2", "event 2: its commit is before the last one's"),
      ("UPDATE event SET at = 5 WHERE id = 2", "event 2: its time"),
      ("UPDATE event SET kind = 6 WHERE id = 1", "event 1: it is of no grant"),
      ("UPDATE event SET sequence = 99 WHERE id = 1", "event 1: it is of no ledger row"),
      ("UPDATE event SET kind = 60 WHERE id = 1", "event 1 of kind 60"),
    ])
  func damaged(sql: String, finding: String) throws {
    let engine = try opened()
    try put(engine, "low", below: 10)
    try engine.must(purchase("u", 10, "p1"))
    try engine.must(consume("u", 1, "c1"))
    try engine.must(purchase("v", 10, "p1"))
    clock.advance(byMicros: second)
    try engine.must(consume("v", 1, "c1"))
    try finish(engine)
    try VerifyTests.expect(finding, of: 3, after: sql, in: directory)
  }
}
