// Dashboards from rollups.
//
// Invariants:
// 1. Four statements, whatever the span and the number of runs: the account, its rollups, their labels, the
//    last runs.
// 2. Of a UTC day that is wholly within a local day, or within the span, only the day's total is unpacked.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class StatsReader {
  /// An account's (?1) rollups on some UTC days (?2, a JSON array). Rows lead with the day, so each day is a
  /// search of its own. Quarter hours are read only where they are needed: on the days ?4 and ?5, and with ?3
  /// on all days under label 0.
  static let spanSQL = """
    SELECT r.day, r.label, r.total,
      CASE WHEN r.day = ?4 OR r.day = ?5 OR (?3 AND r.label = 0)
        THEN (SELECT quarters FROM rollup_quarters WHERE id = r.quarters_id) END
    FROM json_each(?2) d CROSS JOIN rollup r ON r.day = d.value AND r.account = ?1
    """

  private let span: Statement
  private let labels: RunLabelTable

  init(_ connection: Connection, labels: RunLabelTable) throws(SQLiteError) {
    span = try connection.prepare(Self.spanSQL)
    self.labels = labels
  }

  /// All but `recent`.
  /// - Parameter account: zero for all users.
  func stats(_ query: StatsQuery, account: Int64) throws(SQLiteError) -> Stats {
    var sums = StatsSums(query)
    span.bind(account)
    span.bind(JSONText.array(Array(sums.firstDay...sums.lastDay)))
    span.bind(sums.hasRaggedDays ? 1 : 0)
    span.bind(sums.isPartial(day: sums.firstDay) ? sums.firstDay : nil)
    span.bind(sums.isPartial(day: sums.lastDay) ? sums.lastDay : nil)
    defer { span.reset() }
    while try span.step() {
      let (day, label, total, packed) = try span.row { (row) in
        (row.int(), row.int(), row.blob(), PackedQuarters(bytes: row.blob()))
      }
      let parts = sums.parts(ofDay: day)
      if label == 0 {
        if parts.count == 1, parts[0].quarters == StatsSums.wholeDay {
          try sums.add(try RollupCell(total: total), toDay: parts[0].localDay)
        } else {
          try sums.add(packed, of: try RollupCell(total: total), parts)
        }
      } else if let first = parts.first, let last = parts.last {
        let quarters = first.quarters.lowerBound..<last.quarters.upperBound
        let cell =
          quarters == StatsSums.wholeDay ? try RollupCell(total: total) : try packed.sum(quarters)
        try sums.add(cell, toLabel: label)
      }
    }
    return try sums.stats(names: try labels.labels(ids: Array(sums.labels.keys)))
  }
}
