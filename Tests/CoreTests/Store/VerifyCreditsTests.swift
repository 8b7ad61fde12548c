// Each law of refunds, reversals, what is owed and periods, proven by breaking a file in just that way.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Verify, complete credits")
struct VerifyCreditsTests {
  private static func apply(_ engine: SQLiteEngine, _ command: Command) throws {
    let outcome = try engine.decide(command)
    if case .refused(let refusal) = outcome { Issue.record("\(refusal)") }
  }

  private static func collect(rollsOver capMicros: Int64?) -> Plan {
    var plan = plan(capMicros == nil ? "collect" : "rolling", 50, expiry: .periodEnd)
    plan.onShort = .collect
    plan.rolloverCapMicros = capMicros
    return plan
  }

  private static func refund(_ sequence: Int64, _ amountMicros: Int64, _ name: String) -> Command {
    .refund(.init(debit: .transaction(sequence), amountMicros: amountMicros, idempotency: key(name)))
  }

  private static func reverse(
    _ payment: String, _ amountMicros: Int64?, _ event: String, _ onShortfall: CreditCommand.OnShortfall
  ) -> Command {
    .reversePurchase(
      .init(
        paymentId: payment, amountMicros: amountMicros, eventId: event, onShortfall: onShortfall,
        idempotency: key(event)))
  }

  /// User u1 has what refunds, reversals and debts make: rows 1 to 29; u2 a grant that rolled over, and one
  /// for the next period: rows 30 to 34; u3 a reversal that waits for what is held: rows 35 to 37.
  static func filled(_ directory: TemporaryDirectory) throws {
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    try apply(engine, .putPlan(collect(rollsOver: nil)))
    try apply(engine, .putPlan(collect(rollsOver: 30)))
    var settings = UserSettings(userId: "u1")
    settings.planId = "collect"
    try apply(engine, .admin(.putSettings(settings)))
    try moneyBack(engine)
    try debts(engine)
    try engine.must(grant("u2", "rolling", "g"))
    clock.advance(byMicros: 20 * 86_400 * second)
    try engine.sweep()
    try engine.must(consume("u2", 1, "c"))
    try engine.must(grant("u2", "rolling", "g2"))
    try engine.must(purchase("u3", 10, "p", payment: "pd"))
    _ = try engine.must(reserve("u3", 4, "h", seconds: 3_600))
    try engine.must(reverse("pd", nil, "e5", .partial))
    try engine.close()
  }

  /// Twelve rows: the first ones when nothing was stored before.
  static func moneyBack(_ engine: SQLiteEngine, userId: String = "u1") throws {
    try engine.must(
      .addPurchase(
        .init(
          userId: userId, paymentId: "pa", externalRefs: ["ra"], amountMicros: 100, idempotency: key("p"))))
    let debit = try engine.must(consume(userId, 60, "c")).transaction.sequence
    try engine.must(refund(debit, 20, "r1"))
    try engine.must(reverse("pa", 80, "e1", .partial))
    // Row 6 takes what returns.
    try engine.must(refund(debit, 10, "r2"))
    try engine.must(
      .reinstatePurchase(.init(paymentId: "ra", amountMicros: 30, eventId: "e2", idempotency: key("e2"))))
    // Row 9 owes.
    try engine.must(reverse("pa", 30, "e3", .owe))
    // Row 11 pays.
    try engine.must(promo(userId, 4, "m"))
    try engine.must(
      .forgiveOwed(
        .init(userId: userId, amountMicros: 1, actor: "a", reason: "r", idempotency: key("f"))))
  }

  /// Rows 13 to 29.
  private static func debts(_ engine: SQLiteEngine) throws {
    // Row 14 pays.
    try engine.must(grant("u1", "collect", "g"))
    try engine.must(promo("u1", 40, "m2"))
    try engine.must(
      .voidGrant(
        .init(transaction: 15, amountMicros: 15, actor: "a", reason: "r", idempotency: key("v"))))
    let hold = try #require(try engine.must(reserve("u1", 5, "h")).hold)
    // Row 19 owes.
    try engine.must(
      .capture(.init(holdId: hold.id, amountMicros: 200, mayDraw: true, idempotency: key("d"))))
    // Row 21 pays.
    try engine.must(purchase("u1", 200, "p2", payment: "pb"))
    try apply(engine, .usage(.begin(.test("run", "u1", estimate: 10))))
    // Row 24 owes.
    try apply(engine, .usage(.finish(.test("run", cost: 100))))
    // Row 26 owes.
    try engine.must(reverse("pb", 20, "e4", .owe))
    // Row 28 pays.
    try engine.must(purchase("u1", 5, "p3", payment: "pc"))
    try engine.must(
      .forgiveOwed(
        .init(userId: "u1", amountMicros: 5, actor: "a", reason: "r", idempotency: key("f2"))))
  }

  @Test("a sound file passes, on disk and while an engine runs")
  func sound() throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    for (check, report) in try VerifyTests.reports(directory.databasePath) {
      #expect(report.violations == 0, "\(check): \(report.findings)")
      #expect(report.exempt == 0)
    }
    let engine = try open(directory, clock: TestClock(wallMicros: noon + 20 * 86_400 * second))
    #expect(try engine.verify(enums: VerifyTests.enums) { _ in })
    try engine.close()
  }

  @Test(
    "what is broken is named by its check",
    arguments: [
      (1, "UPDATE ledger SET refers_to = NULL WHERE sequence = 11", "system account revenue"),
      (2, "UPDATE account SET owed = 41 WHERE id = 1", "account 1: malformed owed"),
      (
        2, "UPDATE account SET owed = 39, owed_parts = x'1409001e' WHERE id = 1",
        "account 1: owed 39, its rows"
      ),
      (2, "UPDATE account SET mark_64 = 7 WHERE id = 1", "account 1: marks 7 and 0, its rows say 0 and 0"),
      (2, "UPDATE account SET suspended = 1 WHERE id = 3", "account 3: its settings say otherwise"),
      (
        2, "UPDATE ledger SET short_amount = 3 WHERE sequence = 37",
        "account 3, lot 35: 4 short, its rows say 3"
      ),
      (
        2, "UPDATE ledger SET rollover_cap = 29 WHERE sequence = 34",
        "account 2, lot 34: its rows say otherwise"
      ),
      (
        3, "UPDATE ledger SET previous = 1 WHERE sequence = 5",
        "row 5: it points to rows 1 and 0, not 4 and 0"
      ),
      (3, "UPDATE ledger SET skip = 1 WHERE sequence = 5", "row 5: it points to rows 4 and 1, not 4 and 0"),
      (3, "UPDATE meta SET format_2_from = 5", "ledger row 4: the hash does not recompute"),
      (3, "UPDATE ledger SET event_id = 'x' WHERE sequence = 4", "ledger row 4: the hash does not recompute"),
      (
        3, "UPDATE ledger SET reason = 'x' WHERE sequence = 12",
        "ledger row 12: the text is not the one written"
      ),
      (4, "UPDATE ledger SET owed_after = 1 WHERE sequence = 9", "ledger row 9: owed after 1 is not 10"),
      (4, "UPDATE ledger SET owed_amount = 3 WHERE sequence = 11", "ledger row 11: 3 paid by -4"),
      (4, "UPDATE ledger SET owed_amount = 99 WHERE sequence = 12", "row 12: 93 more is paid or forgiven"),
      (4, "UPDATE ledger SET owed_amount = 99 WHERE sequence = 12", "of row 1's reversal than was owed"),
      (4, "UPDATE ledger SET amount = 60 WHERE sequence = 3", "row 5: 70 refunded of row 2, which took 60"),
      (
        4, "UPDATE ledger SET asked_amount = 500 WHERE sequence = 4",
        "row 4: 500 reversed of 100 that row 1 bought"
      ),
      (4, "UPDATE ledger SET asked_amount = 500 WHERE sequence = 7", "row 7: -420 reversed of 100"),
      (4, "UPDATE ledger SET asked_amount = 79 WHERE sequence = 4", "ledger row 1: 79 reversed is not"),
      (4, "UPDATE ledger SET asked_amount = 81 WHERE sequence = 4", "ledger row 1: 81 reversed is not"),
      (
        4, "UPDATE ledger SET owed_amount = 11 WHERE sequence = 8",
        "row 1: reversals left 11 owed, rows owe 10"
      ),
      (
        4, "UPDATE ledger SET short_amount = -30 WHERE sequence = 6",
        "more is taken of row 1's lot than was short"
      ),
      (
        4, "UPDATE ledger SET amount = -41 WHERE sequence = 16", "row 16: 41 voided of 40 that row 15 granted"
      ),
      (
        4, "UPDATE ledger SET refers_to = 1 WHERE sequence = 3",
        "row 3: refund refers to row 1, which is purchase"
      ),
      (
        4, "UPDATE ledger SET refers_to = 33 WHERE sequence = 3", "row 33, which it refers to, is a later one"
      ),
      (4, "UPDATE ledger SET refers_to = 35 WHERE sequence = 36", "row 36: hold refers to row 35"),
      (4, "UPDATE ledger SET refers_to = 99 WHERE sequence = 3", "refers to row 99, which is not there"),
      (
        4, "UPDATE ledger SET refers_to = NULL WHERE sequence = 4",
        "row 4: no earlier row is named, type reversal"
      ),
      (4, "UPDATE ledger SET amount = 31 WHERE sequence = 32", "row 32: 31 rolls over of row 30, not 30"),
      (
        4, "UPDATE ledger SET rollover_cap = 20 WHERE sequence = 30",
        "row 32: 30 rolls over of row 30, not 20"
      ),
      (4, "UPDATE ledger SET expires_at = 1 WHERE sequence = 32", "row 32: 30 rolls over of row 30"),
      (
        4, "UPDATE ledger SET commit_position = 9 WHERE sequence = 31",
        "row 32: nothing of row 30 has expired with it"
      ),
      (4, "UPDATE run SET owed = 29", "run row 1: owed 29, its ledger rows say 30"),
      (4, "UPDATE hold SET spender = 'm' WHERE id = 17", "hold 17: its row 17 names another spender"),
      (4, "UPDATE ledger SET lots = x'0f46' WHERE sequence = 18", "row 18: hold 17 pins what it leaves"),
      (
        5, "UPDATE ledger SET period_start_day = period_start_day - 1 WHERE sequence = 34",
        "rows 30 and 34 grant"
      ),
      (5, "DELETE FROM payment_ref WHERE ref = 'pa'", "ledger row 1: its payment's id does not lead to it"),
      (
        5, "UPDATE payment_ref SET sequence = 2 WHERE ref = 'ra'",
        "leads to ledger row 2, which is no purchase"
      ),
      (
        5, "DROP INDEX ledger_event; UPDATE ledger SET event_id = 'e1' WHERE sequence = 8",
        "ledger rows 4 and 8 have the same event"
      ),
    ])
  func broken(check: Int, sql: String, finding: String) throws {
    let directory = try TemporaryDirectory()
    try Self.filled(directory)
    try VerifyTests.expect(finding, of: check, after: sql, in: directory)
  }

  @Test("rows from before a law are exempt from it, and counted")
  func exempt() throws {
    let directory = try TemporaryDirectory()
    try directory.install(fixture: "v4.db")
    try open(directory, clock: TestClock(wallMicros: noon + 10 * second)).close()
    let connection = try directory.connection()
    let grants = try connection.value("SELECT count(*) FROM ledger WHERE type = 3")
    #expect(grants > 0)
    #expect(try #require(try VerifyTests.reports(directory.databasePath)[5]).exempt == grants)
    // An expiry of more than one lot names none of them.
    try connection.execute("UPDATE ledger SET refers_to = NULL")
    let report = try #require(try VerifyTests.reports(directory.databasePath)[4])
    #expect(report.exempt == (try connection.value("SELECT count(*) FROM ledger WHERE type = 9")))
    #expect(report.exempt > 0 && report.violations == 0)
  }
}
