// Finding a row of the ledger by what must be unique: an idempotency key, a payment, a plan's grant.
//
// Invariants:
// 1. What it finds is exact and for ever: a key once stored is found in every later transaction.
// 2. With `History` and `AccountTable` it is all that the writer and the engine know of how the ledger is
//    indexed. Here those are ordinary indexes.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class KeyIndex {
  static let keySQL = "SELECT sequence, digest FROM ledger WHERE key = ?1 AND account = ?2"
  static let paymentSQL = "SELECT sequence FROM ledger WHERE payment_id = ?1"
  static let grantSQL = """
    SELECT sequence, period_start FROM ledger WHERE account = ?1 AND plan_id = ?2 AND period_start < ?3
    ORDER BY period_start DESC LIMIT 1
    """

  private let byKey: Statement
  private let byPayment: Statement
  private let byGrant: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byKey = try connection.prepare(Self.keySQL)
    byPayment = try connection.prepare(Self.paymentSQL)
    byGrant = try connection.prepare(Self.grantSQL)
  }

  func find(account: Int64, key: String) throws(SQLiteError) -> KeyMatch? {
    byKey.bind(key)
    byKey.bind(account)
    return try byKey.first { (row) in KeyMatch(sequence: row.int(), digest: Digest(bytes: row.blob())) }
  }

  /// Across all users.
  /// - Returns: the purchase's sequence.
  func find(paymentId: String) throws(SQLiteError) -> Int64? {
    byPayment.bind(paymentId)
    return try byPayment.firstInt()
  }

  /// The granted period that begins last among those that begin before a day.
  func lastGrant(account: Int64, planId: String, beforeDay: Int64) throws(SQLiteError) -> GrantedPeriod? {
    byGrant.bind(account)
    byGrant.bind(planId)
    byGrant.bind(beforeDay * Civil.microsPerDay)
    return try byGrant.first { (row) in
      let (sequence, period) = (row.int(), Period(startMicros: row.int()))
      return GrantedPeriod(sequence: sequence, days: period.days, startMicros: period.startMicros)
    }
  }
}
