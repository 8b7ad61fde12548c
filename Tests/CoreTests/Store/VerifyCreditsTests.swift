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

  /// Rows 1 to 12.
  private static func moneyBack(_ engine: SQLiteEngine) throws {
    try engine.must(
      .addPurchase(
        .init(
          userId: "u1", paymentId: "pa", externalRefs: ["ra"], amountMicros: 100, idempotency: key("p"))))
    try engine.must(consume("u1", 60, "c"))
    try engine.must(refund(2, 20, "r1"))
    try engine.must(reverse("pa", 80, "e1", .partial))
    // Row 6 takes what returns.
    try engine.must(refund(2, 10, "r2"))
    try engine.must(
      .reinstatePurchase(.init(paymentId: "ra", amountMicros: 30, eventId: "e2", idempotency: key("e2"))))
    // Row 9 owes.
    try engine.must(reverse("pa", 30, "e3", .owe))
    // Row 11 pays.
    try engine.must(promo("u1", 4, "m"))
    try engine.must(
      .forgiveOwed(
        .init(userId: "u1", amountMicros: 1, actor: "a", reason: "r", idempotency: key("f"))))
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
    let dump = try directory.connection().prepare(
      """
      SELECT sequence || ' account ' || account || ' type ' || type || ' amount ' || amount
        || ' refers ' || coalesce(refers_to, '') || ' asked ' || coalesce(asked_amount, '')
        || ' short ' || coalesce(short_amount, '') || ' owed ' || coalesce(owed_amount, '')
        || ' after ' || coalesce(owed_after, '') FROM ledger ORDER BY sequence
      """)
    for line in try dump.all({ (row) in row.text() }) { print(line) }
  }
}
