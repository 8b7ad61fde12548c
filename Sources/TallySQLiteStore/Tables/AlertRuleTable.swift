// Alert rules, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class AlertRuleTable {
  private static let written = ColumnList(
    "id", "scope", "plan_id", "account", "kind", "threshold", "quota", "updated_at",
    "since_sequence")

  /// The columns of a rule `r` and its account `a`, as `rule(_:)` takes them.
  static let selected = """
    r.id, r.scope, r.plan_id, a.user_id, r.kind, r.threshold, r.quota, r.updated_at, r.since_sequence
    """

  static let pageSQL = """
    SELECT \(selected)
    FROM alert_rule r LEFT JOIN account a ON a.id = r.account
    WHERE r.id > ?1 ORDER BY r.id LIMIT ?2
    """

  private enum Scope: Int64 {
    case everyUser = 1
    case plan = 2
    case user = 3
  }

  private let page: Statement
  private let upsert: Statement
  private let delete: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
    upsert = try connection.prepare(
      """
      INSERT INTO alert_rule(\(Self.written)) VALUES (\(Self.written.parameters))
      ON CONFLICT (id) DO UPDATE SET \(Self.written.without("id").replaced)
      """)
    delete = try connection.prepare("DELETE FROM alert_rule WHERE id = ?1")
  }

  // MARK: reading

  /// By id.
  /// - Parameter afterId: nil from the first one.
  func page(afterId: String?, limit: Int) throws(SQLiteError) -> AlertRulePage {
    page.bind(afterId ?? "")
    page.bind(Int64(limit) + 1)
    // A row more than asked for says that there is a next page.
    let rows = try page.all(Self.rule)
    let shown = Array(rows.prefix(limit))
    return AlertRulePage(rules: shown, nextAfter: rows.count > limit ? shown.last?.id : nil)
  }

  func all() throws(SQLiteError) -> [AlertRule] {
    try page(afterId: nil, limit: AlertRule.maximumInAll).rules
  }

  /// Takes what is `selected`.
  static func rule(_ row: inout Columns) throws(SQLiteError) -> AlertRule {
    let (id, number) = (row.text(), row.int())
    let (planId, userId) = (row.text(), row.text())
    let scope: AlertRule.Scope
    switch Scope(rawValue: number) {
    case .everyUser: scope = .everyUser
    case .plan: scope = .plan(planId)
    case .user: scope = .user(userId)
    case nil: throw .malformed("alert rule \(id), scope \(number)")
    }
    let (kind, threshold, quota) = (row.int(), row.int(), row.optionalInt())
    let condition: AlertRule.Condition
    switch EventKind(rawValue: Int32(clamping: kind)) {
    case .balanceBelow: condition = .balanceBelow(micros: threshold)
    case .owed: condition = .owedAbove(micros: threshold)
    case .quotaAt:
      guard let kind = quota.flatMap({ QuotaKind(rawValue: Int32(clamping: $0)) }) else {
        throw .malformed("alert rule \(id), quota \(quota ?? 0)")
      }
      condition = .quotaAt(kind, percent: threshold)
    case .capAt: condition = .capAt(percent: threshold)
    case .creditExpires: condition = .creditExpires(withinMillis: threshold)
    case .grantSkipped, .topUpIntent, nil: throw .malformed("alert rule \(id), kind \(kind)")
    }
    var rule = AlertRule(id: id, scope: scope, condition: condition)
    rule.updatedAtMicros = row.int()
    rule.sinceSequence = row.int()
    return rule
  }

  // MARK: writing

  func save(_ effect: AlertRuleEffect) throws(SQLiteError) {
    guard let rule = effect.rule else {
      delete.bind(effect.id)
      return try delete.run()
    }
    upsert.bind(rule.id)
    switch rule.scope {
    case .everyUser: bind(.everyUser, planId: nil, account: nil)
    case .plan(let planId): bind(.plan, planId: planId, account: nil)
    case .user: bind(.user, planId: nil, account: effect.account)
    }
    switch rule.condition {
    case .balanceBelow(let micros): bind(.balanceBelow, micros)
    case .owedAbove(let micros): bind(.owed, micros)
    case .quotaAt(let kind, let percent): bind(.quotaAt, percent, quota: kind)
    case .capAt(let percent): bind(.capAt, percent)
    case .creditExpires(let millis): bind(.creditExpires, millis)
    }
    upsert.bind(rule.updatedAtMicros)
    upsert.bind(rule.condition.expiryWindowMillis == nil ? nil : rule.sinceSequence)
    try upsert.run()
  }

  private func bind(_ scope: Scope, planId: String?, account: Int64?) {
    upsert.bind(scope.rawValue)
    upsert.bind(planId)
    upsert.bind(account)
  }

  private func bind(_ kind: EventKind, _ threshold: Int64, quota: QuotaKind? = nil) {
    upsert.bind(Int64(kind.rawValue))
    upsert.bind(threshold)
    upsert.bind((quota?.rawValue).map(Int64.init))
  }
}
