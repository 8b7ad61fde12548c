// Accounts, written and read.
//
// Invariants:
// 1. A stored account is what its last ledger row left: it is written in that row's transaction, once a
//    commit.
// 2. `next_due` is the earliest time at which the sweep has something to write off; it is written only
//    when it changed, since it is indexed.
// 3. It names the account's last ledger row, from which the rows before are found.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class AccountTable {
  static let columns = ColumnList(
    "id", "user_id", "posted", "held", "version", "head", "lots", "next_hold_expiry", "open_holds",
    "owed", "owed_parts", "suspended", "next_grant_at", "mark_64", "mark_4096",
    "own_caps", "cap_counted", "top_up_below", "top_up_at")
  /// What a row's ledger rows change in it.
  private static let changing = columns.without("id", "user_id")

  static let byUserSQL = "SELECT \(columns) FROM account WHERE user_id = ?1"
  /// Those of many users at once; ?1 is a JSON array of their ids.
  static let byUsersSQL =
    "SELECT \(columns) FROM account WHERE user_id IN (SELECT value FROM json_each(?1))"
  static let dueSQL =
    "SELECT user_id FROM account WHERE next_due IS NOT NULL AND next_due <= ?1 ORDER BY next_due LIMIT ?2"
  static let firstDueSQL = "SELECT min(next_due) FROM account WHERE next_due IS NOT NULL"

  private let byUser: Statement
  private let byUsers: Statement
  private let idByUser: Statement
  private let insert: Statement
  private let update: Statement
  private let updateDue: Statement
  private let due: Statement
  private let firstDue: Statement
  private let lastId: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byUser = try connection.prepare(Self.byUserSQL)
    byUsers = try connection.prepare(Self.byUsersSQL)
    idByUser = try connection.prepare("SELECT id FROM account WHERE user_id = ?1")
    insert = try connection.prepare(
      """
      INSERT INTO account(id, user_id, created_at, posted, held, version, head, lots)
      VALUES (?1, ?2, ?3, 0, 0, 0, 0, x'00')
      """)
    update = try connection.prepare("UPDATE account SET \(Self.changing.assigned(from: 2)) WHERE id = ?1")
    updateDue = try connection.prepare("UPDATE account SET next_due = ?2 WHERE id = ?1")
    due = try connection.prepare(Self.dueSQL)
    firstDue = try connection.prepare(Self.firstDueSQL)
    lastId = try connection.prepare("SELECT coalesce(max(id), 0) FROM account")
  }

  // MARK: reading

  func account(userId: String) throws(SQLiteError) -> Account? {
    byUser.bind(userId)
    return try byUser.first(Self.account)
  }

  /// In no particular order; unknown users are left out.
  func accounts(userIds: [String]) throws(SQLiteError) -> [Account] {
    byUsers.bind(JSONText.array(userIds))
    return try byUsers.all(Self.account)
  }

  /// - Returns: nil for a user that is not known.
  func id(userId: String) throws(SQLiteError) -> Int64? {
    idByUser.bind(userId)
    return try idByUser.firstInt()
  }

  /// Takes `columns`.
  static func account(_ row: inout Columns) throws(SQLiteError) -> Account {
    var account = Account(
      id: row.int(), userId: row.text(), postedMicros: row.int(), heldMicros: row.int(),
      version: try row.counted(), head: row.int(), lots: try Packing.lots(row.blob()),
      nextHoldExpiryMicros: row.optionalInt(), openHoldCount: try row.counted())
    let owedMicros = row.int()
    account.owed = try Packing.owed(row.blob())
    guard account.owedMicros == owedMicros else { throw .malformed("owed") }
    account.isSuspended = row.int() != 0
    account.nextGrantAtMicros = row.optionalInt()
    guard account.nextGrantAtMicros ?? 0 >= 0 else { throw .malformed("next_grant_at") }
    account.marks = SkipMarks(last64: row.int(), last4096: row.int())
    account.ownCapCount = try row.counted()
    account.isCapCounted = row.int() != 0
    account.topUpBelowMicros = row.optionalInt()
    account.topUpAtMicros = row.optionalInt()
    return account
  }

  /// The highest id in use, or zero.
  func lastAccountId() throws(SQLiteError) -> Int64 {
    try lastId.first { (row) throws(SQLiteError) in try row.counted() } ?? 0
  }

  /// The first time at which the sweep has something to write off; nil for never.
  func earliestDue() throws(SQLiteError) -> Int64? { try firstDue.firstInt() }

  /// Users for whom the sweep has something to write off, the longest overdue first.
  func due(nowMicros: Int64, limit: Int) throws(SQLiteError) -> [String] {
    due.bind(nowMicros)
    due.bind(Int64(limit))
    return try due.all { (row) in row.text() }
  }

  // MARK: writing

  /// Makes an empty account, for rows to refer to until it is saved.
  func make(id: Int64, userId: String, nowMicros: Int64) throws(SQLiteError) {
    insert.bind(id)
    insert.bind(userId)
    insert.bind(nowMicros)
    try insert.run()
  }

  /// - Parameter storedDueMicros: what `next_due` is in the table.
  func save(_ account: Account, storedDueMicros: Int64?) throws(SQLiteError) {
    update.bind(account.id)
    update.bind(account.postedMicros)
    update.bind(account.heldMicros)
    update.bind(account.version)
    update.bind(account.head)
    update.bind(Packing.pack(account.lots))
    update.bind(account.nextHoldExpiryMicros)
    update.bind(account.openHoldCount)
    update.bind(account.owedMicros)
    update.bind(account.owed.isEmpty ? nil : Packing.pack(account.owed))
    update.bind(account.isSuspended ? 1 : 0)
    update.bind(account.nextGrantAtMicros)
    update.bind(account.marks.last64)
    update.bind(account.marks.last4096)
    update.bind(account.ownCapCount)
    update.bind(account.isCapCounted ? 1 : 0)
    update.bind(account.topUpBelowMicros)
    update.bind(account.topUpAtMicros)
    try update.run()
    let dueMicros = account.nextDueMicros
    guard dueMicros != storedDueMicros else { return }
    updateDue.bind(account.id)
    updateDue.bind(dueMicros)
    try updateDue.run()
  }
}
