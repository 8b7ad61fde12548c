// Holds, written and read.
//
// Invariants:
// 1. A hold's row is written in the transaction of the ledger row that changed it.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class HoldTable {
  static let columns = ColumnList(
    "id", "state", "amount", "created_at", "expires_at", "run_id", "pins", "captured", "released",
    "forfeited", "settled_at", "attempt", "spender")
  /// The columns of a hold `h` and its account `a`, as `hold(_:)` takes them.
  static let selected = "\(columns.of("h")), a.user_id"

  static let byIdSQL = "SELECT \(selected) FROM hold h JOIN account a ON a.id = h.account WHERE h.id = ?1"
  static let expiredSQL = """
    SELECT \(selected) FROM hold h JOIN account a ON a.id = h.account
    WHERE h.account = ?1 AND h.state = 1 AND h.expires_at <= ?2
    ORDER BY h.expires_at, h.id LIMIT ?3
    """
  static let expiriesSQL = """
    SELECT id, expires_at FROM hold WHERE account = ?1 AND state = 1 ORDER BY expires_at LIMIT ?2
    """
  /// Those of many accounts at once; ?1 is a JSON array of their users' ids.
  static let expiredOfManySQL = """
    SELECT \(selected) FROM account a JOIN hold h ON h.account = a.id
    WHERE a.user_id IN (SELECT value FROM json_each(?1)) AND h.state = 1 AND h.expires_at <= ?2
    """

  private let byId: Statement
  private let expired: Statement
  private let expiries: Statement
  private let expiredOfMany: Statement
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    expired = try connection.prepare(Self.expiredSQL)
    expiries = try connection.prepare(Self.expiriesSQL)
    expiredOfMany = try connection.prepare(Self.expiredOfManySQL)
    let written = Self.columns + ColumnList("account")
    let changing = ColumnList("state", "expires_at", "captured", "released", "forfeited", "settled_at")
    upsert = try connection.prepare(
      """
      INSERT INTO hold(\(written)) VALUES (\(written.parameters))
      ON CONFLICT (id) DO UPDATE SET \(changing.replaced)
      """)
  }

  // MARK: reading

  func hold(id: Int64) throws(SQLiteError) -> Hold? {
    byId.bind(id)
    return try byId.first(Self.hold)
  }

  /// Open holds whose time is over, the earliest first; all of them without a limit.
  func expired(account: Int64, nowMicros: Int64, limit: Int? = nil) throws(SQLiteError) -> [Hold] {
    expired.bind(account)
    expired.bind(nowMicros)
    expired.bind(limit.map { Int64($0) } ?? -1)
    return try expired.all(Self.hold)
  }

  /// Open holds of these users whose time is over.
  func expired(userIds: [String], nowMicros: Int64) throws(SQLiteError) -> [Hold] {
    expiredOfMany.bind(JSONText.array(userIds))
    expiredOfMany.bind(nowMicros)
    return try expiredOfMany.all(Self.hold)
  }

  /// The open holds that expire first.
  func firstExpiries(account: Int64, limit: Int) throws(SQLiteError) -> [HoldExpiry] {
    expiries.bind(account)
    expiries.bind(Int64(limit))
    return try expiries.all { (row) in HoldExpiry(holdId: row.int(), atMicros: row.int()) }
  }

  /// Takes what is `selected`.
  static func hold(_ row: inout Columns) throws(SQLiteError) -> Hold { try hold(id: row.int(), &row) }

  /// Takes what is `selected` after the id.
  static func hold(id: Int64, _ row: inout Columns) throws(SQLiteError) -> Hold {
    guard let state = HoldState(rawValue: row.int32()) else { throw .malformed("state of hold \(id)") }
    var hold = Hold(
      id: id, userId: "", state: state, amountMicros: row.int(), createdAtMicros: row.int(),
      expiresAtMicros: row.int(), runId: row.text(), pins: try Packing.allocations(row.blob()))
    hold.capturedMicros = row.int()
    hold.releasedMicros = row.int()
    hold.forfeitedMicros = row.int()
    hold.settledAtMicros = row.int()
    hold.attempt = row.int32()
    hold.spender = row.text()
    hold.userId = row.text()
    return hold
  }

  // MARK: writing

  func save(_ hold: Hold, account: Int64) throws(SQLiteError) {
    upsert.bind(hold.id)
    upsert.bind(Int64(hold.state.rawValue))
    upsert.bind(hold.amountMicros)
    upsert.bind(hold.createdAtMicros)
    upsert.bind(hold.expiresAtMicros)
    upsert.bind(hold.runId)
    upsert.bind(Packing.pack(hold.pins))
    upsert.bind(hold.capturedMicros)
    upsert.bind(hold.releasedMicros)
    upsert.bind(hold.forfeitedMicros)
    upsert.bind(hold.settledAtMicros)
    upsert.bind(hold.attempt == 0 ? nil : Int64(hold.attempt))
    upsert.bind(hold.spender.isEmpty ? nil : hold.spender)
    upsert.bind(account)
    try upsert.run()
  }
}
