// What each command does to a user of the model.
//
// Values; part of the model.

import TallyCore
internal import TallySQLiteStore

extension LedgerModel {
  /// - Returns: the hold that the command made or changed.
  func carryOut(
    _ command: Command, on user: inout ModelUser, hold: Hold?, at time: Int64, _ numbering: inout Int64
  ) throws(Refusal) -> Hold? {
    switch command {
    case .consume(let consume):
      try Self.requireAvailable(consume.amountMicros, user, time)
      user.spend(.apiUsage, consume.amountMicros, at: time, &numbering) {
        $0.runId = consume.runId
        Self.sign(&$0, command)
      }
    case .adjust(let adjust) where adjust.amountMicros < 0:
      guard adjust.amountMicros > Int64.min else { throw Refusal(.amountOverflow, "") }
      try Self.requireAvailable(-adjust.amountMicros, user, time)
      user.spend(.adjustment, -adjust.amountMicros, at: time, &numbering) {
        ($0.actor, $0.reason) = (adjust.actor, adjust.reason)
        Self.sign(&$0, command)
      }
    case .addPurchase, .grantPlan, .grantPromo, .adjust:
      try grant(command, to: &user, at: time, &numbering)
    case .reserve(let reserve):
      let expiresAt = try Self.later(time, reserve.ttlMillis)
      try Self.requireAvailable(reserve.amountMicros, user, time)
      return user.reserve(
        reserve.amountMicros, runId: reserve.runId, expiresAt: expiresAt, at: time, &numbering
      ) { Self.sign(&$0, command) }
    case .extend(let extend):
      let hold = try Self.requireOpen(hold, time)
      let expiresAt = try Self.later(time, extend.ttlMillis)
      return user.extend(hold, expiresAt: expiresAt, at: time, &numbering) { Self.sign(&$0, command) }
    case .capture(let capture):
      let hold = try Self.requireOpen(hold, time)
      let amount = capture.amountMicros ?? hold.amountMicros
      guard amount <= hold.amountMicros else {
        throw Refusal(
          .captureExceedsHold, "",
          details: ["hold_micros": "\(hold.amountMicros)", "amount_micros": "\(amount)"])
      }
      return user.end(hold, as: .captured, capturing: amount, at: time, endedAt: time, &numbering) {
        Self.sign(&$0, command)
      }
    case .release:
      let hold = try Self.requireOpen(hold, time)
      return user.end(hold, as: .released, capturing: 0, at: time, endedAt: time, &numbering) {
        Self.sign(&$0, command)
      }
    case .refund, .reversePurchase, .reinstatePurchase, .voidGrant, .forgiveOwed, .putPlan, .usage, .page,
      .admin:
      break
    }
    return nil
  }

  private func grant(
    _ command: Command, to user: inout ModelUser, at time: Int64, _ numbering: inout Int64
  ) throws(Refusal) {
    var type = TransactionType.adjustment
    var amount: Int64 = 0
    var priority: Int32 = 50
    var effectiveAt = time
    var expiresAt: Int64?
    var period: Period?
    switch command {
    case .addPurchase(let purchase):
      (type, amount, expiresAt) = (.purchase, purchase.amountMicros, purchase.expiresAtMicros)
    case .grantPromo(let promo):
      (type, amount, priority) = (.promoGrant, promo.amountMicros, promo.priority)
      (effectiveAt, expiresAt) = (max(time, promo.effectiveAtMicros ?? time), promo.expiresAtMicros)
    case .grantPlan(let grant):
      guard let plan = plans[ExactText(grant.planId)] else { throw Refusal(.grantNotFound, "") }
      let granted = Self.period(of: grant, at: time)
      (type, amount, priority) = (.planGrant, grant.amountMicros ?? plan.monthlyCreditMicros, plan.priority)
      (period, expiresAt) = (granted, grant.expiresAtMicros)
      if expiresAt == nil {
        switch plan.grantExpiry {
        case .never: break
        case .periodEnd: expiresAt = granted.endMicros
        case .after(let millis): expiresAt = granted.startMicros + millis * 1_000
        }
        if let end = expiresAt, end <= time {
          throw Refusal(.invalidField, "", details: ["field": "period"])
        }
        if let end = expiresAt, let effective = grant.effectiveAtMicros, effective >= end {
          throw Refusal(.invalidField, "", details: ["field": "effective_at_micros"])
        }
      }
      effectiveAt = max(time, grant.effectiveAtMicros ?? granted.startMicros)
    case .adjust(let adjust): amount = adjust.amountMicros
    default: break
    }
    if let expiresAt, expiresAt <= effectiveAt {
      throw Refusal(.invalidField, "", details: ["field": "expires_at_micros"])
    }
    let limit = if case .addPurchase = command { 1_024 } else { 256 }
    guard user.openLots < limit else { throw Refusal(.lotLimit, "", details: ["limit": "\(limit)"]) }
    guard !user.everything.addingReportingOverflow(amount).overflow else {
      throw Refusal(.amountOverflow, "")
    }
    user.grant(
      type, amount, priority: priority, effectiveAt: effectiveAt, expiresAt: expiresAt, at: time, &numbering
    ) {
      if case .addPurchase(let purchase) = command {
        ($0.paymentId, $0.package) = (purchase.paymentId, purchase.package)
      }
      if case .grantPlan(let grant) = command {
        ($0.planId, $0.periodStartMicros) = (grant.planId, period?.startMicros)
        $0.periodDays = period?.days
      }
      if case .adjust(let adjust) = command { ($0.actor, $0.reason) = (adjust.actor, adjust.reason) }
      Self.sign(&$0, command)
    }
  }

  private static func sign(_ row: inout Entry, _ command: Command) {
    row.idempotency = command.idempotency
    row.text = command.text
  }

  static func later(_ time: Int64, _ millis: Int64) throws(Refusal) -> Int64 {
    let (micros, tooFar) = millis.multipliedReportingOverflow(by: 1_000)
    let (sum, tooMuch) = time.addingReportingOverflow(micros)
    guard !tooFar, !tooMuch else { throw Refusal(.amountOverflow, "") }
    return sum
  }

  static func requireAvailable(
    _ amount: Int64, _ user: ModelUser, _ time: Int64
  ) throws(Refusal) {
    let available = user.available(at: time)
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

extension Command {
  /// The user that the command names; empty when it names a hold.
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
      .usage, .page, .admin:
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
    case .putPlan, .usage, .page, .admin: Idempotency(key: "", digest: Digest(bytes: []))
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
    case .extend, .release, .putPlan, .usage, .page, .admin: FreeText()
    }
  }
}
