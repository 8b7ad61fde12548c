// Events of credit that expires: by time, by changes, in slices, over restarts.

internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Events of credit that expires")
struct ExpiryEventTests {
  private static let hour: Int64 = 3_600 * second
  private static let day: Int64 = 24 * hour

  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func opened() throws -> SQLiteEngine { try CoreTests.open(directory, clock: clock) }

  private static func rule(_ id: String, _ scope: AlertRule.Scope = .everyUser, days: Int64 = 7) -> AlertRule
  {
    AlertRule(id: id, scope: scope, condition: .creditExpires(withinMillis: days * day / 1_000))
  }

  private func put(_ engine: SQLiteEngine, _ rule: AlertRule = rule("soon")) throws {
    let outcome = try engine.decide(.admin(.putRule(rule)))
    #expect(outcome.refusal == nil, "\(outcome)")
  }

  private func events(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [AccountEvent] {
    try engine.events(EventFilter(userId: userId, limit: 1_000)).value.rows.reversed()
  }

  /// The rule, the lot, and what was left of it.
  private func told(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [String] {
    try events(engine, userId).compactMap(\.expiring).map { "\($0.ruleId) \($0.lotId) \($0.amountMicros)" }
  }

  /// Moves the clock, and lets the timer do its work once.
  private func pass(_ engine: SQLiteEngine, to micros: Int64) throws {
    clock.set(wallMicros: micros)
    try engine.tick()
  }

  /// One slice alone.
  private func tellSlice(_ engine: SQLiteEngine) throws -> Bool {
    try engine.writer.perform { (committer) throws(StorageFailure) in try committer.tellExpiring() }
  }

  private func finish(_ engine: SQLiteEngine) throws {
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("credit is told of from exactly so long before its end on, once, whatever else happens")
  func border() throws {
    let engine = try opened()
    try put(engine)
    let lot = try engine.must(promo("u", 10, "g", expiresAt: noon + 10 * Self.day)).transaction.sequence
    try engine.must(purchase("u", 10, "p"))
    try pass(engine, to: noon + 3 * Self.day - 1)
    #expect(try events(engine).isEmpty)
    try pass(engine, to: noon + 3 * Self.day)
    #expect(try told(engine) == ["soon \(lot) 10"])
    let event = try #require(try events(engine).first)
    #expect(event.kind == .creditExpires && event.effectiveAtMicros == noon + 3 * Self.day)
    #expect(event.expiring?.expiresAtMicros == noon + 10 * Self.day)
    #expect(event.expiring?.withinMillis == 7 * 86_400_000 && event.crossing == nil)
    try engine.must(consume("u", 4, "c"))
    try pass(engine, to: noon + 4 * Self.day)
    #expect(try told(engine).count == 1)
    try finish(engine)
  }

  @Test("credit that is granted for less than that is told of in the commit of its grant")
  func grantedWithin() throws {
    let engine = try opened()
    try put(engine)
    let row = try engine.must(promo("u", 10, "g", expiresAt: noon + 7 * Self.day)).transaction
    let event = try #require(try events(engine).first)
    #expect(try told(engine) == ["soon \(row.sequence) 10"])
    #expect(event.commit == row.commit && event.effectiveAtMicros == noon)
    try engine.must(promo("u", 10, "g2", expiresAt: noon + 7 * Self.day + 1))
    #expect(try told(engine).count == 1)
    try pass(engine, to: noon + 1)
    #expect(try told(engine).count == 2)
    // The grant that told of itself has moved what is stored: a start does not tell of it again.
    try engine.must(promo("u", 1, "g3", expiresAt: noon + 2 * Self.day))
    try engine.close()
    let next = try opened()
    try pass(next, to: noon + Self.day)
    #expect(try told(next).count == 3)
    try finish(next)
  }

  @Test("what is spent is not told of; a refund brings it back, each time")
  func refunds() throws {
    let engine = try opened()
    try put(engine)
    let lot = try engine.must(promo("u", 10, "g", expiresAt: noon + 10 * Self.day)).transaction.sequence
    let debit = try engine.must(consume("u", 10, "c")).transaction.sequence
    try pass(engine, to: noon + 4 * Self.day)
    #expect(try events(engine).isEmpty)
    func refund(_ sequence: Int64, _ amount: Int64, _ name: String) throws -> Receipt {
      try engine.must(
        .refund(.init(debit: .transaction(sequence), amountMicros: amount, idempotency: key(name))))
    }
    let back = try refund(debit, 3, "r1").transaction
    #expect(try told(engine) == ["soon \(lot) 3"])
    #expect(try events(engine).first?.effectiveAtMicros == noon + 4 * Self.day)
    #expect(try events(engine).first?.commit == back.commit)
    // Something is left of it already.
    _ = try refund(debit, 2, "r2")
    #expect(try told(engine).count == 1)
    let second = try engine.must(consume("u", 5, "c2")).transaction.sequence
    _ = try refund(second, 5, "r3")
    #expect(try told(engine) == ["soon \(lot) 3", "soon \(lot) 5"])
    try finish(engine)
  }

  @Test("what is set aside is not left; a hold that gives it back, or ends, brings it back")
  func holds() throws {
    let engine = try opened()
    try put(engine)
    let lot = try engine.must(promo("u", 10, "g", expiresAt: noon + 10 * Self.day)).transaction.sequence
    let hold = try #require(try engine.must(reserve("u", 10, "h", seconds: 20 * 86_400)).hold)
    try pass(engine, to: noon + 4 * Self.day)
    #expect(try events(engine).isEmpty)
    try engine.must(release(hold.id, "r"))
    #expect(try told(engine) == ["soon \(lot) 10"])
    try engine.must(reserve("u", 10, "h2", seconds: 60))
    try pass(engine, to: noon + 5 * Self.day)
    #expect(try told(engine).count == 2)
    // As of the hold's end, although it was written later.
    #expect(try events(engine).last?.effectiveAtMicros == noon + 4 * Self.day + 60 * second)
    #expect(try events(engine).last?.atMicros == noon + 5 * Self.day)
    // A part that is left is told of by time alone.
    let other = try engine.must(promo("v", 10, "g", expiresAt: noon + 13 * Self.day)).transaction.sequence
    try engine.must(reserve("v", 4, "h", seconds: 20 * 86_400))
    try pass(engine, to: noon + 6 * Self.day)
    #expect(try told(engine, "v") == ["soon \(other) 6"])
    try finish(engine)
  }

  @Test("a rule that is put later than the line waits until something is given back")
  func late() throws {
    let engine = try opened()
    let old = try engine.must(promo("u", 10, "g", expiresAt: noon + 3 * Self.day)).transaction.sequence
    try put(engine)
    let lot = try engine.must(promo("u", 10, "g2", expiresAt: noon + 8 * Self.day)).transaction.sequence
    // Time has come by the second one when another rule of the same time is put, but the server has not yet.
    clock.set(wallMicros: noon + Self.day)
    try put(engine, Self.rule("late"))
    let new = try engine.must(promo("u", 1, "g3", expiresAt: noon + 7 * Self.day + Self.hour))
    try engine.tick()
    let id = new.transaction.sequence
    #expect(Set(try told(engine)) == ["soon \(id) 1", "late \(id) 1", "soon \(lot) 10"])
    #expect(try told(engine).count == 3)
    // The first to burn is the old one.
    let debit = try engine.must(consume("u", 10, "c")).transaction.sequence
    try engine.must(.refund(.init(debit: .transaction(debit), idempotency: key("r"))))
    #expect(Set(try told(engine).suffix(2)) == ["soon \(old) 10", "late \(old) 10"])
    // One that is replaced begins anew; the same again changes nothing.
    try put(engine, Self.rule("late", days: 6))
    try put(engine, Self.rule("late", days: 6))
    try engine.tick()
    #expect(try told(engine).count == 5)
    try pass(engine, to: noon + 2 * Self.day)
    #expect(try told(engine).suffix(1) == ["late \(lot) 10"])
    try finish(engine)
  }

  @Test(
    "credit that comes back before the server has come by it is told of by the rules that will not hear of it"
  )
  func lateWhileBehind() throws {
    let engine = try opened()
    try put(engine)
    let lot = try engine.must(promo("u", 10, "g", expiresAt: noon + 8 * Self.day)).transaction.sequence
    let debit = try engine.must(consume("u", 10, "c")).transaction.sequence
    clock.set(wallMicros: noon + Self.day)
    try put(engine, Self.rule("late"))
    try engine.must(.refund(.init(debit: .transaction(debit), idempotency: key("r"))))
    #expect(try told(engine) == ["late \(lot) 10"])
    try engine.tick()
    try engine.tick()
    #expect(try told(engine) == ["late \(lot) 10", "soon \(lot) 10"])
    try finish(engine)
  }

  @Test("rules of a plan and of one user are told of theirs, whatever the user's state")
  func scopes() throws {
    let engine = try opened()
    #expect(try engine.decide(.putPlan(plan("pro", 50))).refusal == nil)
    for (user, planId) in [("u", "pro"), ("v", nil), ("w", nil)] as [(String, String?)] {
      var settings = UserSettings(userId: user)
      settings.planId = planId
      settings.isSuspended = user == "u"
      #expect(try engine.decide(.admin(.putSettings(settings, keeping: []))).refusal == nil)
    }
    try put(engine, Self.rule("all"))
    try put(engine, Self.rule("of pro", .plan("pro")))
    try put(engine, Self.rule("of v", .user("v")))
    var lots: [String: Int64] = [:]
    for user in ["u", "v", "w"] {
      lots[user] = try engine.must(promo(user, 9, "g", expiresAt: noon + 8 * Self.day)).transaction.sequence
    }
    try pass(engine, to: noon + Self.day)
    for (user, rules) in [("u", ["all", "of pro"]), ("v", ["all", "of v"]), ("w", ["all"])] {
      #expect(try told(engine, user) == rules.map { "\($0) \(lots[user] ?? 0) 9" })
    }
    // The same of what is told by a grant.
    for user in ["u", "v", "w"] {
      let lot = try engine.must(promo(user, 8, "h", expiresAt: noon + 3 * Self.day)).transaction.sequence
      let rules = ["u": ["all", "of pro"], "v": ["all", "of v"]][user] ?? ["all"]
      #expect(try told(engine, user).suffix(rules.count) == rules.map { "\($0) \(lot) 8" }[...])
    }
    try finish(engine)
  }

  @Test("what has expired is not told of, also when the clock jumps over the line and the end")
  func expired() throws {
    let engine = try opened()
    try put(engine)
    try engine.must(promo("u", 10, "g", expiresAt: noon + 10 * Self.day))
    try engine.must(promo("v", 10, "g", expiresAt: noon + 10 * Self.day + 1))
    clock.set(wallMicros: noon + 10 * Self.day)
    try engine.tick(writesOff: false)
    #expect(try told(engine).isEmpty && told(engine, "v").count == 1)
    try pass(engine, to: noon + 30 * Self.day)
    #expect(try told(engine).isEmpty && told(engine, "v").count == 1)
    try finish(engine)
  }

  @Test("a server that was down tells at its next start, as of the time at which each came about")
  func restarts() throws {
    var engine = try opened()
    try put(engine)
    for number in 0..<3 as Range<Int64> {
      let end = noon + (8 + number) * Self.day
      try engine.must(promo("u", 1 + number, "g\(number)", expiresAt: end))
    }
    try engine.close()
    clock.set(wallMicros: noon + 9 * Self.day - 1)
    engine = try opened()
    try engine.tick()
    #expect(
      try events(engine).map(\.effectiveAtMicros) == [1, 2, 3].dropFirst().map { noon + $0 * Self.day })
    #expect(try told(engine).count == 2)
    // Credit that is effective later counts alike.
    let end = noon + 20 * Self.day
    try engine.must(promo("w", 5, "g", effectiveAt: end - Self.hour, expiresAt: end))
    try pass(engine, to: end - 7 * Self.day)
    #expect(try told(engine, "w").count == 1)
    try finish(engine)
  }

  @Test("many that end at once are told of in slices, over a restart in between too")
  func slices() throws {
    var engine = try opened()
    try put(engine)
    let users = (0...Committer.expiringLots).map { "u\($0)" }
    let grants = users.map { promo($0, 5, "g", expiresAt: noon + 8 * Self.day) }
    #expect(try engine.decide(grants).allSatisfy { $0.receipt != nil })
    clock.set(wallMicros: noon + Self.day)
    func toldUsers() throws -> [String] { try users.filter { try told(engine, $0).count == 1 } }
    let before = engine.state().commitSequence
    #expect(try tellSlice(engine))
    #expect(engine.state().commitSequence == before + 1)
    #expect(try toldUsers() == users.dropLast())
    // Somebody else's write goes on in between.
    try engine.must(purchase("other", 5, "p"))
    try engine.close()
    engine = try opened()
    #expect(try !tellSlice(engine))
    #expect(try toldUsers() == users)
    #expect(try !tellSlice(engine))
    #expect(try engine.events(LedgerFilter(fromSequence: 1, limit: 1_000)).value.rows.count == users.count)
    // Exactly a slice.
    let more = users.dropLast().map { promo($0, 5, "h", expiresAt: noon + 9 * Self.day) }
    #expect(try engine.decide(Array(more)).allSatisfy { $0.receipt != nil })
    clock.set(wallMicros: noon + 2 * Self.day)
    #expect(try tellSlice(engine))
    #expect(try !tellSlice(engine))
    try finish(engine)
  }

  @Test("a slice ends early when its lots have many events, and the next goes on with the lot after them")
  func manyEvents() throws {
    let engine = try opened()
    for number in 0..<AlertRule.maximumOfAScope { try put(engine, Self.rule("r\(number)")) }
    let perSlice = Committer.expiryEvents / AlertRule.maximumOfAScope
    let users = (0...perSlice).map { "u\($0)" }
    let grants = users.map { promo($0, 5, "g", expiresAt: noon + 8 * Self.day) }
    #expect(try engine.decide(grants).allSatisfy { $0.receipt != nil })
    clock.set(wallMicros: noon + Self.day)
    func count() throws -> Int {
      try users.reduce(0) { try $0 + told(engine, $1).count }
    }
    #expect(try tellSlice(engine))
    #expect(try count() == perSlice * AlertRule.maximumOfAScope)
    #expect(try !tellSlice(engine))
    #expect(try count() == users.count * AlertRule.maximumOfAScope)
    try finish(engine)
  }

  @Test("rules have so many different times in all; the last rule of a time takes its place along")
  func windows() throws {
    let engine = try opened()
    let limit = Int64(AlertRule.maximumExpiryWindows)
    for days in 1...limit { try put(engine, Self.rule("r\(days)", .user("u\(days % 2)"), days: days)) }
    func cursorCount() throws -> Int64 {
      try engine.perform { (_, store) throws(StorageFailure) in
        try store.storing { () throws(SQLiteError) in
          try store.connection.value("SELECT count(*) FROM expiry_cursor")
        }
      }
    }
    #expect(try cursorCount() == limit)
    let refusal = try engine.refusal(.admin(.putRule(Self.rule("more", days: limit + 1))))
    #expect(refusal.reason == .invalidField)
    #expect(refusal.details["field"] == "rule.credit_expires_within_millis")
    #expect(refusal.details["limit"] == "\(limit)")
    // The same time as another's, and another one for a rule that alone has its own, are no more than before.
    try put(engine, Self.rule("more", days: limit))
    try put(engine, Self.rule("r1", .user("u1"), days: limit + 1))
    #expect(try cursorCount() == limit)
    #expect(try engine.decide(.admin(.deleteRule("more"))).refusal == nil)
    #expect(try cursorCount() == limit)
    #expect(try engine.decide(.admin(.deleteRule("r1"))).refusal == nil)
    #expect(try cursorCount() == limit - 1)
    try finish(engine)
  }

  @Test("a debit reads and writes no more for such rules, and without rules a tick looks nothing up")
  func cost() throws {
    let engine = try opened()
    try engine.must(purchase("u", 100, "p"))
    try engine.must(promo("u", 10, "g", expiresAt: noon + 20 * Self.day))
    try engine.must(consume("u", 1, "c0"))
    let plain = try statements(engine) { try engine.must(consume("u", 1, "c1")) }
    #expect(try statements(engine) { try engine.tick() }.keys.allSatisfy { !$0.contains("expires_at > ?1") })
    try put(engine)
    #expect(try statements(engine) { try engine.must(consume("u", 1, "c2")) } == plain)
    try finish(engine)
  }

  @Test(
    "verify finds events of credit that cannot have been, and rules without a place",
    arguments: [
      ("UPDATE event SET expiring_amount = 11", "event 1: 11 of 10 are left"),
      (
        "UPDATE event SET expiring_at = expiring_at + 1",
        "event 1: ledger row 1 did not grant such credit to its user"
      ),
      ("UPDATE event SET expiring_rule_id = NULL", "event 1: it is of no credit"),
      (
        "UPDATE event SET effective_at = effective_at - 1",
        "event 1: it is not of the time before the credit's end"
      ),
      (
        "DELETE FROM expiry_cursor",
        "credit that expires within 604800000 ms: nothing says how far its rules have come"
      ),
      ("DELETE FROM alert_rule", "credit that expires within 604800000 ms: no rule is of it"),
      (
        "UPDATE expiry_cursor SET expires_at = expires_at + 1",
        "credit that expires within 604800000 ms: its rules have come further than the last commit"
      ),
      ("UPDATE alert_rule SET since_sequence = 2", "alert rule soon: it is of a row that is not there"),
    ])
  func verified(damage: String, finding: String) throws {
    let engine = try opened()
    try engine.must(promo("u", 10, "g", expiresAt: noon + 8 * Self.day))
    try put(engine)
    try pass(engine, to: noon + Self.day)
    #expect(try told(engine).count == 1)
    try finish(engine)
    try VerifyTests.expect(finding, of: 3, after: damage, in: directory)
  }

  @Test("a time that no rule can have, as a damaged file may say, does not overflow")
  func damagedTime() {
    let cursor = ExpiryCursor(windowMillis: 1 << 62, beginningAtMicros: noon)
    let end = cursor.end(atMicros: noon)
    #expect(end.expiresAtMicros == Int64.max)
    #expect(cursor.lineMicros(of: end) <= 0)
  }
}
