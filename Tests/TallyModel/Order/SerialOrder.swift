// Whether one order explains all that concurrent callers saw: the order of the commits.
//
// Invariants of a history that is linearizable:
// 1. Every decision has a place of its own, and the model, fed in that order, answers each the same.
// 2. A decision that was answered before another was asked for stands before it.
// 3. A read is the model's state after some commit: not before any commit that was answered, or read, before
//    the read was asked for.
//
// A value, owned by who judges. A long history is judged a part at a time, in order.

import TallyCore

struct SerialOrder {
  /// What no order explains.
  struct Violation: CustomStringConvertible {
    /// In order; the last one is wrong.
    var observations: [Observation]
    var reason: String
    /// Whether the model would have answered otherwise.
    var isOfAnswer: Bool

    var description: String {
      let start = observations.map(\.beganNanoseconds).min() ?? 0
      func millis(_ nanoseconds: UInt64) -> String {
        let micros = (nanoseconds - start) / 1_000
        let rest = "\(micros % 1_000)"
        return "\(micros / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
      }
      let lines = observations.map { it in
        let place = it.place.map { "\($0.sequence)\(it.isRead ? "" : ".\($0.position)")" } ?? "nowhere"
        let span = "\(millis(it.beganNanoseconds)) to \(millis(it.endedNanoseconds)) ms"
        return "commit \(place), \(span), \(it.caller): \(it.tell())"
      }
      return (lines + [reason]).joined(separator: "\n")
    }
  }

  private(set) var world: World
  private var lastPlace: Observation?
  /// The latest place that was known when, by the time at which it became known; of the parts before.
  private var known: Observation?
  /// Of all parts before: what began last.
  private var latestBegin: Observation?

  init(world: World = World()) { self.world = world }

  /// Judges what comes after all that was judged before.
  /// - Parameter observations: in any order; afterwards in that of the commits, with their rows.
  /// - Returns: what is wrong first.
  mutating func judge(_ observations: inout [Observation]) -> Violation? {
    if let lost = observations.first(where: { $0.place == nil }) {
      return Violation(observations: [lost], reason: "it has no place", isOfAnswer: false)
    }
    observations.sort { ($0.place ?? .none) < ($1.place ?? .none) }
    if let violation = overtaking(observations) ?? stale(observations) { return violation }
    for index in observations.indices {
      observations[index].lastSequence = world.ledger.lastSequence
      let observation = observations[index]
      if !observation.isRead {
        if let last = lastPlace, last.place == observation.place {
          return Violation(
            observations: [last, observation], reason: "both stand at one place", isOfAnswer: false)
        }
        lastPlace = observation
      }
      if let reason = follow(observation) {
        return Violation(
          observations: Array(observations[...index]), reason: reason, isOfAnswer: true)
      }
    }
    latestBegin = [latestBegin, observations.max { $0.beganNanoseconds < $1.beganNanoseconds }]
      .compactMap(\.self).max { $0.beganNanoseconds < $1.beganNanoseconds }
    known = [known, observations.last].compactMap(\.self).last
    return nil
  }

  /// - Returns: where the model says something else.
  private mutating func follow(_ observation: Observation) -> String? {
    switch observation.matter {
    case .decision(let command, _, let differs):
      return differs(world.apply(command, wall: observation.wallMicros))
    case .read(_, let differs):
      return differs(world, max(observation.wallMicros, world.ledger.lastAt))
    }
  }

  /// Something later in the order that had been answered before something earlier was asked for.
  private func overtaking(_ ordered: [Observation]) -> Violation? {
    var earliest: Observation?
    for observation in ordered.reversed() where !observation.isRead {
      if let earliest, earliest.endedNanoseconds < observation.beganNanoseconds {
        return Violation(
          observations: [earliest, observation],
          reason: "the second began after the first was answered, and stands before it", isOfAnswer: false)
      }
      if observation.endedNanoseconds < earliest?.endedNanoseconds ?? .max { earliest = observation }
    }
    // Of the parts before, nothing may have begun after something here was answered.
    guard let earliest, let latestBegin, earliest.endedNanoseconds < latestBegin.beganNanoseconds else {
      return nil
    }
    return Violation(
      observations: [earliest, latestBegin],
      reason: "the second began after the first was answered, and belongs to what came before",
      isOfAnswer: false)
  }

  /// A read that is older than what was known when it began.
  private func stale(_ ordered: [Observation]) -> Violation? {
    let known = ordered.sorted { $0.endedNanoseconds < $1.endedNanoseconds }
    var next = 0
    var latest = self.known
    for read in ordered.filter(\.isRead).sorted(by: { $0.beganNanoseconds < $1.beganNanoseconds }) {
      while next < known.count, known[next].endedNanoseconds < read.beganNanoseconds {
        if known[next].commit > latest?.commit ?? .none { latest = known[next] }
        next += 1
      }
      guard let latest, read.commit < latest.commit else { continue }
      return Violation(
        observations: [latest, read],
        reason: "a read of commit \(read.commit.sequence) began after commit \(latest.commit.sequence) "
          + "was known", isOfAnswer: false)
    }
    return nil
  }

  // MARK: the smallest

  /// Answers that are asked of the model to make a history smaller: some minutes.
  private static let maximumEffort = 2_000_000

  /// The smallest part of a history in which all answers but the last are right, and the last one should have
  /// been the same as it should have been in all of it.
  /// - Parameters:
  ///   - violation: what `judge` has found, with all that stands before it.
  ///   - world: what was there before all of it.
  static func smallest(_ violation: Violation, world: World = World()) -> Violation {
    guard violation.isOfAnswer, let wrong = violation.observations.last else { return violation }
    var effort = maximumEffort
    func fails(_ part: [Observation]) -> Bool {
      if effort < 0 { return false }
      var order = SerialOrder(world: world)
      for observation in part {
        effort -= 1
        if let number = observation.lastSequence { order.world.ledger.skip(to: number) }
        if order.follow(observation) != nil { return false }
      }
      if let number = wrong.lastSequence { order.world.ledger.skip(to: number) }
      return order.follow(wrong) == violation.reason
    }
    var part = Array(violation.observations.dropLast())
    /// Takes away whatever has something in common, while the last one stays as wrong.
    func drop(_ common: (Observation) -> [String]) {
      let names = Array(Set(part.flatMap(common))).sorted()
      let kept = Shrinker.shrink(names) { names in
        let names = Set(names)
        return fails(part.filter { common($0).allSatisfy(names.contains) })
      }
      part = part.filter { common($0).allSatisfy(Set(kept).contains) }
    }
    let own = part.filter { $0.userIds.allSatisfy(wrong.userIds.contains) }
    if fails(own) { part = own } else { drop(\.userIds) }
    drop { [$0.product] }
    drop { [$0.caller] }
    part = Shrinker.shrink(part, maximumAttempts: 2_000, fails: fails)
    return Violation(observations: part + [wrong], reason: violation.reason, isOfAnswer: true)
  }
}

extension Observation {
  /// Without a place in it.
  fileprivate var commit: Place { Place(place?.wallMicros ?? 0, place?.sequence ?? 0, 0) }
}

extension Observation.Place {
  fileprivate static let none = Self(0, 0, 0)
}
