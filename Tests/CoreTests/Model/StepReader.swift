// How a random step becomes a command in the state that it meets: all but what names earlier rows
// (StepReader+MoneyBack.swift) and what concerns plans and users (StepReader+Plans.swift).
//
// Invariants:
// 1. It looks at the model only to choose what is likely to be interesting.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

/// Turns steps into commands.
struct StepReader {
  /// Two of them look the same.
  static let users = ["u", "v", "caf\u{e9}", "cafe\u{301}"]
  private static let ttlMillis: [UInt64] = [1, 1_000, 60_000, 3_600_000, 3_600_000]

  let step: Step
  let model: LedgerModel
  let wall: Int64

  var user: String {
    let many = Self.users.first { model.users[ExactText($0)]?.pieces.count ?? 0 >= 240 }
    if let many, step.b % 2 == 0 { return many }
    return Self.users[Int(step.a % UInt64(Self.users.count))]
  }

  /// Mostly one who has something.
  private var spender: String {
    let rich = Self.users.filter { model.balance($0, wall: wall).availableMicros > 0 }
    return rich.isEmpty || step.a % 5 == 0 ? user : rich[Int(step.a % UInt64(rich.count))]
  }

  /// Mostly fresh, now and then one that was used before.
  var idempotency: Idempotency {
    let isOld = step.c % 29 == 0 && step.id > 0
    let key = isOld ? "k\(step.c % UInt64(step.id))" : "k\(step.id)"
    return Idempotency(key: key, digest: CommandReader.digest(of: step.description))
  }

  var text: FreeText {
    step.c % 7 == 0
      ? FreeText(description: "step \(step.id)", metadata: [MetadataEntry(key: "k", value: "\(step.a)")])
      : FreeText()
  }

  /// Mostly small, now and then far too much.
  var amount: Int64 {
    let small = Int64(1 + step.b % 40)
    switch step.c % 16 {
    case 0: return step.b % 12 == 0 ? Int64.max - Int64(step.b % 100) : small * 10
    default: return small
    }
  }

  /// Of what a user has mostly a part, often all of it, now and then more.
  private func amount(ofWhat userId: String) -> Int64 {
    let available = model.balance(userId, wall: wall).availableMicros
    switch step.c % 16 {
    case 0...3: return max(1, available)
    case 4: return min(available, Int64.max - 1) + 1
    case 5: return amount
    default: return Int64(1 + step.b % UInt64(max(1, min(available, 40))))
    }
  }

  private var ttl: Int64 { Int64(Self.ttlMillis[Int(step.b % UInt64(Self.ttlMillis.count))]) }

  /// Often close by, sometimes over already, sometimes never.
  func time(_ number: UInt64) -> Int64? {
    switch number % 8 {
    case 0...2: nil
    case 3: model.now(wall) + Int64(number % 3) - 1
    case 4: (model.now(wall) / 3_600_000_000 + 1) * 3_600_000_000
    default: model.now(wall) + Int64(number >> 8 % 5_000_000)
    }
  }

  /// A hold by number: mostly an open one, now and then one that is not there.
  private var hold: Hold? {
    let holds = Self.users.flatMap { model.holds($0, wall: wall) }.sorted { $0.id < $1.id }
    let open = holds.filter { $0.state == .open }
    let choice = step.a % 4 == 0 || open.isEmpty ? holds : open
    guard !choice.isEmpty, step.a % 31 != 0 else { return nil }
    return choice[Int(step.a % UInt64(choice.count))]
  }

  private var holdId: Int64 { hold?.id ?? Int64(step.a % 1_000_000) + 1_000 }

  /// Who of the account spends, if anybody is named.
  private var member: String { ["", "m1", "m2"][Int(step.c % 3)] }

  /// What a run is for: now and then by a key that no plan declares.
  private var tags: [RunTag] {
    guard step.c % 3 > 0 else { return [] }
    return [("f", step.a % 3), ("g", step.b % 2), ("x", 0)].prefix(Int(step.c >> 3 % 4)).map { key, value in
      RunTag(key: key, value: "v\(value)")
    }
  }

  var actingUser: String? { step.c % 11 == 0 ? Self.users[Int(step.b % 4)] : nil }

  /// - Returns: nil for a step that is no command.
  func command() -> Command? {
    switch step.kind {
    case .consume:
      .consume(
        Command.Consume(
          userId: spender, amountMicros: amount(ofWhat: spender),
          runId: step.b % 5 == 0 ? "r\(step.b % 9)" : "", spender: member,
          idempotency: idempotency, text: text))
    case .purchase: .addPurchase(purchase)
    case .grantPlan: .grantPlan(planGrant)
    case .promo:
      .grantPromo(
        Command.GrantPromo(
          userId: user, amountMicros: amount, priority: Int32(step.b % 4 + 19),
          effectiveAtMicros: step.c % 3 == 0 ? time(step.c) : nil, expiresAtMicros: time(step.b),
          idempotency: idempotency, text: text))
    case .adjust:
      .adjust(
        Command.Adjust(
          userId: user, amountMicros: step.a >> 8 % 2 == 0 ? amount : -amount(ofWhat: user),
          actor: "a\(step.b % 3)", reason: "r", idempotency: idempotency, text: text))
    case .reserve:
      .reserve(
        Command.Reserve(
          userId: spender, amountMicros: amount(ofWhat: spender), ttlMillis: ttl,
          runId: step.b % 3 == 0 ? "r" : "", spender: member, idempotency: idempotency, text: text))
    case .extend:
      .extend(
        Command.Extend(
          holdId: holdId, ttlMillis: ttl, actingUserId: actingUser, idempotency: idempotency))
    case .capture: .capture(capture)
    case .release:
      .release(Command.Release(holdId: holdId, actingUserId: actingUser, idempotency: idempotency))
    case .putPlan where step.c % 3 == 2: prices
    case .putPlan: .putPlan(plan, keeping: keptOfPlan)
    case .putSettings where step.c % 4 == 1: .admin(.putCaps(user, ownCaps))
    case .putSettings: .admin(.putSettings(settings, keeping: keptOfSettings))
    case .beginRun, .finishRun, .recordRun: .usage(usage)
    case .refund, .reverse, .reinstate, .void, .forgive: moneyBack
    case .retry, .advance, .toBorder, .month, .back, .restart, .sweep, .fill, .atomic: nil
    }
  }

  /// Debits of several users, each mostly of what is there; now and then one that was done before.
  func batch(_ before: [Command]) -> [Command.Consume] {
    let debits = before.suffix(30).compactMap { command in
      if case .consume(let consume) = command { consume } else { Command.Consume?.none }
    }
    return (0..<2 + step.c % 3).map { number in
      let known = debits.isEmpty ? nil : debits[Int(step.b >> (number + 16) % UInt64(debits.count))]
      if let known, step.b >> (number * 4) % 5 == 0 { return known }
      let userId = Self.users[Int(step.a >> (number * 8) % UInt64(Self.users.count))]
      let available = model.balance(userId, wall: wall).availableMicros
      let key = Idempotency(
        key: "\(step.id).\(number)", digest: CommandReader.digest(of: "\(step) \(number)"))
      return Command.Consume(
        userId: userId, amountMicros: 1 + min(max(0, available - 1), Int64(step.b >> (number * 4) % 30)),
        idempotency: key)
    }
  }

  /// Gives one user so many lots, none of which is soon spent, that the limit is near, or the last one.
  func filling() -> [Command] {
    let count = Int((step.c == 0 ? 1_027 : 253) + step.b % 4)
    return (0..<count).map { number in
      let key = Idempotency(key: "fill\(number)", digest: CommandReader.digest(of: "fill\(number)"))
      return .addPurchase(
        .init(userId: user, paymentId: "fill\(number)", amountMicros: 1_000, idempotency: key))
    }
  }

  /// Now and then of more than is held: near what is available beside it.
  private var capture: Command.Capture {
    let hold = hold
    let held = hold?.amountMicros ?? 1
    let more = hold.map { model.balance($0.userId, wall: wall).availableMicros } ?? 0
    let amounts: [Int64?] = [
      nil, Int64(step.b % 30 + 1), Int64(1 + step.b >> 8 % UInt64(min(held, 40))),
      held.addingSaturating(Int64(step.b % 20)), held.addingSaturating(more),
      held.addingSaturating(more).addingSaturating(Int64(step.b % 9 + 1)),
    ]
    return Command.Capture(
      holdId: hold?.id ?? holdId, amountMicros: amounts[Int(step.b % UInt64(amounts.count))],
      mayDraw: step.c % 5 != 0, actingUserId: actingUser, idempotency: idempotency, text: text)
  }

  // MARK: Runs

  private var usage: UsageCommand {
    let digest = CommandReader.digest(of: step.description)
    switch step.kind {
    case .beginRun:
      let begun = begun
      // The same again, now and then.
      let known = step.a % 4 > 0 ? model.runs[RunName(begun.runId, attempt: begun.attempt)] : nil
      let spender = known?.run.userId ?? spender
      return .begin(
        UsageCommand.Begin(
          userId: spender, runId: begun.runId, attempt: begun.attempt, model: "m\(step.b % 3)", type: "t",
          estimateMicros: step.b % 6 == 0 ? 0 : amount(ofWhat: spender), ttlMillis: ttl,
          spender: known?.run.spender ?? member, tags: known?.run.tags ?? tags,
          digest: known?.digest ?? digest))
    case .finishRun:
      return .finish(
        UsageCommand.Finish(
          runId: knownRun.runId, attempt: knownRun.attempt, end: runEnd, actingUserId: actingUser,
          digest: digest))
    default:
      return .record(
        UsageCommand.Record(
          userId: user, runId: newRunId, model: "m\(step.b % 3)", type: "t", end: runEnd,
          startedAtMicros: recordedStart, spender: member, tags: tags, digest: digest))
    }
  }

  /// Mostly fresh, now and then one that was used before.
  private var newRunId: String {
    step.c % 13 == 0 && step.id > 0 ? "run\(step.c % UInt64(step.id))" : "run\(step.id)"
  }

  /// A new run, or a further attempt of one that is there: mostly one that may follow.
  private var begun: (runId: String, attempt: Int32) {
    if step.c % 11 == 5 { return knownRun }
    guard step.c % 7 == 3 else { return (newRunId, step.c % 37 == 1 ? 2 : 1) }
    let (runId, attempt) = step.b % 5 == 0 ? knownRun : failedRun
    return (runId, step.b % 11 == 0 ? max(attempt, 1) : attempt + 1)
  }

  /// One that failed or was cancelled, if there is any.
  private var failedRun: (runId: String, attempt: Int32) {
    let runs = model.runs.values.map(\.run).filter { [.failed, .cancelled].contains($0.status) }
      .sorted { $0.id < $1.id }
    guard !runs.isEmpty else { return (newRunId, 0) }
    let run = runs[Int(step.a % UInt64(runs.count))]
    return (run.runId, run.attempt)
  }

  /// A run by number: mostly one under way, now and then one that is not there.
  var knownRun: (runId: String, attempt: Int32) {
    let runs = model.runs.values.map(\.run).sorted { $0.id < $1.id }
    let underWay = runs.filter { $0.status == .running }
    let choice = step.a % 5 == 0 || underWay.isEmpty ? runs : underWay
    guard !choice.isEmpty, step.a % 31 != 0 else { return ("none", 1) }
    let run = choice[Int(step.a % UInt64(choice.count))]
    return (run.runId, run.attempt)
  }

  private var runEnd: UsageCommand.End {
    let statuses: [RunStatus] = [.succeeded, .failed, .succeeded, .cancelled]
    let costs: [Int64?] = [nil, 0, 1, Int64(step.b % 40), Int64(step.b % 400), Int64(step.b % 40)]
    return UsageCommand.End(
      status: statuses[Int(step.b >> 8 % 4)], inputTokens: Int64(step.b % 1_000),
      outputTokens: Int64(step.c % 1_000), images: Int64(step.b % 3),
      units: step.b % 17 == 0 ? [UnitCount(.cacheRead, Int64(step.c % 900) + 1)] : [],
      costMicros: costs[Int(step.c % UInt64(costs.count))],
      providerCostMicros: step.b % 7 == 0 ? Int64(step.b % 90) : 0,
      error: step.c % 5 == 0 ? "e\(step.id)" : "")
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
    case .month: return wall + Int64(step.a % 45) * ModelZone.day
    case .toBorder:
      let ahead = Self.users.compactMap { model.users[ExactText($0)] }.flatMap(\.borders)
        .filter { $0 > wall }.sorted()
      guard !ahead.isEmpty else { return wall + 1 }
      return ahead[Int(step.a % UInt64(min(4, ahead.count)))] + Int64(step.b % 3) - 1
    default: return wall
    }
  }
}
