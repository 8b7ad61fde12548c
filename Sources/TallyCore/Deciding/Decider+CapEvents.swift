// What somebody should hear of caps: which lines a change takes to what is used of them.
//
// Invariants:
// 1. Without a rule of caps nothing is looked up.
// 2. What is used before a change and after it is of the same time. What falls by itself, as a window ends or
//    a hold expires, brings nothing about, and can reach its line again.
//
// Owner: the writer's queue.

extension Decider {
  /// What comes about by what is used of an account's caps.
  /// - Parameters:
  ///   - change: nil when nothing is written to the ledger.
  ///   - account: before it, numbered.
  ///   - run: one that the same command begins, ends or records.
  ///   - plan: the user's.
  ///   - zone: the plan's.
  func capEvents(
    of change: Change?, _ account: Account, run: Run?, under plan: Plan?, in zone: Zone
  ) throws(Refusal) -> [WriteSet.EventRow] {
    let lines = capLines(of: account, under: plan)
    if lines.isEmpty { return [] }
    var facts =
      try change.map { (change) throws(Refusal) in
        // What had expired counts neither before nor after it.
        try self.facts(of: change, run: run, withExpired: false)
      } ?? []
    if let run { facts += try generations(by: run) }
    let reading = CapReading(
      DecidedCapRecords(
        decider: self, account: account, expiredHolds: try records.expiredHolds(of: account)), plan: plan,
      zone: zone, nowMicros: records.nowMicros)
    var events: [WriteSet.EventRow] = []
    for spender in Set(facts.map(\.spender)).union([ExactText("")]).sorted() {
      for use in try reading.uses(spender: spender.text) {
        var after = use
        for fact in facts where fact.counts(for: spender) { after.add(fact) }
        events += self.events(from: use, to: after, lines, account)
      }
    }
    return events
  }

  /// The lines of rules of caps that are drawn for a user.
  private func capLines(of account: Account, under plan: Plan?) -> [AlertBook.Lines] {
    guard let book = records.writes.books.alerts, book.hasCapRules else { return [] }
    let scopes = [
      book.everyUser, plan.flatMap { book.byPlan[ExactText($0.id)] }, book.byUser[ExactText(account.userId)],
    ]
    return scopes.compactMap { $0?.caps }.filter { !$0.isEmpty }
  }

  private func events(
    from before: CapUse, to after: CapUse, _ lines: [AlertBook.Lines], _ account: Account
  ) -> [WriteSet.EventRow] {
    guard let limit = after.cap.limit, limit > 0 else { return [] }
    let step = FigureChange(percentOf: limit, before: before.used, after: after.used)
    return lines.flatMap { $0.crossed(reaching: step) }.map { line in
      var event = AccountEvent(
        userId: account.userId, kind: .capAt, atMicros: records.nowMicros,
        effectiveAtMicros: records.nowMicros)
      event.cap = AccountEvent.CapStep(
        ruleId: line.ruleId, cap: after.cap, spender: after.spender, percent: line.threshold,
        used: after.used, resetsAtMicros: after.resetsAtMicros)
      return WriteSet.EventRow(event: event, account: account.id)
    }
  }

  /// Whether a run that begins, ends or is recorded is one more, or one less, of those that count.
  private func generations(by run: Run) throws(Refusal) -> [CapFact] {
    func counts(_ run: Run) -> Bool { run.status == .succeeded || run.isOpen(nowMicros: records.nowMicros) }
    let before = try records.run(runId: run.runId, attempt: run.attempt)?.run
    var fact = CapFact(generation: run)
    fact.generations = (counts(run) ? 1 : 0) - (before.map(counts) ?? false ? 1 : 0)
    return fact.generations == 0 ? [] : [fact]
  }
}
