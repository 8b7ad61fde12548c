// Money and credit that goes back: what the command names, what was done before, and then the rules.
//
// Invariants:
// 1. A provider's event happens once: the same again replays, whatever its key. What was asked for in case of
//    a shortfall is not stored: another choice conflicts where what came of it is another.
// 2. What another user's call names is not there.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: CreditCommand.Refund) throws(Refusal) -> Decided<Receipt> {
    let debit = try debit(of: it)
    var context = try context(of: try records.account(userId: debit.userId))
    let refunded = try records.referred(to: debit).refundedMicros
    if debit.type == .apiUsage { try addOrigins(ofLots: debit.lots.map(\.lotId), to: &context) }
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, debit: debit, refundedMicros: refunded, context)
    }
  }

  func decide(_ it: CreditCommand.ReversePurchase) throws(Refusal) -> Decided<Receipt> {
    let purchase = try purchase(it.paymentId, it.actingUserId)
    let account = try records.account(userId: purchase.userId)
    if let known = try find(it.idempotency, of: account) { return known }
    let known = try find(it.eventId, .reversal, of: purchase, it.amountMicros) { row in
      (row.owedMicros == 0 || it.onShortfall == .owe) && (row.shortMicros == 0 || it.onShortfall == .partial)
    }
    if let known { return known }
    let sums = try records.referred(to: purchase)
    return try carryOut(it.idempotency, try context(of: account)) { (context) throws(Refusal) in
      try Rules.decide(it, purchase: purchase, sums, context)
    }
  }

  func decide(_ it: CreditCommand.ReinstatePurchase) throws(Refusal) -> Decided<Receipt> {
    let purchase = try purchase(it.paymentId, it.actingUserId)
    let account = try records.account(userId: purchase.userId)
    if let known = try find(it.idempotency, of: account) { return known }
    if let known = try find(it.eventId, .reinstatement, of: purchase, it.amountMicros) { return known }
    let sums = try records.referred(to: purchase)
    var context = try context(of: account)
    context.origins[purchase.sequence] = LotOrigin(purchase, sums)
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, purchase: purchase, sums, context)
    }
  }

  func decide(_ it: CreditCommand.VoidGrant) throws(Refusal) -> Decided<Receipt> {
    guard let grant = try records.row(it.transaction), grant.isVisible(actingUserId: it.actingUserId) else {
      throw noTransaction(it.transaction)
    }
    guard grant.type == .planGrant || grant.type == .promoGrant else {
      throw Refusal(
        .grantNotFound, "the transaction is no grant of a plan and no promotional one",
        details: ["transaction_id": Identifiers.transaction(grant.sequence)])
    }
    let sums = try records.referred(to: grant)
    return try carryOut(it.idempotency, of: grant.userId) { (context) throws(Refusal) in
      try Rules.decide(it, grant: grant, sums, context)
    }
  }

  func decide(_ it: CreditCommand.ForgiveOwed) throws(Refusal) -> Decided<Receipt> {
    try carryOut(it.idempotency, of: it.userId) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
  }

  // MARK: what is named

  private func debit(of it: CreditCommand.Refund) throws(Refusal) -> Entry {
    switch it.debit {
    case .transaction(let sequence):
      guard let row = try records.row(sequence), row.isVisible(actingUserId: it.actingUserId) else {
        throw noTransaction(sequence)
      }
      return row
    case .run(let runId, let attempt):
      guard let stored = try records.run(runId: runId, attempt: attempt == 0 ? nil : attempt),
        stored.run.isVisible(actingUserId: it.actingUserId)
      else { throw Rules.noRun(runId) }
      guard let sequence = stored.finish?.sequence, let row = try records.row(sequence), row.type == .apiUsage
      else {
        throw Refusal(
          .transactionNotFound, "the end of the run has charged nothing", details: ["run_id": runId])
      }
      return row
    }
  }

  private func noTransaction(_ sequence: Int64) -> Refusal {
    Refusal(
      .transactionNotFound, "there is no such transaction",
      details: sequence == Identifiers.noTransaction
        ? [:] : ["transaction_id": Identifiers.transaction(sequence)])
  }

  private func purchase(_ paymentId: String, _ actingUserId: String?) throws(Refusal) -> Entry {
    if let sequence = try records.purchase(paymentId: paymentId) {
      let row = try records.entry(sequence)
      if row.isVisible(actingUserId: actingUserId) { return row }
    }
    throw Refusal(
      .paymentNotFound, "no purchase has this id", details: ["payment_id": paymentId])
  }

  /// What was done for an event before; nil when nothing was.
  /// - Parameter isSame: whether nothing else about the row says that something else was asked for.
  private func find(
    _ eventId: String, _ type: TransactionType, of purchase: Entry, _ amountMicros: Int64?,
    isSame: (Entry) -> Bool = { _ in true }
  ) throws(Refusal) -> Decided<Receipt>? {
    guard let sequence = try records.event(eventId: eventId) else { return nil }
    let row = try records.entry(sequence)
    guard row.type == type, row.refersTo == purchase.sequence,
      amountMicros ?? row.askedMicros == row.askedMicros, isSame(row)
    else {
      throw Refusal(
        .eventConflict, "the event was already booked otherwise", details: ["event_id": eventId])
    }
    return try replay(row)
  }
}

extension Entry {
  fileprivate func isVisible(actingUserId: String?) -> Bool { actingUserId?.isExactly(userId) ?? true }
}

extension LotOrigin {
  /// - Parameters:
  ///   - row: the one that opened the lot.
  ///   - sums: over the rows that refer to it.
  init(_ row: Entry, _ sums: ReferredSums) {
    let granted = row.lots.first { $0.lotId == row.sequence }?.amountMicros ?? row.amountMicros
    type = row.type
    lot = Lot(
      id: row.sequence, priority: row.priority, amountMicros: granted, remainingMicros: 0,
      expiresAtMicros: row.expiresAtMicros)
    lot.rollover = row.rollover
    lot.shortMicros = sums.shortMicros
  }
}
