// What counts for caps, over all rows: an answer asks nothing of what is counted, and so proves what another
// engine keeps.

internal import TallyCore

extension MemoryTables {
  func runsUnderWay(account: Int64, nowMicros: Int64) -> [Run] {
    runs.values.filter { $0.account == account }.map(\.run).filter {
      $0.status == .running && $0.expiresAtMicros ?? 0 > nowMicros
    }
  }

  func capFacts(_ query: CapFactQuery) -> StoredCapFacts {
    let (account, spender) = (query.account, ExactText(query.spender))
    var facts = StoredCapFacts()
    facts.charges = ledger.filter { $0.account == account }.compactMap { fact(of: $0.entry) }
    for row in holds.values where row.account == account && row.hold.state == .open {
      facts.holds[row.hold.id] = fact(of: row.hold, row.hold.amountMicros)
    }
    if query.hasRuns {
      facts.runs = runs.values.filter { $0.account == account && $0.run.status == .succeeded }
        .map { CapFact(generation: $0.run) }
    }
    func isAsked(_ fact: CapFact) -> Bool { fact.atMicros >= query.fromMicros && fact.counts(for: spender) }
    facts.charges = facts.charges.filter(isAsked)
    facts.holds = facts.holds.filter { isAsked($0.value) }
    facts.runs = facts.runs.filter(isAsked)
    return facts
  }

  fileprivate func fact(of hold: Hold, _ micros: Int64) -> CapFact {
    let run = run(hold.runId, attempt: max(1, hold.attempt))?.run
    let own = run?.holdId == hold.id ? run : nil
    return CapFact(
      spender: hold.spender, micros: micros, atMicros: hold.createdAtMicros, model: own?.model ?? "",
      type: own?.type ?? "")
  }

  private func fact(of entry: Entry) -> CapFact? {
    let isOwed = entry.type == .owed && entry.refersTo == nil
    guard entry.type == .apiUsage || isOwed else { return nil }
    let micros = isOwed ? entry.owedMicros : -entry.amountMicros
    if let hold = entry.holdId.flatMap({ holds[$0]?.hold }) { return fact(of: hold, micros) }
    let run = entry.idempotency == nil ? run(entry.runId, attempt: max(1, entry.attempt))?.run : nil
    return CapFact(
      spender: entry.spender, micros: micros, atMicros: run?.startedAtMicros ?? entry.atMicros,
      model: run?.model ?? "", type: run?.type ?? "")
  }

  func caps(
    of account: Account, at nowMicros: Int64, _ zones: ZoneStore
  ) throws(Refusal) -> CapReading<MemoryCapRecords> {
    let plan = plan(account: account.id)
    return CapReading(
      MemoryCapRecords(tables: self, account: account, nowMicros: nowMicros), plan: plan,
      zone: try zones.zone(named: plan?.quotaTimeZone ?? "UTC"), nowMicros: nowMicros)
  }
}

extension MemoryTables {
  /// What is counted is what the rows come to.
  func capFindings() -> [String] {
    capCounters.compactMap { key, counters in
      let query = CapFactQuery(
        account: key.account, spender: key.spender.text, fromMicros: Int64.min, hasRuns: true)
      let facts = capFacts(query).all
      if counters.countedAgain(from: facts, spender: key.spender) == counters,
        account(id: key.account)?.account.isCapCounted ?? false
      {
        return nil
      }
      return "caps of account \(key.account), \(key.spender.text): \(counters) are not what the rows come to"
    }
  }
}

struct MemoryCapRecords: CapRecords {
  var tables: MemoryTables
  var account: Account
  var nowMicros: Int64

  func ownCaps(spender: String) throws(Refusal) -> [Cap] {
    tables.caps[CapKey(account: account.id, spender: spender)] ?? []
  }

  func counters(spender: String) throws(Refusal) -> CapCounters? { nil }

  func facts(spender: String, fromMicros: Int64, hasRuns: Bool) throws(Refusal) -> [CapFact] {
    tables.capFacts(
      CapFactQuery(account: account.id, spender: spender, fromMicros: fromMicros, hasRuns: hasRuns)
    ).all
  }

  func expired() throws(Refusal) -> [CapFact] {
    tables.expiredHolds(account: account.id, nowMicros: nowMicros).map {
      tables.fact(of: $0, -$0.amountMicros)
    }
  }

  func underWay() throws(Refusal) -> [CapFact] {
    tables.runsUnderWay(account: account.id, nowMicros: nowMicros).map(CapFact.init(generation:))
  }
}
