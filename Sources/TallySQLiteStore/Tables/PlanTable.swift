// Plans, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PlanTable {
  static let columns = ColumnList(
    "id", "display_name", "monthly_credit", "expiry", "expires_after_millis", "priority", "updated_at",
    "monthly_generations", "monthly_uploads", "page_count", "time_zone", "prices",
    "on_short", "rollover_cap", "is_default", "cancelled_cost",
    "multiplier", "tag_keys", "caps", "spender_caps", "capped")

  static let byIdSQL = "SELECT \(columns) FROM plan WHERE id = ?1"
  /// Many at once, and the default one; ?1 is a JSON array of their ids.
  static let byIdsSQL =
    "SELECT \(columns) FROM plan WHERE id IN (SELECT value FROM json_each(?1)) OR is_default = 1"
  static let pageSQL = "SELECT \(columns) FROM plan WHERE id > ?1 ORDER BY id LIMIT ?2"

  private let byId: Statement
  private let byIds: Statement
  private let page: Statement
  private let byDefault: Statement
  private let capped: Statement
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare(Self.byIdSQL)
    byIds = try connection.prepare(Self.byIdsSQL)
    page = try connection.prepare(Self.pageSQL)
    byDefault = try connection.prepare("SELECT id FROM plan WHERE is_default = 1")
    capped = try connection.prepare("SELECT id FROM plan WHERE capped = 1")
    upsert = try connection.prepare(
      """
      INSERT INTO plan(\(Self.columns)) VALUES (\(Self.columns.parameters))
      ON CONFLICT (id) DO UPDATE SET \(Self.columns.without("id").replaced)
      """)
  }

  // MARK: reading

  func plan(id: String) throws(SQLiteError) -> Plan? {
    byId.bind(id)
    return try byId.first(Self.plan)
  }

  /// The plan of users whose settings name none; nil: there is none.
  func defaultId() throws(SQLiteError) -> String? { try byDefault.first { (row) in row.text() } }

  /// Of all plans that have caps.
  func cappedIds() throws(SQLiteError) -> Set<ExactText> {
    Set(try capped.all { (row) in ExactText(row.text()) })
  }

  /// Plans by the ids that users' settings name: nil is the default one.
  struct PlansOfUsers {
    fileprivate var byId: [ExactText: Plan] = [:]
    fileprivate var byDefault: Plan?

    subscript(id: String?) -> Plan? { id.map { byId[ExactText($0)] } ?? byDefault }
  }

  /// In one statement; those that are not there are left out.
  func plans(ids: some Sequence<String?>) throws(SQLiteError) -> PlansOfUsers {
    byIds.bind(JSONText.array(Set(ids.compactMap { $0.map(ExactText.init) }).map(\.text)))
    var plans = PlansOfUsers()
    for plan in try byIds.all(Self.plan) {
      plans.byId[ExactText(plan.id)] = plan
      if plan.isDefault { plans.byDefault = plan }
    }
    return plans
  }

  /// By id.
  /// - Parameter afterId: nil from the first one.
  func plans(afterId: String?, limit: Int) throws(SQLiteError) -> [Plan] {
    page.bind(afterId ?? "")
    page.bind(Int64(limit))
    return try page.all(Self.plan)
  }

  /// Takes `columns`.
  static func plan(_ row: inout Columns) throws(SQLiteError) -> Plan {
    let (id, displayName, monthlyCreditMicros) = (row.text(), row.text(), row.int())
    let (number, millis) = (row.int(), row.int())
    guard let expiry = expiry(number, millis: millis) else { throw .malformed("expiry of plan \(id)") }
    let (priority, updatedAtMicros) = (row.int32(), row.int())
    let limits = PlanLimits(
      monthlyGenerations: row.optionalInt(), monthlyUploads: row.optionalInt(), pageCount: row.optionalInt())
    var plan = Plan(
      id: id, displayName: displayName, monthlyCreditMicros: monthlyCreditMicros, grantExpiry: expiry,
      priority: priority, updatedAtMicros: updatedAtMicros, limits: limits, timeZone: row.text(),
      prices: try Packing.prices(row.blob()))
    guard let onShort = OnShort(rawValue: row.int32()) else { throw .malformed("on_short of plan \(id)") }
    plan.onShort = onShort
    plan.rolloverCapMicros = row.optionalInt()
    guard monthlyCreditMicros > 0, plan.rolloverCapMicros ?? 1 > 0 else { throw .malformed("plan \(id)") }
    plan.isDefault = row.int() != 0
    guard let cancelledCost = CancelledCost(rawValue: row.int32()) else {
      throw .malformed("cancelled_cost of plan \(id)")
    }
    plan.cancelledCost = cancelledCost
    plan.multiplierPpm = row.optionalInt()
    plan.tagKeys = try row.optionalBlob().map(Packing.texts) ?? []
    plan.caps = try row.optionalBlob().map(Packing.caps) ?? []
    plan.spenderCaps = try row.optionalBlob().map(Packing.caps) ?? []
    guard (row.int() != 0) == plan.hasCaps else { throw .malformed("capped of plan \(id)") }
    return plan
  }

  private static func expiry(_ number: Int64, millis: Int64) -> GrantExpiry? {
    switch number {
    case 1: .never
    case 2: .periodEnd
    case 3: .after(millis: millis)
    default: nil
    }
  }

  // MARK: writing

  func save(_ plan: Plan) throws(SQLiteError) {
    upsert.bind(plan.id)
    upsert.bind(plan.displayName)
    upsert.bind(plan.monthlyCreditMicros)
    let (number, millis): (Int64, Int64) =
      switch plan.grantExpiry {
      case .never: (1, 0)
      case .periodEnd: (2, 0)
      case .after(let millis): (3, millis)
      }
    upsert.bind(number)
    upsert.bind(millis)
    upsert.bind(Int64(plan.priority))
    upsert.bind(plan.updatedAtMicros)
    upsert.bind(plan.limits.monthlyGenerations)
    upsert.bind(plan.limits.monthlyUploads)
    upsert.bind(plan.limits.pageCount)
    upsert.bind(plan.timeZone)
    upsert.bind(Packing.pack(plan.prices))
    upsert.bind(Int64(plan.onShort.rawValue))
    upsert.bind(plan.rolloverCapMicros)
    upsert.bind(plan.isDefault ? 1 : 0)
    upsert.bind(Int64(plan.cancelledCost.rawValue))
    upsert.bind(plan.multiplierPpm)
    upsert.bind(plan.tagKeys.isEmpty ? nil : Packing.pack(plan.tagKeys))
    upsert.bind(plan.caps.isEmpty ? nil : Packing.pack(plan.caps))
    upsert.bind(plan.spenderCaps.isEmpty ? nil : Packing.pack(plan.spenderCaps))
    upsert.bind(plan.hasCaps ? 1 : 0)
    try upsert.run()
  }
}
