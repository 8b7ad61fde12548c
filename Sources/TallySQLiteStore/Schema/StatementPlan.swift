// How SQLite would run every statement that the program has.
//
// Invariants:
// 1. Statements are collected from the types that prepare them, so that a new one cannot be forgotten.
// 2. A statement neither walks a table nor sorts rows, but for those named here with the reason, and for
//    walks in the order of an index that a limit ends.

internal import TallyCore
internal import TallySQLite

struct StatementPlan: Equatable {
  /// With single blanks.
  var sql: String
  /// The lines of EXPLAIN QUERY PLAN.
  var steps: [String]

  /// Why statements may walk a whole table, by how they begin.
  private static let exceptions = [
    "SELECT id, balance FROM system_account": "it has four rows",
    "SELECT coalesce(sum(posted >> 32), 0)": "verification adds up all accounts",
    "SELECT id, plan_id, model, class, micros_per_million": "the book of prices is read as a whole",
    "SELECT window_millis, expires_at, lot FROM expiry_cursor": "it has 64 rows at most",
    "SELECT segment, sequence FROM key_mark": "it has eight rows at most",
    "SELECT count(*) FROM hold": "verification counts all holds",
  ]
  /// What EXPLAIN says of a list handed to the statement, and of one that it made itself.
  private static let harmless = [
    "VIRTUAL TABLE INDEX", "SCAN CONSTANT ROW", "SCAN (subquery", "SCAN (join", "SCAN probe", "SCAN back",
    "SCAN walk", "SCAN last",
  ]

  /// What is wrong with it; nil when nothing is.
  var problem: String? {
    if Self.exceptions.keys.contains(where: { sql.hasPrefix($0) }) { return nil }
    for step in steps {
      if step.contains("USE TEMP B-TREE") { return "rows are sorted (\(step))" }
      guard step.hasPrefix("SCAN"), !Self.harmless.contains(where: { step.contains($0) }) else { continue }
      // In the order of an index a limit ends the walk.
      if step.contains(" INDEX "), sql.contains("LIMIT ?") { continue }
      return "a table is walked (\(step))"
    }
    return nil
  }

  func uses(index: String) -> Bool { steps.contains { $0.split(separator: " ").contains(Substring(index)) } }

  /// The plans of all statements of the writer, a reader and verification, ordered by text.
  /// - Parameter connection: of a database of this program's version.
  static func all(on connection: Connection) throws(SQLiteError) -> [StatementPlan] {
    let texts = try connection.listing { () throws(SQLiteError) in
      _ = try SQLiteWriterStore(connection, checkpointer: nil, readers: nil, metrics: StoreMetrics())
      _ = try Reader(connection)
      _ = try VerifyReader(connection)
    }
    var plans: [String: StatementPlan] = [:]
    for text in texts {
      let sql = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      guard plans[sql] == nil else { continue }
      plans[sql] = StatementPlan(sql: sql, steps: try connection.plan(of: text))
    }
    return plans.values.sorted { $0.sql < $1.sql }
  }
}
