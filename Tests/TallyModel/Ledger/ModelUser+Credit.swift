// How credit of the model comes, goes and comes back.
//
// Values; part of the model.

import TallyCore

extension ModelUser {
  /// Open lots that nothing passes.
  static let lastLotLimit = 1_024

  // MARK: Coming

  /// Makes a lot of the next row.
  mutating func grant(
    _ type: TransactionType, _ amount: Int64, priority: Int32, effectiveAt: Int64, expiresAt: Int64?,
    rollover: Rollover? = nil, _ complete: (inout Entry) -> Void = { _ in }
  ) {
    let lot = Lot(
      id: nextRow, type: type, amount: amount, priority: priority, effectiveAt: effectiveAt,
      expiresAt: expiresAt, rollover: rollover)
    pieces.append(Piece(lot: lot, amount: amount, hold: nil))
    if effectiveAt > now { waiting.insert(lot.id) }
    let made = LotAllocation(lotId: lot.id, amountMicros: amount)
    write(type, amount, effectiveAt: effectiveAt, lots: [made]) {
      ($0.priority, $0.expiresAtMicros, $0.rollover) = (priority, expiresAt, rollover)
      complete(&$0)
    }
    // What has rolled over is no new credit.
    if effectiveAt <= now, type != .rollover { payDebts(from: [made], at: settling ?? now) }
  }

  /// The server grants a period.
  mutating func receive(_ credit: ModelGrant.Credit) {
    let fits = !everything.addingReportingOverflow(credit.amount).overflow
    guard fits, openLots < Self.lastLotLimit else {
      nextGrantAt = now + ModelGrant.retryMicros
      return
    }
    grant(
      .planGrant, credit.amount, priority: credit.priority, effectiveAt: credit.effectiveAt,
      expiresAt: credit.expiresAt, rollover: credit.rollover
    ) {
      $0.planId = credit.planId
      ($0.periodStartMicros, $0.periodDays) = (credit.period.start, credit.period.days)
    }
  }

  /// Carries on what a plan allows of the rest that time took.
  mutating func rollOver(_ rest: Int64, of lot: Lot, at time: Int64) {
    guard let terms = lot.rollover, openLots < Self.lastLotLimit else { return }
    grant(
      .rollover, min(rest, terms.capMicros), priority: lot.priority, effectiveAt: time,
      expiresAt: terms.endMicros
    ) { $0.refersTo = lot.id }
  }

  // MARK: Going

  /// Takes free pieces in burn order, which must suffice, and hands each to a hold or destroys it.
  mutating func take(_ amount: Int64, for hold: Int64?) -> [LotAllocation] {
    var wanted = amount
    var parts: [LotAllocation] = []
    let usable = pieces.indices.filter { pieces[$0].hold == nil && pieces[$0].lot.isUsable(now) }
    for index in usable.sorted(by: { pieces[$0].lot.burnKey < pieces[$1].lot.burnKey }) where wanted > 0 {
      let lot = pieces[index].lot
      let part = min(pieces[index].amount, wanted)
      wanted -= part
      pieces[index].amount -= part
      if let hold { hand(part, of: lot, to: hold) }
      parts.append(LotAllocation(lotId: lot.id, amountMicros: part))
    }
    pieces.removeAll { $0.amount == 0 }
    return parts
  }

  /// Puts credit of a lot into a hold's hands, or makes it free (nil), in one piece with what is there.
  mutating func hand(_ amount: Int64, of lot: Lot, to hold: Int64?) {
    if let index = pieces.firstIndex(where: { $0.hold == hold && $0.lot.id == lot.id }) {
      pieces[index].amount += amount
    } else {
      pieces.append(Piece(lot: lot, amount: amount, hold: hold))
    }
  }

  /// Takes a part of a lot out of a hold's hands, or of what is free (nil).
  mutating func remove(_ part: LotAllocation, from hold: Int64?) {
    guard let index = pieces.firstIndex(where: { $0.hold == hold && $0.lot.id == part.lotId }) else { return }
    pieces[index].amount -= part.amountMicros
    if pieces[index].amount == 0 { pieces.remove(at: index) }
  }

  mutating func spend(
    _ type: TransactionType, _ amount: Int64, _ complete: (inout Entry) -> Void
  ) {
    let parts = take(amount, for: nil)
    write(type, -amount, effectiveAt: now, lots: parts, complete)
  }

  /// Time takes free credit of a lot, from it or from the one that it has come to instead. Nobody owes it any
  /// more, and no reversal waits for it.
  mutating func forfeit(_ part: LotAllocation, of lot: Lot, at time: Int64, holdId: Int64? = nil) {
    let waited = min(part.amountMicros, short[lot.id, default: 0])
    let forgiven = min(part.amountMicros - waited, owed(for: lot.id))
    changeShort(of: lot.id, by: -waited)
    if lot.type == .purchase { lost[lot.id, default: 0] += part.amountMicros - waited - forgiven }
    remove(part, from: nil)
    write(.expiry, -part.amountMicros, effectiveAt: time, lots: [part]) {
      ($0.refersTo, $0.holdId) = (lot.id, holdId)
      ($0.shortMicros, $0.owedMicros) = (-waited, forgiven)
    }
    if forgiven > 0 { forgive(forgiven, for: lot.id, at: time) }
  }

  mutating func changeShort(of lot: Int64, by amount: Int64) {
    short[lot, default: 0] += amount
    if short[lot] == 0 { short[lot] = nil }
  }

  // MARK: Coming back

  /// What a row gives back, and the lot that it makes of what the lots have no room for.
  struct Returned {
    var parts: [LotAllocation] = []
    var made: Lot?
    /// What of each part is whose.
    var owners: [(part: LotAllocation, lot: Lot)] = []
  }

  /// Gives credit back to lots, for the next row. A lot never has more than it was made with: what is too
  /// much makes a new one, on the terms of the lot that lasts longest.
  mutating func giveBack(_ parts: [(lot: Lot, amount: Int64)]) throws(Refusal) -> Returned {
    let (_, isTooMuch) = parts.reduce(0) { $0 + $1.amount }.addingReportingOverflow(everything)
    var returned = Returned()
    var over: [(lot: Lot, amount: Int64)] = []
    for (lot, amount) in parts where amount > 0 {
      let there = total { $0.lot.id == lot.id }
      let fitting = min(amount, lot.amount - there)
      if fitting > 0 {
        if there == 0 { try requireRoomForLot(Self.lastLotLimit) }
        hand(fitting, of: lot, to: nil)
        let part = LotAllocation(lotId: lot.id, amountMicros: fitting)
        returned.parts.append(part)
        returned.owners.append((part, lot))
      }
      if amount > fitting { over.append((lot, amount - fitting)) }
    }
    let lasting = over.map { $0.lot.expiresAt ?? Int64.max }
    guard let last = lasting.max(), let index = lasting.firstIndex(of: last) else {
      if isTooMuch { throw Refusal(.amountOverflow, "") }
      return returned
    }
    try requireRoomForLot(Self.lastLotLimit)
    if isTooMuch { throw Refusal(.amountOverflow, "") }
    var made = over[index].lot
    (made.id, made.type, made.effectiveAt, made.rollover) = (nextRow, .refund, now, nil)
    made.amount = over.reduce(0) { $0 + $1.amount }
    hand(made.amount, of: made, to: nil)
    returned.parts.append(LotAllocation(lotId: made.id, amountMicros: made.amount))
    returned.made = made
    for (lot, amount) in over {
      returned.owners.append((LotAllocation(lotId: made.id, amountMicros: amount), lot))
    }
    return returned
  }

  func requireRoomForLot(_ limit: Int) throws(Refusal) {
    guard openLots < limit else { throw Refusal(.lotLimit, "", details: ["limit": "\(limit)"]) }
  }

  /// What follows once the row that gave it back is written: what is over is gone at once, then a reversal or
  /// a void of the lot has its part, then whatever is owed.
  mutating func follow(_ returned: Returned) {
    var left: [LotAllocation] = []
    for (part, lot) in returned.owners {
      if lot.isOver(now) {
        forfeit(part, of: lot, at: now)
        continue
      }
      let rest = payOwnLot(part, lot, at: now)
      if let index = left.firstIndex(where: { $0.lotId == rest.lotId }) {
        left[index].amountMicros += rest.amountMicros
      } else {
        left.append(rest)
      }
    }
    payDebts(from: left, at: now)
  }
}
