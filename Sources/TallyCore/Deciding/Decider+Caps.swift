// Caps: what is stored of them, whether they leave room, and what is counted for them.
//
// Invariants:
// 1. While no plan has caps, whoever has none costs no look-up. While some has, that of the plan's name.
// 2. Every change of an account comes by here. While somebody has caps, what the change counts is added to
//    all counters of the account that there are; once nobody has, they are dropped. So no counter is stale.
// 3. What is needed and not there is made from the ledger and the runs: a cap that is put at noon counts the
//    morning.
// 4. What was made of many facts is kept, whether or not the command that needed it is refused: nobody who
//    asks again and again makes the writer read the same rows again and again.
// 5. A settlement is never refused by a cap. Where its windows cannot be told, counters are dropped.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: CapCommand.Put) throws(Refusal) -> Decided<CapsReceipt> {
    let account = try records.account(userId: it.userId)
    let stored = try records.ownCaps(of: account, spender: it.list.spender)
    if stored == it.list.caps {
      return Decided(CapsReceipt(list: it.list, unchanged: true, commit: records.writes.restingPlace))
    }
    let count = account.ownCapCount + Int64(it.list.caps.count - stored.count)
    guard count <= CapList.maximumOfAUser || it.list.caps.count <= stored.count else {
      throw Refusal(
        .invalidField, "caps: the user would have more than \(CapList.maximumOfAUser) caps, the most allowed",
        details: ["field": "caps", "limit": String(CapList.maximumOfAUser)])
    }
    var effects = Effects()
    var after = owner(account, &effects)
    after.ownCapCount = count
    let effect = CapEffect(key: CapKey(account: after.id, spender: it.list.spender), caps: it.list.caps)
    effects.set {
      $0.caps = effect
      $0.changedAccount = after
    }
    return Decided(
      CapsReceipt(list: it.list, unchanged: false, commit: records.writes.writingPlace), effects)
  }
}

extension Decider {
  // MARK: whether there is room

  /// Why what is asked for does not fit into a cap of the account or of its spender, if so.
  /// - Parameter expiredHolds: those of the account that its change settles.
  func capRefusal(
    of ask: CapAsk, _ account: Account, settling expiredHolds: [Hold]
  ) throws(Refusal) -> Refusal? {
    guard try hasCaps(account) else { return nil }
    let plan = try records.plan(of: account)
    let zone: Zone
    do { zone = try records.zones.zone(named: plan?.quotaTimeZone ?? Plan.defaultTimeZone) } catch {
      return error
    }
    let facts = DecidedCapRecords(decider: self, account: account, expiredHolds: expiredHolds)
    let reading = CapReading(facts, plan: plan, zone: zone, nowMicros: records.nowMicros)
    do { return try reading.refusal(of: ask) } catch {
      askAhead(for: account, ["", ask.spender])
      throw error
    }
  }

  /// What is still to be loaded is asked for in the same go.
  private func askAhead(for account: Account, _ spenders: Set<String>) {
    guard records.isMissingRecords else { return }
    for spender in spenders {
      _ = try? records.ownCaps(of: account, spender: spender)
      _ = try? records.capCounters(of: account, spender: spender)
    }
    _ = try? records.underWay(of: account)
  }

  /// Whether the user or some spender of the user may have caps.
  private func hasCaps(_ account: Account) throws(Refusal) -> Bool {
    if account.ownCapCount > 0 { return true }
    let capped = records.writes.books.cappedPlans
    if capped.isEmpty { return false }
    return try records.effectivePlanId(of: account).map { capped.contains(ExactText($0)) } ?? false
  }

  // MARK: counting

  /// What a change counts, added to what is counted of the account.
  struct CapCount {
    var counters: [CapKey: CapCounters] = [:]
    /// Nothing is counted any more.
    var isDropped = false
    /// What comes about by it.
    var events: [WriteSet.EventRow] = []

    var isEmpty: Bool { counters.isEmpty && !isDropped && events.isEmpty }
  }

  /// - Parameters:
  ///   - change: nil when nothing is written to the ledger.
  ///   - account: before it, numbered.
  ///   - run: one that the same command begins, ends or records.
  /// - Returns: nil when nothing changes of what is counted, and nothing comes about.
  func capCount(of change: Change?, _ account: Account, run: Run? = nil) throws(Refusal) -> CapCount? {
    let isNeeded = account.isCapCounted || account.ownCapCount > 0
    guard isNeeded || !records.writes.books.cappedPlans.isEmpty else { return nil }
    // One that begins is in no counter, but may take what is used to a line.
    let begins = run?.status == .running && records.writes.books.alerts?.hasCapRules ?? false
    guard change.map(mayCount) ?? false || run?.status == .succeeded || begins else { return nil }
    guard try hasCaps(account) else { return account.isCapCounted ? CapCount(isDropped: true) : nil }
    var facts = try change.map { (change) throws(Refusal) in try self.facts(of: change, run: run) } ?? []
    if let run, run.status == .succeeded { facts.append(CapFact(generation: run)) }
    if facts.isEmpty && !begins { return nil }
    let plan = try records.plan(of: account)
    guard let zone = try? records.zones.zone(named: plan?.quotaTimeZone ?? Plan.defaultTimeZone) else {
      return account.isCapCounted ? CapCount(isDropped: true) : nil
    }
    let reading = CapReading(
      DecidedCapRecords(decider: self, account: account, expiredHolds: []), plan: plan, zone: zone,
      nowMicros: records.nowMicros)
    var count = CapCount()
    let spenders = Set(facts.map(\.spender) + [ExactText(""), ExactText(run?.spender ?? "")])
    do {
      count.events = try capEvents(of: change, account, run: run, under: plan, in: zone)
      if !facts.isEmpty { count.counters = try counters(facts, of: account, spenders, reading) }
    } catch {
      askAhead(for: account, Set(spenders.map(\.text)))
      throw error
    }
    return count.isEmpty ? nil : count
  }

  /// What is counted after a change.
  /// - Parameters:
  ///   - facts: that it counts.
  ///   - reading: of before it.
  private func counters(
    _ facts: [CapFact], of account: Account, _ spenders: Set<ExactText>,
    _ reading: CapReading<DecidedCapRecords>
  ) throws(Refusal) -> [CapKey: CapCounters] {
    var all: [CapKey: CapCounters] = [:]
    // The account's first: what a spender's need is among what it needs.
    for spender in spenders.sorted() {
      var counters = try reading.counters(spender: spender.text)
      for fact in facts where fact.counts(for: spender) { counters.add(fact) }
      let isStored = try records.capCounters(of: account, spender: spender.text) != nil
      guard isStored || !counters.isEmpty else { continue }
      all[CapKey(account: account.id, spender: spender.text)] = counters
    }
    return all
  }

  private func mayCount(_ change: Change) -> Bool {
    !change.holds.isEmpty || change.entries.contains { $0.type == .apiUsage || $0.type == .owed }
  }

  // MARK: facts

  /// What a change counts: what its holds set aside, or no longer do, and what it charges.
  /// - Parameter withExpired: whether holds are among it that have expired by themselves.
  func facts(of change: Change, run: Run?, withExpired: Bool = true) throws(Refusal) -> [CapFact] {
    var facts: [CapFact] = []
    let firstNew = change.entries.first?.sequence ?? Int64.max
    for hold in change.holds where withExpired || hold.state != .expired {
      let isNew = hold.id >= firstNew
      // One that was only extended counts as before.
      guard isNew != (hold.state != .open) else { continue }
      facts.append(try fact(of: hold, isNew ? hold.amountMicros : -hold.amountMicros, run))
    }
    for entry in change.entries {
      if let fact = try fact(of: entry, change.holds, run) { facts.append(fact) }
    }
    return facts
  }

  fileprivate func fact(of hold: Hold, _ micros: Int64, _ run: Run? = nil) throws(Refusal) -> CapFact {
    let run = try self.run(hold.runId, hold.attempt, run)
    let isOwn = run?.holdId == hold.id
    return CapFact(
      spender: hold.spender, micros: micros, atMicros: hold.createdAtMicros,
      model: isOwn ? run?.model ?? "" : "", type: isOwn ? run?.type ?? "" : "")
  }

  /// - Returns: nil for a row that charges nothing for usage.
  private func fact(of entry: Entry, _ holds: [Hold], _ run: Run? = nil) throws(Refusal) -> CapFact? {
    let micros: Int64
    switch entry.type {
    case .apiUsage: micros = -entry.amountMicros
    case .owed where entry.refersTo == nil: micros = entry.owedMicros
    default: return nil
    }
    if let holdId = entry.holdId {
      let known = holds.first { $0.id == holdId }
      let hold = if let known { known } else { try storedHold(holdId) }
      return try fact(of: hold, micros, run)
    }
    // A row without a key was not asked for by Consume: it is the end of a run that had no hold any more.
    let own = entry.idempotency == nil ? try self.run(entry.runId, entry.attempt, run) : nil
    return CapFact(
      spender: entry.spender, micros: micros, atMicros: own?.startedAtMicros ?? entry.atMicros,
      model: own?.model ?? "", type: own?.type ?? "")
  }

  /// - Parameter known: one that is not stored yet, or changes.
  private func run(_ runId: String, _ rowAttempt: Int32, _ known: Run?) throws(Refusal) -> Run? {
    if runId.isEmpty { return nil }
    let attempt = max(1, rowAttempt)
    if let known, known.attempt == attempt, known.runId.isExactly(runId) { return known }
    return try records.run(runId: runId, attempt: attempt)?.run
  }

  /// What counts, with what the batch has decided so far of all spenders.
  fileprivate func facts(_ query: CapFactQuery) throws(Refusal) -> [CapFact] {
    let account = query.account
    if account == 0 { return [] }
    if let found = records.capFacts, found.query.covers(query), found.position == records.writes.position {
      return found.facts
    }
    let stored = try records.load { (it) throws(StorageFailure) in try it.capFacts(query) }
    let writes = records.writes
    var facts = stored.charges + stored.runs
    for (id, fact) in stored.holds where writes.holds[id] == nil { facts.append(fact) }
    for row in writes.ledger where row.account == account {
      if let fact = try fact(of: row.entry, []) { facts.append(fact) }
    }
    for row in writes.holds.values where row.account == account && row.hold.state == .open {
      facts.append(try fact(of: row.hold, row.hold.amountMicros))
    }
    for row in writes.runs.values where row.run.account == account && row.run.run.status == .succeeded {
      facts.append(CapFact(generation: row.run.run))
    }
    records.capFacts = FoundCapFacts(query: query, position: writes.position, facts: facts)
    return facts
  }
}

/// The facts about an account, as a decision sees them.
struct DecidedCapRecords: CapRecords {
  var decider: Decider
  var account: Account
  var expiredHolds: [Hold]

  func ownCaps(spender: String) throws(Refusal) -> [Cap] {
    try decider.records.ownCaps(of: account, spender: spender)
  }

  func counters(spender: String) throws(Refusal) -> CapCounters? {
    try decider.records.capCounters(of: account, spender: spender)
  }

  func facts(spender: String, fromMicros: Int64, hasRuns: Bool) throws(Refusal) -> [CapFact] {
    try decider.facts(
      CapFactQuery(account: account.id, spender: spender, fromMicros: fromMicros, hasRuns: hasRuns))
  }

  func expired() throws(Refusal) -> [CapFact] {
    try decider.records.all(expiredHolds) { (hold) throws(Refusal) in
      try decider.fact(of: hold, -hold.amountMicros)
    }
  }

  func underWay() throws(Refusal) -> [CapFact] {
    try decider.records.underWay(of: account)
  }

  func made(_ counters: CapCounters, spender: String, factCount: Int) {
    decider.records.note(counters, of: account, spender: spender, factCount: factCount)
  }
}

extension Effects {
  /// Takes what is counted, with an account that is changed by it.
  mutating func set(_ count: Decider.CapCount?, of account: Account) {
    guard let count else { return }
    set {
      $0.uncounted = count.isDropped ? account.id : nil
      $0.capCounters = count.counters
      $0.events += count.events
    }
    if count.counters.isEmpty && !count.isDropped { return }
    let isCounted = !count.isDropped
    if change != nil {
      change?.account.isCapCounted = isCounted
    } else if account.isCapCounted != isCounted {
      var account = account
      account.isCapCounted = isCounted
      set { $0.changedAccount = account }
    }
  }
}
