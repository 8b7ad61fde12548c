// Check 4 of top-ups: a user has one open intent at most; each closed intent has the purchase that closed it
// (the other way round it is among those of payments); what counts towards a month's caps adds up.
//
// Invariants:
// 1. It does not rely on a unique index being unique.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyTopUps {
  static let intentsSQL = """
    SELECT i.id, \(TopUpIntentTable.selected), l.account, l.type, l.intent_id,
      (SELECT count(*) FROM top_up_intent o WHERE o.purchase = i.purchase), t.open_intent
    FROM top_up_intent i LEFT JOIN account a ON a.id = i.account
    LEFT JOIN ledger l ON l.sequence = i.purchase LEFT JOIN top_up t ON t.account = i.account
    WHERE i.id > ?1 ORDER BY i.id LIMIT ?2
    """
  static let settingsSQL = """
    SELECT t.account, \(TopUpTable.selected), a.top_up_below,
      (SELECT count(*) FROM top_up_intent i WHERE i.account = t.account AND i.state = 1),
      (SELECT count(*) FROM top_up_intent i
        WHERE i.account = t.account AND i.month = t.month AND i.state IN (1, 2)),
      (SELECT coalesce(sum(coalesce(l.amount, i.amount)), 0)
        FROM top_up_intent i LEFT JOIN ledger l ON l.sequence = i.purchase
        WHERE i.account = t.account AND i.month = t.month AND i.state IN (1, 2))
    FROM top_up t LEFT JOIN account a ON a.id = t.account WHERE t.account > ?1 ORDER BY t.account LIMIT ?2
    """

  private let intents: RecordWalk<IntentRow>
  private let settings: RecordWalk<SettingRow>
  private var lastIntent: Int64 = 0
  /// Intents that were seen, and those that had ended by then.
  private(set) var seen = RowSet()
  private(set) var ended = RowSet()

  private struct IntentRow {
    var intent: TopUpIntent
    var purchaseAccount: Int64?
    var purchaseType: Int64?
    var purchaseIntentId: String?
    var closedCount: Int64
    var openIntent: Int64?
  }

  private struct SettingRow {
    var topUp: TopUp
    var lineMicros: Int64?
    var openCount: Int64
    var monthCount: Int64
    var monthMicros: Int64
  }

  init(_ connection: Connection) throws(SQLiteError) {
    intents = try RecordWalk(connection, "top-up intent", Self.intentsSQL) { (row) throws(SQLiteError) in
      IntentRow(
        intent: try TopUpIntentTable.intent(&row), purchaseAccount: row.optionalInt(),
        purchaseType: row.optionalInt(), purchaseIntentId: row.optionalText(), closedCount: row.int(),
        openIntent: row.optionalInt())
    }
    settings = try RecordWalk(connection, "top-up of account", Self.settingsSQL) {
      (row) throws(SQLiteError) in
      SettingRow(
        topUp: try TopUpTable.topUp(&row), lineMicros: row.optionalInt(), openCount: row.int(),
        monthCount: row.int(), monthMicros: row.int())
    }
  }

  /// Walks the next slice of intents.
  /// - Returns: whether there may be more.
  func intents(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    try intents.slice(&tally, compare)
  }

  private func compare(_ row: IntentRow, _ tally: inout VerifyTally) {
    let intent = row.intent
    let name = "top-up intent \(intent.id)"
    tally.expect(intent.id == lastIntent + 1, "\(name): the one before it is \(lastIntent)")
    lastIntent = intent.id
    let isOpen = intent.state == .open
    _ = seen.insert(intent.id)
    if !isOpen { _ = ended.insert(intent.id) }
    tally.expect(
      isOpen == (row.openIntent == intent.id), "\(name): its user's setting says otherwise whether it is open"
    )
    tally.expect(isOpen == (intent.endedAtMicros == nil), "\(name): when it has ended")
    guard intent.state == .closed else {
      return tally.expect(intent.purchase == nil, "\(name): it was not closed, and has a purchase")
    }
    tally.expect(
      row.purchaseAccount == intent.account && row.purchaseType == Int64(TransactionType.purchase.rawValue)
        && row.purchaseIntentId ?? Identifiers.intent(intent.id) == Identifiers.intent(intent.id),
      "\(name): the ledger row that closed it is no purchase of it")
    tally.expect(row.closedCount == 1, "\(name): its purchase has closed another one too")
  }

  /// Walks the next slice of settings.
  /// - Returns: whether there may be more.
  func settings(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    try settings.slice(&tally) { (row, tally) in
      let topUp = row.topUp
      let name = "top-up of \(topUp.userId)"
      tally.expect(
        row.openCount == (topUp.openIntentId == nil ? 0 : 1), "\(name): \(row.openCount) intents are open")
      tally.expect(
        row.monthCount == topUp.month?.count ?? 0 && row.monthMicros == topUp.month?.micros ?? 0,
        "\(name): what counts towards its caps is not what its intents add up to")
      tally.expect(row.lineMicros == topUp.lineMicros, "\(name): its account knows another line")
    }
  }
}
