// Check 4 of rows that refer to an earlier one: no more is refunded than was taken, no more reversed than was
// bought, and what was asked of reversals adds up.
//
// Invariants:
// 1. Rows are walked in the order of what they refer to, so that all that refer to one row come together. A
//    slice is one snapshot; what a running writer adds to a row meanwhile has a higher sequence, and comes.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyReferences {
  static let referringSQL = """
    SELECT refers_to, sequence, account, type, amount, asked_amount, short_amount, owed_amount, hold_id,
      commit_sequence, commit_position, effective_at, expires_at
    FROM ledger WHERE refers_to IS NOT NULL AND (refers_to, sequence) > (?1, ?2)
    ORDER BY refers_to, sequence LIMIT ?3
    """
  static let targetSQL = """
    SELECT account, type, amount, expires_at, rollover_cap, rollover_end FROM ledger WHERE sequence = ?1
    """
  /// Rows of a window that name no earlier row, though rows of their type do.
  static let lackingSQL = """
    SELECT sequence, type FROM ledger
    WHERE sequence > ?1 AND sequence <= ?2 AND type IN (7, 8, 9, 10, 14, 15) AND refers_to IS NULL
    ORDER BY sequence
    """

  private let referring: Statement
  private let target: Statement
  private let lacking: Statement
  private var place: (target: Int64, sequence: Int64) = (0, 0)
  /// All that refers to one row, as far as it was read.
  private var group: VerifyReferenceGroup?

  init(_ connection: Connection) throws(SQLiteError) {
    referring = try connection.prepare(Self.referringSQL)
    target = try connection.prepare(Self.targetSQL)
    lacking = try connection.prepare(Self.lackingSQL)
  }

  /// Walks the next slice.
  /// - Returns: whether there may be more.
  func slice(_ tally: inout VerifyTally) throws(SQLiteError) -> Bool {
    referring.bind(place.target)
    referring.bind(place.sequence)
    referring.bind(VerifyReader.sliceRows)
    let rows = try referring.all(VerifyReferenceGroup.row)
    for row in rows {
      tally.examined += 1
      place = (row.target, row.sequence)
      if group?.sequence != row.target {
        group?.end(&tally)
        group = VerifyReferenceGroup(sequence: row.target, target: try target(row.target))
      }
      group?.add(row, &tally)
    }
    if rows.count == VerifyReader.sliceRows { return true }
    group?.end(&tally)
    group = nil
    return false
  }

  private func target(_ sequence: Int64) throws(SQLiteError) -> VerifyReferenceGroup.Target? {
    target.bind(sequence)
    return try target.first(VerifyReferenceGroup.target)
  }

  /// Looks for rows of the second format that have to refer to one and do not; counts older ones as exempt.
  /// - Returns: the last row of the window.
  func findLacking(
    after sequence: Int64, format2From: Int64, _ tally: inout VerifyTally
  ) throws(SQLiteError) -> Int64 {
    let last = sequence + VerifyReader.sliceRows
    lacking.bind(sequence)
    lacking.bind(last)
    for (sequence, type) in try lacking.all({ (row) in (row.int(), LedgerTable.type(&row)) }) {
      guard sequence >= format2From else {
        tally.exempt += 1
        continue
      }
      tally.add("ledger row \(sequence): no earlier row is named, type \(type.map { "\($0)" } ?? "unknown")")
    }
    return last
  }
}

/// The rows that refer to one row, added up.
struct VerifyReferenceGroup {
  struct Row {
    var target: Int64
    var sequence: Int64
    var account: Int64
    var type: TransactionType?
    var amountMicros: Int64
    var askedMicros: Int64
    var shortMicros: Int64
    var owedMicros: Int64
    var holdId: Int64?
    var commit: CommitPoint
    var effectiveAtMicros: Int64
    var expiresAtMicros: Int64?
  }

  struct Target {
    var account: Int64
    var type: TransactionType?
    var amountMicros: Int64
    var expiresAtMicros: Int64?
    var rollover: Rollover?
  }

  let sequence: Int64
  private let target: Target?
  private var sums = ReferredSums()
  /// What is owed for a reversal of it.
  private var owedMicros: Int128 = 0
  /// The last row that wrote its lot off at the lot's own time.
  private var expiry: Row?

  init(sequence: Int64, target: Target?) {
    self.sequence = sequence
    self.target = target
  }

  /// Takes the columns of `referringSQL`.
  static func row(_ row: inout Columns) -> Row {
    Row(
      target: row.int(), sequence: row.int(), account: row.int(), type: LedgerTable.type(&row),
      amountMicros: row.int(), askedMicros: row.int(), shortMicros: row.int(), owedMicros: row.int(),
      holdId: row.optionalInt(), commit: row.commitPoint(), effectiveAtMicros: row.int(),
      expiresAtMicros: row.optionalInt())
  }

  /// Takes the columns of `targetSQL`.
  static func target(_ row: inout Columns) -> Target {
    var target = Target(
      account: row.int(), type: LedgerTable.type(&row), amountMicros: row.int(),
      expiresAtMicros: row.optionalInt())
    let (capMicros, endMicros) = (row.optionalInt(), row.optionalInt())
    if let capMicros, let endMicros { target.rollover = Rollover(capMicros: capMicros, endMicros: endMicros) }
    return target
  }

  mutating func add(_ row: Row, _ tally: inout VerifyTally) {
    let name = "ledger row \(row.sequence)"
    guard let target, let type = row.type, let targetType = target.type else {
      return tally.add("\(name): it refers to row \(sequence), which is not there or makes no sense")
    }
    tally.expect(
      sequence < row.sequence && row.account == target.account,
      "\(name): row \(sequence), which it refers to, is a later one or another user's")
    tally.expect(
      type.refers(to: targetType), "\(name): \(type) refers to row \(sequence), which is \(targetType)")
    let more = ReferredSums.Sums(
      amountMicros: row.amountMicros, askedMicros: row.askedMicros, shortMicros: row.shortMicros,
      owedMicros: row.owedMicros)
    sums.byType[type, default: ReferredSums.Sums()].add(more)
    compare(row, type, target, name, &tally)
    if type == .expiry, row.holdId == nil, row.effectiveAtMicros == target.expiresAtMicros { expiry = row }
  }

  /// What holds after each row.
  private mutating func compare(
    _ row: Row, _ type: TransactionType, _ target: Target, _ name: String, _ tally: inout VerifyTally
  ) {
    switch type {
    case .refund:
      let refunded = sums[.refund].amountMicros
      tally.expect(
        refunded <= 0 - Int128(target.amountMicros),
        "\(name): \(refunded) refunded of row \(sequence), which took \(0 - Int128(target.amountMicros))")
    case .reversal, .reinstatement:
      tally.expect(
        (0...max(0, target.amountMicros)).contains(sums.reversedMicros),
        "\(name): \(sums.reversedMicros) reversed of \(target.amountMicros) that row \(sequence) bought")
    case .void:
      let voided = 0 - sums[.void].amountMicros
      tally.expect(
        voided <= Int128(target.amountMicros),
        "\(name): \(voided) voided of \(target.amountMicros) that row \(sequence) granted")
    case .rollover: compare(rollover: row, target, name, &tally)
    case .owed: owedMicros += Int128(row.owedMicros)
    case .owedPayment, .owedForgiven: owedMicros -= Int128(row.owedMicros)
    default: break
    }
    tally.expect(
      owedMicros >= 0, "\(name): more is paid and forgiven of row \(sequence)'s reversal than was owed")
    tally.expect(sums.shortMicros >= 0, "\(name): more is taken of row \(sequence)'s lot than was short")
  }

  /// What rolls over is what has expired in the same change, up to the cap, until the next period's end.
  private func compare(rollover row: Row, _ target: Target, _ name: String, _ tally: inout VerifyTally) {
    guard let terms = target.rollover, let expiry, expiry.commit == row.commit else {
      return tally.add("\(name): nothing of row \(sequence) has expired with it that rolls over")
    }
    let expected = min(0 - Int128(expiry.amountMicros), Int128(terms.capMicros))
    tally.expect(
      Int128(row.amountMicros) == expected && row.expiresAtMicros == terms.endMicros
        && row.effectiveAtMicros == expiry.effectiveAtMicros,
      "\(name): \(row.amountMicros) rolls over of row \(sequence), not \(expected)")
    tally.expect(sums[.rollover].rowCount == 1, "\(name): row \(sequence) has rolled over before")
  }

  /// What holds once all rows are there.
  func end(_ tally: inout VerifyTally) {
    guard target?.type == .purchase else { return }
    let (reversal, reinstatement, expiry) = (sums[.reversal], sums[.reinstatement], sums[.expiry])
    tally.expect(
      (0...max(0, 0 - expiry.amountMicros)).contains(sums.lostOfReversedMicros),
      "ledger row \(sequence): \(sums.reversedMicros) reversed is not \(sums.takenMicros) taken, "
        + "\(sums.leftOwedMicros) owed, \(sums.shortMicros) short and what of \(0 - expiry.amountMicros) "
        + "has expired")
    tally.expect(
      sums[.owed].owedMicros == reversal.owedMicros,
      "ledger row \(sequence): reversals left \(reversal.owedMicros) owed, rows owe \(sums[.owed].owedMicros)"
    )
    let forgiven = reinstatement.owedMicros + expiry.owedMicros
    tally.expect(
      sums[.owedForgiven].owedMicros >= forgiven,
      "ledger row \(sequence): \(forgiven) owed was undone, \(sums[.owedForgiven].owedMicros) is forgiven")
  }
}

extension TransactionType {
  /// Whether a row of this type may refer to one of that.
  fileprivate func refers(to target: TransactionType) -> Bool {
    switch self {
    case .refund: target == .apiUsage
    case .reversal, .reinstatement, .owed, .owedPayment, .owedForgiven: target == .purchase
    case .void: target == .planGrant || target == .promoGrant
    case .rollover: target == .planGrant
    case .expiry: target.opensLots
    // A capture of more than was held.
    case .apiUsage: target == .hold
    case .opening, .purchase, .planGrant, .promoGrant, .adjustment, .hold, .holdExtend, .holdRelease: false
    }
  }

  private var opensLots: Bool {
    switch self {
    case .opening, .purchase, .planGrant, .promoGrant, .adjustment, .refund, .reinstatement, .rollover: true
    case .apiUsage, .reversal, .expiry, .void, .hold, .holdExtend, .holdRelease, .owed, .owedPayment,
      .owedForgiven:
      false
    }
  }
}
