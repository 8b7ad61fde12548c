// Rows of the ledger, written and read.
//
// Invariants:
// 1. Rows are inserted in sequence order and never changed.
// 2. A row read back equals the entry that was inserted.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

final class LedgerTable {
  /// What an entry says, but for its user.
  static let columns = ColumnList(
    "sequence", "type", "amount", "balance_after", "held_after", "version", "at", "effective_at", "lots",
    "pending_after", "commit_sequence", "commit_position", "key", "digest", "next_expiry_at",
    "next_expiry_amount", "run_id", "description", "metadata", "payment_id", "plan_id", "period_start",
    "hold_id", "hold_amount", "expires_at", "priority", "package", "actor", "reason", "refers_to", "event_id",
    "asked_amount", "short_amount", "owed_amount", "owed_after", "spender", "attempt", "intent_id",
    "rollover_cap", "rollover_end", "period_start_day", "period_end_day", "previous", "skip")
  /// What a row has beside its entry.
  static let proof = ColumnList("account", "hash", "text_digest")
  /// The columns of a row `l` and its account `a`, as `entry(_:)` takes them.
  static let selected = "\(columns.of("l")), a.user_id"

  static let bySequenceSQL = """
    SELECT \(selected) FROM ledger l JOIN account a ON a.id = l.account WHERE l.sequence = ?1
    """

  /// What rows (?1, a JSON array of their sequences) are named by.
  static let namesSQL = """
    SELECT sequence, payment_id, plan_id FROM ledger
    WHERE sequence IN (SELECT value FROM json_each(?1)) AND coalesce(payment_id, plan_id) IS NOT NULL
    """

  private let bySequence: Statement
  private let names: Statement
  private let insert: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    bySequence = try connection.prepare(Self.bySequenceSQL)
    names = try connection.prepare(Self.namesSQL)
    let written = Self.columns + Self.proof
    insert = try connection.prepare("INSERT INTO ledger(\(written)) VALUES (\(written.parameters))")
  }

  // MARK: reading

  func entry(sequence: Int64) throws(SQLiteError) -> Entry? {
    bySequence.bind(sequence)
    return try bySequence.first(Self.entry)
  }

  /// Adds the names of the purchases and grants that rows refer to: one statement at most.
  func name(_ rows: [Entry]) throws(SQLiteError) -> [Entry] {
    let referred = Set(rows.compactMap(\.refersTo))
    if referred.isEmpty { return rows }
    names.bind(JSONText.array(referred.sorted()))
    defer { names.reset() }
    var named: [Int64: (paymentId: String?, planId: String?)] = [:]
    while try names.step() {
      try names.row { (row) in named[row.int()] = (row.optionalText(), row.optionalText()) }
    }
    return rows.map { row in
      guard let refersTo = row.refersTo, let names = named[refersTo] else { return row }
      var row = row
      (row.referredPaymentId, row.referredPlanId) = names
      return row
    }
  }

  /// Takes what is `selected`.
  static func entry(_ row: inout Columns) throws(SQLiteError) -> Entry {
    let sequence = row.int()
    return try entry(sequence: sequence, type: type(&row), &row)
  }

  /// Takes the column of the type; nil for a number that is none.
  static func type(_ row: inout Columns) -> TransactionType? { TransactionType(rawValue: row.int32()) }

  /// Takes what is `selected` after the type.
  static func entry(
    sequence: Int64, type: TransactionType?, _ row: inout Columns
  ) throws(SQLiteError) -> Entry {
    guard let type else { throw .malformed("type of ledger row \(sequence)") }
    var entry = Entry(
      userId: "", type: type, amountMicros: row.int(), balanceAfterMicros: row.int(),
      heldAfterMicros: row.int(), version: row.int(), atMicros: row.int(), effectiveAtMicros: row.int(),
      lots: try Packing.allocations(row.blob()))
    entry.sequence = sequence
    entry.pendingAfterMicros = row.int()
    entry.commit = row.commitPoint()
    let (key, digest) = (row.optionalText(), row.blob())
    if let key { entry.idempotency = Idempotency(key: key, digest: Digest(bytes: digest)) }
    let (expiresAtMicros, expiringMicros) = (row.optionalInt(), row.int())
    if let expiresAtMicros {
      entry.nextExpiryAfter = Balance.Expiry(atMicros: expiresAtMicros, amountMicros: expiringMicros)
    }
    entry.runId = row.text()
    entry.text.description = row.text()
    entry.text.metadata = try Packing.metadata(row.blob())
    entry.paymentId = row.optionalText()
    entry.planId = row.optionalText()
    entry.periodStartMicros = row.optionalInt()
    entry.holdId = row.optionalInt()
    entry.holdAmountMicros = row.int()
    entry.expiresAtMicros = row.optionalInt()
    entry.priority = row.int32()
    entry.package = row.text()
    entry.actor = row.text()
    entry.reason = row.text()
    try readCredits(&row, into: &entry)
    entry.userId = row.text()
    return entry
  }

  /// What version 5 brought.
  private static func readCredits(_ row: inout Columns, into entry: inout Entry) throws(SQLiteError) {
    entry.refersTo = row.optionalInt()
    entry.eventId = row.optionalText()
    entry.askedMicros = row.int()
    entry.shortMicros = row.int()
    entry.owedMicros = row.int()
    entry.owedAfterMicros = row.int()
    entry.spender = row.text()
    entry.attempt = row.int32()
    entry.intentId = row.optionalText()
    let (capMicros, endMicros) = (row.optionalInt(), row.optionalInt())
    if let capMicros, let endMicros { entry.rollover = Rollover(capMicros: capMicros, endMicros: endMicros) }
    entry.periodDays = try days(&row, of: entry.sequence)
    entry.previous = row.int()
    entry.skip = row.int()
  }

  /// Takes the columns of a period's days; nil for a grant from before periods were dates, and for other
  /// rows.
  static func days(_ row: inout Columns, of sequence: Int64) throws(SQLiteError) -> Range<Int64>? {
    let (first, end) = (row.int(), row.optionalInt())
    guard let end else { return nil }
    guard first < end, Civil.nameableDays.contains(first), Civil.nameableDays.contains(end) else {
      throw .malformed("period of ledger row \(sequence)")
    }
    return first..<end
  }

  // MARK: writing

  /// - Parameters:
  ///   - entry: complete, sequence and commit point included.
  ///   - account: the id of its user's account.
  ///   - hash: of this row in the chain.
  ///   - textDigest: nil for a row without free text.
  func append(_ entry: Entry, account: Int64, hash: [UInt8], textDigest: [UInt8]?) throws(SQLiteError) {
    insert.bind(entry.sequence)
    insert.bind(Int64(entry.type.rawValue))
    insert.bind(entry.amountMicros)
    insert.bind(entry.balanceAfterMicros)
    insert.bind(entry.heldAfterMicros)
    insert.bind(entry.version)
    insert.bind(entry.atMicros)
    insert.bind(entry.effectiveAtMicros)
    insert.bind(Packing.pack(entry.lots))
    insert.bind(entry.pendingAfterMicros)
    insert.bind(entry.commit.sequence)
    insert.bind(Int64(entry.commit.position))
    insert.bind(entry.idempotency?.key)
    insert.bind(entry.idempotency?.digest.bytes)
    insert.bind(entry.nextExpiryAfter?.atMicros)
    insert.bind(entry.nextExpiryAfter?.amountMicros)
    bindUnlessEmpty(entry.runId)
    bindUnlessEmpty(entry.text.description)
    insert.bind(entry.text.metadata.isEmpty ? nil : Packing.pack(entry.text.metadata))
    insert.bind(entry.paymentId)
    insert.bind(entry.planId)
    insert.bind(entry.periodStartMicros)
    insert.bind(entry.holdId)
    bindUnlessZero(entry.holdAmountMicros)
    insert.bind(entry.expiresAtMicros)
    bindUnlessZero(Int64(entry.priority))
    bindUnlessEmpty(entry.package)
    bindUnlessEmpty(entry.actor)
    bindUnlessEmpty(entry.reason)
    bindCredits(entry)
    insert.bind(account)
    insert.bind(hash)
    insert.bind(textDigest)
    try insert.run()
  }

  /// What version 5 brought.
  private func bindCredits(_ entry: Entry) {
    insert.bind(entry.refersTo)
    insert.bind(entry.eventId)
    bindUnlessZero(entry.askedMicros)
    bindUnlessZero(entry.shortMicros)
    bindUnlessZero(entry.owedMicros)
    bindUnlessZero(entry.owedAfterMicros)
    bindUnlessEmpty(entry.spender)
    bindUnlessZero(Int64(entry.attempt))
    insert.bind(entry.intentId)
    insert.bind(entry.rollover?.capMicros)
    insert.bind(entry.rollover?.endMicros)
    insert.bind(entry.periodDays?.lowerBound)
    insert.bind(entry.periodDays?.upperBound)
    insert.bind(entry.previous)
    insert.bind(entry.skip)
  }

  /// Most rows have no such text: NULL takes less room than an empty one.
  private func bindUnlessEmpty(_ text: String) {
    if text.isEmpty { insert.bindNull() } else { insert.bind(text) }
  }

  private func bindUnlessZero(_ value: Int64) {
    if value == 0 { insert.bindNull() } else { insert.bind(value) }
  }
}
