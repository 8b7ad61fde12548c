// Plans, written and read.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads plans.
final class PlanReader {
  static let columns = """
    id, display_name, monthly_credit, expiry, expires_after_millis, priority, updated_at,
    monthly_generations, monthly_uploads, page_count, time_zone, prices
    """
  static let byIdSQL = "SELECT \(columns) FROM plan WHERE id = ?1"
  /// Of many at once; ?1 is a JSON array of their ids.
  static let byIdsSQL = "SELECT \(columns) FROM plan WHERE id IN (SELECT value FROM json_each(?1))"
  static let pageSQL = "SELECT \(columns) FROM plan WHERE id > ?1 ORDER BY id LIMIT ?2"

  private let byId: Statement
  private let byIds: Statement
  private let page: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    byIds = try connection.prepare(Self.byIdsSQL)
    page = try connection.prepare(Self.pageSQL)
  }

  func plan(id: String) throws(SQLiteError) -> Plan? {
    byId.bind(1, id)
    defer { byId.reset() }
    return try byId.step() ? try Self.plan(byId) : nil
  }

  /// In one statement; those that are not there are left out.
  func plans(ids: [String]) throws(SQLiteError) -> [ExactText: Plan] {
    byIds.bind(1, JSONText.array(ids))
    defer { byIds.reset() }
    var plans: [ExactText: Plan] = [:]
    while try byIds.step() {
      let plan = try Self.plan(byIds)
      plans[ExactText(plan.id)] = plan
    }
    return plans
  }

  /// By id.
  /// - Parameter afterId: nil from the first one.
  func plans(afterId: String?, limit: Int) throws(SQLiteError) -> [Plan] {
    page.bind(1, afterId ?? "")
    page.bind(2, Int64(limit))
    defer { page.reset() }
    var plans: [Plan] = []
    while try page.step() { plans.append(try Self.plan(page)) }
    return plans
  }

  private static func plan(_ row: Statement) throws(SQLiteError) -> Plan {
    let expiry: GrantExpiry
    switch row.int(3) {
    case 1: expiry = .never
    case 2: expiry = .periodEnd
    case 3: expiry = .after(millis: row.int(4))
    default: throw .malformed("expiry of plan \(row.text(0))")
    }
    return Plan(
      id: row.text(0), displayName: row.text(1), monthlyCreditMicros: row.int(2), grantExpiry: expiry,
      priority: Int32(truncatingIfNeeded: row.int(5)), updatedAtMicros: row.int(6),
      limits: PlanLimits(
        monthlyGenerations: row.optionalInt(7), monthlyUploads: row.optionalInt(8),
        pageCount: row.optionalInt(9)),
      timeZone: row.text(10), prices: try Packing.prices(row.blob(11)))
  }
}

/// Writes plans.
final class PlanSaver {
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    upsert = try connection.prepare(
      """
      INSERT INTO plan(
        id, display_name, monthly_credit, expiry, expires_after_millis, priority, updated_at,
        monthly_generations, monthly_uploads, page_count, time_zone, prices)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
      ON CONFLICT (id) DO UPDATE SET display_name = ?2, monthly_credit = ?3, expiry = ?4,
        expires_after_millis = ?5, priority = ?6, updated_at = ?7, monthly_generations = ?8,
        monthly_uploads = ?9, page_count = ?10, time_zone = ?11, prices = ?12
      """)
  }

  func save(_ plan: Plan) throws(SQLiteError) {
    upsert.bind(1, plan.id)
    upsert.bind(2, plan.displayName)
    upsert.bind(3, plan.monthlyCreditMicros)
    switch plan.grantExpiry {
    case .never:
      upsert.bind(4, 1)
      upsert.bind(5, 0)
    case .periodEnd:
      upsert.bind(4, 2)
      upsert.bind(5, 0)
    case .after(let millis):
      upsert.bind(4, 3)
      upsert.bind(5, millis)
    }
    upsert.bind(6, Int64(plan.priority))
    upsert.bind(7, plan.updatedAtMicros)
    upsert.bind(8, plan.limits.monthlyGenerations)
    upsert.bind(9, plan.limits.monthlyUploads)
    upsert.bind(10, plan.limits.pageCount)
    upsert.bind(11, plan.timeZone)
    upsert.bind(12, Packing.pack(plan.prices))
    try upsert.run()
  }
}
