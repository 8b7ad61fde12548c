// What concurrent callers saw of an engine, and the proof that one order explains all of it: `SerialOrder`
// judges, and beside it:
//
// 1. The rows in the end are the model's.
// 2. A replay is, to the letter, an answer that stands in the order.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

struct History {
  /// One command's way, on the monotonic clock.
  struct Decision {
    var caller: String
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
    var caller: String
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
  ///   - isTold: whether somebody reads what it was: then it is made small.
  /// - Returns: what contradicts the invariants; empty when one order explains it all.
  func violations(
    ledger: [Entry], by model: LedgerModel = LedgerModel(), isTold: Bool = true
  ) throws -> [String] {
    let world = World(ledger: model)
    var order = SerialOrder(world: world)
    var observations = decisions.filter { !$0.isReplay }.map(\.observation) + reads.map(\.observation)
    if let violation = order.judge(&observations) {
      return [isTold ? "\(SerialOrder.smallest(violation, world: world))" : violation.reason]
    }
    var rows = ledger
    for index in rows.indices { rows[index].commit = .none }
    return (rows == order.world.ledger.ledger ? [] : ["the rows are not the model's"]) + strayReplays(ledger)
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

extension History.Decision {
  fileprivate var observation: Observation {
    let outcome = outcome
    return Observation(
      caller: caller,
      matter: .decision(command, place: place) { expected in
        guard case .outcome(let expected) = expected else { return "\(outcome), expected \(expected)" }
        return outcome.difference(from: expected)
      },
      wallMicros: wallMicros, beganNanoseconds: beganNanoseconds, endedNanoseconds: endedNanoseconds,
      userIds: [outcome.transaction?.userId ?? command.ownUserId],
      tell: { [command] in "\(command): \(outcome)" })
  }
}

extension History.Read {
  fileprivate var observation: Observation {
    let balances = balances
    return Observation(
      caller: caller,
      matter: .read(commitSequence: commitSequence) { world, time in
        let expected = balances.map { world.ledger.balance($0.userId, at: time) }
        return expected == balances ? nil : "\(balances), expected \(expected)"
      },
      wallMicros: wallMicros, beganNanoseconds: beganNanoseconds, endedNanoseconds: endedNanoseconds,
      userIds: balances.map(\.userId), tell: { "balances: \(balances)" })
  }
}
