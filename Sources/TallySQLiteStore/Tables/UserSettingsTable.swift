// Users' settings, written and read.
//
// Invariants:
// 1. A user without a row has the defaults of `UserSettings`, with `updatedAtMicros` zero.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class UserSettingsTable {
  static let columns = ColumnList(
    "role", "email", "plan_id", "approval", "updated_at", "suspended",
    "subscription_plan", "subscription_start_day", "subscription_automatic")
  /// The columns of an account `a` and its settings `s`, if there are any, as
  /// `settings(account:userId:_:)` takes them.
  static let selected = "a.created_at, \(columns.of("s"))"
  private static let byAccount = """
    SELECT a.id, a.user_id, \(selected) FROM account a LEFT JOIN user_settings s ON s.account = a.id
    """

  private let byId: Statement
  private let byUser: Statement
  private let planId: Statement
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare("\(Self.byAccount) WHERE a.id = ?1")
    byUser = try connection.prepare("\(Self.byAccount) WHERE a.user_id = ?1")
    planId = try connection.prepare("SELECT plan_id FROM user_settings WHERE account = ?1")
    let written = ColumnList("account") + Self.columns
    upsert = try connection.prepare(
      """
      INSERT INTO user_settings(\(written)) VALUES (\(written.parameters))
      ON CONFLICT (account) DO UPDATE SET \(Self.columns.replaced)
      """)
  }

  // MARK: reading

  /// - Returns: nil when there is no such account.
  func settings(account: Int64) throws(SQLiteError) -> UserSettings? {
    byId.bind(account)
    return try byId.first(Self.settings)
  }

  /// - Returns: nil when no write has named the user.
  func settings(userId: String) throws(SQLiteError) -> UserSettings? {
    byUser.bind(userId)
    return try byUser.first(Self.settings)
  }

  /// nil without settings, and without a plan in them.
  func planId(account: Int64) throws(SQLiteError) -> String? {
    planId.bind(account)
    return try planId.first { (row) in row.optionalText() } ?? nil
  }

  private static func settings(_ row: inout Columns) throws(SQLiteError) -> UserSettings {
    try settings(account: row.int(), userId: row.text(), &row)
  }

  /// Takes what is `selected`.
  static func settings(
    account: Int64, userId: String, _ row: inout Columns
  ) throws(SQLiteError) -> UserSettings {
    var settings = UserSettings(userId: userId)
    settings.createdAtMicros = row.int()
    if row.isNull {
      row.skip(columns.count)
      return settings
    }
    try fill(&settings, account: account, &row)
    return settings
  }

  /// Takes `columns` of a row.
  static func fill(_ settings: inout UserSettings, account: Int64, _ row: inout Columns) throws(SQLiteError) {
    let role = UserRole(rawValue: row.int32())
    settings.email = row.text()
    settings.planId = row.optionalText()
    guard let role, let approval = UserApproval(rawValue: row.int32()) else {
      throw .malformed("settings of account \(account)")
    }
    settings.role = role
    settings.approval = approval
    settings.updatedAtMicros = row.int()
    settings.isSuspended = row.int() != 0
    let (planId, startDay, isAutomatic) = (row.optionalText(), row.int(), row.int() != 0)
    if let planId {
      guard PeriodName.startDays.contains(startDay) else {
        throw .malformed("subscription of account \(account)")
      }
      settings.subscription = Subscription(planId: planId, startDay: startDay, isAutomatic: isAutomatic)
    }
  }

  // MARK: writing

  func save(_ settings: UserSettings, account: Int64) throws(SQLiteError) {
    upsert.bind(account)
    upsert.bind(Int64(settings.role.rawValue))
    upsert.bind(settings.email)
    upsert.bind(settings.planId)
    upsert.bind(Int64(settings.approval.rawValue))
    upsert.bind(settings.updatedAtMicros)
    upsert.bind(settings.isSuspended ? 1 : 0)
    upsert.bind(settings.subscription?.planId)
    upsert.bind(settings.subscription?.startDay)
    upsert.bind(settings.subscription.map { $0.isAutomatic ? 1 : 0 })
    try upsert.run()
  }
}
