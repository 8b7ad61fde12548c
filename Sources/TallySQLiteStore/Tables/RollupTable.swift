// Rollups: days in `rollup`, their quarter hours in `rollup_quarters`.
//
// Invariants:
// 1. Rollups are written once a commit, with the runs and uploads that they count.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RollupTable {
  static let rowSQL = """
    SELECT r.total, q.quarters, q.id FROM rollup r JOIN rollup_quarters q ON q.id = r.quarters_id
    WHERE r.day = ?1 AND r.account = ?2 AND r.label = ?3
    """
  static let quartersSQL = """
    SELECT q.quarters FROM rollup r JOIN rollup_quarters q ON q.id = r.quarters_id
    WHERE r.day = ?1 AND r.account = ?2 AND r.label = 0
    """

  private let row: Statement
  private let quarters: Statement
  private let insert: Statement
  private let update: Statement
  private let insertQuarters: Statement
  private let updateQuarters: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    row = try connection.prepare(Self.rowSQL)
    quarters = try connection.prepare(Self.quartersSQL)
    // The quarter hours that were inserted last are this row's.
    insert = try connection.prepare(
      """
      INSERT INTO rollup(day, account, label, total, quarters_id)
      VALUES (?1, ?2, ?3, ?4, (SELECT max(id) FROM rollup_quarters))
      """)
    update = try connection.prepare(
      "UPDATE rollup SET total = ?4 WHERE day = ?1 AND account = ?2 AND label = ?3")
    insertQuarters = try connection.prepare("INSERT INTO rollup_quarters(quarters) VALUES (?1)")
    updateQuarters = try connection.prepare("UPDATE rollup_quarters SET quarters = ?1 WHERE id = ?2")
  }

  /// An account's quarter hours on a UTC day, under label 0.
  func quarters(day: Int64, account: Int64) throws(SQLiteError) -> PackedQuarters {
    quarters.bind(day)
    quarters.bind(account)
    return try quarters.first { (row) in PackedQuarters(bytes: row.blob()) } ?? PackedQuarters()
  }

  private struct StoredRow {
    var total = RollupCell()
    var quarters = PackedQuarters()
    /// nil until it is stored.
    var quartersId: Int64?
  }

  func add(_ deltas: [QuarterDelta], to key: RollupKey) throws(SQLiteError) {
    bind(key, to: row)
    let stored = try row.first { (row) throws(SQLiteError) in
      StoredRow(
        total: try RollupCell(total: row.blob()), quarters: PackedQuarters(bytes: row.blob()),
        quartersId: row.int())
    }
    var new = stored ?? StoredRow()
    for delta in deltas { try new.total.add(delta.cell) }
    try new.quarters.add(deltas)
    let writeQuarters = stored == nil ? insertQuarters : updateQuarters
    writeQuarters.bind(new.quarters.bytes)
    if let id = new.quartersId { writeQuarters.bind(id) }
    try writeQuarters.run()
    let write = stored == nil ? insert : update
    bind(key, to: write)
    write.bind(new.total.packed)
    try write.run()
  }

  private func bind(_ key: RollupKey, to statement: Statement) {
    statement.bind(key.day)
    statement.bind(key.account)
    statement.bind(key.label)
  }
}
