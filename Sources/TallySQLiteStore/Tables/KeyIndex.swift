// Finding a row of the ledger by what must be unique: an idempotency key, a payment, a plan's grant.
//
// Invariants:
// 1. What it finds is exact and for ever: a key once stored is found in every later transaction.
// 2. One of three small interfaces between the writer and how the ledger is indexed (with `History` and
//    `AccountTable`); here they are ordinary indexes.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

final class KeyIndex {
  static let keySQL = "SELECT sequence, digest FROM ledger WHERE key = ?1 AND account = ?2"
  static let paymentSQL = "SELECT sequence FROM ledger WHERE payment_id = ?1"
  static let grantSQL =
    "SELECT sequence FROM ledger WHERE account = ?1 AND plan_id = ?2 AND period_start = ?3"

  private let byKey: Statement
  private let byPayment: Statement
  private let byGrant: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byKey = try connection.prepare(Self.keySQL)
    byPayment = try connection.prepare(Self.paymentSQL)
    byGrant = try connection.prepare(Self.grantSQL)
  }

  func find(account: Int64, key: String) throws(SQLiteError) -> KeyMatch? {
    byKey.bind(1, key)
    byKey.bind(2, account)
    defer { byKey.reset() }
    guard try byKey.step() else { return nil }
    return KeyMatch(sequence: byKey.int(0), digest: Digest(bytes: byKey.blob(1)))
  }

  /// Across all users.
  /// - Returns: the purchase's sequence.
  func find(paymentId: String) throws(SQLiteError) -> Int64? {
    byPayment.bind(1, paymentId)
    defer { byPayment.reset() }
    return try byPayment.step() ? byPayment.int(0) : nil
  }

  /// - Returns: the grant's sequence.
  func find(account: Int64, planId: String, periodStartMicros: Int64) throws(SQLiteError) -> Int64? {
    byGrant.bind(1, account)
    byGrant.bind(2, planId)
    byGrant.bind(3, periodStartMicros)
    defer { byGrant.reset() }
    return try byGrant.step() ? byGrant.int(0) : nil
  }
}
