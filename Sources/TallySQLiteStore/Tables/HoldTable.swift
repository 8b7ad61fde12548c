// Holds, written and read.
//
// Invariants:
// 1. A hold's row is written in the transaction of the ledger row that changed it.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads holds.
final class HoldReader {
  /// Of a hold and its account; `hold(_:)` reads them in this order.
  static let columns = """
    h.id, a.user_id, h.state, h.amount, h.captured, h.released, h.forfeited, h.created_at, h.expires_at,
    h.settled_at, h.run_id, h.pins
    """
  static let byIdSQL = """
    SELECT \(columns) FROM hold h JOIN account a ON a.id = h.account WHERE h.id = ?1
    """
  static let expiredSQL = """
    SELECT \(columns) FROM hold h JOIN account a ON a.id = h.account
    WHERE h.account = ?1 AND h.state = 1 AND h.expires_at <= ?2
    ORDER BY h.expires_at, h.id LIMIT ?3
    """
  static let expiriesSQL = """
    SELECT id, expires_at FROM hold WHERE account = ?1 AND state = 1 ORDER BY expires_at LIMIT ?2
    """
  /// Of many accounts at once; ?1 is a JSON array of their users' ids.
  static let expiredOfManySQL = """
    SELECT \(columns) FROM account a JOIN hold h ON h.account = a.id
    WHERE a.user_id IN (SELECT value FROM json_each(?1)) AND h.state = 1 AND h.expires_at <= ?2
    """

  private let byId: Statement
  private let expired: Statement
  private let expiries: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    expired = try connection.prepare(Self.expiredSQL)
    expiries = try connection.prepare(Self.expiriesSQL)
  }

  func hold(id: Int64) throws(SQLiteError) -> Hold? {
    byId.bind(1, id)
    defer { byId.reset() }
    return try byId.step() ? try Self.hold(byId) : nil
  }

  /// Open holds whose time is over, the earliest first; all of them without a limit.
  func expired(account: Int64, nowMicros: Int64, limit: Int? = nil) throws(SQLiteError) -> [Hold] {
    expired.bind(1, account)
    expired.bind(2, nowMicros)
    expired.bind(3, limit.map { Int64($0) } ?? -1)
    return try Self.all(expired)
  }

  /// The open holds that expire first.
  func firstExpiries(account: Int64, limit: Int) throws(SQLiteError) -> [HoldExpiry] {
    expiries.bind(1, account)
    expiries.bind(2, Int64(limit))
    defer { expiries.reset() }
    var found: [HoldExpiry] = []
    while try expiries.step() {
      found.append(HoldExpiry(holdId: expiries.int(0), atMicros: expiries.int(1)))
    }
    return found
  }

  /// The rest of a statement's rows, which select `columns`.
  static func all(_ statement: Statement) throws(SQLiteError) -> [Hold] {
    defer { statement.reset() }
    var holds: [Hold] = []
    while try statement.step() { holds.append(try hold(statement)) }
    return holds
  }

  /// The row that a statement which selects `columns` stands on.
  static func hold(_ row: Statement) throws(SQLiteError) -> Hold {
    guard let state = HoldState(rawValue: Int32(truncatingIfNeeded: row.int(2))) else {
      throw .malformed("state of hold \(row.int(0))")
    }
    var hold = Hold(
      id: row.int(0), userId: row.text(1), state: state, amountMicros: row.int(3),
      createdAtMicros: row.int(7), expiresAtMicros: row.int(8), runId: row.text(10),
      pins: try Packing.allocations(row.blob(11)))
    hold.capturedMicros = row.int(4)
    hold.releasedMicros = row.int(5)
    hold.forfeitedMicros = row.int(6)
    hold.settledAtMicros = row.int(9)
    return hold
  }
}

/// Writes holds.
final class HoldSaver {
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    upsert = try connection.prepare(
      """
      INSERT INTO hold(id, account, state, amount, captured, released, forfeited, created_at, expires_at,
        settled_at, run_id, pins)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
      ON CONFLICT (id) DO UPDATE SET state = ?3, captured = ?5, released = ?6, forfeited = ?7,
        expires_at = ?9, settled_at = ?10
      """)
  }

  func save(_ hold: Hold, account: Int64) throws(SQLiteError) {
    upsert.bind(1, hold.id)
    upsert.bind(2, account)
    upsert.bind(3, Int64(hold.state.rawValue))
    upsert.bind(4, hold.amountMicros)
    upsert.bind(5, hold.capturedMicros)
    upsert.bind(6, hold.releasedMicros)
    upsert.bind(7, hold.forfeitedMicros)
    upsert.bind(8, hold.createdAtMicros)
    upsert.bind(9, hold.expiresAtMicros)
    upsert.bind(10, hold.settledAtMicros)
    upsert.bind(11, hold.runId)
    upsert.bind(12, Packing.pack(hold.pins))
    try upsert.run()
  }
}
