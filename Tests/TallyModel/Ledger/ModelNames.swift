// What a command of the model names, and whether the same was done before.
//
// Values; part of the model.

import TallyCore

extension LedgerModel {
  /// What a command is about.
  struct Named {
    var userId: String
    var hold: Hold?
    /// A debit, a purchase or a grant.
    var row: Entry?
  }

  func named(by command: Command, at time: Int64) throws(Refusal) -> Named {
    switch command {
    case .extend(let it): return try named(hold: it.holdId, it.actingUserId, at: time)
    case .capture(let it): return try named(hold: it.holdId, it.actingUserId, at: time)
    case .release(let it): return try named(hold: it.holdId, it.actingUserId, at: time)
    case .refund(let it):
      guard case .run(let runId, let attempt) = it.debit else {
        guard case .transaction(let sequence) = it.debit else { break }
        return try named(row: sequence, it.actingUserId)
      }
      var newest: Int32 = 1
      while runs[RunName(runId, attempt: newest + 1)] != nil { newest += 1 }
      guard let known = runs[RunName(runId, attempt: attempt == 0 ? newest : attempt)],
        it.actingUserId?.isExactly(known.run.userId) ?? true
      else { throw Refusal(.runNotFound, "", details: ["run_id": runId]) }
      guard let sequence = known.end?.row, let row = row(sequence), row.type == .apiUsage else {
        throw Refusal(.transactionNotFound, "", details: ["run_id": runId])
      }
      return Named(userId: row.userId, row: row)
    case .reversePurchase(let it): return try named(payment: it.paymentId, it.actingUserId)
    case .reinstatePurchase(let it): return try named(payment: it.paymentId, it.actingUserId)
    case .voidGrant(let it):
      let named = try named(row: it.transaction, it.actingUserId)
      guard let type = named.row?.type, [.planGrant, .promoGrant].contains(type) else {
        throw Refusal(.grantNotFound, "", details: ["transaction_id": "txn-\(it.transaction)"])
      }
      return named
    case .grantPlan(let it):
      guard plans[ExactText(it.planId)] != nil else {
        throw Refusal(.grantNotFound, "", details: ["plan_id": it.planId])
      }
    default: break
    }
    return Named(userId: command.ownUserId)
  }

  private func named(hold id: Int64, _ actingUserId: String?, at time: Int64) throws(Refusal) -> Named {
    guard let hold = hold(id, at: time), actingUserId?.isExactly(hold.userId) ?? true else {
      throw Refusal(.holdNotFound, "", details: ["hold_id": "hold-\(id)"])
    }
    return Named(userId: hold.userId, hold: hold)
  }

  private func named(row sequence: Int64, _ actingUserId: String?) throws(Refusal) -> Named {
    guard let row = row(sequence), actingUserId?.isExactly(row.userId) ?? true else {
      throw Refusal(.transactionNotFound, "", details: ["transaction_id": "txn-\(sequence)"])
    }
    return Named(userId: row.userId, row: row)
  }

  private func named(payment id: String, _ actingUserId: String?) throws(Refusal) -> Named {
    guard let row = payments[ExactText(id)].flatMap({ row($0) }),
      actingUserId?.isExactly(row.userId) ?? true
    else { throw Refusal(.paymentNotFound, "", details: ["payment_id": id]) }
    return Named(userId: row.userId, row: row)
  }

  // MARK: Done before

  /// The row that did the same before: by payment, event or period.
  /// - Parameter user: with what the server has granted by now.
  mutating func sameByNature(
    _ command: Command, _ named: Named, _ user: ModelUser, at time: Int64
  ) throws(Refusal) -> Entry? {
    switch command {
    case .addPurchase(let it): try bought(it)
    case .grantPlan(let it): try granted(it, user, at: time)
    case .reversePurchase(let it):
      try booked(it.eventId, .reversal, named.row, it.amountMicros, it.onShortfall)
    case .reinstatePurchase(let it): try booked(it.eventId, .reinstatement, named.row, it.amountMicros)
    default: nil
    }
  }

  private mutating func bought(_ purchase: Command.AddPurchase) throws(Refusal) -> Entry? {
    let known = Set(purchase.allIds.compactMap { payments[ExactText($0)] })
    guard let sequence = known.first, let row = row(sequence) else { return nil }
    guard known.count == 1, row.userId.isExactly(purchase.userId),
      row.amountMicros == purchase.amountMicros
    else { throw Refusal(.paymentConflict, "", details: ["payment_id": purchase.paymentId]) }
    keep(purchase.allIds, of: sequence)
    return row
  }

  /// Takes note of ids of a payment.
  mutating func keep(_ ids: [String], of sequence: Int64) {
    for id in ids where payments[ExactText(id)] == nil {
      payments[ExactText(id)] = sequence
      hasWritten = true
    }
  }

  private func booked(
    _ eventId: String, _ type: TransactionType, _ purchase: Entry?, _ amount: Int64?,
    _ choice: CreditCommand.OnShortfall? = nil
  ) throws(Refusal) -> Entry? {
    guard let row = events[ExactText(eventId)].flatMap({ row($0) }) else { return nil }
    let owesOtherwise = row.owedMicros > 0 && choice ?? .owe != .owe
    let lacksOtherwise = row.shortMicros > 0 && choice ?? .partial != .partial
    guard row.type == type, row.refersTo == purchase?.sequence, !owesOtherwise, !lacksOtherwise,
      amount ?? row.askedMicros == row.askedMicros
    else { throw Refusal(.eventConflict, "", details: ["event_id": eventId]) }
    return row
  }

  private func granted(
    _ grant: Command.GrantPlan, _ user: ModelUser, at time: Int64
  ) throws(Refusal) -> Entry? {
    let period = period(of: grant, at: time)
    let before = (grants[[ExactText(grant.userId), ExactText(grant.planId)]] ?? []).compactMap { row($0) }
    let new = user.rows.filter { $0.type == .planGrant && $0.planId?.isExactly(grant.planId) ?? false }
    let overlapping = (before + new).filter { $0.periodDays?.overlaps(period.days) ?? false }
    let same = overlapping.first { row in
      row.periodDays?.lowerBound == period.days.lowerBound
        && (!period.isNamedByInstant || row.periodStartMicros == period.start)
    }
    if let same {
      guard same.amountMicros == grant.amountMicros ?? same.amountMicros else {
        throw Refusal(.grantConflict, "", details: ["granted_micros": "\(same.amountMicros)"])
      }
      return same
    }
    guard let last = overlapping.compactMap(\.periodDays?.lowerBound).max() else { return nil }
    throw Refusal(.grantOverlaps, "", details: ["period": ModelDate(number: last).text])
  }
}

extension Command.AddPurchase {
  var allIds: [String] { [paymentId] + externalRefs }
}

extension Command {
  /// The user that the command names; empty when it names a hold, a row or a payment.
  var ownUserId: String {
    switch self {
    case .consume(let it): it.userId
    case .addPurchase(let it): it.userId
    case .grantPlan(let it): it.userId
    case .grantPromo(let it): it.userId
    case .adjust(let it): it.userId
    case .reserve(let it): it.userId
    case .forgiveOwed(let it): it.userId
    case .extend, .capture, .release, .refund, .reversePurchase, .reinstatePurchase, .voidGrant, .putPlan,
      .putPrices, .usage, .page, .admin, .topUp:
      ""
    }
  }

  var idempotency: Idempotency {
    switch self {
    case .consume(let it): it.idempotency
    case .addPurchase(let it): it.idempotency
    case .grantPlan(let it): it.idempotency
    case .grantPromo(let it): it.idempotency
    case .adjust(let it): it.idempotency
    case .reserve(let it): it.idempotency
    case .extend(let it): it.idempotency
    case .capture(let it): it.idempotency
    case .release(let it): it.idempotency
    case .refund(let it): it.idempotency
    case .reversePurchase(let it): it.idempotency
    case .reinstatePurchase(let it): it.idempotency
    case .voidGrant(let it): it.idempotency
    case .forgiveOwed(let it): it.idempotency
    case .putPlan, .putPrices, .usage, .page, .admin, .topUp:
      Idempotency(key: "", digest: Digest(bytes: []))
    }
  }

  var text: FreeText {
    switch self {
    case .consume(let it): it.text
    case .addPurchase(let it): it.text
    case .grantPlan(let it): it.text
    case .grantPromo(let it): it.text
    case .adjust(let it): it.text
    case .reserve(let it): it.text
    case .capture(let it): it.text
    case .refund(let it): it.text
    case .reversePurchase(let it): it.text
    case .reinstatePurchase(let it): it.text
    case .voidGrant(let it): it.text
    case .forgiveOwed(let it): it.text
    case .extend, .release, .putPlan, .putPrices, .usage, .page, .admin, .topUp: FreeText()
    }
  }
}
