// Plans, users' settings and subscriptions of the model.
//
// Values; part of the model.

import TallyCore

/// What is due of a subscription.
struct ModelGrant {
  struct Credit {
    var planId: String
    var period: ModelPeriod
    var amount: Int64
    /// The period's start, or later when it was not due before.
    var effectiveAt: Int64
    var priority: Int32
    var expiresAt: Int64?
    var rollover: Rollover?
  }

  /// nil: nothing is granted.
  var credit: Credit?
  /// When the server looks again.
  var nextAt: Int64?

  /// How soon it looks again when a grant does not fit.
  static let retryMicros: Int64 = 3_600_000_000
}

extension Plan {
  /// When the credit of a period is over; nil: never.
  func end(of period: ModelPeriod) -> Int64? {
    switch grantExpiry {
    case .never: nil
    case .periodEnd: period.end
    case .after(let millis): period.start + millis * 1_000
    }
  }

  func rollover(of period: ModelPeriod, until end: Int64?) -> Rollover? {
    guard let rolloverCapMicros, end == period.end else { return nil }
    return Rollover(capMicros: rolloverCapMicros, endMicros: period.nextEnd)
  }

  var zone: ModelZone { ModelZone(rawValue: timeZone) ?? .utc }
}

extension LedgerModel {
  // MARK: Plans

  func period(of grant: Command.GrantPlan, at time: Int64) -> ModelPeriod {
    (plans[ExactText(grant.planId)]?.zone ?? .utc).period(grant.period, at: time)
  }

  /// The plan that holds for a user.
  func plan(of userId: String) -> Plan? {
    let planId = settings[ExactText(userId)]?.planId ?? defaultPlanId
    return planId.flatMap { plans[ExactText($0)] }
  }

  func onShort(_ userId: String) -> OnShort { plan(of: userId)?.onShort ?? .forgive }

  mutating func put(
    _ plan: Plan, keeping kept: TallyCore.UsageCommand.PutPlan.Kept, at time: Int64
  ) throws(Refusal) -> Outcome {
    let stored = plans[ExactText(plan.id)]
    var plan = plan
    if kept.contains(.onShort) { plan.onShort = stored?.onShort ?? .forgive }
    if kept.contains(.rolloverCap) { plan.rolloverCapMicros = stored?.rolloverCapMicros }
    if kept.contains(.isDefault) { plan.isDefault = stored?.isDefault ?? false }
    if kept.contains(.caps) { plan.caps = stored?.caps ?? [] }
    if kept.contains(.spenderCaps) { plan.spenderCaps = stored?.spenderCaps ?? [] }
    if kept.contains(.multiplier) { plan.multiplierPpm = stored?.multiplierPpm }
    if kept.contains(.tagKeys) { plan.tagKeys = stored?.tagKeys ?? [] }
    if kept.contains(.cancelledCost) { plan.cancelledCost = stored?.cancelledCost ?? .reported }
    if plan.rolloverCapMicros != nil, plan.grantExpiry != .periodEnd {
      throw Refusal(.invalidField, "", details: ["field": "plan.rollover_cap_micros"])
    }
    plan.updatedAtMicros = stored?.updatedAtMicros ?? 0
    let isNews = put(pricesOf: plan, over: stored, at: time)
    if let stored, plan == stored, !isNews { return .planStored(stored, unchanged: true, commit: .none) }
    hasWritten = true
    if plan.isDefault, let former = defaultPlanId, former != plan.id {
      plans[ExactText(former)]?.isDefault = false
      plans[ExactText(former)]?.updatedAtMicros = time
    }
    if plan.isDefault { defaultPlanId = plan.id } else if defaultPlanId == plan.id { defaultPlanId = nil }
    plan.updatedAtMicros = time
    plans[ExactText(plan.id)] = plan
    return .planStored(plan, unchanged: false, commit: .none)
  }

  // MARK: Settings

  mutating func put(
    _ settings: UserSettings, keeping kept: TallyCore.AdminCommand.PutSettings.Kept, at time: Int64
  ) throws(Refusal) -> AdminOutcome {
    let name = ExactText(settings.userId)
    let stored = self.settings[name]
    var settings = settings
    if kept.contains(.state) { settings.isSuspended = stored?.isSuspended ?? false }
    if kept.contains(.subscription) { settings.subscription = stored?.subscription }
    for planId in [settings.planId, settings.subscription?.planId].compactMap(\.self) {
      guard plans[ExactText(planId)] != nil else {
        throw Refusal(.grantNotFound, "", details: ["plan_id": planId])
      }
    }
    settings.createdAtMicros = created[name] ?? time
    settings.updatedAtMicros = stored?.updatedAtMicros ?? 0
    if let stored, settings == stored {
      return .settingsStored(stored, unchanged: true, commit: .none)
    }
    settings.updatedAtMicros = time
    // What was due until now is granted first.
    var user = users[name] ?? ModelUser(userId: settings.userId)
    if due(of: user, at: time) != nil {
      user = self.user(settings.userId, at: time)
      guard save(&user) else { throw Refusal(.amountOverflow, "") }
    }
    user.now = time
    self.settings[name] = settings
    let changes =
      settings.isSuspended != stored?.isSuspended ?? false || settings.subscription != stored?.subscription
    if changes { user.nextGrantAt = nextGrant(of: user, at: time) }
    keep(user)
    hasWritten = true
    return .settingsStored(settings, unchanged: false, commit: .none)
  }

  // MARK: Subscriptions

  private func automaticSubscription(of userId: String) -> (Subscription, Plan)? {
    guard let settings = settings[ExactText(userId)], !settings.isSuspended,
      let subscription = settings.subscription, subscription.isAutomatic,
      let plan = plans[ExactText(subscription.planId)]
    else { return nil }
    return (subscription, plan)
  }

  private func granted(_ plan: Plan, _ user: ModelUser, overlapping days: Range<Int64>) -> [Entry] {
    (grants[[ExactText(user.userId), ExactText(plan.id)]] ?? []).compactMap { row($0) }
      .filter { $0.periodDays?.overlaps(days) ?? false }
  }

  /// When the server looks, by settings that are new: at once, when the present period was not granted.
  private func nextGrant(of user: ModelUser, at time: Int64) -> Int64? {
    guard let (subscription, plan) = automaticSubscription(of: user.userId) else { return nil }
    guard let period = plan.zone.period(from: subscription.startDay, at: time) else {
      return plan.zone.start(of: subscription.startDay)
    }
    let isGranted = granted(plan, user, overlapping: period.days).contains {
      $0.periodDays?.lowerBound == period.days.lowerBound
    }
    return isGranted ? period.end : time
  }

  /// What the server is to grant: the present period only, and none of which a date was granted before.
  func due(of user: ModelUser, at time: Int64, isRead: Bool = false) -> ModelGrant? {
    guard let next = user.nextGrantAt, next <= time else { return nil }
    guard let (subscription, plan) = automaticSubscription(of: user.userId) else { return ModelGrant() }
    guard let period = plan.zone.period(from: subscription.startDay, at: time) else {
      return ModelGrant(nextAt: plan.zone.start(of: subscription.startDay))
    }
    var due = ModelGrant(nextAt: period.end)
    let end = plan.end(of: period)
    guard granted(plan, user, overlapping: period.days).isEmpty, end ?? Int64.max > time else { return due }
    guard isRead || canIssue(plan.monthlyCreditMicros) else {
      return ModelGrant(nextAt: time + ModelGrant.retryMicros)
    }
    due.credit = ModelGrant.Credit(
      planId: plan.id, period: period, amount: plan.monthlyCreditMicros,
      effectiveAt: max(period.start, next), priority: plan.priority, expiresAt: end,
      rollover: plan.rollover(of: period, until: end))
    return due
  }
}
