// Walking the users.
//
// Invariants:
// 1. A page is one statement, and one more for what has expired, whatever the number of users. It examines
//    at most `maximumExaminedRows`; a page that ends there says where to go on, even when it is not full.
// 2. Accounts are numbered in the order in which they were made and never removed: a page that starts after
//    a number is stable under writes, in each order but those by an amount, which may change.
// 3. What only users with settings can be is searched for by an index of `user_settings`. Accounts have no
//    index for it, since every write of money would have to keep that up.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class UserList {
  /// Users that one page looks at; keeps a snapshot short when few are wanted.
  static let maximumExaminedRows = 10_000

  /// A user as the tables have it.
  struct Row {
    var account: Account
    var settings: UserSettings
    var place: UserPlace
  }

  /// What leads to the users of a page, beside the order.
  fileprivate enum Driver: CaseIterable {
    case account, plan, role, approval

    /// Whose rows are walked in the order of accounts, and which: ?2 is what the filter wants.
    var condition: String {
      switch self {
      case .account: ""
      case .plan: "s.plan_id = ?2 AND"
      case .role: "s.role = ?2 AND"
      case .approval: "s.approval = ?2 AND"
      }
    }
  }

  /// Settings come first: what a filter wants is found there.
  private static let columns = columns(amount: "0")

  /// - Parameter amount: what the order is by.
  private static func columns(amount: String) -> String {
    "a.id, \(amount), a.user_id, \(UserSettingsTable.selected), \(AccountTable.columns.of("a"))"
  }

  private static func sql(_ driver: Driver, isAscending: Bool) -> String {
    let order = isAscending ? "> ?1 ORDER BY" : "< ?1 ORDER BY"
    let direction = isAscending ? "" : " DESC"
    switch driver {
    case .account:
      return """
        SELECT \(columns) FROM account a LEFT JOIN user_settings s ON s.account = a.id
        WHERE a.id \(order) a.id\(direction)
        """
    case .plan, .role, .approval:
      return """
        SELECT \(columns) FROM user_settings s CROSS JOIN account a ON a.id = s.account
        WHERE \(driver.condition) s.account \(order) s.account\(direction)
        """
    }
  }

  /// From the user with the number ?1 on, or else from ?2 on.
  static let byUserIdSQL = """
    SELECT \(columns) FROM account a LEFT JOIN user_settings s ON s.account = a.id
    WHERE a.user_id >= coalesce((SELECT user_id FROM account WHERE id = ?1), ?2) ORDER BY a.user_id
    """

  /// In the month ?1, before the place (?2, ?3).
  static let bySpendSQL = """
    SELECT \(columns(amount: "m.cost")) FROM usage_month m CROSS JOIN account a ON a.id = m.account
    LEFT JOIN user_settings s ON s.account = a.id
    WHERE m.month = ?1 AND m.cost > 0 AND (m.cost, m.account) < (?2, ?3)
    ORDER BY m.cost DESC, m.account DESC
    """

  /// Before the place (?1, ?2).
  static let byOwedSQL = """
    SELECT \(columns(amount: "a.owed")) FROM account a LEFT JOIN user_settings s ON s.account = a.id
    WHERE a.owed > 0 AND (a.owed, a.id) < (?1, ?2) ORDER BY a.owed DESC, a.id DESC
    """

  private let ascending: [Driver: Statement]
  private let descending: [Driver: Statement]
  private let byUserId: Statement
  private let bySpend: Statement
  private let byOwed: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    var statements: [[Driver: Statement]] = [[:], [:]]
    for driver in Driver.allCases {
      statements[0][driver] = try connection.prepare(Self.sql(driver, isAscending: true))
      statements[1][driver] = try connection.prepare(Self.sql(driver, isAscending: false))
    }
    ascending = statements[0]
    descending = statements[1]
    byUserId = try connection.prepare(Self.byUserIdSQL)
    bySpend = try connection.prepare(Self.bySpendSQL)
    byOwed = try connection.prepare(Self.byOwedSQL)
  }

  /// Accounts and settings of a page.
  func page(
    _ filter: UserFilter, nowMicros: Int64
  ) throws(SQLiteError) -> (rows: [Row], nextAfter: UserPlace?) {
    let statement = try bound(filter, nowMicros: nowMicros)
    defer { statement.reset() }
    var rows: [Row] = []
    var examined = 0
    var last = UserPlace(number: 0)
    while try statement.step() {
      var columns = statement.columns()
      let place = UserPlace(number: columns.int(), amountMicros: columns.int())
      let userId = columns.text()
      if place.number == filter.after?.number { continue }
      // In the order of bytes, those with a prefix stand together.
      if filter.order == .userId, !userId.utf8.starts(with: filter.userIdPrefix.utf8) { break }
      // A row more than asked for says that there is a next page.
      if rows.count == filter.limit || examined == Self.maximumExaminedRows { return (rows, last) }
      examined += 1
      last = place
      let settings = try UserSettingsTable.settings(account: place.number, userId: userId, &columns)
      guard filter.wants(settings) else { continue }
      rows.append(Row(account: try AccountTable.account(&columns), settings: settings, place: place))
      try columns.end()
    }
    return (rows, nil)
  }

  private func bound(_ filter: UserFilter, nowMicros: Int64) throws(SQLiteError) -> Statement {
    switch filter.order {
    case .userId:
      byUserId.bind(filter.after?.number)
      byUserId.bind(filter.userIdPrefix)
      return byUserId
    case .mostSpent:
      bySpend.bind((filter.month ?? Zone.utc.month(ofMicros: nowMicros)).number)
      Self.bind(filter.after, to: bySpend)
      return bySpend
    case .mostOwed:
      Self.bind(filter.after, to: byOwed)
      return byOwed
    case .newestFirst, .oldestFirst: return try bound(byNumber: filter)
    }
  }

  /// All come before the last one possible.
  private static func bind(_ place: UserPlace?, to statement: Statement) {
    statement.bind(place?.amountMicros ?? Int64.max)
    statement.bind(place?.number ?? Int64.max)
  }

  private func bound(byNumber filter: UserFilter) throws(SQLiteError) -> Statement {
    let isAscending = filter.order == .oldestFirst
    let driver = filter.driver
    guard let statement = (isAscending ? ascending : descending)[driver] else {
      throw .malformed("users: no statement for this filter")
    }
    statement.bind(filter.after?.number ?? (isAscending ? 0 : Int64.max))
    switch driver {
    case .account: break
    case .plan: statement.bind(filter.planId)
    case .role: statement.bind(filter.role.map { Int64($0.rawValue) })
    case .approval: statement.bind(filter.approval.map { Int64($0.rawValue) })
    }
    return statement
  }
}

extension UserFilter {
  /// The rarest thing wanted that only settings can say.
  fileprivate var driver: UserList.Driver {
    if planId != nil { return .plan }
    if let role, role != UserSettings.defaultRole { return .role }
    if let approval, approval != UserSettings.defaultApproval { return .approval }
    return .account
  }

  fileprivate func wants(_ settings: UserSettings) -> Bool {
    if let role, role != settings.role { return false }
    if let approval, approval != settings.approval { return false }
    guard let planId else { return true }
    return settings.planId?.isExactly(planId) ?? false
  }
}
