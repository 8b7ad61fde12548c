// Events: which lines a change of an account crosses, and the rules that draw them.
//
// Invariants:
// 1. Every change of what is available or owed comes by here, whoever brings it about, so that each crossing
//    is noted once, in the commit that it belongs to.
// 2. A user's plan is looked up only when the figure crosses a line of some plan.
//
// Owner: the writer's queue.

extension Decider {
  /// What somebody should hear of a change.
  /// - Parameters:
  ///   - change: with the account numbered.
  ///   - before: the account before it.
  func events(of change: Change, on before: Account) throws(Refusal) -> [WriteSet.EventRow] {
    var events = change.notices.compactMap { notice -> AccountEvent? in
      guard let skipped = AccountEvent.SkippedGrant(notice.cause) else { return nil }
      var event = AccountEvent(
        userId: notice.userId, kind: .grantSkipped, atMicros: records.nowMicros,
        effectiveAtMicros: records.nowMicros)
      event.skippedGrant = skipped
      return event
    }
    if let book = records.writes.books.alerts {
      for step in FigureStep.steps(of: change, on: before, nowMicros: records.nowMicros)
      where step.mayCross {
        events += try crossings(of: step, book, before)
      }
      events += try expiryEvents(of: change, on: before)
    }
    return events.map { WriteSet.EventRow(event: $0, account: change.account.id) }
  }

  private func crossings(
    of step: FigureStep, _ book: AlertBook, _ account: Account
  ) throws(Refusal) -> [AccountEvent] {
    var scopes = [book.everyUser]
    if let own = book.byUser[ExactText(account.userId)] { scopes.append(own) }
    if book.anyPlan.isCrossed(by: step), let planId = try records.effectivePlanId(of: account),
      let ofPlan = book.byPlan[ExactText(planId)]
    {
      scopes.append(ofPlan)
    }
    var events: [AccountEvent] = []
    for scope in scopes {
      for line in scope.balance.crossed(falling: step.available) where book.stood(line, at: step) {
        events.append(event(.balanceBelow, line, step.available, step, account))
      }
      for line in scope.owed.crossed(rising: step.owed) where book.stood(line, at: step) {
        events.append(event(.owed, line, step.owed, step, account))
      }
    }
    return events
  }

  private func event(
    _ kind: EventKind, _ line: AlertBook.Line, _ figure: FigureChange, _ step: FigureStep, _ account: Account
  ) -> AccountEvent {
    var event = AccountEvent(
      userId: account.userId, kind: kind, atMicros: records.nowMicros,
      effectiveAtMicros: step.effectiveAtMicros)
    event.crossing = AccountEvent.Crossing(
      ruleId: line.ruleId, thresholdMicros: line.threshold, beforeMicros: figure.before,
      afterMicros: figure.after, sequence: step.sequence)
    return event
  }

  // MARK: rules

  func decide(_ it: AlertCommand.PutRule) throws(Refusal) -> Decided<AlertRuleReceipt> {
    let book = records.writes.books.alerts
    if case .plan(let planId) = it.rule.scope, try records.plan(id: planId) == nil { throw noPlan(planId) }
    let stored = book?.rules[ExactText(it.rule.id)]
    if let stored, stored.hasContent(of: it.rule) {
      return Decided(AlertRuleReceipt(rule: stored, unchanged: true, commit: records.writes.restingPlace))
    }
    if stored == nil, book?.rules.count ?? 0 >= AlertRule.maximumInAll {
      throw tooMany(AlertRule.maximumInAll, "in all")
    }
    if stored?.scope != it.rule.scope, book?.count(of: it.rule.scope) ?? 0 >= AlertRule.maximumOfAScope {
      throw tooMany(AlertRule.maximumOfAScope, "of this scope")
    }
    if let millis = it.rule.condition.expiryWindowMillis {
      let others = book?.expiryWindows(without: it.rule.id) ?? []
      if !others.contains(millis), others.count >= AlertRule.maximumExpiryWindows { throw tooManyWindows() }
    }
    var effects = Effects()
    var owner: Int64?
    if case .user(let userId) = it.rule.scope {
      owner = self.owner(try records.account(userId: userId), &effects).id
    }
    var rule = it.rule
    rule.updatedAtMicros = records.nowMicros
    rule.sinceSequence = rule.condition.expiryWindowMillis == nil ? 0 : records.nextSequence - 1
    let effect = AlertRuleEffect(id: rule.id, rule: rule, account: owner)
    effects.set { $0.alertRule = effect }
    return Decided(
      AlertRuleReceipt(rule: rule, unchanged: false, commit: records.writes.writingPlace), effects)
  }

  private func tooMany(_ limit: Int, _ what: String) -> Refusal {
    Refusal(
      .invalidField, "rule: there are already \(limit) alert rules \(what), the most allowed",
      details: ["field": "rule", "limit": String(limit)])
  }

  private func tooManyWindows() -> Refusal {
    let limit = AlertRule.maximumExpiryWindows
    return Refusal(
      .invalidField, "the alert rules already have the most different times before credit's end",
      details: ["field": "rule.credit_expires_within_millis", "limit": String(limit)])
  }

  func decide(_ it: AlertCommand.DeleteRule) throws(Refusal) -> Decided<AlertRuleReceipt> {
    guard records.writes.books.alerts?.rules[ExactText(it.id)] != nil else {
      return Decided(AlertRuleReceipt(rule: nil, unchanged: true, commit: records.writes.restingPlace))
    }
    var effects = Effects()
    let effect = AlertRuleEffect(id: it.id, rule: nil, account: nil)
    effects.set { $0.alertRule = effect }
    return Decided(
      AlertRuleReceipt(rule: nil, unchanged: false, commit: records.writes.writingPlace), effects)
  }
}

extension AlertBook {
  /// Whether a rule was there when a step came about: one that was put later waits for the next crossing.
  fileprivate func stood(_ line: Line, at step: FigureStep) -> Bool {
    rules[ExactText(line.ruleId)].map { $0.updatedAtMicros <= step.effectiveAtMicros } ?? false
  }
}
