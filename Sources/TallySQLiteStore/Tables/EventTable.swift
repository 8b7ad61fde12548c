// Events, written and read.
//
// Invariants:
// 1. Rows are inserted in the order of their ids and never changed.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class EventTable {
  static let columns = ColumnList(
    "id", "kind", "at", "effective_at", "commit_sequence", "commit_position", "rule_id", "threshold",
    "figure_before", "figure_after", "sequence", "plan_id", "cause", "start_day", "other_start_day",
    "intent", "intent_state", "intent_amount", "quota_rule_id", "quota", "quota_percent", "quota_used",
    "quota_limit", "cap_rule_id", "cap", "cap_spender", "cap_percent", "cap_used", "cap_resets_at",
    "expiring_rule_id", "expiring_within", "expiring_lot", "expiring_amount", "expiring_at")
  /// The columns of an event `e` and its account `a`, as `event(_:)` takes them.
  static let selected = "\(columns.of("e")), a.user_id"

  /// ?4 has the bits of the kinds that are wanted.
  static let pageSQL = """
    SELECT \(selected) FROM event e JOIN account a ON a.id = e.account
    WHERE e.account = ?1 AND e.id < ?2 AND e.at >= ?3 AND ?4 & (1 << e.kind) <> 0
    ORDER BY e.id DESC LIMIT ?5
    """

  static let stretchSQL = """
    SELECT \(selected) FROM event e JOIN account a ON a.id = e.account
    WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3
    """
  /// In no particular order; ?1 is a JSON array of users' ids.
  static let idsSQL = """
    SELECT e.id FROM json_each(?1) u CROSS JOIN account a ON a.user_id = u.value
    CROSS JOIN event e ON e.account = a.id WHERE e.id >= ?2 AND e.id < ?3
    """
  /// ?1 is a JSON array of ids.
  static let namedSQL = """
    SELECT \(selected) FROM json_each(?1) i CROSS JOIN event e ON e.id = i.value
    JOIN account a ON a.id = e.account
    """

  private let page: Statement
  private let stretch: Statement
  private let ids: Statement
  private let named: Statement
  private let lastId: Statement
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    page = try connection.prepare(Self.pageSQL)
    stretch = try connection.prepare(Self.stretchSQL)
    ids = try connection.prepare(Self.idsSQL)
    named = try connection.prepare(Self.namedSQL)
    lastId = try connection.prepare("SELECT coalesce(max(id), 0) FROM event")
    let written = Self.columns + ColumnList("account")
    insert = try connection.prepare("INSERT INTO event(\(written)) VALUES (\(written.parameters))")
  }

  // MARK: reading

  /// Newest first.
  func page(account: Int64, _ filter: EventFilter) throws(SQLiteError) -> Page<AccountEvent> {
    page.bind(account)
    page.bind(filter.beforeId ?? Int64.max)
    page.bind(filter.fromMicros ?? Int64.min)
    page.bind(filter.kinds.isEmpty ? -1 : filter.kinds.reduce(0) { $0 | 1 << Int64($1.rawValue) })
    // A row more than asked for says that there is a next page.
    page.bind(Int64(filter.limit) + 1)
    let rows = try page.all(Self.event)
    let shown = Array(rows.prefix(filter.limit))
    return Page(rows: shown, nextBefore: rows.count > filter.limit ? shown.last?.id : nil)
  }

  /// In the order of their ids.
  func stretch(_ filter: LedgerFilter) throws(SQLiteError) -> [AccountEvent] {
    if filter.userIds.isEmpty {
      stretch.bind(filter.fromSequence)
      stretch.bind(filter.beforeSequence)
      stretch.bind(Int64(filter.limit))
      return try stretch.all(Self.event)
    }
    ids.bind(JSONText.array(filter.userIds))
    ids.bind(filter.fromSequence)
    ids.bind(filter.beforeSequence)
    let found = try ids.all { (row) in row.int() }.sorted()
    if found.isEmpty { return [] }
    named.bind(JSONText.array(Array(found.prefix(filter.limit))))
    return try named.all(Self.event)
  }

  /// The highest id in use, or zero.
  func lastEventId() throws(SQLiteError) -> Int64 { try lastId.firstInt() ?? 0 }

  /// Takes what is `selected`.
  static func event(_ row: inout Columns) throws(SQLiteError) -> AccountEvent {
    let (id, number) = (row.int(), row.int())
    guard let kind = EventKind(rawValue: Int32(clamping: number)) else {
      throw .malformed("event \(id) of kind \(number)")
    }
    var event = AccountEvent(userId: "", kind: kind, atMicros: row.int(), effectiveAtMicros: row.int())
    event.id = id
    event.commit = CommitPoint(sequence: row.int(), position: row.int32())
    if row.isNull {
      row.skip(5)
    } else {
      event.crossing = AccountEvent.Crossing(
        ruleId: row.text(), thresholdMicros: row.int(), beforeMicros: row.int(), afterMicros: row.int(),
        sequence: row.int())
    }
    if row.isNull {
      row.skip(4)
    } else {
      let (planId, cause) = (row.text(), row.int())
      guard let cause = AccountEvent.SkippedGrant.Cause(rawValue: Int32(clamping: cause)) else {
        throw .malformed("event \(id), cause \(cause)")
      }
      event.skippedGrant = AccountEvent.SkippedGrant(
        cause: cause, planId: planId, startDay: row.int(), otherStartDay: row.optionalInt())
    }
    if row.isNull {
      row.skip(3)
    } else {
      let (intentId, state) = (row.int(), row.int())
      guard let state = TopUpIntent.State(rawValue: Int32(clamping: state)) else {
        throw .malformed("event \(id), intent in state \(state)")
      }
      event.topUp = AccountEvent.TopUpStep(intentId: intentId, state: state, amountMicros: row.int())
    }
    if row.isNull {
      row.skip(5)
    } else {
      let (ruleId, number) = (row.text(), row.int())
      guard let kind = QuotaKind(rawValue: Int32(clamping: number)) else {
        throw .malformed("event \(id) of quota \(number)")
      }
      event.quota = AccountEvent.QuotaStep(
        ruleId: ruleId, kind: kind, percent: row.int(), used: row.int(), limit: row.int())
    }
    event.cap = try cap(&row, ofEvent: id)
    if row.isNull {
      row.skip(5)
    } else {
      event.expiring = AccountEvent.ExpiringCredit(
        ruleId: row.text(), withinMillis: row.int(), lotId: row.int(), amountMicros: row.int(),
        expiresAtMicros: row.int())
    }
    event.userId = row.text()
    return event
  }

  private static func cap(_ row: inout Columns, ofEvent id: Int64) throws(SQLiteError) -> AccountEvent
    .CapStep?
  {
    if row.isNull {
      row.skip(6)
      return nil
    }
    let ruleId = row.text()
    guard let cap = try Packing.caps(row.blob()).first else { throw .malformed("event \(id) of no cap") }
    return AccountEvent.CapStep(
      ruleId: ruleId, cap: cap, spender: row.text(), percent: row.int(), used: row.int(),
      resetsAtMicros: row.int())
  }

  // MARK: writing

  func append(_ event: AccountEvent, account: Int64) throws(SQLiteError) {
    insert.bind(event.id)
    insert.bind(Int64(event.kind.rawValue))
    insert.bind(event.atMicros)
    insert.bind(event.effectiveAtMicros)
    insert.bind(event.commit.sequence)
    insert.bind(Int64(event.commit.position))
    insert.bind(event.crossing?.ruleId)
    insert.bind(event.crossing?.thresholdMicros)
    insert.bind(event.crossing?.beforeMicros)
    insert.bind(event.crossing?.afterMicros)
    insert.bind(event.crossing?.sequence)
    insert.bind(event.skippedGrant?.planId)
    insert.bind((event.skippedGrant?.cause.rawValue).map(Int64.init))
    insert.bind(event.skippedGrant?.startDay)
    insert.bind(event.skippedGrant?.otherStartDay)
    insert.bind(event.topUp?.intentId)
    insert.bind((event.topUp?.state.rawValue).map(Int64.init))
    insert.bind(event.topUp?.amountMicros)
    insert.bind(event.quota?.ruleId)
    insert.bind((event.quota?.kind.rawValue).map(Int64.init))
    insert.bind(event.quota?.percent)
    insert.bind(event.quota?.used)
    insert.bind(event.quota?.limit)
    insert.bind(event.cap?.ruleId)
    insert.bind((event.cap?.cap).map { Packing.pack([$0]) })
    insert.bind(event.cap?.spender)
    insert.bind(event.cap?.percent)
    insert.bind(event.cap?.used)
    insert.bind(event.cap?.resetsAtMicros)
    insert.bind(event.expiring?.ruleId)
    insert.bind(event.expiring?.withinMillis)
    insert.bind(event.expiring?.lotId)
    insert.bind(event.expiring?.amountMicros)
    insert.bind(event.expiring?.expiresAtMicros)
    insert.bind(account)
    try insert.run()
  }
}
