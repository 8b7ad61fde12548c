// Plans: what is stored, and which one is the default.
//
// Invariants:
// 1. One plan at most is the default: the decision that gives the mark to one takes it from another.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: UsageCommand.PutPlan) throws(Refusal) -> Decided<PlanReceipt> {
    let stored = try records.plan(id: it.plan.id)
    let wanted = it.plan(over: stored)
    if wanted.rolloverCapMicros != nil, wanted.grantExpiry != .periodEnd {
      throw Refusal(
        .invalidField, "plan.rollover_cap_micros is allowed only with GRANT_EXPIRY_PERIOD_END",
        details: ["field": "plan.rollover_cap_micros"])
    }
    let (plan, unchanged) = Rules.put(wanted, over: stored, nowMicros: records.nowMicros)
    if unchanged {
      return Decided(PlanReceipt(plan: plan, unchanged: true, commit: records.writes.restingPlace))
    }
    let before = plan.isDefault ? try formerDefault(but: plan.id) : nil
    var effects = Effects()
    effects.set { $0.plans = [before, plan].compactMap(\.self) }
    return Decided(
      PlanReceipt(plan: plan, unchanged: false, commit: records.writes.writingPlace), effects)
  }

  /// The default plan until now, without the mark; nil when it is this one, or none.
  private func formerDefault(but planId: String) throws(Refusal) -> Plan? {
    guard let former = records.writes.books.defaultPlanId, !former.isExactly(planId),
      var plan = try records.plan(id: former)
    else { return nil }
    plan.isDefault = false
    plan.updatedAtMicros = records.nowMicros
    return plan
  }
}
