// Rollups: days in `rollup`, their quarter hours in `rollup_quarters`.
//
// Invariants:
// 1. Rollups are written once a commit, with the runs and uploads that they count.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class RollupTable {
  static let quartersSQL = """
    SELECT q.quarters FROM rollup r JOIN rollup_quarters q ON q.id = r.quarters_id
    WHERE r.day = ?1 AND r.account = ?2 AND r.label = 0
    """

  private let quarters: Statement
  private let rows: RollupRows

  init(_ connection: Connection) throws(SQLiteError) {
    quarters = try connection.prepare(Self.quartersSQL)
    rows = try RollupRows(connection, table: "rollup", key: ["day", "account", "label"])
  }

  /// An account's quarter hours on a UTC day, under label 0.
  func quarters(day: Int64, account: Int64) throws(SQLiteError) -> PackedQuarters {
    quarters.bind(day)
    quarters.bind(account)
    return try quarters.first { (row) in PackedQuarters(bytes: row.blob()) } ?? PackedQuarters()
  }

  func add(_ deltas: [QuarterDelta], to key: RollupKey) throws(SQLiteError) {
    try rows.add(deltas) { statement in
      statement.bind(key.day)
      statement.bind(key.account)
      statement.bind(key.label)
    }
  }
}
