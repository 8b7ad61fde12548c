// What must be unique, walked in its own order: equal neighbours are a violation.
//
// Invariants:
// 1. It does not rely on a unique index being unique, nor on its being there; without one it is slow.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyUniqueness {
  struct Rule {
    var name: String
    var table = "ledger"
    var id = "sequence"
    /// Columns that are unique together.
    var columns: [String]
    /// Which rows the rule is for.
    var condition: String
  }

  static let rules = [
    Rule(
      name: "period", columns: ["account", "plan_id", "period_start_day"],
      condition: "period_end_day IS NOT NULL AND type = 3"),
    Rule(name: "event", columns: ["event_id"], condition: "event_id IS NOT NULL"),
    Rule(
      name: "run id and attempt", table: "run", id: "id", columns: ["run_id", "attempt"],
      condition: "run_id IS NOT NULL"),
  ]

  private let rule: Rule
  private let first: Statement
  private let next: Statement
  private var last: [ColumnValue]?
  private var lastSequence: Int64 = 0

  init(_ rule: Rule, connection: Connection) throws(SQLiteError) {
    self.rule = rule
    let columns = rule.columns.joined(separator: ", ")
    let order = "ORDER BY \(columns), \(rule.id) LIMIT \(VerifyReader.sliceRows)"
    first = try connection.prepare(
      "SELECT \(rule.id), \(columns) FROM \(rule.table) WHERE \(rule.condition) \(order)")
    let places = (1...rule.columns.count + 1).map { "?\($0)" }.joined(separator: ", ")
    next = try connection.prepare(
      """
      SELECT \(rule.id), \(columns) FROM \(rule.table)
      WHERE \(rule.condition) AND (\(columns), \(rule.id)) > (\(places)) \(order)
      """)
  }

  /// - Returns: whether there may be more.
  func slice(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    let statement = last == nil ? first : next
    if let last {
      for value in last { statement.bind(value) }
      statement.bind(lastSequence)
    }
    defer { statement.reset() }
    var count: Int64 = 0
    while try statement.step() {
      count += 1
      tally.examined += 1
      let (sequence, values) = try statement.row { (row) in (row.int(), rule.columns.map { _ in row.value() })
      }
      tally.expect(
        values != last, "\(rule.table) rows \(lastSequence) and \(sequence) have the same \(rule.name)")
      last = values
      lastSequence = sequence
    }
    return count == VerifyReader.sliceRows
  }
}
