// Credit that goes back to the lots that it came from.
//
// Invariants:
// 1. A lot never has more than it was granted with: what it has no room for opens a new lot.
// 2. What belongs to a lot that has expired is forfeited at once; the rest pays what is short or owed for its
//    lot, then what else is owed. So it is also with what a lot has no room for: it is still that lot's.
//
// Values; part of a draft.

extension Draft {
  /// What went back.
  struct Returned {
    /// For the row that gives it.
    var lots: [LotAllocation] = []
    /// The lot that this row opens; nil when all the lots had room.
    var opened: Lot?
    /// What of the opened lot belongs to which lot that had no room.
    var over: [LotAllocation] = []
  }

  /// Gives credit back for the row that is written next.
  /// - Throws: `lotLimit`, `amountOverflow`; `corrupt` when nothing is known of a lot.
  mutating func giveBack(_ parts: [LotAllocation]) throws(Refusal) -> Returned {
    var returned = Returned()
    var terms: Lot?
    for part in parts {
      let lot = if let open = lot(part.lotId) { open } else { try origin(of: part.lotId).lot }
      var over = part
      let fitting = over.split(min(part.amountMicros, lot.amountMicros - lot.remainingMicros))
      if fitting.amountMicros > 0 { returned.lots.append(fitting) }
      guard over.amountMicros > 0 else { continue }
      returned.over.append(over)
      // One that has expired lasts no longer than one that has not.
      if terms.map({ lot.lasts(longerThan: $0) }) ?? true { terms = lot }
    }
    let reopened = returned.lots.count { lot($0.lotId) == nil }
    try requireRoomForLots(reopened + (terms == nil ? 0 : 1), Lot.maximumOpenLotsInAll)
    for part in returned.lots { try give(part) }
    if let terms {
      let rest = LotAllocation(lotId: sequence, amountMicros: returned.over.sumMicros)
      returned.lots.append(rest)
      try open(
        priority: terms.priority, amountMicros: rest.amountMicros, effectiveAtMicros: nowMicros,
        expiresAtMicros: terms.expiresAtMicros, limit: Lot.maximumOpenLotsInAll)
      returned.opened = lot(sequence)
    }
    return returned
  }

  /// What follows once the row that gave it back is written.
  /// - Throws: `corrupt` when nothing is known of a lot.
  mutating func settle(_ returned: Returned) throws(Refusal) {
    var free: [LotAllocation] = []
    for part in returned.lots where part.lotId != returned.opened?.id {
      free.append(try settle(part, of: part.lotId))
    }
    if let opened = returned.opened {
      for part in returned.over {
        let own = LotAllocation(lotId: opened.id, amountMicros: part.amountMicros)
        free = free.merging([try settle(own, of: part.lotId)])
      }
    }
    collect(from: free, atMicros: nowMicros)
  }

  /// - Parameter lotId: of the lot that the credit belongs to, wherever it is.
  /// - Returns: what is left of it.
  private mutating func settle(
    _ credit: LotAllocation, of lotId: Int64
  ) throws(Refusal) -> LotAllocation {
    guard lot(lotId)?.isExpired(atMicros: nowMicros) ?? false else {
      return try payReversal(from: credit, of: lotId, atMicros: nowMicros)
    }
    forfeit(credit, of: lotId, atMicros: nowMicros)
    return LotAllocation(lotId: credit.lotId, amountMicros: 0)
  }
}

extension Entry {
  /// Whatever opens a lot says on which terms.
  mutating func setTerms(of lot: Lot?) {
    guard let lot else { return }
    priority = lot.priority
    expiresAtMicros = lot.expiresAtMicros
  }

  /// The part of a debit that a refund gives back: from its last lot to its first, after what was refunded
  /// before.
  func parts(refunding amountMicros: Int64, after refundedMicros: Int64) -> [LotAllocation] {
    var backwards = ArraySlice(lots.reversed())
    _ = backwards.takeFirst(refundedMicros)
    return backwards.takeFirst(amountMicros)
  }
}

extension Lot {
  fileprivate func lasts(longerThan other: Lot) -> Bool {
    guard let others = other.expiresAtMicros else { return false }
    return expiresAtMicros.map { $0 > others } ?? true
  }
}
