// Rollups and counters, written and read.
//
// Invariants:
// 1. Rollups are written once a commit, with the runs and uploads that they count.
// 2. Months are numbered from year 0: year x 12 + month - 1.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Writes rollups and counters.
final class RollupSaver {
  static let rowSQL = """
    SELECT r.total, q.quarters, q.id FROM rollup r JOIN rollup_quarters q ON q.id = r.quarters_id
    WHERE r.day = ?1 AND r.account = ?2 AND r.label = ?3
    """

  private let row: Statement
  private let insert: Statement
  private let update: Statement
  private let insertQuarters: Statement
  private let updateQuarters: Statement
  private let month: Statement
  private let pages: Statement
  private let total: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    row = try connection.prepare(Self.rowSQL)
    // Of the quarter hours that were made last.
    insert = try connection.prepare(
      "INSERT INTO rollup VALUES (?1, ?2, ?3, ?4, (SELECT max(id) FROM rollup_quarters))")
    update = try connection.prepare(
      "UPDATE rollup SET total = ?4 WHERE day = ?1 AND account = ?2 AND label = ?3")
    insertQuarters = try connection.prepare("INSERT INTO rollup_quarters(quarters) VALUES (?1)")
    updateQuarters = try connection.prepare("UPDATE rollup_quarters SET quarters = ?1 WHERE id = ?2")
    month = try connection.prepare(
      """
      INSERT INTO usage_month VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT DO UPDATE SET generations = generations + ?3, uploads = uploads + ?4
      """)
    // Checks come before conflicts: a row that is only proposed must pass them too.
    pages = try connection.prepare(
      "INSERT INTO page_counter VALUES (?1, max(?2, 0)) ON CONFLICT DO UPDATE SET pages = pages + ?2")
    total = try connection.prepare(
      """
      INSERT INTO run_total VALUES (1, ?1, ?2, ?3, ?4, ?5)
      ON CONFLICT DO UPDATE SET runs = ?1, cost = ?2, input_tokens = ?3, output_tokens = ?4, images = ?5
      """)
  }

  func add(_ deltas: [QuarterDelta], to key: RollupKey) throws(SQLiteError) {
    bind(row, key)
    var day = RollupCell()
    var quarters = PackedQuarters()
    var quartersId: Int64?
    if try row.step() {
      day = try RollupCell(total: row.blob(0))
      quarters = PackedQuarters(bytes: row.blob(1))
      quartersId = row.int(2)
    }
    row.reset()
    for delta in deltas { try day.add(delta.cell) }
    try quarters.add(deltas)
    let writeQuarters = quartersId == nil ? insertQuarters : updateQuarters
    writeQuarters.bind(1, quarters.bytes)
    if let quartersId { writeQuarters.bind(2, quartersId) }
    try writeQuarters.run()
    let write = quartersId == nil ? insert : update
    bind(write, key)
    write.bind(4, day.packed)
    try write.run()
  }

  private func bind(_ statement: Statement, _ key: RollupKey) {
    statement.bind(1, key.day)
    statement.bind(2, key.account)
    statement.bind(3, key.label)
  }

  func add(_ counters: MonthCounters, to key: MonthKey) throws(SQLiteError) {
    month.bind(1, key.month)
    month.bind(2, key.account)
    month.bind(3, counters.generations)
    month.bind(4, counters.uploads)
    try month.run()
  }

  func addPages(_ delta: Int64, account: Int64) throws(SQLiteError) {
    pages.bind(1, account)
    pages.bind(2, delta)
    try pages.run()
  }

  func save(_ sums: RunSums) throws(SQLiteError) {
    total.bind(1, sums.count)
    total.bind(2, sums.costMicros)
    total.bind(3, sums.inputTokens)
    total.bind(4, sums.outputTokens)
    total.bind(5, sums.images)
    try total.run()
  }
}

/// Reads the sums over all runs.
final class RunTotalReader {
  private static let totalSQL =
    "SELECT runs, cost, input_tokens, output_tokens, images FROM run_total WHERE id = 1"

  private let total: Statement

  init(_ connection: Connection) throws(SQLiteError) { total = try connection.prepare(Self.totalSQL) }

  /// Zeros before the first run was counted.
  func load() throws(SQLiteError) -> RunSums {
    defer { total.reset() }
    return try total.step() ? RunSums(total, from: 0) : RunSums()
  }
}

extension RunSums {
  /// - Parameter column: the first of the five, in their order.
  init(_ row: Statement, from column: Int32) {
    self.init()
    count = row.int(column)
    costMicros = row.int(column + 1)
    inputTokens = row.int(column + 2)
    outputTokens = row.int(column + 3)
    images = row.int(column + 4)
  }
}

/// A model and a type, by number.
final class LabelTable {
  /// Of models and types that the writer keeps in memory.
  static let maximumCached = 4_096
  static let findSQL = "SELECT id FROM run_label WHERE model = ?1 AND type = ?2"

  private let find: Statement
  private let insert: Statement
  private let last: Statement
  /// Of committed labels only.
  private var cached: [RunLabel: Int64] = [:]

  init(_ connection: Connection) throws(SQLiteError) {
    find = try connection.prepare(Self.findSQL)
    insert = try connection.prepare("INSERT INTO run_label VALUES (?1, ?2, ?3)")
    last = try connection.prepare("SELECT coalesce(max(id), 0) FROM run_label")
  }

  /// Of a committed label.
  func id(_ label: RunLabel) throws(SQLiteError) -> Int64? {
    if let id = cached[label] { return id }
    find.bind(1, label.model.text)
    find.bind(2, label.type.text)
    defer { find.reset() }
    guard try find.step() else { return nil }
    if cached.count >= Self.maximumCached { cached.removeAll(keepingCapacity: true) }
    let id = find.int(0)
    cached[label] = id
    return id
  }

  func make(_ label: RunLabel, id: Int64) throws(SQLiteError) {
    insert.bind(1, id)
    insert.bind(2, label.model.text)
    insert.bind(3, label.type.text)
    try insert.run()
  }

  /// The highest id in use, or zero.
  func lastId() throws(SQLiteError) -> Int64 {
    defer { last.reset() }
    return try last.step() ? last.int(0) : 0
  }

  /// Forgets everything, after the database was emptied.
  func clear() { cached = [:] }
}
