// Sums over a span's days and labels, while its rollups are read.

internal import TallyCore
internal import TallySQLite

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

  /// What of a UTC day is within the span. Quarter hours are looked at only where the day is not whole.
  func part(
    ofDay day: Int64, _ total: [UInt8], _ quarters: PackedQuarters
  ) throws(SQLiteError) -> RollupCell {
    let parts = parts(ofDay: day)
    guard let first = parts.first, let last = parts.last else { return RollupCell() }
    let range = first.quarters.lowerBound..<last.quarters.upperBound
    return range == Self.wholeDay ? try RollupCell(total: total) : try quarters.sum(range)
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

  static func ordered(_ groups: [ExactText: RunTotals]) -> [Stats.Group] {
    groups.sorted { left, right in
      let (leftCount, rightCount) = (left.value.all.count, right.value.all.count)
      return leftCount == rightCount ? left.key < right.key : leftCount > rightCount
    }.map { Stats.Group(name: $0.key.text, totals: $0.value) }
  }
}
