// Figures at the ends of int64 in a damaged file: verify names them, commands are refused, nothing ends the
// process.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Damaged figures")
struct DamagedFigureTests {
  private static func change(_ sql: String, in directory: TemporaryDirectory) throws {
    let connection = try directory.connection()
    try connection.execute("PRAGMA ignore_check_constraints = ON")
    try connection.execute(sql)
  }

  @Test(
    "verify names a row whose figure is at an end of int64, whatever its type",
    arguments: [
      "amount", "asked_amount", "short_amount", "owed_amount", "owed_after", "balance_after", "held_after",
      "pending_after", "hold_amount", "rollover_cap", "period_start_day", "version",
    ])
  func verify(column: String) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try VerifyCreditsTests.filled(directory)
    let connection = try directory.connection()
    try connection.execute("PRAGMA ignore_check_constraints = ON")
    // Of a row without a period or a rollover they are no facts.
    let isPart = column == "rollover_cap" || column == "period_start_day"
    for sequence in 1...(try connection.value("SELECT max(sequence) FROM ledger")) {
      let row = "WHERE sequence = \(sequence)"
      let isNull = try connection.value("SELECT \(column) IS NULL FROM ledger \(row)") == 1
      let stored = try connection.value("SELECT coalesce(\(column), 0) FROM ledger \(row)")
      for value in [Int64.min, Int64.max] {
        try connection.execute("UPDATE ledger SET \(column) = \(value) \(row)")
        let findings = try Self.findings(connection)
        #expect(
          isPart && isNull || findings.contains { $0.contains("row \(sequence)") },
          "\(column) of row \(sequence) is \(value): \(findings)")
      }
      try connection.execute("UPDATE ledger SET \(column) = \(isNull ? "NULL" : "\(stored)") \(row)")
    }
    #expect(try Self.findings(connection) == [])
  }

  /// Of the checks that look at the ledger.
  private static func findings(_ connection: Connection) throws -> [String] {
    let run = VerifyRun(reader: try VerifyReader(connection))
    run.attempt(.chain) { () throws(SQLiteError) in try run.ledger { _ in } }
    run.attempt(.balances) { () throws(SQLiteError) in try run.accounts { _ in } }
    run.attempt(.books) { () throws(SQLiteError) in try run.totals() }
    run.attempt(.allocations) { () throws(SQLiteError) in
      try run.holds { _ in }
      try run.charges { _ in }
      try run.references { _ in }
    }
    run.attempt(.uniqueness) { () throws(SQLiteError) in try run.uniqueness { _ in } }
    var findings: [String] = []
    for check in [VerifyCheck.chain, .balances, .books, .allocations, .uniqueness] {
      run.end(check) { findings += $0.findings }
    }
    return findings
  }

  @Test(
    "commands on rows and accounts with such figures are refused",
    arguments: [
      // The debit of row 2, its refunds, the purchase of row 1, what was reversed of it.
      "UPDATE ledger SET amount = -9223372036854775807 - 1 WHERE sequence = 2",
      "UPDATE ledger SET amount = -9223372036854775807 - 1 WHERE sequence = 3",
      "UPDATE ledger SET amount = 9223372036854775807 WHERE sequence IN (3, 5)",
      "UPDATE ledger SET amount = -9223372036854775807 - 1 WHERE sequence = 1",
      "UPDATE ledger SET asked_amount = -9223372036854775807 - 1 WHERE sequence = 4",
      "UPDATE ledger SET asked_amount = 9223372036854775807 WHERE sequence IN (4, 7, 8)",
      "UPDATE ledger SET short_amount = 9223372036854775807 WHERE sequence IN (4, 7, 8)",
      "UPDATE ledger SET short_amount = -9223372036854775807 - 1 WHERE sequence IN (4, 8)",
      "UPDATE ledger SET owed_amount = 9223372036854775807 WHERE sequence IN (4, 7, 8)",
      "UPDATE ledger SET amount = -9223372036854775807 - 1 WHERE sequence = 8",
      // An account of which other figures hang on its lots.
      "UPDATE account SET posted = -9223372036854775807 - 1",
      "UPDATE account SET posted = 9223372036854775807, held = 9223372036854775807",
      "UPDATE account SET next_grant_at = -9223372036854775807 - 1",
    ])
  func commands(sql: String) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let first = try open(directory, clock: TestClock(wallMicros: noon))
    try VerifyCreditsTests.moneyBack(first)
    try first.close()
    try Self.change(sql, in: directory)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    let commands: [Command] = [
      .refund(.init(debit: .transaction(2), idempotency: key("x1"))),
      .reversePurchase(
        .init(paymentId: "pa", amountMicros: nil, eventId: "x2", onShortfall: .owe, idempotency: key("x2"))),
      .reinstatePurchase(.init(paymentId: "pa", amountMicros: nil, eventId: "x3", idempotency: key("x3"))),
    ]
    let refusals = try commands.map { try engine.decide($0).refusal?.reason }
    #expect(refusals.contains(.corrupt), "\(refusals)")
    // Nobody else is refused.
    try engine.must(purchase("other", 1, "o", payment: "other"))
    // Readers go on too.
    _ = try? engine.balance(userId: "u1")
    _ = try? engine.transactions(TransactionFilter(userId: "u1", limit: 100))
    try engine.close()
  }

  @Test("a void that a damaged row was to be added to is refused")
  func voids() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let first = try open(directory, clock: TestClock(wallMicros: noon))
    let grant = try first.must(promo("u1", 50, "m")).transaction.sequence
    func void(_ amountMicros: Int64?, _ name: String) -> Command {
      .voidGrant(
        .init(transaction: grant, amountMicros: amountMicros, actor: "a", reason: "r", idempotency: key(name))
      )
    }
    try first.must(void(5, "v1"))
    try first.close()
    try Self.change("UPDATE ledger SET amount = -9223372036854775807 - 1 WHERE sequence = 2", in: directory)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    #expect(try engine.decide(void(nil, "v2")).refusal?.reason == .corrupt)
    try engine.close()
  }
}
