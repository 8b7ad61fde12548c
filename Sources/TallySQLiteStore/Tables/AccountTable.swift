// Loading and saving accounts.
//
// Invariants:
// 1. A stored account is what its last ledger row left: written in that row's transaction, once a commit.
// 2. `next_due` is the earliest time at which the sweep has something to write off; it is written only
//    when it changed, since it is indexed.
// 3. One of three small interfaces between the writer and how the ledger is indexed (with `KeyIndex` and
//    `History`).
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads accounts.
final class AccountLoader {
  static let columns = "id, user_id, posted, held, version, head, next_hold_expiry, lots, open_holds"
  static let byUserSQL = "SELECT \(columns) FROM account WHERE user_id = ?1"
  /// Of many users at once; ?1 is a JSON array of their ids.
  static let byUsersSQL =
    "SELECT \(columns) FROM account WHERE user_id IN (SELECT value FROM json_each(?1))"

  private let byUser: Statement
  private let byUsers: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byUser = try connection.prepare(Self.byUserSQL)
    byUsers = try connection.prepare(Self.byUsersSQL)
  }

  func load(userId: String) throws(SQLiteError) -> Account? {
    byUser.bind(1, userId)
    defer { byUser.reset() }
    return try byUser.step() ? try Self.account(byUser) : nil
  }

  /// In no particular order; unknown users are left out.
  func load(userIds: [String]) throws(SQLiteError) -> [Account] {
    byUsers.bind(1, JSONText.array(userIds))
    defer { byUsers.reset() }
    var accounts: [Account] = []
    while try byUsers.step() { accounts.append(try Self.account(byUsers)) }
    return accounts
  }

  static func account(_ row: Statement) throws(SQLiteError) -> Account {
    Account(
      id: row.int(0), userId: row.text(1), postedMicros: row.int(2), heldMicros: row.int(3),
      version: try row.counted(4), head: row.int(5), lots: try Packing.lots(row.blob(7)),
      nextHoldExpiryMicros: row.optionalInt(6), openHoldCount: try row.counted(8))
  }
}

/// Writes accounts.
final class AccountSaver {
  static let dueSQL =
    "SELECT user_id FROM account WHERE next_due IS NOT NULL AND next_due <= ?1 ORDER BY next_due LIMIT ?2"

  static let firstDueSQL = "SELECT min(next_due) FROM account WHERE next_due IS NOT NULL"

  private let insert: Statement
  private let update: Statement
  private let updateDue: Statement
  private let due: Statement
  private let firstDue: Statement
  private let lastId: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO account(
        id, user_id, posted, held, version, head, next_hold_expiry, next_due, lots, created_at)
      VALUES (?1, ?2, 0, 0, 0, 0, NULL, NULL, x'00', ?3)
      """)
    update = try connection.prepare(
      """
      UPDATE account SET posted = ?2, held = ?3, version = ?4, head = ?5, next_hold_expiry = ?6, lots = ?7,
        open_holds = ?8
      WHERE id = ?1
      """)
    updateDue = try connection.prepare("UPDATE account SET next_due = ?2 WHERE id = ?1")
    due = try connection.prepare(Self.dueSQL)
    firstDue = try connection.prepare(Self.firstDueSQL)
    lastId = try connection.prepare("SELECT coalesce(max(id), 0) FROM account")
  }

  /// The highest id in use, or zero.
  func lastAccountId() throws(SQLiteError) -> Int64 {
    defer { lastId.reset() }
    return try lastId.step() ? try lastId.counted(0) : 0
  }

  /// Makes an empty account, for rows to refer to until it is saved.
  func make(id: Int64, userId: String, nowMicros: Int64) throws(SQLiteError) {
    insert.bind(1, id)
    insert.bind(2, userId)
    insert.bind(3, nowMicros)
    try insert.run()
  }

  /// - Parameter storedDueMicros: what `next_due` is in the table.
  func save(_ account: Account, storedDueMicros: Int64?) throws(SQLiteError) {
    update.bind(1, account.id)
    update.bind(2, account.postedMicros)
    update.bind(3, account.heldMicros)
    update.bind(4, account.version)
    update.bind(5, account.head)
    update.bind(6, account.nextHoldExpiryMicros)
    update.bind(7, Packing.pack(account.lots))
    update.bind(8, account.openHoldCount)
    try update.run()
    let dueMicros = account.nextDueMicros
    guard dueMicros != storedDueMicros else { return }
    updateDue.bind(1, account.id)
    updateDue.bind(2, dueMicros)
    try updateDue.run()
  }

  /// The first time at which the sweep has something to write off; nil for never.
  func earliestDue() throws(SQLiteError) -> Int64? {
    defer { firstDue.reset() }
    return try firstDue.step() ? firstDue.optionalInt(0) : nil
  }

  /// Users for whom the sweep has something to write off, the longest overdue first.
  func due(nowMicros: Int64, limit: Int) throws(SQLiteError) -> [String] {
    due.bind(1, nowMicros)
    due.bind(2, Int64(limit))
    defer { due.reset() }
    var users: [String] = []
    while try due.step() { users.append(due.text(0)) }
    return users
  }
}

/// Just enough JSON to hand a list of texts to a statement.
enum JSONText {
  static func array(_ texts: [String]) -> String {
    var bytes: [UInt8] = [UInt8(ascii: "[")]
    for (index, text) in texts.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(UInt8(ascii: "\""))
      for byte in text.utf8 { append(byte, to: &bytes) }
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(UInt8(ascii: "]"))
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(byte)
    case 0..<0x20:
      let digits = Array("0123456789abcdef".utf8)
      bytes.append(contentsOf: Array("\\u00".utf8))
      bytes.append(digits[Int(byte >> 4)])
      bytes.append(digits[Int(byte & 15)])
    default: bytes.append(byte)
    }
  }
}
