// What a user owes: how it comes about, and how credit pays it.
//
// Invariants:
// 1. Every change of what is owed is a row: `owed` adds, `owedPayment` and `owedForgiven` take away, each of
//    one part.
// 2. Credit pays what is owed when it is granted or given back; what is effective later, at that time.
//    Nothing else does, but for credit that returns to the lot of a purchase whose reversal is owed for.
// 3. A lot keeps its `effectiveAtMicros` until it has paid then. What was effective before something was owed
//    never pays it.
// 4. While a purchase's reversal is short or owed for, nothing of its lot is free.
//
// Values; part of a draft.

extension Draft {
  /// Whether the user may consume or set credit aside.
  /// - Throws: `userSuspended`, `paymentDue`.
  func requireSpender(_ context: DecisionContext) throws(Refusal) {
    let objection = Spending.objection(
      isSuspended: account.isSuspended, owedMicros: account.owedMicros, blocksOwing: context.blocksOwing)
    if let objection { throw objection }
  }

  // MARK: Owing

  /// Books what was used, or taken back of a purchase, and could not be paid.
  /// - Parameter complete: sets what is particular to the row.
  /// - Throws: `lotLimit`, `amountOverflow`.
  mutating func owe(
    _ amountMicros: Int64, for purchase: Int64?, complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) {
    try addOwed(amountMicros, for: purchase)
    for index in account.lots.indices where account.lots[index].effectiveAtMicros != nil {
      if !account.lots[index].isPending(atMicros: nowMicros) { passBeginning(ofLotAt: index) }
    }
    write(.owed, amountMicros: 0, effectiveAtMicros: nowMicros, lots: []) {
      $0.refersTo = purchase
      $0.owedMicros = amountMicros
      complete(&$0)
    }
  }

  /// - Parameters:
  ///   - amountMicros: at most what is owed of it.
  ///   - complete: sets what is particular to the row.
  mutating func forgive(
    _ amountMicros: Int64, for purchase: Int64?, atMicros: Int64, complete: (inout Entry) -> Void = { _ in }
  ) {
    lessenOwed(amountMicros, for: purchase)
    write(.owedForgiven, amountMicros: 0, effectiveAtMicros: atMicros, lots: []) {
      $0.refersTo = purchase
      $0.owedMicros = amountMicros
      complete(&$0)
    }
  }

  // MARK: Paying

  /// Pays what is owed, reversals first, from credit that has just come and is not pinned.
  mutating func collect(from credit: [LotAllocation], atMicros: Int64) {
    var credit = credit[...]
    while let part = account.owed.first {
      let paid = credit.takeFirst(part.amountMicros)
      if paid.isEmpty { return }
      pay(part.purchase, with: paid, atMicros: atMicros)
    }
  }

  private mutating func pay(_ purchase: Int64?, with lots: [LotAllocation], atMicros: Int64) {
    for part in lots { take(part) }
    let amountMicros = lots.sumMicros
    lessenOwed(amountMicros, for: purchase)
    write(.owedPayment, amountMicros: -amountMicros, effectiveAtMicros: atMicros, lots: lots) {
      $0.refersTo = purchase
      $0.owedMicros = amountMicros
    }
  }

  /// Credit has come back to a lot: first it goes to what a reversal or a void of that lot could not take,
  /// then it pays what is owed for that.
  /// - Parameter lotId: of that lot, which may have had no room for it.
  /// - Returns: what is left of it.
  /// - Throws: `corrupt` when nothing is known of the lot.
  mutating func payReversal(
    from credit: LotAllocation, of lotId: Int64, atMicros: Int64
  ) throws(Refusal) -> LotAllocation {
    var left = credit
    let shortMicros = min(left.amountMicros, lot(lotId)?.shortMicros ?? 0)
    if shortMicros > 0 {
      let isPurchase = try origin(of: lotId).type == .purchase
      let taken = left.split(shortMicros)
      addShort(-shortMicros, toLot: lotId)
      take(taken)
      write(
        isPurchase ? .reversal : .void, amountMicros: -shortMicros, effectiveAtMicros: atMicros, lots: [taken]
      ) {
        $0.refersTo = lotId
        $0.shortMicros = -shortMicros
      }
    }
    let owedMicros = min(left.amountMicros, account.owedMicros(for: lotId))
    if owedMicros > 0 { pay(lotId, with: [left.split(owedMicros)], atMicros: atMicros) }
    return left
  }

  /// Takes credit that is not pinned and belongs to a lot that has expired. As much less is short, then owed,
  /// of a reversal: nobody owes credit that could not be used.
  /// - Parameter lotId: of that lot, when it had no room for the credit.
  mutating func forfeit(
    _ part: LotAllocation, of lotId: Int64? = nil, atMicros: Int64, holdId: Int64? = nil
  ) {
    let lotId = lotId ?? part.lotId
    let shortMicros = min(part.amountMicros, lot(lotId)?.shortMicros ?? 0)
    let owedMicros = min(part.amountMicros - shortMicros, account.owedMicros(for: lotId))
    addShort(-shortMicros, toLot: lotId)
    take(part)
    write(.expiry, amountMicros: -part.amountMicros, effectiveAtMicros: atMicros, lots: [part]) {
      $0.refersTo = lotId
      $0.holdId = holdId
      $0.shortMicros = -shortMicros
      $0.owedMicros = owedMicros
    }
    if owedMicros > 0 { forgive(owedMicros, for: lotId, atMicros: atMicros) }
  }

  // MARK: Charging

  /// What a charge came to.
  struct Charge {
    /// Taken from the hold and from what is available.
    var paidMicros: Int64 = 0
    /// Not there, and owed.
    var owedMicros: Int64 = 0
    /// As it stands afterwards; nil when the charge was to none.
    var hold: Hold?
  }

  /// Takes an amount by one row: from an open hold first, whose rest goes back, then from what is available.
  /// What is not there is owed, if the plan says so.
  /// - Parameters:
  ///   - amountMicros: zero only gives the hold back.
  ///   - onShort: what the user's plan says; asked only when something is not there.
  ///   - complete: sets what is particular to the own row: the debit's, or else the release's.
  mutating func charge(
    _ amountMicros: Int64, to hold: Hold?, runId: String, attempt: Int32, spender: String,
    onShort: () throws(Refusal) -> OnShort,
    complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) -> Charge {
    let captured = min(amountMicros, hold?.amountMicros ?? 0)
    let drawn = min(amountMicros - captured, availableMicros)
    let short = amountMicros - captured - drawn
    let owed = short > 0 ? try onShort() == .forgive ? 0 : short : 0
    var charge = Charge(paidMicros: captured + drawn, owedMicros: owed)
    if let hold {
      charge.hold = try settle(
        hold, as: amountMicros > 0 ? .captured : .released, capturing: captured, drawing: drawn,
        atMicros: nowMicros
      ) {
        $0.owedMicros = owed
        complete(&$0)
      }
    } else if drawn > 0 {
      let lots = try burn(drawn)
      write(.apiUsage, amountMicros: -drawn, effectiveAtMicros: nowMicros, lots: lots) {
        $0.runId = runId
        $0.attempt = attempt
        $0.spender = spender
        $0.owedMicros = owed
        complete(&$0)
      }
      markOwnRow()
    }
    if owed > 0 {
      try owe(owed, for: nil) {
        $0.runId = runId
        $0.attempt = attempt
        $0.holdId = hold?.id
        $0.spender = spender
      }
    }
    return charge
  }
}

/// How a lot came about that credit may return to.
package struct LotOrigin: Sendable, Equatable {
  /// Of the row that opened it.
  var type: TransactionType
  /// With nothing left.
  var lot: Lot
}

extension LotAllocation {
  /// Takes a part off.
  /// - Parameter amountMicros: at most its own.
  mutating func split(_ amountMicros: Int64) -> LotAllocation {
    self.amountMicros -= amountMicros
    return LotAllocation(lotId: lotId, amountMicros: amountMicros)
  }
}

extension Collection<LotAllocation> {
  var sumMicros: Int64 { reduce(0) { $0 + $1.amountMicros } }
}

extension ArraySlice<LotAllocation> {
  /// Takes an amount off its beginning, or as much as there is.
  mutating func takeFirst(_ amountMicros: Int64) -> [LotAllocation] {
    var taken: [LotAllocation] = []
    var wanted = amountMicros
    while wanted > 0, var part = popFirst() {
      let own = part.split(Swift.min(wanted, part.amountMicros))
      wanted -= own.amountMicros
      if own.amountMicros > 0 { taken.append(own) }
      if part.amountMicros > 0 { insert(part, at: startIndex) }
    }
    return taken
  }
}

extension [LotAllocation] {
  /// Both together, each lot once, where it stands first.
  func merging(_ others: [LotAllocation]) -> [LotAllocation] {
    others.reduce(into: self) { merged, part in
      if let index = merged.firstIndex(where: { $0.lotId == part.lotId }) {
        merged[index].amountMicros += part.amountMicros
      } else {
        merged.append(part)
      }
    }
  }
}
