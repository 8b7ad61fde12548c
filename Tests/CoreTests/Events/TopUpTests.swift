// Top-ups: when an intent is opened and of how much, who takes it, and how it ends.

internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Top-ups")
struct TopUpTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func opened() throws -> SQLiteEngine { try CoreTests.open(directory, clock: clock) }

  private func put(
    _ engine: SQLiteEngine, _ userId: String = "u", below: Int64 = 10, target: Int64 = 50, cap: Int64? = nil,
    count: Int64? = nil, cooldown: Int64 = 0, isEnabled: Bool = true
  ) throws {
    let outcome = try engine.decide(
      .topUp(
        .put(
          TopUp(
            userId: userId, thresholdMicros: below, targetMicros: target, monthlyCapMicros: cap,
            monthlyCapCount: count, cooldownMillis: cooldown * 1_000, isEnabled: isEnabled))))
    #expect(outcome.refusal == nil, "\(outcome)")
  }

  /// All of a user, oldest first.
  private func intents(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [TopUpIntent] {
    try engine.topUpIntents(TopUpIntentFilter(userId: userId, limit: 1_000)).value.rows.reversed()
  }

  private func told(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [String] {
    try intents(engine, userId).map { "\($0.amountMicros) \($0.state.name)" }
  }

  private func events(_ engine: SQLiteEngine, _ userId: String = "u") throws -> [String] {
    let rows = try engine.events(EventFilter(userId: userId, limit: 1_000)).value.rows
    return rows.reversed().compactMap(\.topUp).map { "\($0.intentId) \($0.state.name) \($0.amountMicros)" }
  }

  @discardableResult
  private func take(_ engine: SQLiteEngine, _ worker: String = "w", seconds: Int64 = 60) throws
    -> TopUpIntent?
  {
    let outcome = try engine.decide(.topUp(.take(.init(worker: worker, leaseMillis: seconds * 1_000))))
    return try #require(outcome.intent).intent
  }

  private func fail(_ engine: SQLiteEngine, _ id: Int64, _ worker: String = "w", _ message: String = "no")
    throws -> Outcome
  {
    try engine.decide(.topUp(.fail(.init(intentId: id, worker: worker, message: message))))
  }

  private func paid(_ amountMicros: Int64, _ name: String, _ intent: Int64, _ userId: String = "u") -> Command
  {
    .addPurchase(
      .init(
        userId: userId, paymentId: "pay-\(name)", amountMicros: amountMicros, intentId: intent,
        idempotency: key(name)))
  }

  private func finish(_ engine: SQLiteEngine) throws {
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a debit below the threshold opens one intent that clears the shortfall; its purchase closes it")
  func once() throws {
    let engine = try opened()
    try engine.must(purchase("u", 30, "p"))
    try put(engine)
    try engine.must(consume("u", 20, "c1"))
    #expect(try told(engine) == [])
    let crossing = try engine.must(consume("u", 4, "c2")).transaction
    #expect(try told(engine) == ["44 OPEN"])
    try engine.must(consume("u", 5, "c3"))
    #expect(try told(engine) == ["44 OPEN"])
    let intent = try #require(try intents(engine).first)
    #expect(intent.availableMicros == 6 && intent.owedMicros == 0 && intent.openedAtMicros == noon)
    let row = try engine.must(paid(44, "t", intent.id)).transaction
    #expect(row.intentId == "intent-1")
    #expect(try intents(engine).first?.purchase == row.sequence)
    #expect(try engine.balance(userId: "u").value.availableMicros == 45)
    #expect(try told(engine) == ["44 CLOSED"])
    #expect(try events(engine) == ["1 OPEN 44", "1 CLOSED 44"])
    let opening = try engine.events(EventFilter(userId: "u", limit: 9)).value.rows.last
    #expect(opening?.commit == crossing.commit)
    // The same again, under its key and under another one.
    #expect(try engine.must(paid(44, "t", intent.id)).replayed)
    try engine.must(consume("u", 40, "c4"))
    #expect(try told(engine) == ["44 CLOSED", "45 OPEN"])
    try finish(engine)
  }

  @Test("a payment that was added without its intent closes it once its worker tells, and no other one")
  func toldLater() throws {
    let engine = try opened()
    try engine.must(purchase("u", 5, "p"))
    try put(engine)
    #expect(try take(engine)?.id == 1)
    try engine.must(purchase("u", 45, "webhook", payment: "pay-t"))
    #expect(try told(engine) == ["45 OPEN"])
    let closing = try engine.must(paid(45, "t", 1))
    #expect(closing.replayed && closing.transaction.intentId == nil)
    #expect(try told(engine) == ["45 CLOSED"] && events(engine) == ["1 OPEN 45", "1 CLOSED 45"])
    #expect(try intents(engine).first?.purchase == closing.transaction.sequence)
    #expect(try engine.must(paid(45, "t", 1)).replayed)
    try engine.must(consume("u", 45, "c"))
    #expect(try told(engine) == ["45 CLOSED", "45 OPEN"])
    func refusal(_ payment: String, _ amount: Int64, _ intent: Int64) throws -> Reason {
      let it = CreditCommand.AddPurchase(
        userId: "u", paymentId: payment, amountMicros: amount, intentId: intent, idempotency: key("other"))
      return try engine.refusal(.addPurchase(it)).reason
    }
    #expect(try refusal("pay-t", 45, 2) == .paymentConflict)
    try engine.must(paid(45, "t2", 2))
    #expect(try refusal("pay-t2", 45, 1) == .paymentConflict)
    // One that is closed is not closed by another payment.
    #expect(try refusal("pay-u-p", 5, 1) == .topUpIntentEnded)
    try finish(engine)
  }

  @Test("a hold, an expiry and what is owed count as well")
  func others() throws {
    let engine = try opened()
    var pro = plan("pro", 50)
    (pro.onShort, pro.isDefault) = (.collect, true)
    #expect(try engine.decide(.putPlan(pro)).refusal == nil)
    for user in ["h", "e", "o"] {
      try engine.must(promo(user, 20, "m", expiresAt: noon + 10 * second))
      try engine.must(purchase(user, 5, "p"))
      try put(engine, user)
    }
    try engine.must(reserve("h", 16, "r", seconds: 600))
    #expect(try told(engine, "h") == ["41 OPEN"])
    #expect(try engine.decide(.usage(.begin(.test("r", "o", estimate: 1)))).run != nil)
    #expect(try engine.decide(.usage(.finish(.test("r", cost: 32)))).run != nil)
    #expect(try told(engine, "o") == ["57 OPEN"])
    #expect(try intents(engine, "o").first?.owedMicros == 7)
    clock.advance(byMicros: 20 * second)
    try engine.sweep()
    #expect(try told(engine, "e") == ["45 OPEN"])
    // The purchase pays what is owed first.
    let open = try #require(try intents(engine, "o").first)
    try engine.must(paid(57, "t", open.id, "o"))
    #expect(try engine.balance(userId: "o").value.availableMicros == 50)
    try finish(engine)
  }

  @Test("who is below the threshold when a setting is put gets an intent at once, an absent user too")
  func late() throws {
    let engine = try opened()
    try put(engine)
    #expect(try told(engine) == ["50 OPEN"])
    try engine.must(promo("v", 20, "m", expiresAt: noon + second))
    clock.advance(byMicros: 2 * second)
    try put(engine, "v")
    #expect(try told(engine, "v") == ["50 OPEN"])
    try engine.must(promo("w", 20, "m", effectiveAt: noon + second))
    try put(engine, "w")
    #expect(try told(engine, "w") == [])
    try finish(engine)
  }

  @Test("none is opened within the cooldown; when it is over, one comes by itself after one that was closed")
  func cooldown() throws {
    let engine = try opened()
    try put(engine, cooldown: 60)
    try engine.must(paid(5, "t1", 1))
    try engine.must(consume("u", 1, "c"))
    clock.advance(byMicros: 59 * second)
    try engine.sweep()
    #expect(try told(engine) == ["50 CLOSED"])
    clock.advance(byMicros: second)
    try engine.sweep()
    #expect(try told(engine) == ["50 CLOSED", "46 OPEN"])
    #expect(try intents(engine).last?.openedAtMicros == noon + 60 * second)
    // Nobody who was topped up in between needs one.
    try engine.must(paid(5, "t2", 2))
    try engine.must(purchase("u", 10, "p"))
    clock.advance(byMicros: 100 * second)
    try engine.sweep()
    #expect(try told(engine).count == 2)
    try finish(engine)
  }

  @Test("after one that was cancelled the next comes with a change of the account after the cooldown")
  func afterCancelling() throws {
    let engine = try opened()
    try engine.must(purchase("u", 9, "p"))
    try put(engine, cooldown: 60)
    #expect(try engine.decide(.topUp(.cancel(1))).intent?.intent?.state == .cancelled)
    #expect(try engine.decide(.topUp(.cancel(1))).intent?.unchanged == true)
    try engine.must(consume("u", 1, "c1"))
    clock.advance(byMicros: 100 * second)
    try engine.sweep()
    #expect(try told(engine) == ["41 CANCELLED"])
    try engine.must(consume("u", 1, "c2"))
    #expect(try told(engine) == ["41 CANCELLED", "43 OPEN"])
    // Paid for all the same.
    try engine.must(paid(41, "late", 1))
    #expect(try told(engine) == ["41 CLOSED", "43 OPEN"])
    #expect(try engine.refusal(.topUp(.cancel(1))).reason == .topUpIntentEnded)
    try finish(engine)
  }

  @Test("a month's cap cuts the last intent, then there is none until the next month begins")
  func caps() throws {
    let engine = try opened()
    try put(engine, target: 50, cap: 70)
    try engine.must(paid(60, "t1", 1))
    try engine.must(consume("u", 55, "c"))
    // 60 was paid, not 50.
    #expect(try told(engine) == ["50 CLOSED", "10 OPEN"])
    try engine.must(paid(3, "t2", 2))
    #expect(try told(engine) == ["50 CLOSED", "10 CLOSED", "7 OPEN"])
    try engine.must(paid(7, "t3", 3))
    try engine.must(consume("u", 6, "c2"))
    #expect(try told(engine).count == 3)
    let february = try #require(Civil(parsing: "2026-02-01")).dayNumber * Civil.microsPerDay
    clock.set(wallMicros: february - 1)
    try engine.sweep()
    #expect(try told(engine).count == 3)
    clock.set(wallMicros: february)
    try engine.sweep()
    #expect(try told(engine).last == "41 OPEN")
    let topUp = try #require(try engine.topUp(userId: "u").value)
    #expect(topUp.month?.text == "2026-02" && topUp.month?.micros == 41 && topUp.month?.count == 1)
    try finish(engine)
  }

  @Test("a cap may be of a number; what was cancelled does not count")
  func countCap() throws {
    let engine = try opened()
    try put(engine, count: 1)
    #expect(try engine.decide(.topUp(.cancel(1))).refusal == nil)
    try engine.must(purchase("u", 3, "p"))
    try engine.must(paid(4, "t", 2))
    #expect(try told(engine) == ["50 CANCELLED", "47 CLOSED"])
    try put(engine, count: 2)
    #expect(try told(engine).last == "43 OPEN")
    try finish(engine)
  }

  @Test("the one due for longest is leased to one worker, who gets it again; a lease that ran out frees it")
  func leases() throws {
    let engine = try opened()
    try put(engine, "u")
    clock.advance(byMicros: second)
    try put(engine, "v")
    #expect(try take(engine, "a")?.userId == "u")
    #expect(try take(engine, "a")?.id == 1)
    let again = try engine.decide(.topUp(.take(.init(worker: "a", leaseMillis: 1))))
    #expect(again.intent?.unchanged == true && again.intent?.intent?.leasedUntilMicros == noon + 61 * second)
    #expect(try take(engine, "b")?.userId == "v")
    #expect(try take(engine, "c") == nil)
    clock.advance(byMicros: 60 * second)
    #expect(try take(engine, "c")?.id == 1)
    #expect(
      try engine.refusal(.topUp(.fail(.init(intentId: 1, worker: "a", message: "")))).reason
        == .topUpIntentNotLeased)
    // Whoever has the payment may add it.
    try engine.must(paid(50, "t", 1))
    #expect(
      try engine.refusal(.topUp(.fail(.init(intentId: 1, worker: "c", message: "")))).reason
        == .topUpIntentEnded)
    // All of one batch.
    clock.advance(byMicros: 60 * second)
    let taken = try engine.decide(
      ["x", "y", "x"].map { .topUp(.take(.init(worker: $0, leaseMillis: 1_000))) })
    #expect(taken.map { $0.intent?.intent?.id } == [2, nil, 2])
    try finish(engine)
  }

  @Test("a failure pauses the intent, twice as long each time; after eight it is given up")
  func failures() throws {
    let engine = try opened()
    try put(engine, cooldown: 120)
    var pauses: [Int64] = []
    var now = noon
    for number in 1...8 {
      let intent = try #require(try take(engine))
      #expect(intent.failures == number - 1)
      let failed = try #require(try fail(engine, 1, "w", "declined \(number)").intent)
      #expect(!failed.unchanged)
      // Told again, its answer was lost.
      #expect(try fail(engine, 1, "w", "declined \(number)").intent?.unchanged == true)
      #expect(try take(engine, "other") == nil)
      guard let open = failed.intent, open.state == .open else { continue }
      pauses.append((open.dueAtMicros - now) / second)
      now = open.dueAtMicros
      clock.set(wallMicros: now)
    }
    #expect(pauses == [120, 240, 480, 960, 1_920, 3_840, 7_680])
    #expect(try told(engine) == ["50 FAILED"])
    #expect(try events(engine) == ["1 OPEN 50", "1 FAILED 50"])
    clock.advance(byMicros: 130 * second)
    try engine.sweep()
    #expect(try told(engine).count == 1)
    try engine.must(purchase("u", 1, "p"))
    #expect(try told(engine).last == "49 OPEN")
    try finish(engine)
  }

  @Test("a pause is a minute at least and a day at most")
  func pauses() {
    var intent = TopUpIntent(
      id: 1, userId: "u", account: 1, amountMicros: 1, availableMicros: 0, owedMicros: 0, openedAtMicros: 0)
    intent.fail("", cooldownMillis: 0, nowMicros: 0)
    #expect(intent.dueAtMicros == 60 * second)
    for _ in 2..<TopUpIntent.maximumFailures {
      intent.fail("", cooldownMillis: TopUp.maximumCooldownMillis, nowMicros: 0)
      #expect(intent.dueAtMicros == Civil.microsPerDay && intent.state == .open)
    }
  }

  @Test("a purchase names an open intent of its user; a refusal takes nothing")
  func refusals() throws {
    let engine = try opened()
    try put(engine, "u")
    try put(engine, "v")
    #expect(try engine.refusal(paid(1, "a", 9)).reason == .topUpIntentNotFound)
    #expect(try engine.refusal(paid(1, "a", 2)).reason == .topUpIntentNotFound)
    try engine.must(paid(50, "a", 1))
    #expect(try engine.refusal(paid(1, "b", 1)).reason == .topUpIntentEnded)
    #expect(try engine.balance(userId: "u").value.availableMicros == 50)
    let foreign = try engine.refusal(
      .topUp(.fail(.init(intentId: 2, worker: "w", message: "", actingUserId: "u"))))
    #expect(foreign.reason == .topUpIntentNotFound && foreign.details["intent_id"] == "intent-2")
    #expect(try engine.refusal(.topUp(.cancel(0))).details["intent_id"] == nil)
    try finish(engine)
  }

  @Test("none for who is suspended, until that is lifted; a setting that is off cancels the open one")
  func suspended() throws {
    let engine = try opened()
    var settings = UserSettings(userId: "u")
    settings.isSuspended = true
    #expect(try engine.decide(.admin(.putSettings(settings))).refusal == nil)
    try put(engine)
    try engine.must(purchase("u", 1, "p"))
    #expect(try told(engine) == [])
    settings.isSuspended = false
    #expect(try engine.decide(.admin(.putSettings(settings))).refusal == nil)
    #expect(try told(engine) == ["49 OPEN"])
    try put(engine, isEnabled: false)
    try engine.must(purchase("u", 1, "p2"))
    #expect(try told(engine) == ["49 CANCELLED"])
    try put(engine)
    #expect(try told(engine).last == "48 OPEN")
    let outcome = try engine.decide(
      .topUp(.put(TopUp(userId: "u", thresholdMicros: 10, targetMicros: 50))))
    guard case .topUp(.setting(let receipt)) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(receipt.unchanged && receipt.topUp.openIntentId == 2)
    try finish(engine)
  }

  @Test("settings, intents and their numbers outlive a restart; what came due meanwhile is opened")
  func restart() throws {
    var engine = try opened()
    try put(engine, cooldown: 60)
    try engine.must(paid(5, "t", 1))
    try put(engine, "v")
    try engine.close()
    clock.advance(byMicros: 100 * second)
    engine = try opened()
    try engine.sweep()
    #expect(try told(engine) == ["50 CLOSED", "45 OPEN"])
    #expect(try intents(engine).map(\.id) == [1, 3])
    #expect(try take(engine)?.userId == "v")
    try finish(engine)
  }

  @Test("intents are listed by user, state and page")
  func lists() throws {
    let engine = try opened()
    for user in ["a", "b", "c"] { try put(engine, user) }
    try engine.must(paid(50, "t", 2, "b"))
    var filter = TopUpIntentFilter(userId: nil, limit: 2)
    let first = try engine.topUpIntents(filter).value
    #expect(first.rows.map(\.id) == [3, 2])
    filter.beforeId = first.nextBefore
    #expect(try engine.topUpIntents(filter).value.rows.map(\.id) == [1])
    filter.beforeId = nil
    filter.states = [.open]
    #expect(try engine.topUpIntents(filter).value.rows.map(\.id) == [3, 1])
    filter.userId = "b"
    #expect(try engine.topUpIntents(filter).value.rows.isEmpty)
    #expect(try engine.topUp(userId: "nobody").value == nil)
    try finish(engine)
  }

  @Test(
    "verify finds a top-up that cannot have come about",
    arguments: [
      (4, "UPDATE top_up_intent SET id = 9 WHERE id = 2", "top-up intent 9: the one before it is 1"),
      (4, "UPDATE top_up SET open_intent = NULL WHERE account = 2", "its user's setting says otherwise"),
      (4, "UPDATE top_up_intent SET state = 3 WHERE id = 2", "intent 2: when it has ended"),
      (4, "UPDATE top_up_intent SET purchase = 2 WHERE id = 1", "intent 1: the ledger row that closed it"),
      (4, "UPDATE top_up_intent SET purchase = 2 WHERE id = 2", "intent 2: it was not closed"),
      (
        4, "UPDATE top_up_intent SET state = 2, ended_at = 1, purchase = 1 WHERE id = 2",
        "intent 1: its purchase has closed another one too"
      ),
      (5, "UPDATE top_up_intent SET purchase = NULL WHERE id = 1", "ledger row 1: it has not closed"),
      (4, "UPDATE top_up SET month_micros = 1 WHERE account = 1", "what counts towards its caps is not"),
      (4, "UPDATE top_up SET month_count = 3 WHERE account = 1", "what counts towards its caps is not"),
      (4, "UPDATE account SET top_up_below = 3 WHERE id = 2", "top-up of v: its account knows another line"),
      (
        4, "DROP INDEX top_up_intent_open; UPDATE top_up_intent SET account = 2, state = 1 WHERE id = 1",
        "top-up of v: 2 intents are open"
      ),
      (3, "UPDATE event SET intent = 7 WHERE id = 1", "event 1: it is of no top-up intent"),
      (3, "UPDATE event SET intent = 2 WHERE id = 1", "event 1: it is of no top-up intent"),
      (2, "UPDATE account SET top_up_at = 5 WHERE id = 2", "what it expects to expire next"),
    ])
  func damaged(check: Int, sql: String, finding: String) throws {
    let engine = try opened()
    try put(engine, "u", cooldown: 9)
    try put(engine, "v")
    try engine.must(paid(50, "t", 1))
    try engine.must(purchase("v", 1, "p"))
    try finish(engine)
    try VerifyTests.expect(finding, of: check, after: sql, in: directory)
  }
}
