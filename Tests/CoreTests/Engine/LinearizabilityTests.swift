// Many callers at once on an engine; afterwards one order must explain everything that they saw.
//
// TALLY_SEED sets the seed, TALLY_OPERATIONS the number of operations.

import FoundationEssentials
import Glibc
import TallyCore
internal import TallySQLiteStore
import Testing

@testable import TallyModel

@Suite("Linearizability")
struct LinearizabilityTests {
  static let callers = 64
  static let operationsPerRound = 5_000

  static let operations: Int = {
    ProcessInfo.processInfo.environment["TALLY_OPERATIONS"].flatMap { Int($0) } ?? 100_000
  }()

  /// Rounds of concurrent callers; between two the clock moves on.
  static func history(
    on rig: any EngineRig, operations: Int, seed: UInt64, givesBack: Bool = false
  ) async throws -> History {
    var history = History()
    var wallMicros = ModelRun.startMicros
    let ground = CommonGround()
    for round in 0..<max(1, operations / operationsPerRound) {
      rig.setTime(micros: wallMicros)
      let engine = rig.engine
      let share = min(operations, operationsPerRound) / callers
      try await withThrowingTaskGroup(of: History.self) { group in
        for number in 0..<callers {
          var caller = Caller(
            name: "c\(round)-\(number)", engine: engine, ground: ground, wallMicros: wallMicros,
            seed: seed &+ UInt64(round * callers + number), givesBack: givesBack)
          group.addTask { try await caller.run(operations: share) }
        }
        for try await part in group { history.merge(part) }
      }
      wallMicros += Int64(seed % 1_000) + 1_000_000
    }
    return history
  }

  static func ledger(of engine: any Engine) throws -> [Entry] {
    var rows: [Entry] = []
    for userId in Caller.users {
      var filter = TransactionFilter(userId: userId, limit: 1_000)
      repeat {
        let page = try engine.transactions(filter).value
        rows += page.rows
        filter.beforeSequence = page.nextBefore
      } while filter.beforeSequence != nil
    }
    return rows.sorted { $0.sequence < $1.sequence }
  }

  @Test("one order explains what concurrent callers of SQLite see")
  func sqlite() async throws {
    let rig = try SQLiteRig()
    let history = try await Self.history(on: rig, operations: Self.operations, seed: ModelSettings.seed)
    let violations = try history.violations(ledger: try Self.ledger(of: rig.engine))
    #expect(violations.isEmpty, "TALLY_SEED=\(ModelSettings.seed): \(violations.prefix(3))")
    #expect(try rig.findings().isEmpty)
    #expect(history.decisions.count > Self.operations / 2)
    #expect(history.reads.count > Self.operations / 8)
    #expect(history.decisions.contains { $0.isReplay })
    let reasons = Set(
      history.decisions.compactMap { decision -> Reason? in
        guard case .refused(let refusal) = decision.outcome else { return nil }
        return refusal.reason
      })
    #expect(
      reasons.isSuperset(of: [.insufficientCredits, .holdSettled, .holdExpired, .captureExceedsHold]))
  }

  @Test(
    "one order explains what concurrent callers of an engine in memory see",
    arguments: EngineUnderTest.allCases.filter { $0 != .sqlite })
  func memory(engine: EngineUnderTest) async throws {
    let rig = try engine.rig()
    let history = try await Self.history(on: rig, operations: 5_000, seed: ModelSettings.seed)
    let violations = try history.violations(ledger: try Self.ledger(of: rig.engine))
    #expect(violations.isEmpty, "TALLY_SEED=\(ModelSettings.seed): \(violations.prefix(3))")
    #expect(try rig.findings().isEmpty)
  }

  // MARK: Money back

  /// What users are under; `a` and `b` have no plan.
  private static let plans: [Command] = {
    var commands: [Command] = []
    for (onShort, users) in [(OnShort.collect, ["c", "d"]), (.block, ["e", "f"])] {
      var plan = Plan(
        id: "\(onShort)", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never)
      plan.onShort = onShort
      commands.append(.putPlan(plan))
      for userId in users {
        var settings = UserSettings(userId: userId)
        settings.planId = plan.id
        commands.append(.admin(.putSettings(settings)))
      }
    }
    return commands
  }()

  /// The model of users who are under these plans.
  private static let planned: LedgerModel = {
    var model = LedgerModel()
    for command in plans { _ = model.apply(command, wall: ModelRun.startMicros) }
    return model
  }()

  /// Refusals and rows that callers must come across, or the history proves less than it says.
  private static let moneyBackReasons: Set<Reason> = [
    .refundExceeds, .transactionNotRefundable, .reversalExceeds, .reversalShort, .voidShort, .paymentDue,
    .invalidAmount, .holdSettled, .eventConflict, .paymentConflict,
  ]
  private static let moneyBackTypes: Set<TransactionType> = [
    .refund, .reversal, .reinstatement, .void, .owed, .owedPayment, .owedForgiven,
  ]

  /// Callers who give money back, quarrel about it and owe, and what became of it on one engine.
  private static func giveBack(
    on rig: any EngineRig, operations: Int
  ) async throws -> (history: History, ledger: [Entry]) {
    rig.setTime(micros: ModelRun.startMicros)
    for outcome in rig.engine.apply(plans) { #expect(outcome.refusal == nil) }
    let history = try await history(
      on: rig, operations: operations, seed: ModelSettings.seed, givesBack: true)
    return (history, try ledger(of: rig.engine))
  }

  @Test(
    "one order explains what concurrent callers see who give money back, draw on holds and owe",
    arguments: EngineUnderTest.allCases)
  func moneyBack(engine: EngineUnderTest) async throws {
    let rig = try engine.rig()
    let operations = engine == .sqlite ? max(20_000, Self.operations / 5) : 5_000
    let (history, ledger) = try await Self.giveBack(on: rig, operations: operations)
    let violations = try history.violations(ledger: ledger, by: Self.planned)
    #expect(violations.isEmpty, "TALLY_SEED=\(ModelSettings.seed): \(violations.prefix(3))")
    #expect(try rig.findings().isEmpty)
    guard engine == .sqlite else { return }
    let reasons = Set(history.decisions.compactMap(\.outcome.refusal?.reason))
    #expect(reasons.isSuperset(of: Self.moneyBackReasons), "\(Self.moneyBackReasons.subtracting(reasons))")
    let types = Set(ledger.map(\.type))
    #expect(types.isSuperset(of: Self.moneyBackTypes), "\(Self.moneyBackTypes.subtracting(types))")
  }

  @Test("a history in which a refund, a reversal or a payment of what is owed was lost is found out")
  func spoiledMoneyBack() async throws {
    let types: Set<TransactionType> = [.refund, .reversal, .reinstatement, .void]
    var (sound, ledger) = try await Self.giveBack(on: try MemoryRig(), operations: 5_000)
    // Which of them come about depends on how the callers meet.
    for _ in 0..<8 where !types.isSubset(of: ledger.lazy.filter { $0.idempotency != nil }.map(\.type)) {
      (sound, ledger) = try await Self.giveBack(on: try MemoryRig(), operations: 10_000)
    }
    #expect(try sound.violations(ledger: ledger, by: Self.planned).isEmpty)
    for type in types {
      let place = try #require(
        sound.decisions.firstIndex {
          if case .applied(let it) = $0.outcome { return !it.replayed && it.transaction.type == type }
          return false
        }, "\(type)")
      var lost = sound
      lost.decisions.remove(at: place)
      #expect(try !lost.violations(ledger: ledger, by: Self.planned, isTold: false).isEmpty, "\(type)")
    }
    let unpaid = ledger.filter { $0.type != .owedPayment }
    #expect(unpaid.count < ledger.count)
    #expect(try !sound.violations(ledger: unpaid, by: Self.planned, isTold: false).isEmpty)
  }

  @Test("an engine that answers before its commit is found out")
  func canary() async throws {
    var faults = EngineFaults()
    faults.answersBeforeCommit = true
    faults.beforeCommit = { _ in _ = usleep(1_000) }
    let rig = try SQLiteRig(faults: faults)
    let history = try await Self.history(on: rig, operations: 2_000, seed: ModelSettings.seed)
    let violations = try history.violations(ledger: try Self.ledger(of: rig.engine))
    #expect(violations.contains { $0.contains("was known") })
  }

  @Test("no read goes back in time while a commit waits to be published")
  func slowPublication() async throws {
    var faults = EngineFaults()
    faults.afterCommit = { _ in _ = usleep(2_000) }
    let rig = try SQLiteRig(faults: faults)
    let history = try await Self.history(on: rig, operations: 2_000, seed: ModelSettings.seed)
    let violations = try history.violations(ledger: try Self.ledger(of: rig.engine))
    #expect(violations.isEmpty, "\(violations.prefix(3))")
  }

  /// A small history that holds, to be spoiled.
  private static func sound() async throws -> (history: History, ledger: [Entry]) {
    let rig = try MemoryRig()
    let history = try await history(on: rig, operations: 2_000, seed: 1)
    return (history, try ledger(of: rig.engine))
  }

  @Test("a history that was spoiled is found out")
  func spoiled() async throws {
    let (sound, ledger) = try await Self.sound()
    #expect(try sound.violations(ledger: ledger).isEmpty)
    let applied = try #require(
      sound.decisions.firstIndex {
        if case .applied(let receipt) = $0.outcome { return !receipt.replayed }
        return false
      })

    // A decision twice at one place.
    var twice = sound
    twice.decisions.append(sound.decisions[applied])
    #expect(try !twice.violations(ledger: ledger, isTold: false).isEmpty)
    // A decision that was lost.
    var lost = sound
    lost.decisions.remove(at: applied)
    #expect(try !lost.violations(ledger: ledger, isTold: false).isEmpty)
    // Another answer than was due.
    var other = sound
    if case .applied(var receipt) = sound.decisions[applied].outcome {
      receipt.balance.postedMicros += 1
      other.decisions[applied].outcome = .applied(receipt)
    }
    #expect(try !other.violations(ledger: ledger, isTold: false).isEmpty)
    // An answer that came before its predecessors were asked for.
    var early = sound
    let last = try #require(
      sound.decisions.indices.max {
        sound.decisions[$0].endedNanoseconds < sound.decisions[$1].endedNanoseconds
      })
    early.decisions[last].beganNanoseconds = 0
    early.decisions[last].endedNanoseconds = 1
    #expect(try !early.violations(ledger: ledger, isTold: false).isEmpty)
    // A read of the past.
    var stale = sound
    let read = try #require(
      sound.reads.indices.max { sound.reads[$0].beganNanoseconds < sound.reads[$1].beganNanoseconds })
    stale.reads[read].commitSequence = 1
    stale.reads[read].balances = []
    #expect(try !stale.violations(ledger: ledger, isTold: false).isEmpty)
    // A read of what never was.
    var wrong = sound
    wrong.reads[read].balances[0].version += 1
    #expect(try !wrong.violations(ledger: ledger, isTold: false).isEmpty)
    // A row that nobody asked for.
    #expect(try !sound.violations(ledger: ledger + ledger.suffix(1), isTold: false).isEmpty)
  }
}
