// The file itself: sound pages, references that lead somewhere, indexes that are there and chosen, enums
// that are the protocol's.
//
// Owner: the thread that verifies.

internal import SQLite

struct VerifySchema {
  typealias Step = (inout VerifyTally) throws(SQLiteError) -> Void

  /// Statements of the engine, and the index that each must use.
  static let plans: [(sql: String, index: String)] = [
    (KeyIndex.keySQL, "ledger_key"),
    (KeyIndex.paymentSQL, "ledger_payment"),
    (KeyIndex.grantSQL, "ledger_grant"),
    (History.pageSQL, "ledger_history"),
    (AccountLoader.byUserSQL, "sqlite_autoindex_account_1"),
    (AccountLoader.byUsersSQL, "sqlite_autoindex_account_1"),
    (AccountSaver.dueSQL, "account_due"),
    (HoldReader.expiredSQL, "hold_open"),
    (HoldReader.expiredOfManySQL, "hold_open"),
    (HoldSaver.nextExpirySQL, "hold_open"),
    (HoldHistory.pageSQL, "hold_history"),
    (VerifyReader.holdsSQL, "ledger_hold"),
    (RunReader.byRunIdSQL, "sqlite_autoindex_run_1"),
    (RunReader.openCountSQL, "run_open"),
    (RunReader.pageSQL, "run_history"),
    (RunReader.recentSQL, "run_history"),
    (RunReader.recentOfAllSQL, "run_recent"),
  ]
  /// Statements that find their row by its number.
  static let rowPlans = [LedgerReader.bySequenceSQL, HoldReader.byIdSQL, HeadReader.headSQL]
  private static let rowPlan = "USING INTEGER PRIMARY KEY"

  let connection: Connection

  func steps(_ enums: VerifyEnums?) -> [Step] {
    [pages, references, indexes, chosen] + (enums.map { enums in [{ Self.compare(enums, &$0) }] } ?? [])
  }

  /// One snapshot for each table: pages are compared with each other.
  private func pages(_ tally: inout VerifyTally) throws(SQLiteError) {
    let tables = try texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    for table in tables {
      tally.examined += 1
      for line in try texts("PRAGMA integrity_check('\(table)')") where line != "ok" {
        tally.add("table \(table): \(line)")
      }
    }
  }

  private func references(_ tally: inout VerifyTally) throws(SQLiteError) {
    let statement = try connection.prepare("PRAGMA foreign_key_check")
    tally.examined += 1
    while try statement.step() {
      tally.add("table \(statement.text(0)), row \(statement.int(1)): no such row in \(statement.text(2))")
    }
  }

  private func indexes(_ tally: inout VerifyTally) throws(SQLiteError) {
    let present = try texts("SELECT name FROM sqlite_schema WHERE type = 'index'")
    for index in Schema.requiredIndexes {
      tally.examined += 1
      tally.expect(present.contains(index), "index \(index) is missing")
    }
  }

  private func chosen(_ tally: inout VerifyTally) throws(SQLiteError) {
    let all = Self.plans + Self.rowPlans.map { (sql: $0, index: Self.rowPlan) }
    for plan in all {
      tally.examined += 1
      let statement = try connection.prepare("EXPLAIN QUERY PLAN \(plan.sql)")
      var steps: [String] = []
      while try statement.step() { steps.append(statement.text(3)) }
      tally.expect(
        steps.contains { $0.contains(plan.index) }, "index \(plan.index) is not chosen by: \(plan.sql)")
    }
  }

  private static func compare(_ enums: VerifyEnums, _ tally: inout VerifyTally) {
    tally.examined += 2
    tally.expect(
      enums.transactionTypes.sorted() == TransactionType.allCases.map(\.rawValue).sorted(),
      "transaction types are not the protocol's")
    tally.expect(
      enums.holdStates.sorted() == HoldState.allCases.map(\.rawValue).sorted(),
      "hold states are not the protocol's")
  }

  private func texts(_ sql: String) throws(SQLiteError) -> [String] {
    let statement = try connection.prepare(sql)
    var texts: [String] = []
    while try statement.step() { texts.append(statement.text(0)) }
    return texts
  }
}
