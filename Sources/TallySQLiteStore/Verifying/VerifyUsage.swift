// Check 6: what was counted, counted again.
//
// Invariants:
// 1. Rollups are compared a day at a time: a day's runs and uploads, and its rollups, in one snapshot. A
//    snapshot is as long as a day's runs make it.
// 2. Months are added up from rollups that were compared before, pages from the pages themselves.
// 3. Quarter hours are looked for among those that the days' rollups named, as far as they were there when
//    the first day was compared: what a running writer makes meanwhile is not missed.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyUsage {
  static let nextRunSQL = "SELECT min(started_at) FROM run WHERE started_at >= ?1"
  static let nextUploadSQL = "SELECT min(created_at) FROM media WHERE source = 1 AND created_at >= ?1"
  static let nextDaySQL = "SELECT min(day) FROM rollup WHERE day >= ?1"
  static let nextMonthSQL = "SELECT min(month) FROM usage_month WHERE month >= ?1"
  static let runsSQL = """
    SELECT account, model, type, status, started_at, 1, cost, input_tokens, output_tokens, images
    FROM run WHERE started_at >= ?1 AND started_at < ?2 AND status <> 1
    """
  static let uploadsSQL = """
    SELECT account, created_at FROM media WHERE source = 1 AND created_at >= ?1 AND created_at < ?2
    """
  static let rollupsSQL = """
    SELECT r.account, r.label, r.total, q.quarters, r.quarters_id FROM rollup r
    LEFT JOIN rollup_quarters q ON q.id = r.quarters_id WHERE r.day = ?1
    """
  static let lastQuartersSQL = "SELECT coalesce(max(id), 0) FROM rollup_quarters"
  static let quartersSQL = "SELECT id FROM rollup_quarters WHERE id > ?1 AND id <= ?3 ORDER BY id LIMIT ?2"
  static let labelSQL = "SELECT model, type FROM run_label WHERE id = ?1"
  static let monthSQL = "SELECT account, generations, uploads FROM usage_month WHERE month = ?1"
  static let pagesSQL = """
    SELECT a.id, (SELECT count(*) FROM page p WHERE p.account = a.id AND p.deleted_at IS NULL),
      coalesce((SELECT c.pages FROM page_counter c WHERE c.account = a.id), 0)
    FROM account a WHERE a.id > ?1 ORDER BY a.id LIMIT ?2
    """

  private let nextRun: Statement
  private let nextUpload: Statement
  private let nextDay: Statement
  private let nextMonth: Statement
  private let runs: Statement
  private let uploads: Statement
  private let rollups: Statement
  private let lastQuarters: Statement
  private let quarters: Statement
  private let label: Statement
  private let month: Statement
  private let pages: Statement
  private let runTotal: RunTotalReader
  /// Quarter hours that a compared day's rollups have.
  private var named = RowSet()
  private var lastNamed: Int64 = 0

  init(_ connection: Connection) throws(SQLiteError) {
    nextRun = try connection.prepare(Self.nextRunSQL)
    nextUpload = try connection.prepare(Self.nextUploadSQL)
    nextDay = try connection.prepare(Self.nextDaySQL)
    nextMonth = try connection.prepare(Self.nextMonthSQL)
    runs = try connection.prepare(Self.runsSQL)
    uploads = try connection.prepare(Self.uploadsSQL)
    rollups = try connection.prepare(Self.rollupsSQL)
    lastQuarters = try connection.prepare(Self.lastQuartersSQL)
    quarters = try connection.prepare(Self.quartersSQL)
    label = try connection.prepare(Self.labelSQL)
    month = try connection.prepare(Self.monthSQL)
    pages = try connection.prepare(Self.pagesSQL)
    runTotal = try RunTotalReader(connection)
  }

  private func first(_ statement: Statement, from value: Int64) throws(SQLiteError) -> Int64? {
    statement.bind(1, value)
    defer { statement.reset() }
    return try statement.step() ? statement.optionalInt(0) : nil
  }

  // MARK: days

  /// The first day from `day` on that has anything to be counted, or anything counted.
  private func day(from day: Int64) throws(SQLiteError) -> Int64? {
    let (micros, isOver) = day.multipliedReportingOverflow(by: Civil.microsPerDay)
    let events = isOver ? [] : [try first(nextRun, from: micros), try first(nextUpload, from: micros)]
    let days = events.map { $0.map(QuarterHour.day(ofMicros:)) } + [try first(nextDay, from: day)]
    return days.compactMap(\.self).min()
  }

  /// Comes before the first day.
  func beginDays() throws(SQLiteError) {
    defer { lastQuarters.reset() }
    lastNamed = try lastQuarters.step() ? lastQuarters.int(0) : 0
  }

  /// Compares the next day's rollups with its runs and uploads.
  /// - Returns: the day; nil when there is none.
  func compareDay(from start: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    guard let day = try day(from: start) else { return nil }
    var expected = try recount(day, &tally)
    let date = Self.date(ofDay: day)
    rollups.bind(1, day)
    defer { rollups.reset() }
    while try rollups.step() {
      tally.examined += 1
      let (account, label) = (rollups.int(0), rollups.int(1))
      let name = "rollup of \(date), account \(account), label \(label)"
      tally.expect(named.insert(rollups.int(4)), "\(name): another one has the same quarter hours")
      guard let counted = expected.removeValue(forKey: RollupKey(day: day, account: account, label: label))
      else {
        tally.add("\(name): nothing happened that it counts")
        continue
      }
      tally.expect(
        counted.quarters.bytes == rollups.blob(3), "\(name): its quarter hours are not what happened")
      tally.expect(counted.total.packed == rollups.blob(2), "\(name): its total is not what happened")
    }
    for key in expected.keys.sorted(by: { ($0.account, $0.label) < ($1.account, $1.label) }) {
      tally.add("rollup of \(date), account \(key.account), label \(key.label): missing")
    }
    return day
  }

  /// Looks for quarter hours that no rollup has, in the next slice of them; comes after the last day.
  /// - Returns: the last one; nil when there is none.
  func findOrphanQuarters(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    quarters.bind(1, id)
    quarters.bind(2, VerifyReader.sliceRows)
    quarters.bind(3, lastNamed)
    defer { quarters.reset() }
    var last: Int64?
    while try quarters.step() {
      let id = quarters.int(0)
      last = id
      tally.examined += 1
      tally.expect(named.contains(id), "quarter hours \(id): no rollup has them")
    }
    return last
  }

  private struct Counted {
    var total = RollupCell()
    var quarters = PackedQuarters()
  }

  private func recount(_ day: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> [RollupKey: Counted] {
    var deltas = RollupDeltas()
    let labels = try labels(day)
    try forEach(runs, of: day) { (row) throws(SQLiteError) in
      tally.examined += 1
      guard let status = RunStatus(rawValue: Int32(truncatingIfNeeded: row.int(3))) else {
        throw .malformed("run: status \(row.int(3))")
      }
      var cell = RollupCell()
      cell.runs = RunTotals(status, RunSums(row, from: 5))
      let name = RunLabel(model: ExactText(row.text(1)), type: ExactText(row.text(2)))
      guard let label = labels[name] else {
        return tally.add("run of account \(row.int(0)): no rollup has its model and type")
      }
      let quarter = QuarterHour.index(ofMicros: row.int(4))
      for account in [0, row.int(0)] {
        for label in [0, label] {
          let key = RollupKey(day: day, account: account, label: label)
          guard deltas.add(cell, quarter: quarter, to: key) else {
            throw .malformed("runs: a sum is out of range")
          }
        }
      }
    }
    try forEach(uploads, of: day) { (row) throws(SQLiteError) in
      tally.examined += 1
      var cell = RollupCell()
      cell.uploads = 1
      let isSound = deltas.add(
        cell, quarter: QuarterHour.index(ofMicros: row.int(1)),
        to: RollupKey(day: day, account: row.int(0), label: 0))
      guard isSound else { throw .malformed("uploads: a sum is out of range") }
    }
    var counted: [RollupKey: Counted] = [:]
    for (key, quarters) in deltas.byKey {
      var row = Counted()
      for quarter in quarters { try row.total.add(quarter.cell) }
      try row.quarters.add(quarters)
      counted[key] = row
    }
    return counted
  }

  /// The labels that a day's rollups name.
  private func labels(_ day: Int64) throws(SQLiteError) -> [RunLabel: Int64] {
    var ids: Set<Int64> = []
    rollups.bind(1, day)
    while try rollups.step() { ids.insert(rollups.int(1)) }
    rollups.reset()
    var labels: [RunLabel: Int64] = [:]
    for id in ids {
      label.bind(1, id)
      if try label.step() {
        labels[RunLabel(model: ExactText(label.text(0)), type: ExactText(label.text(1)))] = id
      }
      label.reset()
    }
    return labels
  }

  private func forEach(
    _ statement: Statement, of day: Int64, _ body: (Statement) throws(SQLiteError) -> Void
  ) throws(SQLiteError) {
    let (start, isOver) = day.multipliedReportingOverflow(by: Civil.microsPerDay)
    guard !isOver else { return }
    statement.bind(1, start)
    statement.bind(2, start.addingReportingOverflow(Civil.microsPerDay).partialValue)
    defer { statement.reset() }
    while try statement.step() { try body(statement) }
  }

  // MARK: months, pages and the sum over all

  /// Compares the next month's counters with the rollups of its days.
  /// - Parameter number: as `MonthKey` numbers months.
  /// - Returns: the month; nil when there is none.
  func compareMonth(from number: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    let firstDay = Civil(year: number / 12, month: number % 12 + 1, day: 1).dayNumber
    let counted = try first(nextDay, from: firstDay).map { Civil(dayNumber: $0).monthNumber }
    guard let number = [try first(nextMonth, from: number), counted].compactMap(\.self).min() else {
      return nil
    }
    let civil = Civil(year: number / 12, month: number % 12 + 1, day: 1)
    var expected: [Int64: MonthCounters] = [:]
    for day in civil.dayNumber..<civil.aMonthLater.dayNumber { try add(day, to: &expected) }
    let name = "month \(civil.year)-\(civil.month)"
    month.bind(1, number)
    defer { month.reset() }
    while try month.step() {
      tally.examined += 1
      let stored = MonthCounters(generations: month.int(1), uploads: month.int(2))
      let sum = expected.removeValue(forKey: month.int(0)) ?? MonthCounters()
      tally.expect(
        stored == sum,
        "\(name), account \(month.int(0)): \(stored.generations) generations and \(stored.uploads) uploads, "
          + "its days have \(sum.generations) and \(sum.uploads)")
    }
    for (account, sum) in expected.sorted(by: { $0.key < $1.key }) where sum != MonthCounters() {
      tally.add("\(name), account \(account): not counted")
    }
    return number
  }

  private func add(_ day: Int64, to months: inout [Int64: MonthCounters]) throws(SQLiteError) {
    rollups.bind(1, day)
    defer { rollups.reset() }
    while try rollups.step() {
      guard rollups.int(0) != 0, rollups.int(1) == 0 else { continue }
      let cell = try RollupCell(total: rollups.blob(2))
      months[rollups.int(0), default: MonthCounters()].generations += cell.runs.succeeded.count
      months[rollups.int(0), default: MonthCounters()].uploads += cell.uploads
    }
  }

  /// Compares the next slice of users' page counters with their pages.
  /// - Returns: the last account; nil when there is none.
  func comparePages(after account: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    pages.bind(1, account)
    pages.bind(2, VerifyReader.sliceRows)
    defer { pages.reset() }
    var last: Int64?
    while try pages.step() {
      last = pages.int(0)
      tally.examined += 1
      tally.expect(
        pages.int(1) == pages.int(2),
        "account \(pages.int(0)): \(pages.int(2)) pages are counted, it has \(pages.int(1))")
    }
    return last
  }

  /// Compares the sums over all runs with the rollups of all users.
  func compareTotal(_ tally: inout VerifyTally) throws(SQLiteError) {
    var sum = RunSums()
    var next = try first(nextDay, from: Int64.min)
    while let day = next {
      rollups.bind(1, day)
      // Rows stand by account, then label: that of all users and all runs comes first.
      if try rollups.step(), rollups.int(0) == 0, rollups.int(1) == 0 {
        let cell = try RollupCell(total: rollups.blob(2))
        guard sum.add(cell.runs.all) else {
          throw .malformed("rollup: the sum over all days is out of range")
        }
      }
      rollups.reset()
      next = day == Int64.max ? nil : try first(nextDay, from: day + 1)
    }
    let stored = try runTotal.load()
    tally.examined += 1
    tally.expect(stored == sum, "the sums over all runs are not those of all days")
  }

  private static func date(ofDay day: Int64) -> String {
    let civil = Civil(dayNumber: day)
    return "\(civil.year)-\(civil.month)-\(civil.day)"
  }
}

/// Numbers of rows that stand close together, at little more than a bit each.
private struct RowSet {
  private var words: [Int64: UInt64] = [:]

  /// - Returns: false when it was there before.
  mutating func insert(_ id: Int64) -> Bool {
    let isNew = !contains(id)
    words[id >> 6, default: 0] |= 1 << UInt64(id & 63)
    return isNew
  }

  func contains(_ id: Int64) -> Bool { words[id >> 6, default: 0] & 1 << UInt64(id & 63) != 0 }
}
