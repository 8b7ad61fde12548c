// What is counted of spenders and tags, and more of what is counted of all runs: a part of migration 7.
//
// Layout. A `rollup_group` row is for one value of a tag what a `rollup` row is for a label: spenders are the
// values of the tag without a name, and the value without a name stands for all values of a day that have no
// line of their own. Texts stand in the rows themselves: lines of one tag are read in one stretch.
//
// Invariants:
// 1. What earlier versions kept on runs but did not count, provider costs and further classes of units, is
//    counted once by the migration. Older runs have none of it.

internal import TallyCore
internal import TallySQLite

extension Schema {
  static let groupIndexes = ["usage_month_by_cost", "account_owed"]

  static let groups = """

    ALTER TABLE plan ADD COLUMN tag_keys BLOB;

    CREATE TABLE rollup_group(
      day INTEGER NOT NULL,
      account INTEGER NOT NULL,
      tag TEXT NOT NULL,
      value TEXT NOT NULL,
      total BLOB NOT NULL,
      quarters_id INTEGER NOT NULL REFERENCES rollup_quarters(id),
      PRIMARY KEY (day, account, tag, value)
    ) STRICT, WITHOUT ROWID;

    ALTER TABLE run_total ADD COLUMN provider_cost INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run_total ADD COLUMN units BLOB;

    ALTER TABLE usage_month ADD COLUMN cost INTEGER NOT NULL DEFAULT 0 CHECK (cost >= 0);
    CREATE INDEX usage_month_by_cost ON usage_month(month, cost, account) WHERE cost > 0;
    CREATE INDEX account_owed ON account(owed) WHERE owed > 0;
    """

  /// In the same transaction.
  static func countMore(_ connection: Connection) throws(SQLiteError) {
    try countUnits(connection)
    try countCosts(connection)
  }

  private static func countUnits(_ connection: Connection) throws(SQLiteError) {
    let table = try RollupTable(connection)
    let total = try RunTotalTable(connection)
    let runs = try connection.prepare(
      """
      SELECT r.account, l.id, r.started_at, r.status, coalesce(r.provider_cost, 0), r.units
      FROM run r JOIN run_label l ON l.model = r.model AND l.type = r.type
      WHERE r.status <> 1 AND (r.provider_cost IS NOT NULL OR r.units IS NOT NULL) ORDER BY r.started_at
      """)
    var all = try total.load()
    var deltas = RollupDeltas<RollupKey>()
    var day: Int64?
    func write() throws(SQLiteError) {
      for (key, quarters) in deltas.byKey.sorted(by: { $0.key < $1.key }) { try table.add(quarters, to: key) }
      deltas = RollupDeltas()
    }
    defer { runs.reset() }
    while try runs.step() {
      let (account, label, startedAtMicros, number, sums) = try runs.row { (row) throws(SQLiteError) in
        let (account, label, startedAtMicros, number) = (row.int(), row.int(), row.int(), row.int32())
        var sums = RunSums()
        sums.providerCostMicros = row.int()
        sums.units = try row.optionalBlob().map(Packing.units) ?? []
        return (account, label, startedAtMicros, number, sums)
      }
      guard let status = RunStatus(rawValue: number), all.add(sums) else { throw .malformed("run: units") }
      let started = QuarterHour.day(ofMicros: startedAtMicros)
      if started != day { try write() }
      day = started
      var cell = RollupCell()
      cell.runs = RunTotals(status, sums)
      for account in [0, account] {
        for label in [0, label] {
          let key = RollupKey(day: started, account: account, label: label)
          guard deltas.add(cell, quarter: QuarterHour.index(ofMicros: startedAtMicros), to: key) else {
            throw .malformed("runs: a sum is out of range")
          }
        }
      }
    }
    try write()
    if all != RunSums() { try total.save(all) }
  }

  /// What runs cost, by UTC month.
  private static func countCosts(_ connection: Connection) throws(SQLiteError) {
    let table = try UsageMonthTable(connection)
    let rollups = try connection.prepare(
      "SELECT day, account, total FROM rollup WHERE account > 0 AND label = 0 ORDER BY day")
    var costs: [MonthKey: MonthCounters] = [:]
    var month: Int64?
    func write() throws(SQLiteError) {
      for (key, counters) in costs.sorted(by: { $0.key < $1.key }) { try table.add(counters, to: key) }
      costs = [:]
    }
    defer { rollups.reset() }
    while try rollups.step() {
      let (day, account, cell) = try rollups.row { (row) throws(SQLiteError) in
        (row.int(), row.int(), try RollupCell(total: row.blob()))
      }
      let number = Civil(dayNumber: day).monthNumber
      if number != month { try write() }
      month = number
      let costMicros = MonthCounters(of: cell).costMicros
      guard costMicros > 0 else { continue }
      costs[MonthKey(month: number, account: account), default: MonthCounters()].costMicros += costMicros
    }
    try write()
  }
}
