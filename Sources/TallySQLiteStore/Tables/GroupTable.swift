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
  static let knownSQL =
    "SELECT 1 FROM rollup_group WHERE day = ?1 AND account = ?2 AND tag = ?3 AND value = ?4"
  /// Without the rest.
  static let countSQL =
    "SELECT count(*) FROM rollup_group WHERE day = ?1 AND account = ?2 AND tag = ?3 AND value > ''"

  private let known: Statement
  private let count: Statement
  private let rows: RollupRows

  init(_ connection: Connection) throws(SQLiteError) {
    known = try connection.prepare(Self.knownSQL)
    count = try connection.prepare(Self.countSQL)
    rows = try RollupRows(connection, table: "rollup_group", key: ["day", "account", "tag", "value"])
  }

  /// The values of a tag are counted only for one that is not among them.
  func values(_ key: GroupKey) throws(SQLiteError) -> TagValues {
    Self.bind(key, to: known)
    if try known.firstInt() != nil { return TagValues(isKnown: true, count: 0) }
    count.bind(key.day)
    count.bind(key.account)
    count.bind(key.tag.text)
    return TagValues(isKnown: false, count: try count.firstInt() ?? 0)
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
