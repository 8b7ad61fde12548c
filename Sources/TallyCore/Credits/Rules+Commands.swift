// The commands that add, take or set aside credit, one function each. Those that give money back stand in
// Rules+MoneyBack.swift.
//
// Invariants:
// 1. Each settles what has expired, checks in the order of `Reason`, and writes its own row. What follows
//    from that stands after it: credit that pays what is owed, and what a debit leaves owed.

extension Rules {
  static func decide(_ consume: CreditCommand.Consume, _ context: DecisionContext) throws(Refusal) -> Change {
    try requirePositive(consume.amountMicros)
    var draft = try Draft(settling: context)
    try draft.requireSpender(context)
    if let refusal = context.capRefusal { throw refusal }
    let lots = try draft.burn(consume.amountMicros)
    draft.write(
      .apiUsage, amountMicros: -consume.amountMicros, effectiveAtMicros: draft.nowMicros, lots: lots
    ) {
      $0.runId = consume.runId
      $0.spender = consume.spender
      $0.idempotency = consume.idempotency
      $0.text = consume.text
    }
    return draft.change()
  }

  static func decide(_ purchase: CreditCommand.AddPurchase, _ context: DecisionContext) throws(Refusal)
    -> Change
  {
    try grant(
      Grant(
        type: .purchase, amountMicros: purchase.amountMicros, priority: Lot.defaultPurchasePriority,
        expiresAtMicros: purchase.expiresAtMicros, maximumOpenLots: Lot.maximumOpenLotsInAll), context
    ) {
      $0.paymentId = purchase.paymentId
      $0.package = purchase.package
      $0.intentId = purchase.intentId.map(Identifiers.intent)
      $0.idempotency = purchase.idempotency
      $0.text = purchase.text
    }
  }

  static func decide(_ plan: CreditCommand.GrantPlan, _ context: DecisionContext) throws(Refusal) -> Change {
    guard let terms = context.plan, let period = context.period else {
      throw Refusal(.grantNotFound, "there is no such plan", details: ["plan_id": plan.planId])
    }
    var expiresAtMicros = plan.expiresAtMicros
    if expiresAtMicros == nil {
      expiresAtMicros = try terms.grantExpiry.expiresAtMicros(in: period, nowMicros: context.nowMicros)
      if let effective = plan.effectiveAtMicros, let expiresAtMicros, effective >= expiresAtMicros {
        throw Refusal(
          .invalidField, "the credit of this period would expire before it is effective",
          details: ["field": "effective_at_micros"])
      }
    }
    return try grant(
      Grant(
        type: .planGrant, amountMicros: plan.amountMicros ?? terms.monthlyCreditMicros,
        priority: terms.priority, effectiveAtMicros: plan.effectiveAtMicros ?? period.startMicros,
        expiresAtMicros: expiresAtMicros, rollover: terms.rollover(of: period, until: expiresAtMicros)),
      context
    ) {
      $0.planId = terms.id
      $0.periodStartMicros = period.startMicros
      $0.periodDays = period.days
      $0.idempotency = plan.idempotency
      $0.text = plan.text
    }
  }

  static func decide(_ promo: CreditCommand.GrantPromo, _ context: DecisionContext) throws(Refusal) -> Change
  {
    try grant(
      Grant(
        type: .promoGrant, amountMicros: promo.amountMicros, priority: promo.priority,
        effectiveAtMicros: promo.effectiveAtMicros, expiresAtMicros: promo.expiresAtMicros), context
    ) {
      $0.idempotency = promo.idempotency
      $0.text = promo.text
    }
  }

  static func decide(_ adjust: CreditCommand.Adjust, _ context: DecisionContext) throws(Refusal) -> Change {
    let complete = { (entry: inout Entry) in
      entry.actor = adjust.actor
      entry.reason = adjust.reason
      entry.idempotency = adjust.idempotency
      entry.text = adjust.text
    }
    guard adjust.amountMicros != 0 else { throw invalidAmount() }
    if adjust.amountMicros > 0 {
      return try grant(
        Grant(
          type: .adjustment, amountMicros: adjust.amountMicros, priority: Lot.defaultAdjustmentPriority),
        context, complete: complete)
    }
    var draft = try Draft(settling: context)
    let (takenMicros, overflow) = Int64(0).subtractingReportingOverflow(adjust.amountMicros)
    guard !overflow else { throw outOfRange() }
    let lots = try draft.burn(takenMicros)
    draft.write(
      .adjustment, amountMicros: adjust.amountMicros, effectiveAtMicros: draft.nowMicros, lots: lots,
      complete: complete)
    return draft.change()
  }

  static func decide(_ reserve: CreditCommand.Reserve, _ context: DecisionContext) throws(Refusal) -> Change {
    try requirePositive(reserve.amountMicros)
    try requireTimeToLive(reserve.ttlMillis)
    var draft = try Draft(settling: context)
    try draft.requireSpender(context)
    try draft.requireRoomForHold()
    let expiresAtMicros = try expiry(afterMillis: reserve.ttlMillis, fromMicros: draft.nowMicros)
    if let refusal = context.capRefusal { throw refusal }
    let hold = try draft.setAside(
      reserve.amountMicros, expiresAtMicros: expiresAtMicros, runId: reserve.runId, spender: reserve.spender
    ) {
      $0.idempotency = reserve.idempotency
      $0.text = reserve.text
    }
    return draft.change(hold: hold)
  }

  static func decide(_ extend: CreditCommand.Extend, _ context: DecisionContext) throws(Refusal) -> Change {
    try requireTimeToLive(extend.ttlMillis)
    var hold = try named(context.hold, id: extend.holdId, actingUserId: extend.actingUserId)
    var draft = try Draft(settling: context)
    try hold.requireOpen(nowMicros: draft.nowMicros)
    hold.expiresAtMicros = try expiry(afterMillis: extend.ttlMillis, fromMicros: draft.nowMicros)
    draft.write(.holdExtend, amountMicros: 0, effectiveAtMicros: draft.nowMicros, lots: []) {
      $0.holdId = hold.id
      $0.runId = hold.runId
      $0.attempt = hold.attempt
      $0.spender = hold.spender
      $0.expiresAtMicros = hold.expiresAtMicros
      $0.idempotency = extend.idempotency
    }
    draft.keep(hold)
    return draft.change(hold: hold)
  }

  /// - Parameter onShort: what the user's plan says. Asked only when there is less than the amount.
  static func decide(
    _ capture: CreditCommand.Capture, _ context: DecisionContext, onShort: () throws(Refusal) -> OnShort
  ) throws(Refusal) -> Change {
    if let amountMicros = capture.amountMicros { try requirePositive(amountMicros) }
    let hold = try named(context.hold, id: capture.holdId, actingUserId: capture.actingUserId)
    var draft = try Draft(settling: context)
    try hold.requireOpen(nowMicros: draft.nowMicros)
    let amountMicros = capture.amountMicros ?? hold.amountMicros
    let isOver = amountMicros > hold.amountMicros
    guard capture.mayDraw || !isOver else {
      throw Refusal(
        .captureExceedsHold, "the amount is more than the hold",
        details: [
          "hold_id": Identifiers.hold(hold.id), "hold_micros": String(hold.amountMicros),
          "amount_micros": String(amountMicros),
        ])
    }
    let charge = try draft.charge(
      amountMicros, to: hold, runId: hold.runId, attempt: hold.attempt, spender: hold.spender,
      onShort: onShort
    ) {
      $0.idempotency = capture.idempotency
      $0.text = capture.text
      // Its run's end asks what was taken beyond the hold.
      if isOver { $0.refersTo = hold.id }
    }
    return draft.change(hold: charge.hold)
  }

  static func decide(_ release: CreditCommand.Release, _ context: DecisionContext) throws(Refusal) -> Change {
    let hold = try named(context.hold, id: release.holdId, actingUserId: release.actingUserId)
    var draft = try Draft(settling: context)
    try hold.requireOpen(nowMicros: draft.nowMicros)
    let settled = try draft.settle(hold, as: .released, capturing: 0, atMicros: draft.nowMicros) {
      $0.idempotency = release.idempotency
    }
    return draft.change(hold: settled)
  }

  /// Opens a lot and writes its row.
  private static func grant(
    _ grant: Grant, _ context: DecisionContext, complete: (inout Entry) -> Void
  ) throws(Refusal) -> Change {
    try requirePositive(grant.amountMicros)
    var draft = try Draft(settling: context)
    var grant = grant
    grant.effectiveAtMicros = max(grant.effectiveAtMicros ?? draft.nowMicros, draft.nowMicros)
    try draft.grant(grant, complete: complete)
    return draft.change()
  }
}

extension GrantExpiry {
  /// When a grant of this period expires by the plan's rule; nil is never.
  /// - Throws: `invalidField` for `period` when that is over by now, `amountOverflow`.
  func expiresAtMicros(in period: Period, nowMicros: Int64) throws(Refusal) -> Int64? {
    let expiresAtMicros: Int64
    switch self {
    case .never: return nil
    case .periodEnd: expiresAtMicros = period.endMicros
    case .after(let millis): expiresAtMicros = try expiry(afterMillis: millis, fromMicros: period.startMicros)
    }
    guard expiresAtMicros > nowMicros else {
      throw Refusal(
        .invalidField, "the credit of this period would already have expired", details: ["field": "period"])
    }
    return expiresAtMicros
  }
}

/// The services refuse these before; here they would break the books.
/// - Throws: `invalidAmount`.
func requirePositive(_ amountMicros: Int64) throws(Refusal) {
  guard amountMicros > 0 else { throw invalidAmount() }
}

func invalidAmount() -> Refusal {
  Refusal(.invalidAmount, "the amount is out of range", details: ["field": "amount_micros"])
}

/// - Throws: `invalidField` for `ttl_millis`.
func requireTimeToLive(_ millis: Int64) throws(Refusal) {
  guard millis > 0 else {
    throw Refusal(
      .invalidField, "the time to live is out of range", details: ["field": "ttl_millis"])
  }
}

/// - Throws: `amountOverflow`.
func expiry(afterMillis millis: Int64, fromMicros: Int64) throws(Refusal) -> Int64 {
  let (micros, overflow) = millis.multipliedReportingOverflow(by: 1_000)
  guard !overflow else { throw outOfRange() }
  return try sum(fromMicros, micros)
}
