// The plan of every statement, held to the file beside the stored databases.
//
// When a statement or an index was changed on purpose: TALLY_UPDATE_GOLDENS=1 swift test --filter
// StatementPlanTests writes the file anew; read its difference before it is committed. The texts are those
// of Debian 12's SQLite, 3.40.

import Foundation
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Statement plans")
struct StatementPlanTests {
  private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures/plans.txt")

  private func plans(after sql: String = "") throws -> [StatementPlan] {
    let directory = try TemporaryDirectory(inMemory: true)
    try open(directory).close()
    let connection = try directory.connection()
    if !sql.isEmpty { try connection.execute(sql) }
    return try StatementPlan.all(on: connection)
  }

  @Test("every statement runs as it did when somebody last looked")
  func golden() throws {
    let text = try plans().map { plan in
      ([plan.sql] + plan.steps.map { "    \($0)" }).joined(separator: "\n") + "\n"
    }.joined(separator: "\n")
    if ProcessInfo.processInfo.environment["TALLY_UPDATE_GOLDENS"] == "1" {
      try text.write(to: Self.golden, atomically: true, encoding: .utf8)
    }
    let expected = try String(contentsOf: Self.golden, encoding: .utf8)
    let (found, known) = (text.split(separator: "\n"), expected.split(separator: "\n"))
    for line in found.difference(from: known).insertions { Issue.record("now: \(line)") }
    for line in found.difference(from: known).removals { Issue.record("before: \(line)") }
  }

  @Test("no statement walks a table or sorts rows")
  func sound() throws {
    let plans = try plans()
    #expect(plans.count > 30)
    for plan in plans { #expect(plan.problem == nil, "\(plan.sql)") }
  }

  @Test("every required index is chosen by some statement")
  func required() throws {
    let plans = try plans()
    for index in Schema.requiredIndexes {
      #expect(plans.contains { $0.uses(index: index) }, "\(index)")
    }
  }

  @Test("a dropped index is seen", arguments: Schema.requiredIndexes)
  func dropped(index: String) throws {
    let damaged = try plans(after: "DROP INDEX \(index)")
    #expect(damaged != (try plans()))
  }
}
