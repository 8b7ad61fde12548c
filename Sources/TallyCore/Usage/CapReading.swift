// How much of a user's caps is used, for the decisions that ask for more and for the answers that tell of it.
//
// Invariants:
// 1. Both see the same: what is stored, less holds whose expiry nobody has written off yet, and runs that are
//    under way.
// 2. Who has no caps costs no look-up but that of the plan.

/// Where the facts about one account are found.
package protocol CapRecords<Failure> {
  associatedtype Failure: Error

  /// Beside those of the plan.
  func ownCaps(spender: String) throws(Failure) -> [Cap]
  func counters(spender: String) throws(Failure) -> CapCounters?
  /// - Parameters:
  ///   - spender: all that count for it; there may be more.
  ///   - hasRuns: whether runs that have succeeded are asked for.
  func facts(spender: String, fromMicros: Int64, hasRuns: Bool) throws(Failure) -> [CapFact]
  /// Holds that have expired and are stored as open, as what is to be taken away.
  func expired() throws(Failure) -> [CapFact]
  /// What runs under way that have not expired count.
  func underWay() throws(Failure) -> [CapFact]
  /// Takes note of counters that were not stored as they are due, and were made.
  /// - Parameter factCount: of how many facts.
  func made(_ counters: CapCounters, spender: String, factCount: Int)
}

extension CapRecords {
  package func made(_ counters: CapCounters, spender: String, factCount: Int) {}
}

package struct CapReading<Records: CapRecords> {
  private let records: Records
  private let plan: Plan?
  private let zone: Zone
  private let nowMicros: Int64

  /// - Parameters:
  ///   - plan: the user's.
  ///   - zone: the plan's.
  package init(_ records: Records, plan: Plan?, zone: Zone, nowMicros: Int64) {
    self.records = records
    self.plan = plan
    self.zone = zone
    self.nowMicros = nowMicros
  }

  /// The caps in force, in the order in which they are looked at.
  /// - Parameter spender: empty for the account itself.
  private func caps(spender: String) throws(Records.Failure) -> [Cap] {
    let ofPlan = (spender.isEmpty ? plan?.caps : plan?.spenderCaps) ?? []
    return ofPlan.overridden(by: try records.ownCaps(spender: spender)).filter { $0.limit != nil }
  }

  /// How much is used of those caps that what is asked for counts for; of all of them when nothing is.
  package func uses(spender: String, of ask: CapAsk? = nil) throws(Records.Failure) -> [CapUse] {
    let all = try caps(spender: spender)
    let caps = ask.map { (ask) in all.filter { $0.subject.isAsked(by: ask) } } ?? all
    if caps.isEmpty { return [] }
    // Of all of them: who decides asks for these next.
    var counters = try counters(of: all, spender: spender)
    let name = ExactText(spender)
    for fact in try records.expired() where fact.counts(for: name) { counters.add(fact) }
    if caps.contains(where: { $0.subject.measure == .generations }) {
      for fact in try records.underWay() where fact.counts(for: name) { counters.add(fact) }
    }
    return caps.map { cap in
      CapUse(cap: cap, spender: spender, counter: counters.bySubject[cap.subject] ?? CapCounter())
    }
  }

  /// Of the account's caps, then of the spender's.
  package func refusal(of ask: CapAsk) throws(Records.Failure) -> Refusal? {
    if let refusal = try uses(spender: "", of: ask).refusal(of: ask) { return refusal }
    return ask.spender.isEmpty ? nil : try uses(spender: ask.spender, of: ask).refusal(of: ask)
  }

  /// Counters of all caps in force, as of now.
  package func counters(spender: String) throws(Records.Failure) -> CapCounters {
    try counters(of: try caps(spender: spender), spender: spender)
  }

  private func counters(of caps: [Cap], spender: String) throws(Records.Failure) -> CapCounters {
    if caps.isEmpty { return CapCounters(zone: zone.name) }
    let name = ExactText(spender)
    var factCount: Int?
    let counters = try CapCounters.current(
      of: Set(caps.map(\.subject)), stored: try records.counters(spender: spender), zone: zone,
      nowMicros: nowMicros
    ) { (fromMicros, hasRuns) throws(Records.Failure) in
      let facts = try records.facts(spender: spender, fromMicros: fromMicros, hasRuns: hasRuns)
      factCount = facts.count
      return facts.filter { $0.counts(for: name) }
    }
    if let factCount { records.made(counters, spender: spender, factCount: factCount) }
    return counters
  }
}
