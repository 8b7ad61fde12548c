// What concurrent callers saw of an engine, and the proof that one order explains all of it.
//
// Invariants of a history that is linearizable:
// 1. Every decision has a place of its own, and the model, fed in that order, answers each the same.
// 2. A decision that was answered before another was asked for stands before it.
// 3. A read is the model's state after some commit: not before any commit that was answered, or read, before
//    the read was asked for.
// 4. A replay is, to the letter, an answer that stands in the order.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

/// What answers one command after the other, by which concurrent answers are judged.
protocol SequentialLedger {
  mutating func apply(_ command: Command, wall: Int64) throws -> Outcome
  /// As it is by what was applied so far.
  func balance(_ userId: String, at micros: Int64) throws -> Balance
  var lastAt: Int64 { get }
  /// All rows, without their commits.
  func rows() throws -> [Entry]
}

extension LedgerModel: SequentialLedger {
  func rows() -> [Entry] { ledger }
}

struct History {
  /// One command's way, on the monotonic clock.
  struct Decision {
    var command: Command
    var outcome: Outcome
    var wallMicros: Int64
    var beganNanoseconds: UInt64
    var endedNanoseconds: UInt64

    /// nil for a replay, whose place is that of the first.
    var place: CommitPoint? {
      switch outcome {
      case .applied(let receipt): receipt.replayed ? nil : receipt.transaction.commit
      case .planStored(_, _, let commit): commit
      case .pricesStored(let it): it.commit
      case .refused(let refusal): refusal.commit
      case .usage(.run(let receipt)): receipt.replayed ? nil : receipt.commit
      case .page, .admin, .topUp: nil
      }
    }

    var isReplay: Bool {
      switch outcome {
      case .applied(let receipt): receipt.replayed
      case .usage(.run(let receipt)): receipt.replayed
      case .planStored, .pricesStored, .page, .admin, .topUp, .refused: false
      }
    }
  }

  struct Read {
    var balances: [Balance]
    var commitSequence: Int64
    var wallMicros: Int64
    var beganNanoseconds: UInt64
    var endedNanoseconds: UInt64
  }

  var decisions: [Decision] = []
  var reads: [Read] = []

  mutating func merge(_ other: History) {
    decisions += other.decisions
    reads += other.reads
  }

  /// - Parameters:
  ///   - ledger: all rows of the engine at the end, in order.
  ///   - model: without any command so far but those that are no part of the history.
  /// - Returns: what contradicts the invariants; empty when one order explains it all.
  func violations(ledger: [Entry], by model: some SequentialLedger = LedgerModel()) throws -> [String] {
    let ordered = decisions.filter { !$0.isReplay }.sorted { ($0.place ?? .none) < ($1.place ?? .none) }
    return unplaced(ordered) + overtakings(ordered) + staleReads()
      + (try differences(ordered, ledger, model)) + strayReplays(ledger)
  }

  private func unplaced(_ ordered: [Decision]) -> [String] {
    var violations = ordered.filter { $0.place == nil }.map { "\($0.outcome) has no place" }
    for (earlier, later) in zip(ordered, ordered.dropFirst()) where earlier.place == later.place {
      violations.append("\(earlier.outcome) and \(later.outcome) share a place")
    }
    return violations
  }

  /// Later ones in the order that had been answered before this one was asked for.
  private func overtakings(_ ordered: [Decision]) -> [String] {
    var violations: [String] = []
    var earliestEnd = UInt64.max
    for decision in ordered.reversed() {
      if earliestEnd < decision.beganNanoseconds {
        violations.append("\(decision.outcome) stands before what was answered before it began")
      }
      earliestEnd = min(earliestEnd, decision.endedNanoseconds)
    }
    return violations
  }

  /// Reads older than what was known when they began.
  private func staleReads() -> [String] {
    var known = decisions.compactMap { decision in
      decision.place.map { (at: decision.endedNanoseconds, sequence: $0.sequence) }
    }
    known += reads.map { (at: $0.endedNanoseconds, sequence: $0.commitSequence) }
    known.sort { $0.at < $1.at }
    var violations: [String] = []
    var next = 0
    var latest: Int64 = 0
    for read in reads.sorted(by: { $0.beganNanoseconds < $1.beganNanoseconds }) {
      while next < known.count, known[next].at < read.beganNanoseconds {
        latest = max(latest, known[next].sequence)
        next += 1
      }
      if read.commitSequence < latest {
        violations.append("a read of commit \(read.commitSequence) began after commit \(latest) was known")
      }
    }
    return violations
  }

  /// Feeds the model, and compares answers, reads and rows.
  private func differences(
    _ ordered: [Decision], _ ledger: [Entry], _ model: some SequentialLedger
  ) throws -> [String] {
    var model = model
    var violations: [String] = []
    let reads = reads.sorted { ($0.commitSequence, $0.wallMicros) < ($1.commitSequence, $1.wallMicros) }
    var nextRead = 0
    /// Those of a round come before what a later one was told without a commit.
    func compareReads(before sequence: Int64, _ wallMicros: Int64, _ model: some SequentialLedger) throws {
      while nextRead < reads.count,
        (reads[nextRead].commitSequence, reads[nextRead].wallMicros) < (sequence, wallMicros)
      {
        let read = reads[nextRead]
        nextRead += 1
        let time = max(read.wallMicros, model.lastAt)
        let expected = try read.balances.map { try model.balance($0.userId, at: time) }
        if expected != read.balances {
          violations.append("read at \(read.commitSequence): \(read.balances), expected \(expected)")
        }
      }
    }
    for decision in ordered {
      try compareReads(before: decision.place?.sequence ?? 0, decision.wallMicros, model)
      let expected = try model.apply(decision.command, wall: decision.wallMicros)
      if let difference = ModelRun.difference(expected, decision.outcome) {
        violations.append("\(decision.command) at \(decision.place ?? .none): \(difference)")
        // What follows would only say the same again.
        return violations
      }
    }
    try compareReads(before: Int64.max, Int64.max, model)
    var rows = ledger
    for index in rows.indices { rows[index].commit = .none }
    if rows != (try model.rows()) { violations.append("the rows are not the model's") }
    return violations
  }

  private func strayReplays(_ ledger: [Entry]) -> [String] {
    decisions.compactMap { decision in
      guard decision.isReplay, let transaction = decision.outcome.transaction else { return nil }
      let sequence = transaction.sequence
      guard sequence > 0, sequence <= Int64(ledger.count), ledger[Int(sequence) - 1] == transaction
      else { return "\(transaction) was replayed, but is no row" }
      return nil
    }
  }
}

extension Outcome {
  fileprivate var transaction: Entry? {
    switch self {
    case .applied(let receipt): receipt.transaction
    case .usage(.run(let receipt)): receipt.transaction
    case .planStored, .pricesStored, .page, .admin, .topUp, .refused: nil
    }
  }
}

extension CommitPoint {
  static let none = CommitPoint(sequence: 0, position: 0)

  static func < (left: Self, right: Self) -> Bool {
    (left.sequence, left.position) < (right.sequence, right.position)
  }
}
