// Rows of the ledger, written and read.
//
// Invariants:
// 1. Rows are inserted in sequence order and never changed.
// 2. A row read back equals the entry that was inserted.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Reads single rows.
final class LedgerReader {
  /// Of a row and its account; `entry(_:)` reads them in this order.
  static let columns = """
    l.sequence, l.type, l.amount, l.balance_after, l.held_after, l.pending_after, l.version, l.at,
    l.effective_at, l.commit_sequence, l.commit_position, l.lots, l.key, l.digest, l.next_expiry_at,
    l.next_expiry_amount, l.run_id, l.description, l.metadata, l.payment_id, l.plan_id, l.period_start,
    l.hold_id, l.hold_amount, l.expires_at, l.priority, l.package, l.actor, l.reason, a.user_id
    """
  static let bySequenceSQL = """
    SELECT \(columns) FROM ledger l JOIN account a ON a.id = l.account WHERE l.sequence = ?1
    """

  private let bySequence: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    bySequence = try connection.prepare(Self.bySequenceSQL)
  }

  func row(sequence: Int64) throws(SQLiteError) -> Entry? {
    bySequence.bind(1, sequence)
    defer { bySequence.reset() }
    return try bySequence.step() ? try Self.entry(bySequence) : nil
  }

  /// The row that a statement which selects `columns` stands on.
  static func entry(_ row: Statement) throws(SQLiteError) -> Entry {
    guard let type = TransactionType(rawValue: Int32(truncatingIfNeeded: row.int(1))) else {
      throw .malformed("type of ledger row \(row.int(0))")
    }
    var entry = Entry(
      userId: row.text(29), type: type, amountMicros: row.int(2), balanceAfterMicros: row.int(3),
      heldAfterMicros: row.int(4), version: row.int(6), atMicros: row.int(7), effectiveAtMicros: row.int(8),
      lots: try Packing.allocations(row.blob(11)))
    entry.sequence = row.int(0)
    entry.pendingAfterMicros = row.int(5)
    entry.commit = CommitPoint(sequence: row.int(9), position: Int32(truncatingIfNeeded: row.int(10)))
    if let key = row.optionalText(12) {
      entry.idempotency = Idempotency(key: key, digest: Digest(bytes: row.blob(13)))
    }
    if let expiry = row.optionalInt(14) {
      entry.nextExpiryAfter = Balance.Expiry(atMicros: expiry, amountMicros: row.int(15))
    }
    entry.runId = row.text(16)
    entry.text.description = row.text(17)
    entry.text.metadata = try Packing.metadata(row.blob(18))
    entry.paymentId = row.optionalText(19)
    entry.planId = row.optionalText(20)
    entry.periodStartMicros = row.optionalInt(21)
    entry.holdId = row.optionalInt(22)
    entry.holdAmountMicros = row.int(23)
    entry.expiresAtMicros = row.optionalInt(24)
    entry.priority = Int32(truncatingIfNeeded: row.int(25))
    entry.package = row.text(26)
    entry.actor = row.text(27)
    entry.reason = row.text(28)
    return entry
  }
}

/// Appends rows.
final class LedgerAppender {
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    insert = try connection.prepare(
      """
      INSERT INTO ledger(sequence, account, type, amount, balance_after, held_after, pending_after, version,
        at, effective_at, commit_sequence, commit_position, lots, hash, key, digest, next_expiry_at,
        next_expiry_amount, run_id, description, metadata, text_digest, payment_id, plan_id, period_start,
        hold_id, hold_amount, expires_at, priority, package, actor, reason)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)
      """)
  }

  /// - Parameters:
  ///   - entry: complete, sequence and commit point included.
  ///   - account: the id of its user's account.
  ///   - hash: of this row in the chain.
  ///   - textDigest: nil for a row without free text.
  func append(_ entry: Entry, account: Int64, hash: [UInt8], textDigest: [UInt8]?) throws(SQLiteError) {
    insert.bind(1, entry.sequence)
    insert.bind(2, account)
    insert.bind(3, Int64(entry.type.rawValue))
    insert.bind(4, entry.amountMicros)
    insert.bind(5, entry.balanceAfterMicros)
    insert.bind(6, entry.heldAfterMicros)
    insert.bind(7, entry.pendingAfterMicros)
    insert.bind(8, entry.version)
    insert.bind(9, entry.atMicros)
    insert.bind(10, entry.effectiveAtMicros)
    insert.bind(11, entry.commit.sequence)
    insert.bind(12, Int64(entry.commit.position))
    insert.bind(13, Packing.pack(entry.lots))
    insert.bind(14, hash)
    insert.bind(15, entry.idempotency?.key)
    insert.bind(16, entry.idempotency?.digest.bytes)
    insert.bind(17, entry.nextExpiryAfter?.atMicros)
    insert.bind(18, entry.nextExpiryAfter?.amountMicros)
    bind(19, entry.runId)
    bind(20, entry.text.description)
    insert.bind(21, entry.text.metadata.isEmpty ? nil : Packing.pack(entry.text.metadata))
    insert.bind(22, textDigest)
    insert.bind(23, entry.paymentId)
    insert.bind(24, entry.planId)
    insert.bind(25, entry.periodStartMicros)
    insert.bind(26, entry.holdId)
    bind(27, entry.holdAmountMicros)
    insert.bind(28, entry.expiresAtMicros)
    bind(29, Int64(entry.priority))
    bind(30, entry.package)
    bind(31, entry.actor)
    bind(32, entry.reason)
    try insert.run()
  }

  /// Empty texts and zeros that are there for few rows are stored as NULL.
  private func bind(_ index: Int32, _ text: String) {
    if text.isEmpty { insert.bindNull(index) } else { insert.bind(index, text) }
  }

  private func bind(_ index: Int32, _ value: Int64) {
    if value == 0 { insert.bindNull(index) } else { insert.bind(index, value) }
  }
}
