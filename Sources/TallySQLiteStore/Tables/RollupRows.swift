// Rows of a rollup table, with their quarter hours in `rollup_quarters`: what has happened is added to them.
//
// Invariants:
// 1. A row is read and written once a commit.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RollupRows {
  private let row: Statement
  private let insert: Statement
  private let update: Statement
  private let insertQuarters: Statement
  private let updateQuarters: Statement

  /// - Parameter key: the columns of the table's primary key.
  init(_ connection: Connection, table: String, key: [String]) throws(SQLiteError) {
    let wanted = Self.condition(key)
    let parameters = key.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    row = try connection.prepare(
      """
      SELECT r.total, q.quarters, q.id FROM \(table) r JOIN rollup_quarters q ON q.id = r.quarters_id
      WHERE \(wanted)
      """)
    // The quarter hours that were inserted last are this row's.
    insert = try connection.prepare(
      """
      INSERT INTO \(table)(\(key.joined(separator: ", ")), total, quarters_id)
      VALUES (\(parameters), ?\(key.count + 1), (SELECT max(id) FROM rollup_quarters))
      """)
    update = try connection.prepare(
      "UPDATE \(table) SET total = ?\(key.count + 1) WHERE \(wanted)")
    insertQuarters = try connection.prepare("INSERT INTO rollup_quarters(quarters) VALUES (?1)")
    updateQuarters = try connection.prepare("UPDATE rollup_quarters SET quarters = ?1 WHERE id = ?2")
  }

  private static func condition(_ key: [String]) -> String {
    key.indices.map { "\(key[$0]) = ?\($0 + 1)" }.joined(separator: " AND ")
  }

  private struct StoredRow {
    var total = RollupCell()
    var quarters = PackedQuarters()
    /// nil until it is stored.
    var quartersId: Int64?
  }

  /// - Parameter bind: binds the key.
  func add(_ deltas: [QuarterDelta], bind: (Statement) -> Void) throws(SQLiteError) {
    bind(row)
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
    bind(write)
    write.bind(new.total.packed)
    try write.run()
  }
}
