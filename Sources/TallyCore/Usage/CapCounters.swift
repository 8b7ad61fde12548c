// What was counted for the caps of one subject, and from which facts.
//
// Invariants:
// 1. Counters are those that the facts of the ledger and of the runs come to, and can be made from them at
//    any time: whoever has lost them, or never had them, counts the same.
// 2. A fact belongs to the time at which its hold or run was opened; what Consume takes, to its own time.
// 3. What runs under way count for generations is in no counter: a run that is never finished stops to count
//    when it expires, and nobody writes that.

/// Something that counts for caps, at the time to which it belongs. What is taken away is negative.
package struct CapFact: Sendable, Equatable {
  package var spender: ExactText
  package var micros: Int64
  package var generations: Int64
  package var atMicros: Int64
  /// Of the run; both empty for what was spent outside of runs.
  package var model: ExactText
  package var type: ExactText

  package init(
    spender: String, micros: Int64 = 0, generations: Int64 = 0, atMicros: Int64, model: String = "",
    type: String = ""
  ) {
    self.spender = ExactText(spender)
    self.micros = micros
    self.generations = generations
    self.atMicros = atMicros
    self.model = ExactText(model)
    self.type = ExactText(type)
  }

  /// A run that counts as a generation.
  package init(generation run: Run) {
    self.init(
      spender: run.spender, generations: 1, atMicros: run.startedAtMicros, model: run.model, type: run.type)
  }

  /// Of an account's counters, or of those of a spender.
  package func counts(for spender: ExactText) -> Bool { spender.text.isEmpty || spender == self.spender }
}

/// What runs under way count, those together that count alike: windows begin and end with a quarter hour.
package struct UnderWay: Sendable {
  private struct Kind: Hashable {
    var spender: String
    var model: String
    var type: String
    var quarter: Int64
  }
  private var counts: [Kind: Int64] = [:]

  package init() {}

  package mutating func add(spender: String, startedAtMicros: Int64, model: String, type: String) {
    let quarter = QuarterHour.number(ofMicros: startedAtMicros)
    counts[Kind(spender: spender, model: model, type: type, quarter: quarter), default: 0] += 1
  }

  package var facts: [CapFact] {
    counts.map { kind, count in
      CapFact(
        spender: kind.spender, generations: count, atMicros: kind.quarter * QuarterHour.micros,
        model: kind.model, type: kind.type)
    }
  }
}

/// Which facts are asked for.
package struct CapFactQuery: Sendable, Equatable {
  package var account: Int64
  /// Empty: of all spenders.
  package var spender: String
  package var fromMicros: Int64
  /// Whether runs that have succeeded are among them.
  package var hasRuns: Bool

  package init(account: Int64, spender: String, fromMicros: Int64, hasRuns: Bool) {
    self.account = account
    self.spender = spender
    self.fromMicros = fromMicros
    self.hasRuns = hasRuns
  }

  /// Whether all that another one asks for is among what this one does.
  package func covers(_ other: Self) -> Bool {
    account == other.account && (spender.isEmpty || spender.isExactly(other.spender))
      && fromMicros <= other.fromMicros && (hasRuns || !other.hasRuns)
  }
}

/// What counts for an account's caps, as it is stored.
package struct StoredCapFacts: Sendable {
  /// Charged, or owed for usage.
  package var charges: [CapFact] = []
  /// Set aside by holds that are stored as open, by their ids.
  package var holds: [Int64: CapFact] = [:]
  /// Succeeded; none where nobody asked for them.
  package var runs: [CapFact] = []

  package init() {}

  package var all: [CapFact] { charges + holds.values + runs }
}

extension CapSubject {
  /// How much of a fact counts.
  func amount(of fact: CapFact) -> Int64 {
    guard takes(model: fact.model, type: fact.type) else { return 0 }
    return measure == .money ? fact.micros : fact.generations
  }
}

package struct CapCounters: Sendable, Equatable {
  /// Of the windows.
  package var zone: String
  package var bySubject: [CapSubject: CapCounter]

  package init(zone: String, bySubject: [CapSubject: CapCounter] = [:]) {
    self.zone = zone
    self.bySubject = bySubject
  }

  package var isEmpty: Bool { bySubject.isEmpty }

  /// Counters of these and no other subjects, as of a time: what is stored goes on, and what is missing is
  /// made from facts.
  /// - Parameter facts: that count for it since a time, with runs or without.
  package static func current<Failure: Error>(
    of subjects: Set<CapSubject>, stored: CapCounters?, zone: Zone, nowMicros: Int64,
    facts: (_ fromMicros: Int64, _ hasRuns: Bool) throws(Failure) -> [CapFact]
  ) throws(Failure) -> CapCounters {
    var counters = CapCounters(zone: zone.name)
    var made = CapCounters(zone: zone.name)
    let isSameZone = stored?.zone.isExactly(zone.name) ?? false
    var fromMicros = Int64.max
    for subject in subjects {
      let known = isSameZone ? stored?.bySubject[subject] : nil
      var counter = known ?? CapCounter()
      counter.advance(to: nowMicros, subject.window, in: zone)
      if known != nil {
        counters.bySubject[subject] = counter
      } else {
        made.bySubject[subject] = counter
        fromMicros = min(fromMicros, counter.span.lowerBound)
      }
    }
    if made.isEmpty { return counters }
    let hasRuns = made.bySubject.keys.contains { $0.measure == .generations }
    for fact in try facts(fromMicros, hasRuns) { made.add(fact) }
    counters.bySubject.merge(made.bySubject) { $1 }
    return counters
  }

  /// What facts come to in the same windows.
  package func countedAgain(from facts: [CapFact], spender: ExactText) -> CapCounters {
    var counted = CapCounters(
      zone: zone, bySubject: bySubject.mapValues { CapCounter(sum: 0, quarters: [], span: $0.span) })
    for fact in facts where fact.counts(for: spender) { counted.add(fact) }
    return counted
  }

  package mutating func add(_ fact: CapFact) {
    for subject in bySubject.keys {
      let amount = subject.amount(of: fact)
      if amount != 0 { bySubject[subject]?.add(amount, atMicros: fact.atMicros, subject.window) }
    }
  }
}

/// How much of a cap is used.
public struct CapUse: Sendable, Equatable {
  public var cap: Cap
  /// Whose cap it is; empty for the account's.
  public var spender: String
  package var counter: CapCounter

  package init(cap: Cap, spender: String, counter: CapCounter) {
    self.cap = cap
    self.spender = spender
    self.counter = counter
  }

  public var used: Int64 { counter.used }

  mutating func add(_ fact: CapFact) {
    counter.add(cap.subject.amount(of: fact), atMicros: fact.atMicros, cap.subject.window)
  }

  /// When the window ends; of the last hours: when there is room for one more, if there is none now.
  public var resetsAtMicros: Int64 { resetsAtMicros(of: 1) }

  private func resetsAtMicros(of amount: Int64) -> Int64 {
    counter.resetsAtMicros(of: amount, limit: cap.limit ?? Int64.max, cap.subject.window)
  }

  /// Why what is asked for does not fit; nil when it does. What asks for nothing does not fit either when
  /// nothing is left.
  func refusal(of ask: CapAsk) -> Refusal? {
    guard let limit = cap.limit, cap.subject.isAsked(by: ask) else { return nil }
    let amount = max(1, cap.subject.measure == .money ? ask.micros : 1)
    guard used.addingSaturating(amount) > limit else { return nil }
    let unit = cap.subject.measure == .money ? "_micros" : ""
    var details = [
      "cap": cap.id, "used\(unit)": String(used), "limit\(unit)": String(limit),
      "resets_at_micros": String(resetsAtMicros(of: amount)),
    ]
    if !spender.isEmpty { details["spender"] = spender }
    return Refusal(.capExceeded, "a cap leaves no room for that", details: details)
  }
}

extension [CapUse] {
  /// Why what is asked for does not fit: by the first of these that it does not fit into.
  public func refusal(of ask: CapAsk) -> Refusal? { lazy.compactMap { $0.refusal(of: ask) }.first }
}

/// What somebody wants to spend or to begin.
public struct CapAsk: Sendable {
  public var spender: String
  /// Zero of a run without an estimate.
  public var micros: Int64
  /// nil outside of runs.
  public var run: (model: String, type: String)?

  public init(spender: String = "", micros: Int64 = 0, run: (model: String, type: String)? = nil) {
    self.spender = spender
    self.micros = micros
    self.run = run
  }
}

extension CapSubject {
  func isAsked(by ask: CapAsk) -> Bool {
    guard measure == .money || ask.run != nil else { return false }
    return takes(model: ExactText(ask.run?.model ?? ""), type: ExactText(ask.run?.type ?? ""))
  }
}
