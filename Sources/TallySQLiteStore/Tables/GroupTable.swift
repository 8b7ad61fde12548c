// What was counted for spenders and for values of tags: days in `rollup_group`, their quarter hours in
// `rollup_quarters`.
//
// Invariants:
// 1. As those of RollupTable.swift.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class GroupTable {
  /// Whether a value (?4) of a tag is there on a day, and how many are, without the rest.
  static let valuesSQL = """
    SELECT EXISTS (SELECT 1 FROM rollup_group
        WHERE day = ?1 AND account = ?2 AND tag = ?3 AND value = ?4),
      (SELECT count(*) FROM rollup_group WHERE day = ?1 AND account = ?2 AND tag = ?3 AND value > '')
    """

  private let values: Statement
  private let rows: RollupRows

  init(_ connection: Connection) throws(SQLiteError) {
    values = try connection.prepare(Self.valuesSQL)
    rows = try RollupRows(connection, table: "rollup_group", key: ["day", "account", "tag", "value"])
  }

  func values(_ key: GroupKey) throws(SQLiteError) -> TagValues {
    Self.bind(key, to: values)
    return try values.first { (row) in TagValues(isKnown: row.int() != 0, count: row.int()) }
      ?? TagValues(isKnown: false, count: 0)
  }

  func add(_ deltas: [QuarterDelta], to key: GroupKey) throws(SQLiteError) {
    try rows.add(deltas) { Self.bind(key, to: $0) }
  }

  private static func bind(_ key: GroupKey, to statement: Statement) {
    statement.bind(key.day)
    statement.bind(key.account)
    statement.bind(key.tag.text)
    statement.bind(key.value.text)
  }
}
