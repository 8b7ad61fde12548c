// The file itself: sound pages, references that lead somewhere, indexes that are there and chosen, enums
// that are the protocol's.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

struct VerifySchema {
  typealias Step = (inout VerifyTally) throws(SQLiteError) -> Void

  let connection: Connection

  func steps(_ enums: VerifyEnums?) -> [Step] {
    [pages, references, made, migrations, chosen]
      + (enums.map { enums in [{ Self.compare(enums, &$0) }] } ?? [])
  }

  /// One snapshot for each table: pages are compared with each other.
  private func pages(_ tally: inout VerifyTally) throws(SQLiteError) {
    let tables = try texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    for table in tables {
      tally.examined += 1
      do throws(SQLiteError) {
        for text in try texts("PRAGMA integrity_check('\(table)')") where text != "ok" {
          // One row may have a heading and many lines.
          for line in text.split(separator: "\n") where !line.hasPrefix("***") {
            tally.add("table \(table): \(line)")
          }
        }
      } catch {
        // The other tables may still be looked at.
        tally.add("table \(table): stopped: \(error.message)")
      }
    }
  }

  private func references(_ tally: inout VerifyTally) throws(SQLiteError) {
    let statement = try connection.prepare("PRAGMA foreign_key_check")
    tally.examined += 1
    while try statement.step() {
      try statement.row { (row) in
        tally.add("table \(row.text()), row \(row.int()): no such row in \(row.text())")
        row.skip()  // The number of the reference.
      }
    }
  }

  /// Tables and indexes are there, and are those that the migrations make.
  private func made(_ tally: inout VerifyTally) throws(SQLiteError) {
    tally.examined += Int64(try SchemaCheck.expected().count)
    for problem in try SchemaCheck.problems(connection) { tally.add(problem.text) }
  }

  private func migrations(_ tally: inout VerifyTally) throws(SQLiteError) {
    let stored = try texts("SELECT version || ' ' || name || ' ' || checksum FROM migration ORDER BY version")
    let known = Schema.migrations.map { "\($0.version) \($0.name) \($0.checksum)" }
    tally.examined += Int64(known.count)
    tally.expect(stored == known, "the migrations that were noted are not those of this program")
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
      ("event kinds", enums.eventKinds, EventKind.allCases.map(\.rawValue)),
      ("kinds of page updates", enums.pageUpdateKinds, PageUpdateKind.allCases.map(\.rawValue)),
      ("states of top-up intents", enums.intentStates, TopUpIntent.State.allCases.map(\.rawValue)),
    ] {
      tally.examined += 1
      tally.expect(numbers.sorted() == stored.sorted(), "\(name) are not the protocol's")
    }
  }

  private func texts(_ sql: String) throws(SQLiteError) -> [String] {
    try connection.prepare(sql).all { (row) in row.text() }
  }
}
