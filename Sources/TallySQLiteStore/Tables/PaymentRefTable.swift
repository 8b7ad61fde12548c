// The ids of payments at their providers, written and read: each is of one purchase.
//
// Invariants:
// 1. An id is written once, with the purchase or by a later call that names it beside one that is known.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class PaymentRefTable {
  private let byRef: Statement
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    byRef = try connection.prepare("SELECT sequence FROM payment_ref WHERE ref = ?1")
    insert = try connection.prepare("INSERT INTO payment_ref(ref, sequence) VALUES (?1, ?2)")
  }

  /// - Returns: the purchase's sequence.
  func purchase(ref: String) throws(SQLiteError) -> Int64? {
    byRef.bind(ref)
    return try byRef.firstInt()
  }

  func add(_ ref: String, purchase sequence: Int64) throws(SQLiteError) {
    insert.bind(ref)
    insert.bind(sequence)
    try insert.run()
  }
}
