// Dashboards from rollups.
//
// Invariants:
// 1. Four statements, whatever the span and the number of runs: the account, its rollups, their labels, the
//    last runs.
// 2. Of a UTC day that is wholly within a local day, or within the span, only the day's total is unpacked.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads rollups.
final class RollupReader {
  /// Of an account (?1) on some UTC days (?2, a JSON array): rows lead with the day, so each day is a search
  /// of its own. Quarter hours are read only where they are needed: on the days ?4 and ?5, and with ?3 on all
  /// days under label 0.
  static let spanSQL = """
    SELECT r.day, r.label, r.total,
      CASE WHEN r.day = ?4 OR r.day = ?5 OR (?3 AND r.label = 0)
        THEN (SELECT quarters FROM rollup_quarters WHERE id = r.quarters_id) END
    FROM json_each(?2) d CROSS JOIN rollup r ON r.day = d.value AND r.account = ?1
    """
  static let labelsSQL = "SELECT id, model, type FROM run_label WHERE id IN (SELECT value FROM json_each(?1))"
  static let accountSQL = "SELECT id FROM account WHERE user_id = ?1"

  private let span: Statement
  private let labels: Statement
  private let account: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    span = try connection.prepare(Self.spanSQL)
    labels = try connection.prepare(Self.labelsSQL)
    account = try connection.prepare(Self.accountSQL)
  }

  /// - Returns: nil for a user that is not known.
  func account(userId: String) throws(SQLiteError) -> Int64? {
    account.bind(1, userId)
    defer { account.reset() }
    return try account.step() ? account.int(0) : nil
  }

  /// All but `recent`.
  /// - Parameter account: zero for all users.
  func stats(_ query: StatsQuery, account: Int64) throws(SQLiteError) -> Stats {
    var sums = StatsSums(query)
    span.bind(1, account)
    span.bind(2, JSONText.array(Array(sums.firstDay...sums.lastDay)))
    span.bind(3, sums.hasRaggedDays ? 1 : 0)
    span.bind(4, sums.isPartial(day: sums.firstDay) ? sums.firstDay : nil)
    span.bind(5, sums.isPartial(day: sums.lastDay) ? sums.lastDay : nil)
    defer { span.reset() }
    while try span.step() {
      let (day, label) = (span.int(0), span.int(1))
      let parts = sums.parts(ofDay: day)
      if label == 0 {
        if parts.count == 1, parts[0].quarters == StatsSums.wholeDay {
          try sums.add(try RollupCell(total: span.blob(2)), toDay: parts[0].localDay)
        } else {
          try sums.add(
            PackedQuarters(bytes: span.blob(3)), of: try RollupCell(total: span.blob(2)), parts)
        }
      } else if let first = parts.first, let last = parts.last {
        let quarters = first.quarters.lowerBound..<last.quarters.upperBound
        let cell =
          quarters == StatsSums.wholeDay
          ? try RollupCell(total: span.blob(2)) : try PackedQuarters(bytes: span.blob(3)).sum(quarters)
        try sums.add(cell, toLabel: label)
      }
    }
    return try sums.stats(names: try names(of: Array(sums.labels.keys)))
  }

  private func names(of ids: [Int64]) throws(SQLiteError) -> [Int64: RunLabel] {
    labels.bind(1, JSONText.array(ids))
    defer { labels.reset() }
    var names: [Int64: RunLabel] = [:]
    while try labels.step() {
      names[labels.int(0)] = RunLabel(
        model: ExactText(labels.text(1)), type: ExactText(labels.text(2)))
    }
    return names
  }
}

/// Sums under way.
struct StatsSums {
  static let wholeDay = 0..<QuarterHour.perDay

  /// A part of a UTC day that belongs to one local day.
  struct Part: Equatable {
    var quarters: Range<Int>
    /// Index in `days`.
    var localDay: Int
  }

  private(set) var days: [Stats.Day] = []
  private(set) var labels: [Int64: RunTotals] = [:]
  /// UTC days of the span.
  let firstDay: Int64
  let lastDay: Int64
  private var partsByDay: [[Part]]

  init(_ query: StatsQuery) {
    firstDay = QuarterHour.day(ofMicros: query.fromMicros)
    lastDay = QuarterHour.day(ofMicros: query.toMicros - 1)
    partsByDay = [[Part]](repeating: [], count: Int(lastDay - firstDay) + 1)
    var day = query.zone.day(ofMicros: query.fromMicros)
    var start = query.zone.start(ofDay: day)
    while start < query.toMicros {
      let end = query.zone.start(ofDay: day + 1)
      // A date that the zone's clocks skip is no day.
      if start < end {
        days.append(Stats.Day(date: Civil(dayNumber: day).text(upTo: .day), startMicros: start))
        let span = QuarterSpan(
          fromMicros: max(start, query.fromMicros), toMicros: min(end, query.toMicros))
        for part in span.days {
          partsByDay[Int(part.day - firstDay)].append(
            Part(quarters: part.quarters, localDay: days.count - 1))
        }
      }
      (day, start) = (day + 1, end)
    }
  }

  /// Whether some UTC day lies in more than one local day, or is not wholly within the span.
  var hasRaggedDays: Bool { partsByDay.contains { $0.count != 1 || $0[0].quarters != Self.wholeDay } }

  /// Whether the span has only a part of a UTC day.
  func isPartial(day: Int64) -> Bool {
    let parts = parts(ofDay: day)
    return parts.first?.quarters.lowerBound != 0 || parts.last?.quarters.upperBound != QuarterHour.perDay
  }

  /// The parts of a UTC day that are within the span, in order.
  func parts(ofDay day: Int64) -> [Part] { partsByDay[Int(day - firstDay)] }

  mutating func add(_ cell: RollupCell, toDay index: Int) throws(SQLiteError) {
    guard days[index].totals.add(cell.runs) else { throw .malformed("rollup: a sum is out of range") }
  }

  /// Adds a UTC day to the local days that share it. The longest part of a day that is wholly within the
  /// span is what the others leave of its total: most of the quarter hours need not be unpacked.
  mutating func add(
    _ quarters: PackedQuarters, of total: RollupCell, _ parts: [Part]
  ) throws(SQLiteError) {
    let isWhole = parts.reduce(0) { $0 + $1.quarters.count } == QuarterHour.perDay
    let longest = parts.indices.max { parts[$0].quarters.count < parts[$1].quarters.count }
    var rest = total
    for (index, part) in parts.enumerated() where !isWhole || index != longest {
      let cell = try quarters.sum(part.quarters)
      try add(cell, toDay: part.localDay)
      if isWhole { try rest.remove(cell) }
    }
    if isWhole, let longest { try add(rest, toDay: parts[longest].localDay) }
  }

  mutating func add(_ cell: RollupCell, toLabel label: Int64) throws(SQLiteError) {
    guard labels[label, default: RunTotals()].add(cell.runs) else {
      throw .malformed("rollup: a sum is out of range")
    }
  }

  func stats(names: [Int64: RunLabel]) throws(SQLiteError) -> Stats {
    var stats = Stats()
    stats.days = days
    var isSound = true
    for day in days { isSound = stats.totals.add(day.totals) && isSound }
    var models: [ExactText: RunTotals] = [:]
    var types: [ExactText: RunTotals] = [:]
    for (label, totals) in labels where totals != RunTotals() {
      guard let name = names[label] else { throw .malformed("rollup: no label \(label)") }
      isSound = models[name.model, default: RunTotals()].add(totals) && isSound
      isSound = types[name.type, default: RunTotals()].add(totals) && isSound
    }
    guard isSound else { throw .malformed("rollup: a sum is out of range") }
    stats.byModel = Self.ordered(models)
    stats.byType = Self.ordered(types)
    return stats
  }

  private static func ordered(_ groups: [ExactText: RunTotals]) -> [Stats.Group] {
    groups.sorted { left, right in
      let (leftCount, rightCount) = (left.value.all.count, right.value.all.count)
      return leftCount == rightCount ? left.key < right.key : leftCount > rightCount
    }.map { Stats.Group(name: $0.key.text, totals: $0.value) }
  }
}
