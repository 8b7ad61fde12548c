// Check 5 of payments and periods: each id of a payment leads to its purchase, a purchase that names a top-up
// intent has closed it, and no two periods of a plan overlap.
//
// Invariants:
// 1. It does not rely on a unique index being unique.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyPayments {
  static let refsSQL = """
    SELECT p.ref, p.sequence, l.type, l.payment_id FROM payment_ref p
    LEFT JOIN ledger l ON l.sequence = p.sequence WHERE p.ref > ?1 ORDER BY p.ref LIMIT ?2
    """
  static let purchasesSQL = """
    SELECT l.sequence, l.payment_id IS NULL OR EXISTS (
        SELECT 1 FROM payment_ref p WHERE p.ref = l.payment_id AND p.sequence = l.sequence) AS leads,
      l.intent_id IS NULL OR EXISTS (
        SELECT 1 FROM top_up_intent i
        WHERE i.id = CAST(substr(l.intent_id, 8) AS INTEGER) AND i.purchase = l.sequence) AS closes
    FROM ledger l WHERE l.sequence > ?1 AND l.sequence <= ?2 AND (NOT leads OR NOT closes)
    ORDER BY l.sequence
    """
  static let periodsSQL = """
    SELECT account, plan_id, period_start_day, sequence, period_end_day FROM ledger
    WHERE plan_id IS NOT NULL AND type = 3
      AND (account, plan_id, period_start_day, sequence) > (?1, ?2, ?3, ?4)
    ORDER BY account, plan_id, period_start_day, sequence LIMIT ?5
    """

  private let refs: Statement
  private let purchases: Statement
  private let periods: Statement
  private var lastRef = ""
  private var last = Period()

  private struct Period {
    var account: Int64 = 0
    var planId = ""
    var startDay = Int64.min
    var sequence: Int64 = 0
    /// The day after its last; nil for a grant from before periods were dates.
    var endDay: Int64?

    func isOfSamePlan(as other: Period) -> Bool {
      account == other.account && planId.isExactly(other.planId)
    }
  }

  init(_ connection: Connection) throws(SQLiteError) {
    refs = try connection.prepare(Self.refsSQL)
    purchases = try connection.prepare(Self.purchasesSQL)
    periods = try connection.prepare(Self.periodsSQL)
  }

  /// Walks the next slice of payments' ids.
  /// - Returns: whether there may be more.
  func refs(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    refs.bind(lastRef)
    refs.bind(VerifyReader.sliceRows)
    let rows = try refs.all { (row) in
      let (ref, sequence, type) = (row.text(), row.int(), LedgerTable.type(&row))
      row.skip()
      return (ref: ref, sequence: sequence, type: type)
    }
    for row in rows {
      tally.examined += 1
      tally.expect(
        row.type == .purchase, "a payment's id leads to ledger row \(row.sequence), which is no purchase")
      lastRef = row.ref
    }
    return rows.count == VerifyReader.sliceRows
  }

  /// Looks for purchases of a window of rows whose payment's id does not lead to them.
  /// - Returns: the window's last row.
  func purchases(after sequence: Int64, _ tally: inout VerifyTally) throws(SQLiteError) -> Int64 {
    let end = sequence + VerifyReader.sliceRows
    purchases.bind(sequence)
    purchases.bind(end)
    for (row, leads, closes) in try purchases.all({ (row) in (row.int(), row.int(), row.int()) }) {
      tally.expect(leads != 0, "ledger row \(row): its payment's id does not lead to it")
      tally.expect(closes != 0, "ledger row \(row): it has not closed the top-up intent that it names")
    }
    return end
  }

  /// Walks the next slice of plans' grants.
  /// - Returns: whether there may be more.
  func periods(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    periods.bind(last.account)
    periods.bind(last.planId)
    periods.bind(last.startDay)
    periods.bind(last.sequence)
    periods.bind(VerifyReader.sliceRows)
    let rows = try periods.all { (row) in
      Period(
        account: row.int(), planId: row.text(), startDay: row.int(), sequence: row.int(),
        endDay: row.optionalInt())
    }
    for row in rows {
      tally.examined += 1
      if row.endDay == nil { tally.exempt += 1 }
      compare(row, &tally)
      last = row
    }
    return rows.count == VerifyReader.sliceRows
  }

  /// Older grants may overlap each other; a newer one overlaps none that was there before it.
  private func compare(_ row: Period, _ tally: inout VerifyTally) {
    guard last.isOfSamePlan(as: row) else { return }
    let later = last.sequence < row.sequence ? row : last
    guard later.endDay != nil else { return }
    guard Civil.nameableDays.contains(last.startDay) else {
      return tally.add("ledger row \(last.sequence): its period begins on no day")
    }
    let end = last.endDay ?? Civil(dayNumber: last.startDay).aMonthLater.dayNumber
    tally.expect(
      end <= row.startDay, "ledger rows \(last.sequence) and \(row.sequence) grant periods that overlap")
  }
}
