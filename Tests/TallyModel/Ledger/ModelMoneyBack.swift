// Commands of the model by which money or credit goes back.
//
// Values; part of the model.

import TallyCore

extension LedgerModel {
  func giveBack(_ command: Command, on user: inout ModelUser, _ named: Named) throws(Refusal) {
    switch command {
    case .forgiveOwed(let it): try forgive(it, on: &user)
    case .refund(let it): if let row = named.row { try refund(it, row, on: &user) }
    case .reversePurchase(let it): if let row = named.row { try reverse(it, row, on: &user) }
    case .reinstatePurchase(let it): if let row = named.row { try reinstate(it, row, on: &user) }
    case .voidGrant(let it): if let row = named.row { try void(it, row, on: &user) }
    default: break
    }
  }

  /// Of a debit for usage, to its lots in reverse order; never more than it took.
  private func refund(_ it: Command.Refund, _ debit: Entry, on user: inout ModelUser) throws(Refusal) {
    guard debit.type == .apiUsage else { throw Refusal(.transactionNotRefundable, "") }
    let before = rows(about: debit.sequence, .refund).reduce(0) { $0 + $1.amountMicros }
    let left = -debit.amountMicros - before
    let amount = it.amountMicros ?? left
    guard amount > 0, amount <= left else {
      throw Refusal(.refundExceeds, "", details: ["refundable_micros": "\(left)"])
    }
    var skipped = before
    var wanted = amount
    var parts: [(lot: ModelUser.Lot, amount: Int64)] = []
    for taken in debit.lots.reversed() {
      guard let made = row(taken.lotId) else { continue }
      let refunded = min(skipped, taken.amountMicros)
      let part = min(wanted, taken.amountMicros - refunded)
      skipped -= refunded
      wanted -= part
      parts.append((lot(ofRow: made), part))
    }
    let returned = try user.giveBack(parts)
    user.write(.refund, amount, effectiveAt: user.now, lots: returned.parts) {
      ($0.refersTo, $0.runId, $0.attempt) = (debit.sequence, debit.runId, debit.attempt)
      $0.spender = debit.spender
      if let made = returned.made { ($0.priority, $0.expiresAtMicros) = (made.priority, made.expiresAt) }
      Self.sign(&$0, .refund(it))
    }
    user.follow(returned)
  }

  /// What is reversed of a purchase, less what was reinstated.
  private func reversed(_ purchase: Entry) -> Int64 {
    let reversals = rows(about: purchase.sequence, .reversal).reduce(0) { $0 &+ $1.askedMicros }
    return rows(about: purchase.sequence, .reinstatement).reduce(reversals) { $0 &- $1.askedMicros }
  }

  /// From the purchase's own lot, what is free of it; what time took counts as taken.
  private func reverse(
    _ it: Command.ReversePurchase, _ purchase: Entry, on user: inout ModelUser
  ) throws(Refusal) {
    let left = purchase.amountMicros - reversed(purchase)
    let asked = it.amountMicros ?? left
    guard asked > 0, asked <= left else {
      throw Refusal(.reversalExceeds, "", details: ["reversible_micros": "\(left)"])
    }
    let free = user.free(ofLot: purchase.sequence)
    let lost = user.lost[purchase.sequence, default: 0]
    let taken = LotAllocation(lotId: purchase.sequence, amountMicros: min(asked, free))
    let counted = min(asked - taken.amountMicros, lost)
    let rest = asked - taken.amountMicros - counted
    if rest > 0, it.onShortfall == .reject {
      throw Refusal(.reversalShort, "", details: ["available_micros": "\(free + lost)"])
    }
    let owed = it.onShortfall == .owe ? rest : 0
    user.lost[purchase.sequence] = lost - counted
    user.changeShort(of: purchase.sequence, by: rest - owed)
    user.remove(taken, from: nil)
    let lots = taken.amountMicros > 0 ? [taken] : []
    user.write(.reversal, -taken.amountMicros, effectiveAt: user.now, lots: lots) {
      ($0.refersTo, $0.eventId, $0.askedMicros) = (purchase.sequence, it.eventId, asked)
      ($0.shortMicros, $0.owedMicros) = (rest - owed, owed)
      Self.sign(&$0, .reversePurchase(it))
    }
    if owed > 0 { try user.owe(owed, for: purchase.sequence) }
  }

  /// First what is short still, then what is owed still, then credit to the purchase's lot.
  private func reinstate(
    _ it: Command.ReinstatePurchase, _ purchase: Entry, on user: inout ModelUser
  ) throws(Refusal) {
    let reversed = reversed(purchase)
    let asked = it.amountMicros ?? reversed
    guard asked > 0, asked <= reversed else {
      throw Refusal(.reversalExceeds, "", details: ["reinstatable_micros": "\(reversed)"])
    }
    let short = min(asked, user.short[purchase.sequence, default: 0])
    let forgiven = min(asked - short, user.owed(for: purchase.sequence))
    let back = asked - short - forgiven
    user.changeShort(of: purchase.sequence, by: -short)
    let returned = try user.giveBack([(lot(ofRow: purchase), back)])
    user.write(.reinstatement, back, effectiveAt: user.now, lots: returned.parts) {
      ($0.refersTo, $0.eventId, $0.askedMicros) = (purchase.sequence, it.eventId, asked)
      ($0.shortMicros, $0.owedMicros) = (-short, forgiven)
      if let made = returned.made { ($0.priority, $0.expiresAtMicros) = (made.priority, made.expiresAt) }
      Self.sign(&$0, .reinstatePurchase(it))
    }
    if forgiven > 0 { user.forgive(forgiven, for: purchase.sequence, at: user.now) }
    user.follow(returned)
  }

  /// What is free of a grant's lot; without an amount also whatever of it returns.
  private func void(_ it: Command.VoidGrant, _ grant: Entry, on user: inout ModelUser) throws(Refusal) {
    let free = user.free(ofLot: grant.sequence)
    let amount = it.amountMicros ?? free
    guard amount > 0, amount <= free else {
      throw Refusal(.voidShort, "", details: ["available_micros": "\(free)"])
    }
    // Spent or held, and not waited for.
    let voids = rows(about: grant.sequence, .void, with: user.rows)
    let gone = rows(about: grant.sequence, .expiry, with: user.rows) + voids
    let elsewhere = gone.reduce(grant.amountMicros - free) { $0 + $1.amountMicros }
    let short = it.amountMicros == nil ? elsewhere - user.short[grant.sequence, default: 0] : 0
    user.changeShort(of: grant.sequence, by: short)
    let taken = LotAllocation(lotId: grant.sequence, amountMicros: amount)
    user.remove(taken, from: nil)
    user.write(.void, -amount, effectiveAt: user.now, lots: [taken]) {
      ($0.refersTo, $0.shortMicros) = (grant.sequence, short)
      ($0.actor, $0.reason) = (it.actor, it.reason)
      Self.sign(&$0, .voidGrant(it))
    }
  }

  private func forgive(_ it: Command.ForgiveOwed, on user: inout ModelUser) throws(Refusal) {
    var left = it.amountMicros ?? user.owed
    guard left > 0, left <= user.owed else {
      throw Refusal(
        .invalidAmount, "", details: ["field": "amount_micros", "owed_micros": "\(user.owed)"])
    }
    for (index, debt) in user.debts.enumerated() where left > 0 {
      let amount = min(left, debt.amount)
      left -= amount
      user.forgive(amount, for: debt.purchase, at: user.now) {
        ($0.actor, $0.reason) = (it.actor, it.reason)
        if index == 0 { Self.sign(&$0, .forgiveOwed(it)) }
      }
    }
  }
}
