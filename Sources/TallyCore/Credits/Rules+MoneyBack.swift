// The commands by which money or credit goes back: refunds, reversals and their reinstatement, voids, and
// what is forgiven.
//
// Invariants:
// 1. Each settles what is due, checks in the order of `Reason`, and writes its own row; what follows from it
//    stands after that.
// 2. Of a debit no more is refunded than it took; of a purchase no more is reversed, less what was
//    reinstated, than was bought.
// 3. What was asked of a reversal = taken + what had expired + owed + short. A sum over all rows that refer
//    to the purchase says how much of each there is, whatever was taken or undone later.
// 4. What is short of a lot is the sum of `shortMicros` over all rows that refer to the one that opened it.

extension Rules {
  /// - Parameters:
  ///   - debit: the row that the command names.
  ///   - refundedMicros: of it, before.
  ///   - context: knows all lots of the debit.
  static func decide(
    _ refund: CreditCommand.Refund, debit: Entry, refundedMicros: Int64, _ context: DecisionContext
  ) throws(Refusal) -> Change {
    if let amountMicros = refund.amountMicros { try requirePositive(amountMicros) }
    guard debit.type == .apiUsage else {
      throw Refusal(
        .transactionNotRefundable, "only a debit for usage can be refunded",
        details: ["transaction_id": Identifiers.transaction(debit.sequence), "type": debit.type.name])
    }
    var draft = try Draft(settling: context)
    let refundableMicros = (0 - debit.amountMicros) - refundedMicros
    let amountMicros = refund.amountMicros ?? refundableMicros
    guard amountMicros > 0, amountMicros <= refundableMicros else {
      throw Refusal(
        .refundExceeds,
        refundableMicros == 0
          ? "nothing of the debit is left to refund" : "more than what the debit took would be refunded",
        details: ["refundable_micros": String(refundableMicros)])
    }
    let returned = try draft.giveBack(debit.parts(refunding: amountMicros, after: refundedMicros))
    draft.write(
      .refund, amountMicros: amountMicros, effectiveAtMicros: draft.nowMicros, lots: returned.lots
    ) {
      $0.refersTo = debit.sequence
      $0.runId = debit.runId
      $0.attempt = debit.attempt
      $0.spender = debit.spender
      $0.setTerms(of: returned.opened)
      $0.idempotency = refund.idempotency
      $0.text = refund.text
    }
    draft.markOwnRow()
    try draft.settle(returned)
    return draft.change()
  }

  /// - Parameters:
  ///   - purchase: the row of the purchase that the command names.
  ///   - sums: over the rows that refer to it.
  static func decide(
    _ reversal: CreditCommand.ReversePurchase, purchase: Entry, _ sums: ReferredSums,
    _ context: DecisionContext
  ) throws(Refusal) -> Change {
    if let amountMicros = reversal.amountMicros { try requirePositive(amountMicros) }
    var draft = try Draft(settling: context)
    let sums = sums.adding(draft.entries, thatReferTo: purchase.sequence)
    let reversibleMicros = purchase.amountMicros - sums.reversedMicros
    let asked = reversal.amountMicros ?? reversibleMicros
    guard asked > 0, asked <= reversibleMicros else {
      throw Refusal(
        .reversalExceeds,
        reversibleMicros == 0
          ? "all of the purchase is reversed already" : "more than what was bought would be reversed",
        details: ["reversible_micros": String(reversibleMicros)])
    }
    let there = draft.lot(purchase.sequence)?.unpinnedMicros ?? 0
    let taken = LotAllocation(lotId: purchase.sequence, amountMicros: min(asked, there))
    let rest = max(0, asked - taken.amountMicros - sums.expiredMicros)
    if rest > 0, reversal.onShortfall == .reject {
      throw Refusal(
        .reversalShort, "the purchase's credit is partly spent or held",
        details: ["available_micros": String(there.addingSaturating(sums.expiredMicros))])
    }
    let owed = reversal.onShortfall == .owe ? rest : 0
    draft.addShort(rest - owed, toLot: purchase.sequence)
    draft.take(taken)
    draft.write(
      .reversal, amountMicros: -taken.amountMicros, effectiveAtMicros: draft.nowMicros,
      lots: taken.amountMicros > 0 ? [taken] : []
    ) {
      $0.refersTo = purchase.sequence
      $0.eventId = reversal.eventId
      $0.askedMicros = asked
      $0.shortMicros = rest - owed
      $0.owedMicros = owed
      $0.idempotency = reversal.idempotency
      $0.text = reversal.text
    }
    draft.markOwnRow()
    if owed > 0 { try draft.owe(owed, for: purchase.sequence) }
    return draft.change()
  }

  /// - Parameters:
  ///   - purchase: the row of the purchase that the command names.
  ///   - sums: over the rows that refer to it.
  ///   - context: knows the purchase's lot.
  static func decide(
    _ reinstatement: CreditCommand.ReinstatePurchase, purchase: Entry, _ sums: ReferredSums,
    _ context: DecisionContext
  ) throws(Refusal) -> Change {
    if let amountMicros = reinstatement.amountMicros { try requirePositive(amountMicros) }
    var draft = try Draft(settling: context)
    let sums = sums.adding(draft.entries, thatReferTo: purchase.sequence)
    let asked = reinstatement.amountMicros ?? sums.reversedMicros
    guard asked > 0, asked <= sums.reversedMicros else {
      throw Refusal(
        .reversalExceeds,
        sums.reversedMicros == 0
          ? "nothing of the purchase is reversed" : "more than what is reversed would be reinstated",
        details: ["reinstatable_micros": String(sums.reversedMicros)])
    }
    let short = min(asked, sums.shortMicros)
    let forgiven = min(asked - short, draft.account.owedMicros(for: purchase.sequence))
    let back = LotAllocation(lotId: purchase.sequence, amountMicros: asked - short - forgiven)
    draft.addShort(-short, toLot: purchase.sequence)
    let returned = try draft.giveBack([back])
    draft.write(
      .reinstatement, amountMicros: back.amountMicros, effectiveAtMicros: draft.nowMicros,
      lots: returned.lots
    ) {
      $0.refersTo = purchase.sequence
      $0.eventId = reinstatement.eventId
      $0.askedMicros = asked
      $0.shortMicros = -short
      $0.owedMicros = forgiven
      $0.setTerms(of: returned.opened)
      $0.idempotency = reinstatement.idempotency
      $0.text = reinstatement.text
    }
    draft.markOwnRow()
    if forgiven > 0 { draft.forgive(forgiven, for: purchase.sequence, atMicros: draft.nowMicros) }
    try draft.settle(returned)
    return draft.change()
  }

  /// - Parameters:
  ///   - grant: the row of the grant that the command names.
  ///   - sums: over the rows that refer to it.
  static func decide(
    _ void: CreditCommand.VoidGrant, grant: Entry, _ sums: ReferredSums, _ context: DecisionContext
  ) throws(Refusal) -> Change {
    if let amountMicros = void.amountMicros { try requirePositive(amountMicros) }
    var draft = try Draft(settling: context)
    let sums = sums.adding(draft.entries, thatReferTo: grant.sequence)
    let there = draft.lot(grant.sequence)?.unpinnedMicros ?? 0
    let taken = LotAllocation(lotId: grant.sequence, amountMicros: void.amountMicros ?? there)
    guard taken.amountMicros > 0, taken.amountMicros <= there else {
      throw Refusal(
        .voidShort, "that much of the grant's credit is not there: it was spent, held, voided or has expired",
        details: ["available_micros": String(there)])
    }
    var short: Int64 = 0
    if void.amountMicros == nil {
      // What was neither voided nor lost to time is spent or held, and may return.
      let used = Int128(grant.amountMicros) - sums.goneMicros - Int128(taken.amountMicros)
      short = Int64(clamping: max(0, used - Int128(sums.shortMicros)))
    }
    draft.addShort(short, toLot: grant.sequence)
    draft.take(taken)
    draft.write(
      .void, amountMicros: -taken.amountMicros, effectiveAtMicros: draft.nowMicros, lots: [taken]
    ) {
      $0.refersTo = grant.sequence
      $0.shortMicros = short
      $0.actor = void.actor
      $0.reason = void.reason
      $0.idempotency = void.idempotency
      $0.text = void.text
    }
    return draft.change()
  }

  static func decide(
    _ forgiving: CreditCommand.ForgiveOwed, _ context: DecisionContext
  ) throws(Refusal) -> Change {
    if let amountMicros = forgiving.amountMicros { try requirePositive(amountMicros) }
    var draft = try Draft(settling: context)
    let owedMicros = draft.account.owedMicros
    var left = forgiving.amountMicros ?? owedMicros
    guard left > 0, left <= owedMicros else {
      throw Refusal(
        .invalidAmount, owedMicros == 0 ? "the user owes nothing" : "the user owes less than that",
        details: ["field": "amount_micros", "owed_micros": String(owedMicros)])
    }
    // The first carries the key.
    for part in draft.account.owed where left > 0 {
      let amountMicros = min(left, part.amountMicros)
      left -= amountMicros
      let isFirst = !draft.hasOwnRow
      draft.forgive(amountMicros, for: part.purchase, atMicros: draft.nowMicros) {
        $0.actor = forgiving.actor
        $0.reason = forgiving.reason
        guard isFirst else { return }
        $0.idempotency = forgiving.idempotency
        $0.text = forgiving.text
      }
      if isFirst { draft.markOwnRow() }
    }
    return draft.change()
  }
}
