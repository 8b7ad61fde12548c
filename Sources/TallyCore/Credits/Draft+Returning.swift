// Credit that goes back to the lots that it came from.
//
// Invariants:
// 1. A lot never has more than it was granted with: what it has no room for opens a new lot.
// 2. What goes back to a lot that has expired is forfeited at once; the rest pays what is short or owed.
//
// Values; part of a draft.

extension Draft {
  /// What went back.
  struct Returned {
    /// For the row that gives it.
    var lots: [LotAllocation] = []
    /// The lot that this row opens; nil when all the lots had room.
    var opened: Lot?
  }

  /// Gives credit back for the row that is written next.
  /// - Throws: `lotLimit`, `amountOverflow`; `corrupt` when nothing is known of a lot.
  mutating func giveBack(_ parts: [LotAllocation]) throws(Refusal) -> Returned {
    var returned = Returned()
    var rest: Int64 = 0
    var terms: Lot?
    for part in parts {
      let lot = if let open = lot(part.lotId) { open } else { try origin(of: part.lotId).lot }
      var over = part
      let fitting = over.split(min(part.amountMicros, lot.amountMicros - lot.remainingMicros))
      if fitting.amountMicros > 0 {
        try give(fitting)
        returned.lots.append(fitting)
      }
      guard over.amountMicros > 0 else { continue }
      rest += over.amountMicros
      if terms.map({ lot.lasts(longerThan: $0) }) ?? true { terms = lot }
    }
    if let terms {
      returned.lots.append(LotAllocation(lotId: sequence, amountMicros: rest))
      try open(
        priority: terms.priority, amountMicros: rest, effectiveAtMicros: nowMicros,
        expiresAtMicros: terms.expiresAtMicros, limit: Lot.maximumOpenLotsInAll)
      returned.opened = lot(sequence)
    }
    return returned
  }

  /// What follows once the row that gave it back is written.
  /// - Throws: `corrupt` when nothing is known of a lot.
  mutating func settle(_ returned: Returned) throws(Refusal) {
    var free: [LotAllocation] = []
    for part in returned.lots {
      if lot(part.lotId)?.isExpired(atMicros: nowMicros) ?? false {
        forfeit(part, atMicros: nowMicros)
      } else {
        free.append(try payReversal(from: part, atMicros: nowMicros))
      }
    }
    collect(from: free, atMicros: nowMicros)
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
