// Counting runs, uploads and pages, in the transaction that writes them.
//
// Invariants:
// 1. What a command counts waits in `Ledger.Working` and is written once a commit, all of a row's changes
//    together; undoing the command undoes it.
// 2. A run is counted four times: for its user and for all users, under label 0 and under its own.
// 3. The sums over all runs there are stay within int64, and with them every other sum.
//
// Owner: the writer's queue.

internal import TallySQLite

/// What the open transaction adds.
struct UsageDeltas {
  var rollups: [RollupKey: [QuarterDelta]] = [:]
  var months: [MonthKey: MonthCounters] = [:]
  var pages: [Int64: Int64] = [:]
  /// Over all runs, those of this transaction among them.
  var runTotal = RunSums()
  /// The highest label, those of this transaction among them.
  var lastLabelId: Int64 = 0

  /// - Parameters:
  ///   - runTotal: as committed, as is `lastLabelId`.
  mutating func begin(runTotal: RunSums, lastLabelId: Int64) {
    if !rollups.isEmpty { rollups.removeAll(keepingCapacity: true) }
    if !months.isEmpty { months.removeAll(keepingCapacity: true) }
    if !pages.isEmpty { pages.removeAll(keepingCapacity: true) }
    self.runTotal = runTotal
    self.lastLabelId = lastLabelId
  }

  mutating func add(_ cell: RollupCell, quarter: Int, to key: RollupKey) throws(SQLiteError) {
    var deltas = rollups[key] ?? []
    if let index = deltas.firstIndex(where: { $0.quarter == quarter }) {
      rollups[key] = nil
      try deltas[index].cell.add(cell)
    } else {
      deltas.append(QuarterDelta(quarter: quarter, cell: cell))
    }
    rollups[key] = deltas
  }
}

extension Ledger {
  /// Counts an ended run under the time at which it started; written with the commit.
  /// - Returns: `amountOverflow` when a sum would leave the range of int64; nothing is counted then.
  func count(_ run: Run, account: Int64) throws(SQLiteError) -> Refusal? {
    guard run.status != .running else { throw .malformed("run: one under way is not counted") }
    let sums = RunSums(of: run)
    var total = working.usage.runTotal
    guard total.add(sums) else {
      return Refusal(.amountOverflow, "the sums over all runs would leave the range of int64")
    }
    var cell = RollupCell()
    cell.runs = RunTotals(run.status, sums)
    let label = try label(model: run.model, type: run.type)
    let day = QuarterHour.day(ofMicros: run.startedAtMicros)
    let quarter = QuarterHour.index(ofMicros: run.startedAtMicros)
    for account in [0, account] {
      for label in [0, label] {
        try working.usage.add(cell, quarter: quarter, to: RollupKey(day: day, account: account, label: label))
      }
    }
    if run.status == .succeeded {
      let key = MonthKey(month: Civil(dayNumber: day).monthNumber, account: account)
      working.usage.months[key, default: MonthCounters()].generations += 1
    }
    working.usage.runTotal = total
    touchStats(userId: run.userId)
    return nil
  }

  /// Counts one more medium of source UPLOAD made at this time; it stays counted when it is deleted.
  func countUpload(account: Int64, atMicros: Int64) throws(SQLiteError) {
    var cell = RollupCell()
    cell.uploads = 1
    let day = QuarterHour.day(ofMicros: atMicros)
    try working.usage.add(
      cell, quarter: QuarterHour.index(ofMicros: atMicros),
      to: RollupKey(day: day, account: account, label: 0))
    let key = MonthKey(month: Civil(dayNumber: day).monthNumber, account: account)
    working.usage.months[key, default: MonthCounters()].uploads += 1
  }

  /// Counts pages that came to be or were deleted.
  func countPages(account: Int64, by delta: Int64) throws(SQLiteError) {
    let (pages, overflow) = (working.usage.pages[account] ?? 0).addingReportingOverflow(delta)
    guard !overflow else { throw .malformed("pages: their number is out of range") }
    working.usage.pages[account] = pages
  }

  /// Makes answers about runs stale: those of this user and those of all. Whoever writes a run calls it;
  /// `count` does so by itself.
  func touchStats(userId: String) {
    working.touched.stats.insert(ExactText(userId))
    working.touched.stats.insert(ExactText(""))
  }

  private func label(model: String, type: String) throws(SQLiteError) -> Int64 {
    let name = LabelTable.Name(model: ExactText(model), type: ExactText(type))
    if let id = try labels.id(name, lastCommitted: lastLabelId) { return id }
    let id = working.usage.lastLabelId + 1
    try labels.make(name, id: id)
    working.usage.lastLabelId = id
    return id
  }

  /// Writes what was counted; once a commit.
  func saveUsage() throws(SQLiteError) {
    for (key, deltas) in working.usage.rollups { try rollupSaver.add(deltas, to: key) }
    for (key, counters) in working.usage.months { try rollupSaver.add(counters, to: key) }
    for (account, delta) in working.usage.pages where delta != 0 {
      try rollupSaver.addPages(delta, account: account)
    }
    if working.usage.runTotal != runTotal { try rollupSaver.save(working.usage.runTotal) }
  }
}

extension Civil {
  /// Months since the year 0, as rollups number them.
  var monthNumber: Int64 { year * 12 + month - 1 }
}
