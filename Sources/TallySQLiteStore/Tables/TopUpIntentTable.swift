// Intents to top up, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class TopUpIntentTable {
  static let columns = ColumnList(
    "id", "account", "state", "amount", "available", "owed", "opened_at", "due_at", "worker", "leased_until",
    "failures", "message", "ended_at", "purchase")
  /// The columns of an intent `i` and its account `a`, as `intent(_:)` takes them.
  static let selected = "\(columns.of("i")), a.user_id"
  private static let from = "FROM top_up_intent i JOIN account a ON a.id = i.account"
  /// Shorter than the page of all users, so that one index leads both.
  private static let wanted = "?2 & (1 << i.state) <> 0 ORDER BY i.id DESC LIMIT ?3"

  /// ?2 has the bits of the states that are wanted.
  static let pageSQL = "SELECT \(selected) \(from) WHERE i.id < ?1 AND \(wanted)"
  static let pageOfAccountSQL = """
    SELECT \(selected) \(from) WHERE i.id < ?1 AND i.account = ?4 AND \(wanted)
    """
  static let byPurchaseSQL = "SELECT \(selected) \(from) WHERE i.purchase = ?1"
  static let dueSQL = """
    SELECT \(selected) \(from) WHERE i.state = 1 AND i.due_at <= ?1 ORDER BY i.due_at, i.id LIMIT ?2
    """
  static let leasedSQL = """
    SELECT \(selected) \(from)
    WHERE i.state = 1 AND i.leased_until IS NOT NULL AND i.worker = ?1 AND i.due_at > ?2
    ORDER BY i.due_at LIMIT ?3
    """

  private let byId: Statement
  private let byPurchase: Statement
  private let page: Statement
  private let pageOfAccount: Statement
  private let due: Statement
  private let leased: Statement
  private let lastId: Statement
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byId = try connection.prepare("SELECT \(Self.selected) \(Self.from) WHERE i.id = ?1")
    byPurchase = try connection.prepare(Self.byPurchaseSQL)
    page = try connection.prepare(Self.pageSQL)
    pageOfAccount = try connection.prepare(Self.pageOfAccountSQL)
    due = try connection.prepare(Self.dueSQL)
    leased = try connection.prepare(Self.leasedSQL)
    lastId = try connection.prepare("SELECT coalesce(max(id), 0) FROM top_up_intent")
    let written = Self.columns + ColumnList("month")
    let changing = Self.columns.without("id", "account", "amount", "available", "owed", "opened_at")
    upsert = try connection.prepare(
      """
      INSERT INTO top_up_intent(\(written)) VALUES (\(written.parameters))
      ON CONFLICT (id) DO UPDATE SET \(changing.replaced)
      """)
  }

  // MARK: reading

  func intent(id: Int64) throws(SQLiteError) -> TopUpIntent? {
    byId.bind(id)
    return try byId.first(Self.intent)
  }

  func intent(closedBy purchase: Int64) throws(SQLiteError) -> TopUpIntent? {
    byPurchase.bind(purchase)
    return try byPurchase.first(Self.intent)
  }

  /// Newest first.
  /// - Parameter account: nil for those of all users.
  func page(account: Int64?, _ filter: TopUpIntentFilter) throws(SQLiteError) -> Page<TopUpIntent> {
    let statement = account == nil ? page : pageOfAccount
    statement.bind(filter.beforeId ?? Int64.max)
    statement.bind(filter.states.isEmpty ? -1 : filter.states.reduce(0) { $0 | 1 << Int64($1.rawValue) })
    // A row more than asked for says that there is a next page.
    statement.bind(Int64(filter.limit) + 1)
    if let account { statement.bind(account) }
    let rows = try statement.all(Self.intent)
    let shown = Array(rows.prefix(filter.limit))
    return Page(rows: shown, nextBefore: rows.count > filter.limit ? shown.last?.id : nil)
  }

  /// Those that can be taken, the longest due first.
  func due(nowMicros: Int64, limit: Int) throws(SQLiteError) -> [TopUpIntent] {
    due.bind(nowMicros)
    due.bind(Int64(limit))
    return try due.all(Self.intent)
  }

  /// Those that are leased to a worker now.
  func leased(worker: String, nowMicros: Int64, limit: Int) throws(SQLiteError) -> [TopUpIntent] {
    leased.bind(worker)
    leased.bind(nowMicros)
    leased.bind(Int64(limit))
    return try leased.all(Self.intent)
  }

  /// The highest id in use, or zero.
  func lastIntentId() throws(SQLiteError) -> Int64 {
    try lastId.first { (row) throws(SQLiteError) in try row.counted() } ?? 0
  }

  /// Takes what is `selected`.
  static func intent(_ row: inout Columns) throws(SQLiteError) -> TopUpIntent {
    let (id, account, number) = (row.int(), row.int(), row.int())
    guard let state = TopUpIntent.State(rawValue: Int32(clamping: number)) else {
      throw .malformed("top-up intent \(id), state \(number)")
    }
    var intent = TopUpIntent(
      id: id, userId: "", account: account, amountMicros: row.int(), availableMicros: row.int(),
      owedMicros: row.int(), openedAtMicros: row.int())
    intent.state = state
    intent.dueAtMicros = row.int()
    intent.worker = row.text()
    intent.leasedUntilMicros = row.optionalInt()
    intent.failures = row.int32()
    intent.message = row.text()
    intent.endedAtMicros = row.optionalInt()
    intent.purchase = row.optionalInt()
    intent.userId = row.text()
    return intent
  }

  // MARK: writing

  func save(_ intent: TopUpIntent) throws(SQLiteError) {
    upsert.bind(intent.id)
    upsert.bind(intent.account)
    upsert.bind(Int64(intent.state.rawValue))
    upsert.bind(intent.amountMicros)
    upsert.bind(intent.availableMicros)
    upsert.bind(intent.owedMicros)
    upsert.bind(intent.openedAtMicros)
    upsert.bind(intent.dueAtMicros)
    upsert.bind(intent.worker)
    upsert.bind(intent.leasedUntilMicros)
    upsert.bind(Int64(intent.failures))
    upsert.bind(intent.message)
    upsert.bind(intent.endedAtMicros)
    upsert.bind(intent.purchase)
    upsert.bind(intent.monthNumber)
    try upsert.run()
  }
}
