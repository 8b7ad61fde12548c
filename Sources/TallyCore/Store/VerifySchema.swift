// The file itself: sound pages, references that lead somewhere, indexes that are there and chosen, enums
// that are the protocol's.
//
// Owner: the thread that verifies.

internal import TallySQLite

struct VerifySchema {
  typealias Step = (inout VerifyTally) throws(SQLiteError) -> Void

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
    let plans = try StatementPlan.all(on: connection)
    for plan in plans {
      tally.examined += 1
      if let problem = plan.problem { tally.add("\(problem), in: \(plan.sql)") }
    }
    for index in Schema.requiredIndexes {
      tally.expect(
        plans.contains { $0.uses(index: index) }, "index \(index) is not chosen by any statement")
    }
  }

  private static func compare(_ enums: VerifyEnums, _ tally: inout VerifyTally) {
    for (name, numbers, stored) in [
      ("transaction types", enums.transactionTypes, TransactionType.allCases.map(\.rawValue)),
      ("hold states", enums.holdStates, HoldState.allCases.map(\.rawValue)),
      ("run statuses", enums.runStatuses, RunStatus.allCases.map(\.rawValue)),
      ("media sources", enums.mediaSources, MediaSource.allCases.map(\.rawValue)),
      ("user roles", enums.userRoles, UserRole.allCases.map(\.rawValue)),
      ("user approvals", enums.userApprovals, UserApproval.allCases.map(\.rawValue)),
    ] {
      tally.examined += 1
      tally.expect(numbers.sorted() == stored.sorted(), "\(name) are not the protocol's")
    }
  }

  private func texts(_ sql: String) throws(SQLiteError) -> [String] {
    let statement = try connection.prepare(sql)
    var texts: [String] = []
    while try statement.step() { texts.append(statement.text(0)) }
    return texts
  }
}
