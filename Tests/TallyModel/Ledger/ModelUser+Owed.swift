// What a user of the model owes, and what pays it.
//
// Values; part of the model.

import TallyCore

extension ModelUser {
  /// Changes what is owed for a purchase, or for usage.
  private mutating func change(debtFor purchase: Int64?, by amount: Int64) {
    let sum = owed(for: purchase) + amount
    debts.removeAll { $0.purchase == purchase }
    if sum > 0 { debts.append(Debt(purchase: purchase, amount: sum)) }
    debts.sort { ($0.purchase ?? Int64.max) < ($1.purchase ?? Int64.max) }
  }

  mutating func owe(
    _ amount: Int64, for purchase: Int64?, _ complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) {
    guard !owed.addingReportingOverflow(amount).overflow else { throw Refusal(.amountOverflow, "") }
    change(debtFor: purchase, by: amount)
    write(.owed, 0, effectiveAt: now, lots: []) {
      ($0.refersTo, $0.owedMicros) = (purchase, amount)
      complete(&$0)
    }
  }

  mutating func forgive(
    _ amount: Int64, for purchase: Int64?, at time: Int64, _ complete: (inout Entry) -> Void = { _ in }
  ) {
    change(debtFor: purchase, by: -amount)
    write(.owedForgiven, 0, effectiveAt: time, lots: []) {
      ($0.refersTo, $0.owedMicros) = (purchase, amount)
      complete(&$0)
    }
  }

  /// Free credit pays what is owed, a row for each part of that.
  mutating func payDebts(from credit: [LotAllocation], at time: Int64) {
    var credit = credit
    for debt in debts {
      var parts: [LotAllocation] = []
      var wanted = debt.amount
      for index in credit.indices {
        let part = min(wanted, credit[index].amountMicros)
        if part == 0 { continue }
        wanted -= part
        credit[index].amountMicros -= part
        parts.append(LotAllocation(lotId: credit[index].lotId, amountMicros: part))
      }
      if !parts.isEmpty { pay(debt.purchase, with: parts, at: time) }
    }
  }

  private mutating func pay(_ purchase: Int64?, with parts: [LotAllocation], at time: Int64) {
    let amount = parts.reduce(0) { $0 + $1.amountMicros }
    for part in parts { remove(part, from: nil) }
    change(debtFor: purchase, by: -amount)
    write(.owedPayment, -amount, effectiveAt: time, lots: parts) {
      ($0.refersTo, $0.owedMicros) = (purchase, amount)
    }
  }

  /// Credit has come back to a lot, or instead of it to another, and is free: a reversal or a void of it
  /// takes what it could not take before; then what is owed for the purchase is paid.
  /// - Returns: what is left.
  mutating func payOwnLot(_ part: LotAllocation, _ lot: Lot, at time: Int64) -> LotAllocation {
    var left = part
    let waited = min(left.amountMicros, short[lot.id, default: 0])
    if waited > 0 {
      left.amountMicros -= waited
      let taken = LotAllocation(lotId: part.lotId, amountMicros: waited)
      remove(taken, from: nil)
      changeShort(of: lot.id, by: -waited)
      write(lot.type == .purchase ? .reversal : .void, -waited, effectiveAt: time, lots: [taken]) {
        ($0.refersTo, $0.shortMicros) = (lot.id, -waited)
      }
    }
    let due = min(left.amountMicros, owed(for: lot.id))
    if due > 0 {
      left.amountMicros -= due
      pay(lot.id, with: [LotAllocation(lotId: part.lotId, amountMicros: due)], at: time)
    }
    return left
  }

  /// What a charge came to.
  struct Charge {
    var paid: Int64
    var owed: Int64
    /// As it is afterwards.
    var hold: Hold?
  }

  /// Takes an amount from a hold's hands, then from what is free. What is not there is owed, or forgotten.
  mutating func charge(
    _ amount: Int64, to hold: Hold?, runId: String, attempt: Int32, spender: String,
    onShort: OnShort,
    _ complete: (inout Entry) -> Void = { _ in }
  ) throws(Refusal) -> Charge {
    let held = min(amount, hold?.amountMicros ?? 0)
    let drawn = min(amount - held, available(at: now))
    let missing = amount - held - drawn
    var charge = Charge(paid: held + drawn, owed: onShort == .forgive ? 0 : missing)
    if let hold {
      let state = amount == 0 ? HoldState.released : .captured
      charge.hold = end(hold, as: state, capturing: held, andFree: drawn, endedAt: now) {
        $0.owedMicros = charge.owed
        complete(&$0)
      }
    } else if drawn > 0 {
      spend(.apiUsage, drawn) {
        ($0.runId, $0.attempt, $0.spender, $0.owedMicros) = (runId, attempt, spender, charge.owed)
        complete(&$0)
      }
    }
    if charge.owed > 0 {
      try owe(charge.owed, for: nil) {
        ($0.runId, $0.attempt, $0.spender, $0.holdId) = (runId, attempt, spender, hold?.id)
      }
    }
    return charge
  }
}
