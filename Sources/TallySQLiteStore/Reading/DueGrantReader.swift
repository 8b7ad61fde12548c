// What is due of many users' subscriptions, for reads that count it before it is granted.
//
// Invariants:
// 1. Three statements, however many users; none when nothing is due.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class DueGrantReader {
  /// Subscriptions of many accounts; ?1 is a JSON array of them.
  static let subscriptionsSQL = """
    SELECT account, \(UserSettingsTable.columns) FROM user_settings
    WHERE account IN (SELECT value FROM json_each(?1))
    """
  /// ?1 is a JSON object: by account, a day. Of each one's subscription, the granted period that begins last
  /// among those that begin before that day.
  static let grantedSQL = """
    SELECT s.account, \(ReferenceIndex.periodColumns) FROM json_each(?1) j
    CROSS JOIN user_settings s ON s.account = CAST(j.key AS INTEGER)
    CROSS JOIN ledger l ON l.sequence = (
      SELECT sequence FROM ledger
      WHERE account = s.account AND plan_id = s.subscription_plan AND type = 3 AND period_start_day < j.value
      ORDER BY period_start_day DESC, sequence DESC LIMIT 1)
    """

  private let subscriptions: Statement
  private let granted: Statement
  private let plans: PlanTable

  init(_ connection: Connection, plans: PlanTable) throws(SQLiteError) {
    subscriptions = try connection.prepare(Self.subscriptionsSQL)
    granted = try connection.prepare(Self.grantedSQL)
    self.plans = plans
  }

  /// By account; none for an account whose plan's zone this machine does not know.
  func dueGrants(
    of accounts: some Sequence<Account>, zones: ZoneStore, nowMicros: Int64
  ) throws(SQLiteError) -> [Int64: DueGrant] {
    var dueMicros: [Int64: Int64] = [:]
    for account in accounts { dueMicros[account.id] = account.grantDueMicros(atMicros: nowMicros) }
    if dueMicros.isEmpty { return [:] }
    let calendars = try calendars(of: Array(dueMicros.keys), zones)
    var days: [Int64: Int64] = [:]
    for (account, calendar) in calendars {
      days[account] = calendar.period(at: nowMicros)?.days.upperBound
    }
    let granted = try granted(beforeDays: days)
    var dues: [Int64: DueGrant] = [:]
    for (account, calendar) in calendars {
      guard let dueMicros = dueMicros[account] else { continue }
      dues[account] = calendar.due(
        sinceMicros: dueMicros, granted: granted[account], nowMicros: nowMicros)
    }
    return dues
  }

  private func calendars(
    of accounts: [Int64], _ zones: ZoneStore
  ) throws(SQLiteError) -> [Int64: GrantCalendar] {
    subscriptions.bind(JSONText.array(accounts))
    let found = try subscriptions.all { (row) throws(SQLiteError) in
      let account = row.int()
      var settings = UserSettings(userId: "")
      try UserSettingsTable.fill(&settings, account: account, &row)
      return (account, settings.automaticSubscription)
    }
    let plans = try plans.plans(ids: found.lazy.compactMap(\.1?.planId).map { $0 })
    var calendars: [Int64: GrantCalendar] = [:]
    for (account, subscription) in found {
      guard let subscription, let plan = plans[subscription.planId] else { continue }
      do {
        calendars[account] = GrantCalendar(subscription, plan, try zones.zone(named: plan.timeZone))
      } catch { continue }
    }
    return calendars
  }

  private func granted(beforeDays days: [Int64: Int64]) throws(SQLiteError) -> [Int64: GrantedPeriod] {
    granted.bind(JSONText.object(days))
    var periods: [Int64: GrantedPeriod] = [:]
    for (account, period) in try granted.all({ (row) throws(SQLiteError) in
      (row.int(), try ReferenceIndex.period(&row))
    }) {
      periods[account] = period
    }
    return periods
  }
}
