// Users' settings, written and read.
//
// Invariants:
// 1. A user without a row has the defaults of `UserSettings`, with `updatedAtMicros` zero.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads settings.
final class SettingsReader {
  /// Of an account `a`, with its settings `s` if there are any.
  static let columns = """
    a.id, a.user_id, a.created_at, s.email, s.role, s.plan_id, s.approval, s.updated_at
    """
  private static let tables = "account a LEFT JOIN user_settings s ON s.account = a.id"
  static let byAccountSQL = "SELECT \(columns) FROM \(tables) WHERE a.id = ?1"
  static let byUserSQL = "SELECT \(columns) FROM \(tables) WHERE a.user_id = ?1"
  /// Of many accounts at once; ?1 is a JSON array of their ids.
  static let byAccountsSQL =
    "SELECT \(columns) FROM \(tables) WHERE a.id IN (SELECT value FROM json_each(?1))"

  private let byAccount: Statement
  private let byUser: Statement
  private let byAccounts: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byAccount = try connection.prepare(Self.byAccountSQL)
    byUser = try connection.prepare(Self.byUserSQL)
    byAccounts = try connection.prepare(Self.byAccountsSQL)
  }

  /// - Returns: nil when there is no such account.
  func settings(account: Int64) throws(SQLiteError) -> UserSettings? {
    byAccount.bind(1, account)
    defer { byAccount.reset() }
    return try byAccount.step() ? try Self.settings(byAccount) : nil
  }

  /// - Returns: nil when no write has named the user.
  func settings(userId: String) throws(SQLiteError) -> UserSettings? {
    byUser.bind(1, userId)
    defer { byUser.reset() }
    return try byUser.step() ? try Self.settings(byUser) : nil
  }

  /// By account id, in one statement; accounts that are not there are left out.
  func settings(accounts: [Int64]) throws(SQLiteError) -> [Int64: UserSettings] {
    byAccounts.bind(1, JSONText.array(accounts))
    defer { byAccounts.reset() }
    var settings: [Int64: UserSettings] = [:]
    settings.reserveCapacity(accounts.count)
    while try byAccounts.step() { settings[byAccounts.int(0)] = try Self.settings(byAccounts) }
    return settings
  }

  /// - Parameter first: where `columns` begin in the row.
  static func settings(_ row: Statement, from first: Int32 = 0) throws(SQLiteError) -> UserSettings {
    var settings = UserSettings(userId: row.text(first + 1))
    settings.createdAtMicros = row.int(first + 2)
    if row.isNull(first + 4) { return settings }
    guard let role = UserRole(rawValue: Int32(truncatingIfNeeded: row.int(first + 4))),
      let approval = UserApproval(rawValue: Int32(truncatingIfNeeded: row.int(first + 6)))
    else { throw .malformed("settings of account \(row.int(first))") }
    settings.email = row.text(first + 3)
    settings.role = role
    settings.planId = row.optionalText(first + 5)
    settings.approval = approval
    settings.updatedAtMicros = row.int(first + 7)
    return settings
  }
}

/// Writes settings.
final class SettingsSaver {
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    upsert = try connection.prepare(
      """
      INSERT INTO user_settings(account, email, role, plan_id, approval, updated_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6)
      ON CONFLICT (account) DO UPDATE SET email = ?2, role = ?3, plan_id = ?4, approval = ?5,
        updated_at = ?6
      """)
  }

  func save(_ settings: UserSettings, account: Int64) throws(SQLiteError) {
    upsert.bind(1, account)
    upsert.bind(2, settings.email)
    upsert.bind(3, Int64(settings.role.rawValue))
    upsert.bind(4, settings.planId)
    upsert.bind(5, Int64(settings.approval.rawValue))
    upsert.bind(6, settings.updatedAtMicros)
    try upsert.run()
  }
}

extension JSONText {
  static func array(_ numbers: [Int64]) -> String {
    "[" + numbers.map(String.init).joined(separator: ",") + "]"
  }
}
