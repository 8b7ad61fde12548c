// Dashboards from rollups.
//
// Invariants:
// 1. Four statements, whatever the span and the number of runs: the account, its rollups, their labels, the
//    last runs; and one more each for spenders and for a tag.
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

  /// An account's (?1) lines of a tag (?3) on some UTC days; quarter hours as in `spanSQL`.
  static let groupsSQL = """
    SELECT g.day, g.value, g.total,
      CASE WHEN g.day = ?4 OR g.day = ?5
        THEN (SELECT quarters FROM rollup_quarters WHERE id = g.quarters_id) END
    FROM json_each(?2) d CROSS JOIN rollup_group g ON g.day = d.value AND g.account = ?1 AND g.tag = ?3
    """

  private let span: Statement
  private let groups: Statement
  private let labels: RunLabelTable

  init(_ connection: Connection, labels: RunLabelTable) throws(SQLiteError) {
    span = try connection.prepare(Self.spanSQL)
    groups = try connection.prepare(Self.groupsSQL)
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
      } else {
        try sums.add(try sums.part(ofDay: day, total, packed), toLabel: label)
      }
    }
    var stats = try sums.stats(names: try labels.labels(ids: Array(sums.labels.keys)))
    if query.bySpender {
      stats.bySpender = try self.groups(of: GroupKey.spenders.text, account: account, sums)
    }
    if !query.tag.isEmpty { stats.byTag = try self.groups(of: query.tag, account: account, sums) }
    return stats
  }

  private func groups(
    of tag: String, account: Int64, _ sums: StatsSums
  ) throws(SQLiteError) -> [Stats.Group] {
    groups.bind(account)
    groups.bind(JSONText.array(Array(sums.firstDay...sums.lastDay)))
    groups.bind(tag)
    groups.bind(sums.isPartial(day: sums.firstDay) ? sums.firstDay : nil)
    groups.bind(sums.isPartial(day: sums.lastDay) ? sums.lastDay : nil)
    defer { groups.reset() }
    var totals: [ExactText: RunTotals] = [:]
    while try groups.step() {
      let (day, value, total, packed) = try groups.row { (row) in
        (row.int(), ExactText(row.text()), row.blob(), PackedQuarters(bytes: row.blob()))
      }
      guard totals[value, default: RunTotals()].add(try sums.part(ofDay: day, total, packed).runs) else {
        throw .malformed("rollup: a sum is out of range")
      }
    }
    return StatsSums.ordered(totals.filter { $0.value != RunTotals() })
  }
}
