// All engines side by side: the same random calls of the whole product at the same times, whose answers and
// all that is stored must be the same. SQLite keeps counters, indexes and caches; the engine in memory
// reckons all of it from the rows.
//
// Invariants:
// 1. One call is one commit on each engine, so that even the places of decisions are the same.
// 2. What a balance was at each time is asked once more at the end, of every engine.
//
// TALLY_SEED sets the first seed; a failure names its own.

import TallyCore
internal import TallySQLiteStore
import Testing

@Suite("Engines, agreement")
struct EngineAgreementTests {
  private static let runs = 8
  private static let stepsPerRun = 600
  private static let longestCall = 8
  private static let callsPerDump = 30

  /// What the calls must come across, or they prove less than they say.
  private static let expectedEvents = [
    "credit", "credit again", "run", "run again", "plan", "plan unchanged", "page", "page again", "media",
    "media again", "media deleted", "purged", "settings", "settings unchanged",
    "rate limit",
    "caps", "caps unchanged", "CAP_EXCEEDED", "rule", "rule unchanged", "rule deleted", "event",
    "quota", "cap", "credit expires", "top-up", "no intent", "intent open", "intent open again",
    "intent cancelled",
    "TOP_UP_INTENT_NOT_FOUND", "TOP_UP_INTENT_ENDED", "TOP_UP_INTENT_NOT_LEASED",
    "QUOTA_EXCEEDED", "INSUFFICIENT_CREDITS", "GRANT_NOT_FOUND", "VERSION_CONFLICT", "RUN_NOT_FOUND",
    "USER_SUSPENDED", "PAYMENT_DUE", "REFUND_EXCEEDS", "TRANSACTION_NOT_REFUNDABLE", "REVERSAL_EXCEEDS",
    "REVERSAL_SHORT", "VOID_SHORT", "GRANT_NOT_FOUND", "PAYMENT_CONFLICT", "EVENT_CONFLICT", "refund",
    "reversal", "reinstatement", "void", "owed_forgiven", "past balance",
  ]

  @Test("all engines give the same answers to the same calls, and have the same stored")
  func agreement() throws {
    var tally: [String: Int] = [:]
    for run in 0..<Self.runs {
      var calls = try Calls(seed: ModelSettings.seed &+ UInt64(run))
      try calls.carryOut(Step.random(count: Self.stepsPerRun, seed: calls.seed))
      tally.merge(calls.tally, uniquingKeysWith: +)
    }
    let missing = Self.expectedEvents.filter { tally[$0, default: 0] < 2 }
    #expect(missing.isEmpty, "\(tally.sorted { $0.key < $1.key })")
  }

  /// One sequence of calls, carried out on a fresh engine of each kind.
  private struct Calls {
    let seed: UInt64
    private let rigs: [(name: String, rig: any EngineRig)]
    private var source: ProductSteps
    /// Commands of the call that is being made up.
    private var call: [Command] = []
    private var callCount = 0
    private(set) var tally: [String: Int] = [:]
    private struct Moment: Hashable {
      var userId: ExactText
      var atMicros: Int64
    }

    /// What a balance was at the times that came.
    private var balances: [Moment: Balance] = [:]
    /// The first answer of each row of the ledger that has a key.
    private var answers: [Int64: Receipt] = [:]

    init(seed: UInt64) throws {
      self.seed = seed
      source = ProductSteps(seed: seed)
      rigs = try EngineUnderTest.allCases.map { ($0.rawValue, try $0.rig(detachedPages: 1)) }
      setTime()
    }

    private func setTime() { for (_, rig) in rigs { rig.setTime(micros: source.wallMicros) } }

    mutating func carryOut(_ steps: [Step]) throws {
      for step in steps {
        switch step.kind {
        case .advance, .toBorder, .month, .back:
          try makeCall()
          let before = source.wallMicros
          source.pass(step)
          // What is due is granted within a second by a server that is not down for days: before its period
          // ends, and periods end at quarter hours.
          let quarter: Int64 = 900_000_000
          if floorDivide(before, quarter) != floorDivide(source.wallMicros, quarter) { try sweep() }
          setTime()
          try noteBalances()
        case .restart, .sweep:
          try makeCall()
          if step.kind == .sweep { try sweep() } else { for (_, rig) in rigs { try rig.restart() } }
          try noteBalances()
        default:
          guard let command = source.command(step) else { continue }
          call.append(command)
          // A purge ends its batch, and no service sends another command with it.
          if call.count > source.roll(EngineAgreementTests.longestCall) || command.isPurge { try makeCall() }
        }
      }
      try makeCall()
      try compare()
      for userId in ProductSteps.users {
        let filter = EventFilter(userId: userId, limit: 1_000)
        for event in try rigs[0].rig.engine.events(filter).value.rows {
          let names = [EventKind.quotaAt: "quota", .capAt: "cap", .creditExpires: "credit expires"]
          tally[names[event.kind] ?? "event", default: 0] += 1
        }
      }
      try askBalancesAgain()
      for (name, rig) in rigs { #expect(try rig.findings() == [], "TALLY_SEED=\(seed), \(name)") }
    }

    private mutating func sweep() throws {
      for (_, rig) in rigs { try rig.sweep() }
      try noteBalances()
    }

    private mutating func makeCall() throws {
      if call.isEmpty { return }
      // What is due by a plan, and was counted by reads, is granted before the plan is another one.
      if call.contains(where: \.isPlan) { try sweep() }
      let outcomes = rigs.map { $0.rig.engine.apply(call) }
      for (rig, others) in zip(rigs, outcomes).dropFirst() {
        for (index, command) in call.enumerated() where outcomes[0][index] != others[index] {
          Issue.record(
            """
            TALLY_SEED=\(seed), \(command): \(rigs[0].name) answers \(outcomes[0][index]), \
            \(rig.name) \(others[index])
            """)
          throw Disagreement()
        }
      }
      for (command, outcome) in zip(call, outcomes[0]) {
        source.follow(command, outcome)
        note(outcome)
      }
      call = []
      callCount += 1
      try noteBalances()
      if callCount % EngineAgreementTests.callsPerDump == 0 { try compare() }
    }

    private mutating func note(_ outcome: Outcome) {
      tally[outcome.event, default: 0] += 1
      guard case .applied(var receipt) = outcome else { return }
      receipt.replayed = false
      // A replay's hold is as it is by then.
      receipt.hold = nil
      let first = answers.updateValue(receipt, forKey: receipt.transaction.sequence)
      #expect(first == nil || first == receipt, "TALLY_SEED=\(seed): a replay is another answer")
    }

    /// Asks every engine, since a time that was answered to a read is not gone behind.
    private mutating func noteBalances() throws {
      for (name, rig) in rigs {
        let nowMicros = rig.engine.nowMicros()
        // An engine that has restarted with its clock set back has not come to these yet.
        balances = balances.filter { $0.key.atMicros <= nowMicros }
        for userId in ProductSteps.users {
          let moment = Moment(userId: ExactText(userId), atMicros: nowMicros)
          let balance = try rig.engine.balance(userId: userId).value
          if name == rigs[0].name { balances[moment] = balance }
          if balances[moment] == balance { continue }
          Issue.record("TALLY_SEED=\(seed), \(name), \(moment): \(balance)")
          throw Disagreement()
        }
      }
    }

    private mutating func askBalancesAgain() throws {
      for (index, (name, rig)) in rigs.enumerated() {
        // Engines in memory look at all rows for each.
        for (number, (moment, balance)) in balances.enumerated() where index == 0 || number % 8 == 0 {
          let past = try rig.engine.balance(userId: moment.userId.text, atMicros: moment.atMicros).value
          if past == balance { continue }
          Issue.record("TALLY_SEED=\(seed), \(name), \(moment): was \(balance), and is told as \(past)")
          throw Disagreement()
        }
      }
      tally["past balance", default: 0] += balances.count
    }

    private func compare() throws {
      let dumps = try rigs.map { try EngineDump(of: $0.rig.engine, users: ProductSteps.users) }
      for (rig, dump) in zip(rigs, dumps).dropFirst() {
        guard let difference = dumps[0].difference(from: dump) else { continue }
        Issue.record("TALLY_SEED=\(seed), \(rigs[0].name) and \(rig.name): \(difference)")
        throw Disagreement()
      }
    }
  }

  private struct Disagreement: Error {}
}

extension Command {
  fileprivate var isPlan: Bool {
    if case .putPlan = self { true } else { false }
  }

  fileprivate var isPurge: Bool {
    if case .page(.purge) = self { true } else { false }
  }
}

extension Outcome {
  private static let moneyBack: Set<TransactionType> = [
    .refund, .reversal, .reinstatement, .void, .owedForgiven,
  ]

  /// What came about, by a name.
  fileprivate var event: String {
    switch self {
    case .applied(let receipt) where !receipt.replayed && Self.moneyBack.contains(receipt.transaction.type):
      Spelling.typeNames[receipt.transaction.type] ?? ""
    case .applied(let receipt): receipt.replayed ? "credit again" : "credit"
    case .planStored(_, let unchanged, _): unchanged ? "plan unchanged" : "plan"
    case .pricesStored(let it): it.unchanged ? "prices unchanged" : "prices"
    case .usage(.run(let receipt)): receipt.replayed ? "run again" : "run"
    case .page(.changed(_, let replayed, _, _)): replayed ? "page again" : "page"
    case .page(.purged): "purged"
    case .page(.mediaStored(_, let replayed, _)): replayed ? "media again" : "media"
    case .page(.mediaDeleted(_, let left, replayed: false, _)) where left > 0: "media being detached"
    case .page(.mediaDeleted(_, _, let replayed, _)): replayed ? "media deleted again" : "media deleted"
    case .admin(.settingsStored(_, let unchanged, _)): unchanged ? "settings unchanged" : "settings"
    case .admin(.rateLimitSet): "rate limit"
    case .admin(.capsStored(_, let unchanged, _)): unchanged ? "caps unchanged" : "caps"
    case .admin(.ruleStored(let rule, let unchanged, _)):
      unchanged ? "rule unchanged" : rule == nil ? "rule deleted" : "rule"
    case .topUp(.setting(let it)): it.unchanged ? "top-up unchanged" : "top-up"
    case .topUp(.intent(let it)):
      it.intent.map { "intent \($0.state)\(it.unchanged ? " again" : "")" } ?? "no intent"
    case .refused(let refusal): refusal.reason.rawValue
    }
  }
}
