// Random steps, and how a step becomes a command in the state that it meets.
//
// Invariants:
// 1. A step names nothing outright: holds, earlier commands and borders are picked by number from what there
//    is when it is carried out. So any part of a sequence is a sequence, and failures can be shrunk.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

struct Step: Sendable, CustomStringConvertible {
  enum Kind: Sendable, CaseIterable {
    case consume, purchase, grantPlan, promo, adjust, reserve, extend, capture, release, putPlan
    case beginRun, finishRun, recordRun
    case retry, advance, toBorder, back, restart, sweep

    /// Out of their sum.
    var weight: UInt64 {
      switch self {
      case .consume: 18
      case .purchase, .grantPlan, .extend: 6
      case .promo, .capture: 12
      case .adjust, .release: 5
      case .reserve: 14
      case .beginRun, .finishRun: 10
      case .recordRun: 3
      case .putPlan: 1
      case .retry: 8
      case .advance: 4
      case .toBorder: 8
      case .back, .restart, .sweep: 1
      }
    }
  }

  /// Numbers the step's key.
  var id: Int
  var kind: Kind
  /// What the choices are made from.
  var a: UInt64
  var b: UInt64
  var c: UInt64

  static func random(count: Int, seed: UInt64) -> [Step] {
    var generator = SeededGenerator(seed: seed)
    let total = Kind.allCases.reduce(0) { $0 + $1.weight }
    return (0..<count).map { id in
      // There are plans before anything is granted by one.
      if id < 2 { return Step(id: id, kind: .putPlan, a: UInt64(id), b: generator.next(), c: 1) }
      var point = generator.next() % total
      let kind = Kind.allCases.first { kind in
        defer { point &-= kind.weight }
        return point < kind.weight
      }
      return Step(
        id: id, kind: kind ?? .consume, a: generator.next(), b: generator.next(), c: generator.next())
    }
  }

  var description: String { "#\(id) \(kind) \(a) \(b) \(c)" }
}

/// Turns steps into commands.
struct StepReader {
  /// Two of them look the same.
  static let users = ["u", "v", "caf\u{e9}", "cafe\u{301}"]
  private static let planIds = ["pro", "free"]
  private static let periods = ["2026-01", "2026-01-20", "2026-02", "2026-01-31T10:00:00+02:00"]
  private static let ttlMillis: [UInt64] = [1, 1_000, 60_000, 3_600_000, 3_600_000]

  let step: Step
  let model: LedgerModel
  let wall: Int64

  private var user: String { Self.users[Int(step.a % UInt64(Self.users.count))] }

  /// Mostly fresh, now and then one that was used before.
  private var idempotency: Idempotency {
    let isOld = step.c % 29 == 0 && step.id > 0
    let key = isOld ? "k\(step.c % UInt64(step.id))" : "k\(step.id)"
    return Idempotency(key: key, digest: CommandReader.digest(of: step.description))
  }

  private var text: FreeText {
    step.c % 7 == 0
      ? FreeText(description: "step \(step.id)", metadata: [MetadataEntry(key: "k", value: "\(step.a)")])
      : FreeText()
  }

  /// Mostly small; now and then all that is available, one more, or far too much.
  private var amount: Int64 {
    let small = Int64(1 + step.b % 40)
    switch step.c % 16 {
    case 0: return max(1, model.balance(user, wall: wall).availableMicros)
    case 1: return min(model.balance(user, wall: wall).availableMicros, Int64.max - 1) + 1
    case 2: return step.b % 5 == 0 ? Int64.max - Int64(step.b % 100) : small * 10
    default: return small
    }
  }

  private var ttl: Int64 { Int64(Self.ttlMillis[Int(step.b % UInt64(Self.ttlMillis.count))]) }

  /// Often close by, sometimes over already, sometimes never.
  private func time(_ number: UInt64) -> Int64? {
    switch number % 8 {
    case 0...2: nil
    case 3: model.now(wall) + Int64(number % 3) - 1
    case 4: (model.now(wall) / 3_600_000_000 + 1) * 3_600_000_000
    default: model.now(wall) + Int64(number >> 8 % 5_000_000)
    }
  }

  /// A hold by number: mostly an open one, now and then one that is not there.
  private var hold: Int64 {
    let holds = Self.users.flatMap { model.holds($0, wall: wall) }.sorted { $0.id < $1.id }
    let open = holds.filter { $0.state == .open }
    let choice = step.a % 4 == 0 || open.isEmpty ? holds : open
    guard !choice.isEmpty, step.a % 31 != 0 else { return Int64(step.a % 1_000_000) + 1_000 }
    return choice[Int(step.a % UInt64(choice.count))].id
  }

  private var actingUser: String? { step.c % 11 == 0 ? Self.users[Int(step.b % 4)] : nil }

  private var period: PeriodName? {
    if step.c % 3 == 0 { return nil }
    let index = step.c % 8 == 5 ? Int64(step.b % 4) : 0
    return try? PeriodName(parsing: Self.periods[Int(step.c % 4)], index: index)
  }

  /// - Returns: nil for a step that is no command.
  func command() -> Command? {
    switch step.kind {
    case .consume:
      .consume(
        Command.Consume(
          userId: user, amountMicros: amount, runId: step.b % 5 == 0 ? "r\(step.b % 9)" : "",
          idempotency: idempotency, text: text))
    case .purchase:
      .addPurchase(
        Command.AddPurchase(
          userId: user, paymentId: step.c % 6 == 0 ? "p\(step.c % 5)" : "p-\(step.id)",
          amountMicros: step.c % 6 == 0 ? Int64(step.b % 2 + 10) : amount, package: "p\(step.b % 3)",
          expiresAtMicros: time(step.b), idempotency: idempotency, text: text))
    case .grantPlan:
      .grantPlan(
        Command.GrantPlan(
          userId: user, planId: step.b % 17 == 0 ? "none" : Self.planIds[Int(step.b % 2)],
          period: period, amountMicros: step.b % 3 == 0 ? Int64(step.b % 9 + 1) : nil,
          effectiveAtMicros: step.c % 5 == 0 ? time(step.c >> 3) : nil,
          expiresAtMicros: step.b % 4 == 0 ? time(step.b >> 2) : nil, idempotency: idempotency, text: text))
    case .promo:
      .grantPromo(
        Command.GrantPromo(
          userId: user, amountMicros: amount, priority: Int32(step.b % 4 + 19),
          effectiveAtMicros: step.c % 3 == 0 ? time(step.c) : nil, expiresAtMicros: time(step.b),
          idempotency: idempotency, text: text))
    case .adjust:
      .adjust(
        Command.Adjust(
          userId: user, amountMicros: step.b % 2 == 0 ? amount : -amount, actor: "a\(step.b % 3)",
          reason: "r", idempotency: idempotency, text: text))
    case .reserve:
      .reserve(
        Command.Reserve(
          userId: user, amountMicros: amount, ttlMillis: ttl, runId: step.b % 3 == 0 ? "r" : "",
          idempotency: idempotency, text: text))
    case .extend:
      .extend(
        Command.Extend(
          holdId: hold, ttlMillis: ttl, actingUserId: actingUser, idempotency: idempotency))
    case .capture:
      .capture(
        Command.Capture(
          holdId: hold, amountMicros: step.b % 3 == 0 ? nil : Int64(step.b % 30 + 1),
          actingUserId: actingUser, idempotency: idempotency, text: text))
    case .release:
      .release(Command.Release(holdId: hold, actingUserId: actingUser, idempotency: idempotency))
    case .putPlan: .putPlan(plan)
    case .beginRun, .finishRun, .recordRun: .usage(usage)
    case .retry, .advance, .toBorder, .back, .restart, .sweep: nil
    }
  }

  private var plan: Plan {
    let expiry: GrantExpiry =
      switch step.b % 3 {
      case 0: .never
      case 1: .periodEnd
      default: .after(millis: Int64(step.b % 90) * 86_400_000)
      }
    return Plan(
      id: Self.planIds[Int(step.a % 2)], displayName: "P", monthlyCreditMicros: Int64(step.c % 30 + 1),
      grantExpiry: expiry, priority: Int32(step.c % 3 + 9))
  }

  // MARK: Runs

  private var usage: UsageCommand {
    let digest = CommandReader.digest(of: step.description)
    switch step.kind {
    case .beginRun:
      return .begin(
        UsageCommand.Begin(
          userId: user, runId: newRunId, model: "m\(step.b % 3)", type: "t",
          estimateMicros: step.b % 6 == 0 ? 0 : amount, ttlMillis: ttl, digest: digest))
    case .finishRun:
      return .finish(
        UsageCommand.Finish(runId: knownRunId, end: runEnd, actingUserId: actingUser, digest: digest))
    default:
      return .record(
        UsageCommand.Record(
          userId: user, runId: newRunId, model: "m\(step.b % 3)", type: "t", end: runEnd,
          startedAtMicros: recordedStart, digest: digest))
    }
  }

  /// Mostly fresh, now and then one that was used before.
  private var newRunId: String {
    step.c % 13 == 0 && step.id > 0 ? "run\(step.c % UInt64(step.id))" : "run\(step.id)"
  }

  /// A run by number: mostly one under way, now and then one that is not there.
  private var knownRunId: String {
    let runs = model.runs.values.map(\.run).sorted { $0.id < $1.id }
    let underWay = runs.filter { $0.status == .running }
    let choice = step.a % 5 == 0 || underWay.isEmpty ? runs : underWay
    guard !choice.isEmpty, step.a % 31 != 0 else { return "none" }
    return choice[Int(step.a % UInt64(choice.count))].runId
  }

  private var runEnd: UsageCommand.End {
    let statuses: [RunStatus] = [.succeeded, .failed, .succeeded, .cancelled]
    let costs: [Int64?] = [nil, 0, 1, Int64(step.b % 40), Int64(step.b % 400), Int64(step.b % 40)]
    return UsageCommand.End(
      status: statuses[Int(step.b >> 8 % 4)], inputTokens: Int64(step.b % 1_000),
      outputTokens: Int64(step.c % 1_000), images: Int64(step.b % 3),
      costMicros: costs[Int(step.c % UInt64(costs.count))], error: step.c % 5 == 0 ? "e\(step.id)" : "")
  }

  private var recordedStart: Int64? {
    let now = model.now(wall)
    let borders = [now - 3_024_000_000_000, now + 300_000_000]
    switch step.b % 6 {
    case 0: return nil
    case 1, 2: return borders[Int(step.b % 2)] + Int64(step.c % 3) - 1
    default: return now - Int64(step.c % 5_000_000)
    }
  }

  /// Where the wall clock stands after the step.
  func wallAfter() -> Int64 {
    switch step.kind {
    case .advance: return wall + Int64(step.a % 3_000_000)
    case .back: return wall - Int64(step.a % 2_000_000)
    case .toBorder:
      let ahead = Self.users.compactMap { model.users[ExactText($0)] }.flatMap(\.borders)
        .filter { $0 > wall }.sorted()
      guard !ahead.isEmpty else { return wall + 1 }
      return ahead[Int(step.a % UInt64(min(4, ahead.count)))] + Int64(step.b % 3) - 1
    default: return wall
    }
  }
}
