// What is asked of a stored record before anything is reckoned with it: a file that is damaged must refuse
// commands, and never end the process.
//
// Invariants:
// 1. Whatever this program has written is sound. Not all that is sound was written by it: `verify` finds the
//    rest.
// 2. Of what is sound, sums and differences that the rules make stay within int64.

extension Account {
  /// Whether its balance is the one that its lots have.
  var isSound: Bool {
    var (remaining, pinned) = (Int128(0), Int128(0))
    for lot in lots {
      guard 0 <= lot.pinnedMicros, lot.pinnedMicros <= lot.remainingMicros,
        lot.remainingMicros <= lot.amountMicros, lot.shortMicros >= 0
      else { return false }
      remaining += Int128(lot.remainingMicros)
      pinned += Int128(lot.pinnedMicros)
    }
    return remaining == Int128(postedMicros) && pinned == Int128(heldMicros)
  }
}

extension Entry {
  /// Whether it moves credit as rows of its type do, and as much as its lots say.
  var isSound: Bool {
    guard askedMicros >= 0, owedMicros >= 0, owedAfterMicros >= 0, holdAmountMicros >= 0 else { return false }
    let lotsMicros = lots.reduce(Int128(0)) { $0 + Int128($1.amountMicros) }
    switch type.direction {
    case .gives: return lotsMicros == Int128(amountMicros)
    case .takes: return lotsMicros == 0 - Int128(amountMicros)
    case .either: return lotsMicros == Int128(amountMicros).magnitude
    case .neither: return amountMicros == 0
    }
  }
}

extension ReferredSums {
  /// - Parameter row: the one that all of them refer to.
  /// - Throws: `corrupt` when there cannot be such sums.
  func requireSound(of row: Entry) throws(Refusal) {
    if hasSoundSigns, isSound(of: row) { return }
    throw Refusal(.corrupt, "rows that refer to ledger row \(row.sequence) do not add up")
  }

  /// Whether rows of each type move credit as they should.
  var hasSoundSigns: Bool {
    byType.allSatisfy { type, sums in
      guard sums.askedMicros >= 0, sums.owedMicros >= 0 else { return false }
      return switch type.direction {
      case .gives: sums.amountMicros >= 0
      case .takes: sums.amountMicros <= 0
      case .either: true
      case .neither: sums.amountMicros == 0
      }
    }
  }

  private func isSound(of row: Entry) -> Bool {
    guard (0...Int128(Int64.max)).contains(sumOfShortMicros) else { return false }
    switch row.type {
    case .apiUsage: return self[.refund].amountMicros <= 0 - Int128(row.amountMicros)
    case .purchase:
      return (0...max(0, Int128(row.amountMicros))).contains(sumOfReversedMicros)
        && (0...max(0, 0 - self[.expiry].amountMicros)).contains(lostOfReversedMicros)
    case .planGrant, .promoGrant: return 0 - self[.void].amountMicros <= Int128(row.amountMicros)
    case .opening, .adjustment, .refund, .reversal, .reinstatement, .expiry, .void, .rollover, .hold,
      .holdExtend, .holdRelease, .owed, .owedPayment, .owedForgiven:
      return true
    }
  }
}

extension TransactionType {
  fileprivate enum Direction {
    case gives, takes, either, neither
  }

  /// What its rows do to the posted balance.
  fileprivate var direction: Direction {
    switch self {
    case .opening, .purchase, .planGrant, .promoGrant, .refund, .reinstatement, .rollover: .gives
    case .apiUsage, .reversal, .expiry, .void, .owedPayment: .takes
    case .adjustment: .either
    case .hold, .holdExtend, .holdRelease, .owed, .owedForgiven: .neither
    }
  }
}
