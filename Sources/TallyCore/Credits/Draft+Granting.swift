// Credit that is granted, and what of it is carried over.
//
// Invariants:
// 1. Only what expires at its period's end rolls over, on the terms that the grant's row states: at most the
//    cap, of what is not pinned, until the next period's end. What has rolled over never does again.
// 2. What has rolled over is no new credit: it pays nothing that is owed.
//
// Values; part of a draft.

/// What every grant says, whatever it is called.
struct Grant {
  var type: TransactionType
  var amountMicros: Int64
  var priority: Int32
  /// nil is now.
  var effectiveAtMicros: Int64?
  var expiresAtMicros: Int64?
  var rollover: Rollover?
  var maximumOpenLots = Lot.maximumOpenLots
}

extension Draft {
  /// Opens a lot and writes its row; the credit pays what is owed as soon as it is effective.
  /// - Parameters:
  ///   - isOwn: whether it is the command's own row.
  ///   - complete: sets what is particular to the row.
  /// - Throws: `invalidField` for `expires_at_micros`, `lotLimit`, `amountOverflow`; nothing has changed
  ///   then.
  mutating func grant(
    _ grant: Grant, isOwn: Bool = true, complete: (inout Entry) -> Void
  ) throws(Refusal) {
    let effectiveAtMicros = grant.effectiveAtMicros ?? nowMicros
    if let expiresAtMicros = grant.expiresAtMicros, expiresAtMicros <= effectiveAtMicros {
      throw Refusal(
        .invalidField, "credit must not expire before it is effective",
        details: ["field": "expires_at_micros"])
    }
    let lot = LotAllocation(lotId: sequence, amountMicros: grant.amountMicros)
    try open(
      priority: grant.priority, amountMicros: grant.amountMicros, effectiveAtMicros: effectiveAtMicros,
      expiresAtMicros: grant.expiresAtMicros, rollover: grant.rollover, limit: grant.maximumOpenLots)
    write(grant.type, amountMicros: grant.amountMicros, effectiveAtMicros: effectiveAtMicros, lots: [lot]) {
      $0.priority = grant.priority
      $0.expiresAtMicros = grant.expiresAtMicros
      $0.rollover = grant.rollover
      complete(&$0)
    }
    if isOwn { markOwnRow() }
    guard effectiveAtMicros <= nowMicros else { return }
    // By hand it is granted now, also for a period that has begun before.
    collect(from: [lot], atMicros: isOwn ? nowMicros : effectiveAtMicros)
  }

  /// Carries over what the lot's terms allow of the rest that has just expired. At the last bound of open
  /// lots it stays forfeited.
  /// - Parameter lot: as it was before.
  mutating func rollOver(_ lot: Lot, atMicros: Int64) {
    guard let rollover = lot.rollover else { return }
    let part = LotAllocation(
      lotId: sequence, amountMicros: min(lot.unpinnedMicros, rollover.capMicros))
    do {
      try open(
        priority: lot.priority, amountMicros: part.amountMicros, effectiveAtMicros: atMicros,
        expiresAtMicros: rollover.endMicros, limit: Lot.maximumOpenLotsInAll)
    } catch { return }
    write(.rollover, amountMicros: part.amountMicros, effectiveAtMicros: atMicros, lots: [part]) {
      $0.refersTo = lot.id
      $0.priority = lot.priority
      $0.expiresAtMicros = rollover.endMicros
    }
  }
}

extension Plan {
  /// What becomes of the rest of a period's credit when it expires.
  func rollover(of period: Period, until expiresAtMicros: Int64?) -> Rollover? {
    guard let rolloverCapMicros, expiresAtMicros == period.endMicros else { return nil }
    return Rollover(capMicros: rolloverCapMicros, endMicros: period.nextEndMicros)
  }
}
