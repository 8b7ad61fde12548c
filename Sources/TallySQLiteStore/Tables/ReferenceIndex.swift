// Finding rows of the ledger by what few of them have: an event, a plan's period, a row that they refer to.
//
// Invariants:
// 1. Each is an ordinary index that has only such rows. Keys, which most rows have, are in `KeyIndex`.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class ReferenceIndex {
  static let eventSQL = "SELECT sequence FROM ledger WHERE event_id = ?1"
  static let referringSQL = """
    SELECT type, amount, asked_amount, short_amount, owed_amount FROM ledger WHERE refers_to = ?1
    """
  /// As `period` takes them.
  static let periodColumns = "sequence, period_start, period_start_day, period_end_day"
  static let lastGrantSQL = """
    SELECT \(periodColumns) FROM ledger
    WHERE account = ?1 AND plan_id = ?2 AND type = 3 AND period_start_day < ?3
    ORDER BY period_start_day DESC, sequence DESC LIMIT 1
    """

  private let byEvent: Statement
  private let referring: Statement
  private let lastGrant: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byEvent = try connection.prepare(Self.eventSQL)
    referring = try connection.prepare(Self.referringSQL)
    lastGrant = try connection.prepare(Self.lastGrantSQL)
  }

  /// Across all users.
  /// - Returns: the sequence of the row that carries it.
  func find(eventId: String) throws(SQLiteError) -> Int64? {
    byEvent.bind(eventId)
    return try byEvent.firstInt()
  }

  /// Sums over the rows that refer to a row.
  func referred(to sequence: Int64) throws(SQLiteError) -> ReferredSums {
    referring.bind(sequence)
    defer { referring.reset() }
    var referred = ReferredSums()
    while try referring.step() {
      let (type, sums) = try referring.row(Self.sums)
      guard let type, sums.amountMicros > Int128(Int64.min) else {
        throw .malformed("a row that refers to ledger row \(sequence)")
      }
      referred.byType[type, default: ReferredSums.Sums()].add(sums)
    }
    return referred
  }

  private static func sums(_ row: inout Columns) -> (TransactionType?, ReferredSums.Sums) {
    let type = LedgerTable.type(&row)
    let sums = ReferredSums.Sums(
      amountMicros: row.int(), askedMicros: row.int(), shortMicros: row.int(), owedMicros: row.int())
    return (type, sums)
  }

  /// The granted period that begins last among those that begin before a day.
  func lastGrant(account: Int64, planId: String, beforeDay: Int64) throws(SQLiteError) -> GrantedPeriod? {
    lastGrant.bind(account)
    lastGrant.bind(planId)
    lastGrant.bind(beforeDay)
    return try lastGrant.first(Self.period)
  }

  /// Takes `periodColumns`.
  static func period(_ row: inout Columns) throws(SQLiteError) -> GrantedPeriod {
    let (sequence, startMicros) = (row.int(), row.int())
    guard let days = try LedgerTable.days(&row, of: sequence) else {
      return GrantedPeriod(
        sequence: sequence, days: Period(startMicros: startMicros).days, startMicros: startMicros)
    }
    return GrantedPeriod(sequence: sequence, days: days, startMicros: startMicros)
  }
}
