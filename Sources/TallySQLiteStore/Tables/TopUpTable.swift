// Settings of top-ups, written and read.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class TopUpTable {
  static let columns = ColumnList(
    "account", "threshold", "target", "cap", "cap_count", "cooldown_millis", "enabled", "updated_at",
    "open_intent", "month", "month_micros", "month_count", "ended_at", "ended_closed")
  /// The columns of a setting `t` and its account `a`, as `topUp(_:)` takes them.
  static let selected = "\(columns.of("t")), a.user_id"

  static let byAccountSQL = """
    SELECT \(selected) FROM top_up t JOIN account a ON a.id = t.account WHERE t.account = ?1
    """

  private let byAccount: Statement
  private let upsert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byAccount = try connection.prepare(Self.byAccountSQL)
    upsert = try connection.prepare(
      """
      INSERT INTO top_up(\(Self.columns)) VALUES (\(Self.columns.parameters))
      ON CONFLICT (account) DO UPDATE SET \(Self.columns.without("account").replaced)
      """)
  }

  func topUp(account: Int64) throws(SQLiteError) -> TopUp? {
    byAccount.bind(account)
    return try byAccount.first(Self.topUp)
  }

  /// Takes what is `selected`.
  static func topUp(_ row: inout Columns) throws(SQLiteError) -> TopUp {
    let account = row.int()
    var topUp = TopUp(
      userId: "", thresholdMicros: row.int(), targetMicros: row.int(), monthlyCapMicros: row.optionalInt(),
      monthlyCapCount: row.optionalInt(), cooldownMillis: row.int(), isEnabled: row.int() != 0)
    topUp.account = account
    topUp.updatedAtMicros = row.int()
    topUp.openIntentId = row.optionalInt()
    if let month = row.optionalInt() {
      guard abs(month) < 1 << 40 else { throw .malformed("month \(month)") }
      topUp.month = TopUp.MonthSum(number: month, micros: row.int(), count: try row.counted())
    } else {
      row.skip(2)
    }
    if let atMicros = row.optionalInt() {
      topUp.ended = TopUp.End(atMicros: atMicros, isClosed: row.int() != 0)
    } else {
      row.skip(1)
    }
    topUp.userId = row.text()
    return topUp
  }

  func save(_ topUp: TopUp) throws(SQLiteError) {
    upsert.bind(topUp.account)
    upsert.bind(topUp.thresholdMicros)
    upsert.bind(topUp.targetMicros)
    upsert.bind(topUp.monthlyCapMicros)
    upsert.bind(topUp.monthlyCapCount)
    upsert.bind(topUp.cooldownMillis)
    upsert.bind(topUp.isEnabled ? 1 : 0)
    upsert.bind(topUp.updatedAtMicros)
    upsert.bind(topUp.openIntentId)
    upsert.bind(topUp.month?.number)
    upsert.bind(topUp.month?.micros)
    upsert.bind(topUp.month?.count)
    upsert.bind(topUp.ended?.atMicros)
    upsert.bind(topUp.ended.map { $0.isClosed ? 1 : 0 })
    try upsert.run()
  }
}
