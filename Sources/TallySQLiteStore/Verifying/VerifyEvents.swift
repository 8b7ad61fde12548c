// Check 3 of events: they are numbered without a gap, in the order of their commits, and each of a rule is of
// a ledger row that its user's figure crossed the rule's line by, or of credit that came close to its end.
// Each time of the rules of such credit has the place that the server has come to.
//
// Invariants:
// 1. Which rules there were at that time is not known any more, so that an event of one that is missing is
//    not found; one that is there has to have come about.
// 2. An intent to top up has an event of its opening and one of each end: failed or cancelled, and closed.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyEvents {
  static let sliceSQL = """
    SELECT e.id, \(EventTable.selected), e.account, l.account, l.at, l.commit_sequence, l.commit_position,
      l.balance_after - l.held_after - l.pending_after, l.owed_after, i.account,
      i.state, i.amount, (SELECT p.amount FROM ledger p WHERE p.sequence = i.purchase),
      x.account, x.at, x.amount, x.expires_at
    FROM event e LEFT JOIN account a ON a.id = e.account LEFT JOIN ledger l ON l.sequence = e.sequence
      LEFT JOIN top_up_intent i ON i.id = e.intent LEFT JOIN ledger x ON x.sequence = e.expiring_lot
    WHERE e.id > ?1 ORDER BY e.id LIMIT ?2
    """

  private let walk: RecordWalk<Row>
  private let rules: AlertRuleTable
  private let expiries: ExpiryTable
  private var lastId: Int64 = 0
  private var lastAtMicros = Int64.min
  private(set) var lastCommit = CommitPoint(sequence: 0, position: 0)
  /// Intents that have an event of their opening, and of an end.
  private var opened = RowSet()
  private var ended = RowSet()

  private struct Row {
    var event: AccountEvent
    var account: Int64
    var entry: Entry?
    /// That it names.
    var intent: Intent?
    /// The row that granted the credit that it names.
    var grant: Grant?

    struct Grant {
      var account: Int64
      var atMicros: Int64
      var amountMicros: Int64
      var expiresAtMicros: Int64?
    }

    struct Entry {
      var account: Int64
      var atMicros: Int64
      var commit: CommitPoint
      var availableMicros: Int64
      var owedMicros: Int64
    }

    struct Intent {
      var account: Int64
      var state: Int64
      var amountMicros: Int64
      /// Of the purchase that closed it.
      var paidMicros: Int64?

      /// Whether it came to such a state, with such an amount.
      func came(to step: AccountEvent.TopUpStep) -> Bool {
        switch step.state {
        case .open: step.amountMicros == amountMicros
        case .closed: step.amountMicros == paidMicros && has(.closed)
        case .failed, .cancelled: step.amountMicros == amountMicros && (has(step.state) || has(.closed))
        }
      }

      private func has(_ state: TopUpIntent.State) -> Bool { self.state == Int64(state.rawValue) }
    }
  }

  init(_ connection: Connection) throws(SQLiteError) {
    walk = try RecordWalk(connection, "event", Self.sliceSQL, decode: Self.row)
    rules = try AlertRuleTable(connection)
    expiries = try ExpiryTable(connection)
  }

  /// Walks the next slice.
  /// - Returns: whether there may be more.
  func slice(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool { try walk.slice(&tally, compare) }

  private static func row(_ row: inout Columns) throws(SQLiteError) -> Row {
    var read = Row(event: try EventTable.event(&row), account: row.int())
    if row.isNull {
      row.skip(6)
    } else {
      read.entry = Row.Entry(
        account: row.int(), atMicros: row.int(), commit: row.commitPoint(), availableMicros: row.int(),
        owedMicros: row.int())
    }
    if row.isNull {
      row.skip(4)
    } else {
      read.intent = Row.Intent(
        account: row.int(), state: row.int(), amountMicros: row.int(), paidMicros: row.optionalInt())
    }
    if row.isNull {
      row.skip(4)
    } else {
      read.grant = Row.Grant(
        account: row.int(), atMicros: row.int(), amountMicros: row.int(), expiresAtMicros: row.optionalInt())
    }
    return read
  }

  /// Looks for intents without the events that they have made.
  /// - Parameters:
  ///   - seen: intents that were there before the events were read.
  ///   - past: those of them that had ended.
  func findMissing(of seen: RowSet, past: RowSet, _ tally: inout VerifyTally) {
    for id in seen.lacking(in: opened) { tally.add("top-up intent \(id): no event says that it was opened") }
    for id in past.lacking(in: ended) { tally.add("top-up intent \(id): no event says that it has ended") }
  }

  private func compare(_ row: Row, _ tally: inout VerifyTally) {
    let event = row.event
    let name = "event \(event.id)"
    tally.expect(event.id == lastId + 1, "\(name): the one before it is \(lastId)")
    tally.expect(
      event.atMicros >= lastAtMicros && event.effectiveAtMicros <= event.atMicros, "\(name): its time")
    tally.expect(!event.commit.isBefore(lastCommit), "\(name): its commit is before the last one's")
    (lastId, lastAtMicros, lastCommit) = (event.id, event.atMicros, event.commit)
    switch event.kind {
    case .grantSkipped:
      tally.expect(event.skippedGrant != nil && event.crossing == nil, "\(name): it is of no grant")
    case .balanceBelow, .owed: compare(event, row, &tally)
    case .quotaAt:
      let holds = event.quota.map { isReached($0.percent, of: $0.limit, by: $0.used) }
      tally.expect(holds ?? false, "\(name): no quota has come so far")
    case .capAt:
      let holds = event.cap.map { isReached($0.percent, of: $0.cap.limit ?? 0, by: $0.used) }
      tally.expect(holds ?? false, "\(name): no cap has come so far")
      tally.expect(
        event.cap?.resetsAtMicros ?? Int64.max > event.atMicros, "\(name): the cap's window was over")
    case .creditExpires: compareCredit(event, row, &tally)
    case .topUpIntent:
      guard let step = event.topUp, let intent = row.intent, intent.account == row.account else {
        return tally.add("\(name): it is of no top-up intent, or of another user's")
      }
      _ = step.state == .open ? opened.insert(step.intentId) : ended.insert(step.intentId)
      tally.expect(intent.came(to: step), "\(name): its intent did not come to that")
    }
  }

  private func isReached(_ percent: Int64, of limit: Int64, by used: Int64) -> Bool {
    limit > 0 && (1...100).contains(percent) && Int128(used) * 100 >= Int128(percent) * Int128(limit)
  }

  private func compareCredit(_ event: AccountEvent, _ row: Row, _ tally: inout VerifyTally) {
    let name = "event \(event.id)"
    guard let credit = event.expiring, let grant = row.grant else {
      return tally.add("\(name): it is of no credit")
    }
    tally.expect(
      grant.account == row.account && grant.atMicros <= event.atMicros
        && grant.expiresAtMicros == credit.expiresAtMicros,
      "\(name): ledger row \(credit.lotId) did not grant such credit to its user")
    tally.expect(
      0 < credit.amountMicros && credit.amountMicros <= grant.amountMicros,
      "\(name): \(credit.amountMicros) of \(grant.amountMicros) are left")
    let line = credit.expiresAtMicros.subtractingSaturating(credit.withinMillis &* 1_000)
    tally.expect(
      line <= event.effectiveAtMicros && event.atMicros < credit.expiresAtMicros,
      "\(name): it is not of the time before the credit's end")
  }

  /// The rules of credit that expires, and how far the server has come with them.
  func compareExpiries(_ head: LedgerHead, _ tally: inout VerifyTally) throws(SQLiteError) {
    let rules = try rules.all()
    let windows = Set(rules.compactMap(\.condition.expiryWindowMillis))
    let cursors = try expiries.all().all
    for millis in windows.subtracting(cursors.map(\.windowMillis)).sorted() {
      tally.add("credit that expires within \(millis) ms: nothing says how far its rules have come")
    }
    for cursor in cursors {
      let name = "credit that expires within \(cursor.windowMillis) ms"
      tally.examined += 1
      tally.expect(windows.contains(cursor.windowMillis), "\(name): no rule is of it")
      let latest = head.latestMicros.addingSaturating(cursor.windowMillis &* 1_000)
      tally.expect(
        cursor.stored.expiresAtMicros <= latest, "\(name): its rules have come further than the last commit")
    }
    for rule in rules {
      tally.expect(
        rule.sinceSequence <= head.ledgerSequence, "alert rule \(rule.id): it is of a row that is not there")
    }
  }

  private func compare(_ event: AccountEvent, _ row: Row, _ tally: inout VerifyTally) {
    let name = "event \(event.id)"
    guard let crossing = event.crossing, let entry = row.entry else {
      return tally.add("\(name): it is of no ledger row")
    }
    tally.expect(
      entry.account == row.account && entry.commit == event.commit && entry.atMicros == event.atMicros,
      "\(name): ledger row \(crossing.sequence) is another user's, or of another commit")
    let (before, after, line) = (crossing.beforeMicros, crossing.afterMicros, crossing.thresholdMicros)
    let isBalance = event.kind == .balanceBelow
    tally.expect(
      after == (isBalance ? entry.availableMicros : entry.owedMicros),
      "\(name): the figure after it is not that of ledger row \(crossing.sequence)")
    tally.expect(
      isBalance ? after < line && line <= before : before <= line && line < after,
      "\(name): from \(before) to \(after) does not cross \(line)")
  }
}

extension CommitPoint {
  fileprivate func isBefore(_ other: Self) -> Bool {
    (sequence, position) < (other.sequence, other.position)
  }
}
