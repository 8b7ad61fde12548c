// Whether a plan allows one more.
//
// Invariants:
// 1. What the batch has decided so far counts.
//
// Owner: the writer's queue.

extension Decider {
  /// Why the user may not have one more of a kind.
  /// - Returns: as `QuotaUse.refusal`; nil also without a plan or a limit. `invalidField` when the
  ///   plan's time zone is not known to this machine.
  func quotaRefusal(_ kind: QuotaKind, of account: Account) throws(Refusal) -> Refusal? {
    try quotaRefusal(kind, of: account, under: try records.plan(of: account))
  }

  /// The same, of a user whose plan is at hand.
  func quotaRefusal(
    _ kind: QuotaKind, of account: Account, under plan: Plan?
  ) throws(Refusal) -> Refusal? {
    // Without a limit nothing is counted.
    guard let plan, plan.limits[kind] != nil else { return nil }
    let span: MonthSpan?
    do { span = try monthSpan(of: kind, under: plan) } catch { return error }
    return try use(of: kind, span, account, under: plan).refusal(kind)
  }

  /// The month that a quota counts in; nil for pages.
  private func monthSpan(of kind: QuotaKind, under plan: Plan) throws(Refusal) -> MonthSpan? {
    if kind == .pages { return nil }
    let zone = try records.zones.zone(named: plan.quotaTimeZone)
    return zone.span(of: zone.month(ofMicros: records.nowMicros))
  }

  private func use(
    of kind: QuotaKind, _ span: MonthSpan?, _ account: Account, under plan: Plan
  ) throws(Refusal) -> QuotaUse {
    // Of a user that is not known there is nothing to count: under number 0 all users' is.
    let isKnown = account.id != 0
    var counts = QuotaCounts()
    if isKnown {
      if let span { counts.month = try records.counters(in: span, of: account) }
      switch kind {
      case .pages: counts.pages = try records.pageCount(of: account)
      case .generations: counts.running = try records.openRunCount(of: account)
      case .uploads: break
      }
    }
    return QuotaUse(kind, counts, limits: plan.limits, resetsAtMicros: span?.endMicros)
  }

  /// What comes about by what is used of a quota.
  /// - Parameters:
  ///   - owner: numbered.
  ///   - now: how many more there are that count whenever they began.
  ///   - counted: how many more there are that count in the month of a time.
  func quotaEvents(
    _ kind: QuotaKind, of owner: Account, now: Int64 = 0, counted: Int64 = 0, atMicros: Int64 = 0
  ) throws(Refusal) -> [WriteSet.EventRow] {
    guard let book = records.writes.books.alerts, now + counted > 0, book.hasQuotaRules(kind),
      let plan = try records.plan(of: owner), let limit = plan.limits[kind], limit > 0
    else { return [] }
    let span: MonthSpan?
    // A zone that this machine does not know refuses what needs it; what goes on without it tells nothing.
    do { span = try monthSpan(of: kind, under: plan) } catch { return [] }
    let isOfMonth = span.map { $0.startMicros <= atMicros && atMicros < $0.endMicros } ?? true
    let delta = now + (isOfMonth ? counted : 0)
    let before = try use(of: kind, span, owner, under: plan).used
    let after = before.addingSaturating(delta)
    let step = FigureChange(percentOf: limit, before: before, after: after)
    let scopes = [book.everyUser, book.byPlan[ExactText(plan.id)], book.byUser[ExactText(owner.userId)]]
    return scopes.flatMap { $0?.quotas[kind]?.crossed(reaching: step) ?? [] }.map { line in
      var event = AccountEvent(
        userId: owner.userId, kind: .quotaAt, atMicros: records.nowMicros,
        effectiveAtMicros: records.nowMicros
      )
      event.quota = AccountEvent.QuotaStep(
        ruleId: line.ruleId, kind: kind, percent: line.threshold, used: after, limit: limit)
      return WriteSet.EventRow(event: event, account: owner.id)
    }
  }
}
