// Subscriptions: what of them is due, and when the next grant is.
//
// Owner: the writer's queue.

extension Decider {
  /// What is due of a user's subscription; nil: nothing.
  func dueGrant(of account: Account) throws(Refusal) -> DueGrant? {
    guard let dueMicros = account.grantDueMicros(atMicros: records.nowMicros) else { return nil }
    guard let subscription = try records.settings(of: account)?.automaticSubscription else {
      return DueGrant(nextAtMicros: nil)
    }
    let calendar: GrantCalendar
    switch try self.calendar(of: subscription) {
    case .success(let found): calendar = found
    case .failure(let refusal):
      return DueGrant(
        failing: refusal.message, planId: subscription.planId, nowMicros: records.nowMicros)
    }
    let granted = try granted(subscription, calendar, of: account)
    let due = calendar.due(sinceMicros: dueMicros, granted: granted, nowMicros: records.nowMicros)
    if let credit = due.grant, !records.writes.books.system.canIssue(credit.amountMicros) {
      return DueGrant(
        failing: "the books would overflow int64", planId: subscription.planId, nowMicros: records.nowMicros)
    }
    return due
  }

  /// When the server is to grant next, by settings that are new.
  /// - Parameter rows: of the user, just decided.
  func nextGrantMicros(
    _ settings: UserSettings, of account: Account, after rows: [Entry]
  ) throws(Refusal) -> Int64? {
    guard let subscription = settings.automaticSubscription else { return nil }
    switch try calendar(of: subscription) {
    case .success(let calendar):
      let before = try granted(subscription, calendar, of: account)
      let new = rows.compactMap { $0.isGrant(ofPlan: subscription.planId) ? GrantedPeriod($0) : nil }
      let granted = (new + [before].compactMap(\.self)).max { $0.days.lowerBound < $1.days.lowerBound }
      return calendar.nextGrantMicros(granted: granted, nowMicros: records.nowMicros)
    // What is wrong is told when it is tried.
    case .failure: return records.nowMicros
    }
  }

  /// A plan that cannot be read concerns all its users, and none of their writes.
  private func calendar(
    of subscription: Subscription
  ) throws(Refusal) -> Result<GrantCalendar, Refusal> {
    let found: Plan?
    do { found = try records.plan(id: subscription.planId) } catch {
      guard records.gap == nil else { throw error }
      return .failure(error)
    }
    guard let plan = found else { return .failure(noPlan(subscription.planId)) }
    do {
      return .success(GrantCalendar(subscription, plan, try records.zones.zone(named: plan.timeZone)))
    } catch {
      return .failure(error)
    }
  }

  /// The last granted period of the plan that begins before the present one ends.
  private func granted(
    _ subscription: Subscription, _ calendar: GrantCalendar, of account: Account
  ) throws(Refusal) -> GrantedPeriod? {
    guard let period = calendar.period(at: records.nowMicros) else { return nil }
    return try records.lastGrant(
      of: account, planId: subscription.planId, beforeDay: period.days.upperBound)
  }
}

extension Entry {
  fileprivate func isGrant(ofPlan id: String) -> Bool { type == .planGrant && planId?.isExactly(id) ?? false }
}
