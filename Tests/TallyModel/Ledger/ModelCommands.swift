// What each command does to a user of the model. Those that give money back stand in ModelMoneyBack.swift.
//
// Values; part of the model.

import TallyCore

extension LedgerModel {
  /// - Returns: the hold that the command made or changed.
  func carryOut(_ command: Command, on user: inout ModelUser, _ named: Named) throws(Refusal) -> Hold? {
    switch command {
    case .consume(let consume):
      try requireSpender(user)
      try requireCaps(user, consume.spender, consume.amountMicros)
      try Self.requireAvailable(consume.amountMicros, user)
      user.spend(.apiUsage, consume.amountMicros) {
        ($0.runId, $0.spender) = (consume.runId, consume.spender)
        Self.sign(&$0, command)
      }
    case .adjust(let adjust) where adjust.amountMicros < 0:
      guard adjust.amountMicros > Int64.min else { throw Refusal(.amountOverflow, "") }
      try Self.requireAvailable(-adjust.amountMicros, user)
      user.spend(.adjustment, -adjust.amountMicros) {
        ($0.actor, $0.reason) = (adjust.actor, adjust.reason)
        Self.sign(&$0, command)
      }
    case .addPurchase, .grantPlan, .grantPromo, .adjust: try grant(command, to: &user)
    case .reserve(let reserve):
      try requireSpender(user)
      let expiresAt = try Self.later(user.now, reserve.ttlMillis)
      try requireCaps(user, reserve.spender, reserve.amountMicros)
      try Self.requireAvailable(reserve.amountMicros, user)
      return user.reserve(
        reserve.amountMicros, runId: reserve.runId, spender: reserve.spender, expiresAt: expiresAt
      ) {
        Self.sign(&$0, command)
      }
    case .extend(let extend):
      let hold = try Self.requireOpen(named.hold, user.now)
      let expiresAt = try Self.later(user.now, extend.ttlMillis)
      return user.extend(hold, expiresAt: expiresAt) { Self.sign(&$0, command) }
    case .capture(let capture): return try settle(capture, named.hold, of: &user)
    case .release:
      let hold = try Self.requireOpen(named.hold, user.now)
      return user.end(hold, as: .released, capturing: 0, endedAt: user.now) { Self.sign(&$0, command) }
    case .refund, .reversePurchase, .reinstatePurchase, .voidGrant, .forgiveOwed:
      try giveBack(command, on: &user, named)
    case .putPlan, .putPrices, .usage, .page, .admin, .topUp: break
    }
    return nil
  }

  private func settle(
    _ capture: Command.Capture, _ hold: Hold?, of user: inout ModelUser
  ) throws(Refusal) -> Hold? {
    let hold = try Self.requireOpen(hold, user.now)
    let amount = capture.amountMicros ?? hold.amountMicros
    guard capture.mayDraw || amount <= hold.amountMicros else {
      throw Refusal(
        .captureExceedsHold, "",
        details: ["hold_micros": "\(hold.amountMicros)", "amount_micros": "\(amount)"])
    }
    let onShort = onShort(user.userId)
    return try user.charge(
      amount, to: hold, runId: hold.runId, attempt: hold.attempt, spender: hold.spender, onShort: onShort
    ) {
      if amount > hold.amountMicros { $0.refersTo = hold.id }
      Self.sign(&$0, .capture(capture))
    }.hold
  }

  /// What a grant comes to.
  private struct Grant {
    var type: TransactionType
    var amount: Int64
    var priority: Int32 = 50
    var effectiveAt: Int64
    var expiresAt: Int64?
    var period: ModelPeriod?
    var rollover: Rollover?
  }

  private func grant(_ command: Command, to user: inout ModelUser) throws(Refusal) {
    var grant = Grant(type: .adjustment, amount: 0, effectiveAt: user.now)
    switch command {
    case .addPurchase(let purchase):
      (grant.type, grant.amount, grant.expiresAt) =
        (.purchase, purchase.amountMicros, purchase.expiresAtMicros)
    case .grantPromo(let promo):
      (grant.type, grant.amount, grant.priority) = (.promoGrant, promo.amountMicros, promo.priority)
      grant.effectiveAt = max(user.now, promo.effectiveAtMicros ?? user.now)
      grant.expiresAt = promo.expiresAtMicros
    case .grantPlan(let it): grant = try planned(it, at: user.now)
    case .adjust(let adjust): grant.amount = adjust.amountMicros
    default: break
    }
    if let expiresAt = grant.expiresAt, expiresAt <= grant.effectiveAt {
      throw Refusal(.invalidField, "", details: ["field": "expires_at_micros"])
    }
    try user.requireRoomForLot(grant.type == .purchase ? ModelUser.lastLotLimit : 256)
    guard !user.everything.addingReportingOverflow(grant.amount).overflow else {
      throw Refusal(.amountOverflow, "")
    }
    user.grant(
      grant.type, grant.amount, priority: grant.priority, effectiveAt: grant.effectiveAt,
      expiresAt: grant.expiresAt, rollover: grant.rollover
    ) {
      switch command {
      case .addPurchase(let it): ($0.paymentId, $0.package) = (it.paymentId, it.package)
      case .grantPlan(let it):
        ($0.planId, $0.periodStartMicros, $0.periodDays) = (
          it.planId, grant.period?.start, grant.period?.days
        )
      case .adjust(let it): ($0.actor, $0.reason) = (it.actor, it.reason)
      default: break
      }
      Self.sign(&$0, command)
    }
  }

  private func planned(_ it: Command.GrantPlan, at now: Int64) throws(Refusal) -> Grant {
    guard let plan = plans[ExactText(it.planId)] else { throw Refusal(.grantNotFound, "") }
    let period = period(of: it, at: now)
    var grant = Grant(
      type: .planGrant, amount: it.amountMicros ?? plan.monthlyCreditMicros, priority: plan.priority,
      effectiveAt: max(now, it.effectiveAtMicros ?? period.start), expiresAt: it.expiresAtMicros,
      period: period)
    if grant.expiresAt == nil, let end = plan.end(of: period) {
      if end <= now { throw Refusal(.invalidField, "", details: ["field": "period"]) }
      if let effective = it.effectiveAtMicros, effective >= end {
        throw Refusal(.invalidField, "", details: ["field": "effective_at_micros"])
      }
      grant.expiresAt = end
    }
    grant.rollover = plan.rollover(of: period, until: grant.expiresAt)
    return grant
  }

  static func sign(_ row: inout Entry, _ command: Command) {
    row.idempotency = command.idempotency
    row.text = command.text
  }

  static func later(_ time: Int64, _ millis: Int64) throws(Refusal) -> Int64 {
    let (micros, tooFar) = millis.multipliedReportingOverflow(by: 1_000)
    let (sum, tooMuch) = time.addingReportingOverflow(micros)
    guard !tooFar, !tooMuch else { throw Refusal(.amountOverflow, "") }
    return sum
  }

  /// Whether the user may consume and set aside.
  func requireSpender(_ user: ModelUser) throws(Refusal) {
    if settings[ExactText(user.userId)]?.isSuspended ?? false { throw Refusal(.userSuspended, "") }
    guard user.owed > 0, onShort(user.userId) == .block else { return }
    throw Refusal(.paymentDue, "", details: ["owed_micros": "\(user.owed)"])
  }

  static func requireAvailable(_ amount: Int64, _ user: ModelUser) throws(Refusal) {
    let available = user.available(at: user.now)
    guard available >= amount else {
      throw Refusal(
        .insufficientCredits, "",
        details: ["available_micros": "\(available)", "required_micros": "\(amount)"])
    }
  }

  private static func requireOpen(_ hold: Hold?, _ time: Int64) throws(Refusal) -> Hold {
    guard let hold else { throw Refusal(.holdNotFound, "") }
    if hold.state == .expired || (hold.state == .open && hold.expiresAtMicros <= time) {
      throw Refusal(.holdExpired, "", details: ["hold_id": "hold-\(hold.id)", "state": "EXPIRED"])
    }
    guard hold.state == .open else {
      let state = hold.state == .captured ? "CAPTURED" : "RELEASED"
      throw Refusal(.holdSettled, "", details: ["hold_id": "hold-\(hold.id)", "state": state])
    }
    return hold
  }
}
