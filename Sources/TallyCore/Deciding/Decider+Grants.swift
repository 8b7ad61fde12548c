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
    var context = try context(of: account)
    if let due = context.dueGrant?.grant, due.planId.isExactly(plan.id),
      due.period.days.overlaps(period.days), let replay = try replay(ofDueGrantIn: context)
    {
      guard period.isSame(as: due.period.days, due.period.startMicros) else {
        throw overlaps(due.period.days, plan)
      }
      try requireSame(due.amountMicros, it, plan)
      return replay
    }
    if let granted = try granted(period, plan, of: account) {
      let row = try records.entry(granted.sequence)
      try requireSame(row.amountMicros, it, plan)
      return try replay(row)
    }
    context.plan = plan
    context.period = period
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
  }

  /// - Throws: `grantConflict` when the command names another amount than was granted.
  private func requireSame(
    _ grantedMicros: Int64, _ it: CreditCommand.GrantPlan, _ plan: Plan
  ) throws(Refusal) {
    if grantedMicros == it.amountMicros ?? grantedMicros { return }
    throw Refusal(
      .grantConflict, "the plan was already granted for this period, with another amount",
      details: ["plan_id": plan.id, "granted_micros": String(grantedMicros)])
  }

  /// The server grants before any write of the user: a grant of the same period by hand replays that one.
  /// - Returns: nil when it could not be granted.
  private func replay(ofDueGrantIn context: DecisionContext) throws(Refusal) -> Decided<Receipt>? {
    guard let change = try Rules.sweep(context) else { return nil }
    let effects = try effects(of: change, on: context.account)
    let rows = effects.change?.entries ?? []
    guard let last = rows.last, let row = rows.first(where: { $0.type == .planGrant }) else { return nil }
    var decided = Decided(
      replay: Receipt(transaction: row, balance: last.balanceAfter, replayed: true))
    decided.effects = effects
    return decided
  }

  /// The grant of this period, if there was one.
  /// - Throws: `grantOverlaps` when another period was granted that has some of its dates.
  private func granted(
    _ period: Period, _ plan: Plan, of account: Account
  ) throws(Refusal) -> GrantedPeriod? {
    let last = try records.lastGrant(of: account, planId: plan.id, beforeDay: period.days.upperBound)
    guard let last, last.days.overlaps(period.days) else { return nil }
    if period.isSame(as: last.days, last.startMicros) { return last }
    // Periods that were granted before they were dates may overlap: the same one is found among them.
    let first = try records.lastGrant(of: account, planId: plan.id, beforeDay: period.days.lowerBound + 1)
    if let first, period.isSame(as: first.days, first.startMicros) { return first }
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
  fileprivate func isSame(as grantedDays: Range<Int64>, _ grantedMicros: Int64) -> Bool {
    days.lowerBound == grantedDays.lowerBound && (!isFromInstant || startMicros == grantedMicros)
  }
}
