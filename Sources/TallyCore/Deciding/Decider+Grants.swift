// Grants of plans: which period it is, and whether that was granted before.
//
// Invariants:
// 1. A user's periods of a plan do not overlap, by their dates. The same period again replays what was
//    granted for it; whoever names an amount has to name the same.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: CreditCommand.GrantPlan) throws(Refusal) -> Decided<Receipt> {
    guard let plan = try records.plan(id: it.planId) else { throw noPlan(it.planId) }
    let account = try records.account(userId: it.userId)
    if let known = try find(it.idempotency, of: account) { return known }
    let zone = try records.zones.zone(named: plan.timeZone)
    let period = it.period?.period(in: zone) ?? Period(monthContaining: records.nowMicros, zone: zone)
    if let granted = try granted(period, plan, of: account) {
      let row = try records.entry(granted.sequence)
      if row.amountMicros == it.amountMicros ?? row.amountMicros { return try replay(row) }
      throw Refusal(
        .grantConflict, "the plan was already granted for this period, with another amount",
        details: ["plan_id": plan.id, "granted_micros": String(row.amountMicros)])
    }
    var context = try context(of: account)
    context.plan = plan
    context.period = period
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
  }

  /// The grant of this period, if there was one.
  /// - Throws: `grantOverlaps` when another period was granted that has some of its dates.
  private func granted(
    _ period: Period, _ plan: Plan, of account: Account
  ) throws(Refusal) -> GrantedPeriod? {
    let last = try records.lastGrant(of: account, planId: plan.id, beforeDay: period.days.upperBound)
    guard let last, last.days.overlaps(period.days) else { return nil }
    if period.isSame(as: last) { return last }
    // Periods that were granted before they were dates may overlap: the same one is found among them.
    let first = try records.lastGrant(of: account, planId: plan.id, beforeDay: period.days.lowerBound + 1)
    if let first, period.isSame(as: first) { return first }
    throw overlaps(last.days, plan)
  }

  private func overlaps(_ days: Range<Int64>, _ plan: Plan) -> Refusal {
    Refusal(
      .grantOverlaps, "the period overlaps one that the plan was already granted for",
      details: [
        "plan_id": plan.id, "period": Civil(dayNumber: days.lowerBound).text(upTo: .day),
        "period_end": Civil(dayNumber: days.upperBound).text(upTo: .day),
      ])
  }

  func noPlan(_ planId: String) -> Refusal {
    Refusal(.grantNotFound, "there is no such plan", details: ["plan_id": planId])
  }
}

extension Period {
  /// Whether it is the granted one: both begin on one date, and at one instant when it was named by that.
  fileprivate func isSame(as granted: GrantedPeriod) -> Bool {
    days.lowerBound == granted.days.lowerBound && (!isFromInstant || startMicros == granted.startMicros)
  }
}
