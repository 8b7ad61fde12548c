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
  static let nextGroupDaySQL = "SELECT min(day) FROM rollup_group WHERE day >= ?1"
  static let nextMonthSQL = "SELECT min(month) FROM usage_month WHERE month >= ?1"
  static let runsSQL = """
    SELECT account, model, type, started_at, status, 1, cost, input_tokens, output_tokens, images,
      coalesce(provider_cost, 0), units, spender, tags
    FROM run WHERE started_at >= ?1 AND started_at < ?2 AND status <> 1
    """
  static let uploadsSQL = """
    SELECT account, created_at FROM media WHERE source = 1 AND created_at >= ?1 AND created_at < ?2
    """
  static let rollupsSQL = """
    SELECT r.account, r.label, r.quarters_id, r.total, q.quarters FROM rollup r
    LEFT JOIN rollup_quarters q ON q.id = r.quarters_id WHERE r.day = ?1
    """
  static let groupsSQL = """
    SELECT g.account, g.tag, g.value, g.quarters_id, g.total, q.quarters FROM rollup_group g
    LEFT JOIN rollup_quarters q ON q.id = g.quarters_id WHERE g.day = ?1
    """
  /// How many values of each tag have a line on a day, and whether there is one of the rest.
  static let linesSQL = """
    SELECT account, tag, sum(value > ''), max(value = '') FROM rollup_group
    WHERE day = ?1 AND tag > '' GROUP BY account, tag
    """
  static let lastQuartersSQL = "SELECT coalesce(max(id), 0) FROM rollup_quarters"
  static let quartersSQL = "SELECT id FROM rollup_quarters WHERE id > ?1 AND id <= ?3 ORDER BY id LIMIT ?2"
  static let labelSQL = "SELECT model, type FROM run_label WHERE id = ?1"
  static let monthSQL = "SELECT account, generations, uploads, cost FROM usage_month WHERE month = ?1"
  static let pagesSQL = """
    SELECT a.id, (SELECT count(*) FROM page p WHERE p.account = a.id AND p.deleted_at IS NULL),
      coalesce((SELECT c.pages FROM page_counter c WHERE c.account = a.id), 0)
    FROM account a WHERE a.id > ?1 ORDER BY a.id LIMIT ?2
    """

  private let nextRun: Statement
  private let nextUpload: Statement
  private let nextDay: Statement
  private let nextGroupDay: Statement
  private let nextMonth: Statement
  private let runs: Statement
  private let uploads: Statement
  private let rollups: Statement
  private let groups: Statement
  private let lines: Statement
  private let lastQuarters: Statement
  private let quarters: Statement
  private let label: Statement
  private let month: Statement
  private let pages: Statement
  private let runTotal: RunTotalTable
  /// Quarter hours that a compared day's rollups have.
  private var named = RowSet()
  private var lastNamed: Int64 = 0

  init(_ connection: Connection) throws(SQLiteError) {
    nextRun = try connection.prepare(Self.nextRunSQL)
    nextUpload = try connection.prepare(Self.nextUploadSQL)
    nextDay = try connection.prepare(Self.nextDaySQL)
    nextGroupDay = try connection.prepare(Self.nextGroupDaySQL)
    nextMonth = try connection.prepare(Self.nextMonthSQL)
    runs = try connection.prepare(Self.runsSQL)
    uploads = try connection.prepare(Self.uploadsSQL)
    rollups = try connection.prepare(Self.rollupsSQL)
    groups = try connection.prepare(Self.groupsSQL)
    lines = try connection.prepare(Self.linesSQL)
    lastQuarters = try connection.prepare(Self.lastQuartersSQL)
    quarters = try connection.prepare(Self.quartersSQL)
    label = try connection.prepare(Self.labelSQL)
    month = try connection.prepare(Self.monthSQL)
    pages = try connection.prepare(Self.pagesSQL)
    runTotal = try RunTotalTable(connection)
  }

  private func first(_ statement: Statement, from value: Int64) throws(SQLiteError) -> Int64? {
    statement.bind(value)
    return try statement.firstInt()
  }

  // MARK: days

  /// The first day from `day` on that has anything to be counted, or anything counted.
  private func day(from day: Int64) throws(SQLiteError) -> Int64? {
    let (micros, isOver) = day.multipliedReportingOverflow(by: Civil.microsPerDay)
    let events = isOver ? [] : [try first(nextRun, from: micros), try first(nextUpload, from: micros)]
    let counted = [try first(nextDay, from: day), try first(nextGroupDay, from: day)]
    let days = events.map { $0.map(QuarterHour.day(ofMicros:)) } + counted
    return days.compactMap(\.self).min()
  }

  /// Comes before the first day.
  func beginDays() throws(SQLiteError) {
    lastNamed = try lastQuarters.firstInt() ?? 0
  }

  /// Compares the next day's rollups with its runs and uploads.
  /// - Returns: the day; nil when there is none.
  func compareDay(from start: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    guard let day = try day(from: start) else { return nil }
    let happened = try recount(day, &tally)
    let date = Self.date(ofDay: day)
    var expected = try Self.counted(happened.rollups)
    rollups.bind(day)
    try Self.forEach(rollups) { (row) throws(SQLiteError) in
      let key = RollupKey(day: day, account: row.int(), label: row.int())
      let name = "rollup of \(date), account \(key.account), label \(key.label)"
      compare(&row, key, name, &expected, &tally)
    }
    for key in expected.keys.sorted() {
      tally.add("rollup of \(date), account \(key.account), label \(key.label): missing")
    }
    try compareGroups(ofDay: day, try Self.counted(happened.groups), &tally)
    return day
  }

  private func compareGroups(
    ofDay day: Int64, _ expected: [GroupKey: Counted], _ tally: inout VerifyTally
  ) throws(SQLiteError) {
    let date = Self.date(ofDay: day)
    lines.bind(day)
    try Self.forEach(lines) { (row) throws(SQLiteError) in
      let (account, tag, count, hasRest) = (row.int(), row.text(), row.int(), row.int() == 1)
      let name = "rollup of \(date), account \(account), tag '\(tag)'"
      let limit = RunLimits.tagValueCount
      tally.expect(count <= limit, "\(name): \(count) values have a line of their own")
      tally.expect(!hasRest || count >= limit, "\(name): the rest was counted with \(count) values")
    }
    func name(_ key: GroupKey) -> String {
      "rollup of \(date), account \(key.account), tag '\(key.tag.text)', value '\(key.value.text)'"
    }
    var expected = expected
    groups.bind(day)
    try Self.forEach(groups) { (row) throws(SQLiteError) in
      let key = GroupKey(
        day: day, account: row.int(), tag: ExactText(row.text()), value: ExactText(row.text()))
      compare(&row, key, name(key), &expected, &tally)
    }
    for key in expected.keys.sorted() { tally.add("\(name(key)): missing") }
  }

  /// Takes the number of the quarter hours, the total and the quarter hours.
  private func compare<Key: Hashable>(
    _ row: inout Columns, _ key: Key, _ name: String, _ expected: inout [Key: Counted],
    _ tally: inout VerifyTally
  ) {
    tally.examined += 1
    let (quartersId, total, quarters) = (row.int(), row.blob(), row.blob())
    tally.expect(named.insert(quartersId), "\(name): another one has the same quarter hours")
    guard let counted = expected.removeValue(forKey: key) else {
      return tally.add("\(name): nothing happened that it counts")
    }
    tally.expect(counted.quarters.bytes == quarters, "\(name): its quarter hours are not what happened")
    tally.expect(counted.total.packed == total, "\(name): its total is not what happened")
  }

  /// Takes the columns of `rollupsSQL`, and reads no quarter hours.
  private static func total(_ row: inout Columns) -> (account: Int64, label: Int64, total: [UInt8]) {
    let (account, label) = (row.int(), row.int())
    row.skip()
    let total = row.blob()
    row.skip()
    return (account, label, total)
  }

  /// Looks for quarter hours that no rollup has, in the next slice of them; comes after the last day.
  /// - Returns: the last one; nil when there is none.
  func findOrphanQuarters(after id: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    quarters.bind(id)
    quarters.bind(VerifyReader.sliceRows)
    quarters.bind(lastNamed)
    let ids = try quarters.all { (row) in row.int() }
    for id in ids {
      tally.examined += 1
      tally.expect(named.contains(id), "quarter hours \(id): no rollup has them")
    }
    return ids.last
  }

  private struct Counted {
    var total = RollupCell()
    var quarters = PackedQuarters()
  }

  /// What has happened on a day.
  private struct Happened {
    var rollups = RollupDeltas<RollupKey>()
    var groups = RollupDeltas<GroupKey>()
  }

  private func recount(_ day: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Happened {
    var happened = Happened()
    let labels = try labels(day)
    try forEach(runs, of: day, &tally) { (row, tally) throws(SQLiteError) in
      let account = row.int()
      let name = RunLabel(model: ExactText(row.text()), type: ExactText(row.text()))
      let (quarter, number) = (QuarterHour.index(ofMicros: row.int()), row.int32())
      guard let status = RunStatus(rawValue: number) else { throw .malformed("run: status \(number)") }
      var cell = RollupCell()
      cell.runs = RunTotals(status, try row.runSums())
      let keys = try Self.groups(of: account, day: day, &row)
      guard let label = labels[name] else {
        return tally.add("run of account \(account): no rollup has its model and type")
      }
      var isSound = true
      for account in [0, account] {
        for label in [0, label] {
          let key = RollupKey(day: day, account: account, label: label)
          isSound = happened.rollups.add(cell, quarter: quarter, to: key) && isSound
        }
      }
      for key in keys { isSound = happened.groups.add(cell, quarter: quarter, to: key) && isSound }
      guard isSound else { throw .malformed("runs: a sum is out of range") }
    }
    try forEach(uploads, of: day, &tally) { (row, _) throws(SQLiteError) in
      var cell = RollupCell()
      cell.uploads = 1
      let key = RollupKey(day: day, account: row.int(), label: 0)
      let isSound = happened.rollups.add(cell, quarter: QuarterHour.index(ofMicros: row.int()), to: key)
      guard isSound else { throw .malformed("uploads: a sum is out of range") }
    }
    return happened
  }

  /// The lines of a run's spender and tags. Takes the last two columns of `runsSQL`.
  private static func groups(
    of account: Int64, day: Int64, _ row: inout Columns
  ) throws(SQLiteError) -> [GroupKey] {
    var keys: [GroupKey] = []
    if let spender = row.optionalText() {
      keys.append(GroupKey(day: day, account: account, tag: GroupKey.spenders, value: ExactText(spender)))
    }
    for tag in try row.optionalBlob().map(Packing.tags) ?? [] {
      for (account, line) in [(account, tag.own), (0, tag.ofAll)] {
        guard let value = tag.countedValue(line) else { continue }
        keys.append(GroupKey(day: day, account: account, tag: ExactText(tag.key), value: value))
      }
    }
    return keys
  }

  private static func counted<Key: Hashable>(
    _ deltas: RollupDeltas<Key>
  ) throws(SQLiteError) -> [Key: Counted] {
    var counted: [Key: Counted] = [:]
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
    rollups.bind(day)
    var labels: [RunLabel: Int64] = [:]
    let ids = try rollups.all { (row) in Self.total(&row).label }
    for id in Set(ids) {
      label.bind(id)
      let name = try label.first { (row) in
        RunLabel(model: ExactText(row.text()), type: ExactText(row.text()))
      }
      if let name { labels[name] = id }
    }
    return labels
  }

  /// What happened on a day; a row that makes no sense is a finding.
  private func forEach(
    _ statement: Statement, of day: Int64, _ tally: inout VerifyTally,
    _ body: (inout Columns, inout VerifyTally) throws(SQLiteError) -> Void
  ) throws(SQLiteError) {
    let (start, isOver) = day.multipliedReportingOverflow(by: Civil.microsPerDay)
    guard !isOver else { return }
    statement.bind(start)
    statement.bind(start.addingReportingOverflow(Civil.microsPerDay).partialValue)
    defer { statement.reset() }
    while try statement.step() {
      tally.examined += 1
      do throws(SQLiteError) {
        try statement.row { (row) throws(SQLiteError) in try body(&row, &tally) }
      } catch {
        guard error.isOfDecoding else { throw error }
        tally.add("\(Self.date(ofDay: day)): \(error.message)")
      }
    }
  }

  private static func forEach(
    _ statement: Statement, _ body: (inout Columns) throws(SQLiteError) -> Void
  ) throws(SQLiteError) {
    defer { statement.reset() }
    while try statement.step() { try statement.row(body) }
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
    month.bind(number)
    let rows = try month.all { (row) in
      (account: row.int(), counters: row.monthCounters())
    }
    for (account, stored) in rows {
      tally.examined += 1
      let sum = expected.removeValue(forKey: account) ?? MonthCounters()
      tally.expect(
        stored == sum,
        "\(name), account \(account): \(stored.generations) generations, \(stored.uploads) uploads and "
          + "a cost of \(stored.costMicros), its days have \(sum.generations), \(sum.uploads) and "
          + "\(sum.costMicros)")
    }
    for (account, sum) in expected.sorted(by: { $0.key < $1.key }) where sum != MonthCounters() {
      tally.add("\(name), account \(account): not counted")
    }
    return number
  }

  private func add(_ day: Int64, to months: inout [Int64: MonthCounters]) throws(SQLiteError) {
    rollups.bind(day)
    defer { rollups.reset() }
    while try rollups.step() {
      let (account, label, total) = try rollups.row(Self.total)
      guard account != 0, label == 0 else { continue }
      let counted = MonthCounters(of: try RollupCell(total: total))
      months[account, default: MonthCounters()].add(counted)
    }
  }

  /// Compares the next slice of users' page counters with their pages.
  /// - Returns: the last account; nil when there is none.
  func comparePages(after account: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64? {
    pages.bind(account)
    pages.bind(VerifyReader.sliceRows)
    let rows = try pages.all { (row) in (account: row.int(), stored: row.int(), counted: row.int()) }
    for (account, stored, counted) in rows {
      tally.examined += 1
      tally.expect(
        stored == counted, "account \(account): \(counted) pages are counted, it has \(stored)")
    }
    return rows.last?.account
  }

  /// Compares the sums over all runs with the rollups of all users.
  func compareTotal(_ tally: inout VerifyTally) throws(SQLiteError) {
    var sum = RunSums()
    var next = try first(nextDay, from: Int64.min)
    while let day = next {
      rollups.bind(day)
      // Rows stand by account, then label: that of all users and all runs comes first.
      if let row = try rollups.first(Self.total), row.account == 0, row.label == 0 {
        guard sum.add(try RollupCell(total: row.total).runs.all) else {
          throw .malformed("rollup: the sum over all days is out of range")
        }
      }
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
