// Carries out steps on an engine and on the model, and compares them after each.
//
// Invariants:
// 1. The first difference ends the run and is its result.
//
// Values; lives for one run.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

struct ModelRun {
  static let startMicros: Int64 = 1_767_225_600_000_000

  private let rig: any EngineRig
  private var model = LedgerModel()
  private var wall = ModelRun.startMicros
  private var executed: [Command] = []
  /// Those that were not refused.
  private var applied: [Command] = []
  /// What was done, for a reader.
  private(set) var log: [String] = []
  /// What came about, by name, and how often.
  private(set) var difference: String?
  private(set) var tally: [String: Int] = [:]

  struct Difference: Error, CustomStringConvertible {
    var description: String
  }

  init(rig: any EngineRig) {
    self.rig = rig
    rig.setTime(micros: wall)
    _ = rig.engine.apply(LedgerModel.rules.map { .admin(.putRule($0)) })
  }

  /// Carries out all steps, up to the first difference.
  static func run(_ steps: [Step], on rig: any EngineRig) -> ModelRun {
    var run = ModelRun(rig: rig)
    do {
      for step in steps { try run.carryOut(step) }
      try run.finish()
    } catch {
      run.difference = "\(error)"
    }
    return run
  }

  private mutating func carryOut(_ step: Step) throws {
    let reader = StepReader(step: step, model: model, wall: wall)
    switch step.kind {
    case .advance, .toBorder, .month, .back:
      wall = reader.wallAfter()
      log.append("at \(wall - Self.startMicros) us")
      rig.setTime(micros: wall)
    case .restart:
      log.append("restart")
      try rig.restart()
      model.restart(wall: wall)
    case .sweep: try sweep()
    case .atomic: try applyAtomically(reader.batch(executed))
    case .fill: for command in reader.filling() { try apply(command) }
    case .retry:
      let commands = applied.isEmpty || step.b % 4 == 0 ? executed : applied
      guard !commands.isEmpty else { return }
      try apply(commands[Int(step.a % UInt64(commands.count))])
    default:
      guard let command = reader.command() else { return }
      executed.append(command)
      try apply(command)
    }
    try compareBalances()
  }

  private mutating func apply(_ command: Command) throws {
    log.append("\(command)")
    let before = model.ledger.count
    let expected = model.apply(command, wall: wall)
    let actual = rig.engine.apply(command)
    count(actual)
    if actual.refusal == nil { applied.append(command) }
    guard let difference = actual.difference(from: expected) else {
      return try compareRows(since: before)
    }
    throw Difference(description: difference)
  }

  private mutating func applyAtomically(_ items: [Command.Consume]) throws {
    log.append("all of \(items)")
    let before = model.ledger.count
    let expected = model.applyAtomically(items, wall: wall)
    let actual = rig.applyAtomically(items.map { .success($0) }).map { Outcome($0.map { .applied($0) }) }
    for (expected, actual) in zip(expected, actual) {
      count(actual)
      if let difference = actual.difference(from: expected) { throw Difference(description: difference) }
    }
    try require(actual.count == items.count, "\(actual.count) of \(items.count) were answered")
    if model.ledger.count > before { tally["all of a batch", default: 0] += 1 }
    try compareRows(since: before)
  }

  private mutating func count(_ outcome: Outcome) {
    switch outcome {
    case .refused(let refusal):
      let limit = refusal.reason == .lotLimit ? " \(refusal.details["limit"] ?? "")" : ""
      tally[refusal.reason.rawValue + limit, default: 0] += 1
    case .planStored(_, let unchanged, _): tally[unchanged ? "plan unchanged" : "plan", default: 0] += 1
    case .admin(.settingsStored(_, let unchanged, _)):
      tally[unchanged ? "settings unchanged" : "settings", default: 0] += 1
    case .applied(let receipt):
      let name = Spelling.typeNames[receipt.transaction.type] ?? ""
      tally[receipt.replayed ? "replay of \(name)" : name, default: 0] += 1
      if receipt.transaction.type == .refund, receipt.transaction.priority != 0, !receipt.replayed {
        tally["refund into a new lot", default: 0] += 1
      }
      guard let hold = receipt.hold, !receipt.replayed else { return }
      if receipt.transaction.refersTo == hold.id { tally["drawn by a capture", default: 0] += 1 }
      if hold.forfeitedMicros > 0 { tally["forfeited", default: 0] += 1 }
      if hold.capturedMicros > 0, hold.releasedMicros > 0 { tally["part captured", default: 0] += 1 }
    case .pricesStored(let it): tally[it.unchanged ? "prices unchanged" : "prices", default: 0] += 1
    case .usage(.run(let receipt)): count(receipt)
    case .admin(.capsStored(_, let unchanged, _)):
      tally[unchanged ? "caps unchanged" : "caps", default: 0] += 1
    case .page, .admin(.rateLimitSet), .admin(.ruleStored), .topUp: break
    }
  }

  private mutating func count(_ receipt: RunReceipt) {
    let run = receipt.run
    let name = run.isRecorded ? "run recorded" : run.status == .running ? "run begun" : "run finished"
    if receipt.replayed {
      tally["replay: \(name)", default: 0] += 1
      return
    }
    tally[name, default: 0] += 1
    if run.uncollectedMicros > 0 { tally["uncollected", default: 0] += 1 }
    guard let holdId = run.holdId, run.status != .running else { return }
    if receipt.transaction?.holdId == nil, run.chargedMicros > 0 { tally["drawn", default: 0] += 1 }
    if let hold = model.hold(holdId), hold.state == .expired { tally["finished late", default: 0] += 1 }
    if let hold = model.hold(holdId), hold.state == .captured, receipt.transaction == nil {
      tally["captured before", default: 0] += 1
    }
  }

  private mutating func sweep() throws {
    log.append("sweep")
    let before = Int64(model.ledger.count)
    try rig.sweep()
    var order: [String] = []
    var sequence = before
    while sequence < rig.engine.state().ledgerSequence {
      sequence += 1
      let userId = try rig.engine.transaction(sequence: sequence, actingUserId: nil).value.userId
      if !(order.last?.isExactly(userId) ?? false) { order.append(userId) }
    }
    model.sweep(wall: wall, order: order)
    try compareRows(since: Int(before))
    model.sweep(wall: wall, order: StepReader.users)
    try require(rig.engine.state().ledgerSequence == Int64(model.ledger.count), "the sweep left something")
  }

  // MARK: Comparing

  private func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Difference(description: what()) }
  }

  private mutating func compareBalances() throws {
    model.tell(wall: wall)
    let spending = StepReader.users.map { model.spending($0, wall: wall) }
    let expected = spending.map(\.balance)
    let actual = try rig.engine.balances(userIds: StepReader.users).value
    for (actual, expected) in zip(actual, expected) {
      try require(actual == expected, "balance \(actual), expected \(expected)")
    }
    for (balance, wanted) in zip(expected, spending.map(\.objection)) {
      // One by one, in one way or the other.
      if log.count % 2 == 0 {
        let single = try rig.engine.balance(userId: balance.userId).value
        try require(single == balance, "balance \(single), expected \(balance)")
        continue
      }
      let ask = CapAsk(spender: "m1", micros: 7)
      let actual = try rig.engine.spending(userId: balance.userId, ask: ask).value
      var refused: Refusal?
      do throws(Refusal) {
        let user = model.user(balance.userId, at: model.now(wall), isRead: true)
        try model.requireCaps(user, ask.spender, ask.micros)
      } catch { refused = error }
      try require(
        actual.capRefusal?.reason == refused?.reason
          && refused?.details.allSatisfy { actual.capRefusal?.details[$0.key] == $0.value } ?? true,
        "caps of \(balance.userId): \(String(describing: actual.capRefusal))"
      )
      try compareCaps(balance.userId)
      let objection = actual.objection
      try require(actual.balance == balance, "balance \(actual.balance), expected \(balance)")
      try require(
        objection?.reason == wanted?.reason && objection?.details ?? [:] == wanted?.details ?? [:],
        "\(balance.userId) may spend: \(String(describing: objection)), not \(String(describing: wanted))")
    }
    for balance in expected {
      try require(
        [balance.availableMicros, balance.heldMicros, balance.pendingMicros, balance.owedMicros]
          .allSatisfy { $0 >= 0 },
        "negative: \(balance)")
    }
  }

  private func compareCaps(_ userId: String) throws {
    for spender in ["", "m2"] {
      var query = UsageQuery(userIds: [userId])
      query.capSpenders = [spender]
      let uses = try rig.engine.usages(query).value.first?.caps.map { "\($0.cap.id): \($0.used)" } ?? []
      let expected = model.capUses(userId, spender, at: model.now(wall))
      try require(uses == expected, "caps of \(userId), \(spender): \(uses), not \(expected)")
    }
  }

  /// The rows that were just written, and the holds of their user.
  private mutating func compareRows(since before: Int) throws {
    for expected in model.ledger[before...] {
      if expected.idempotency == nil {
        tally["\(Spelling.typeNames[expected.type] ?? "") by itself", default: 0] += 1
      }
      var row = try rig.engine.transaction(sequence: expected.sequence, actingUserId: nil).value
      row.commit = expected.commit
      try require(row == expected, "row \(row), expected \(expected)")
    }
    guard let userId = model.ledger[before...].last?.userId else { return }
    try compareHolds(userId)
  }

  private func compareHolds(_ userId: String) throws {
    let holds = try rig.engine.holds(HoldFilter(userId: userId, limit: 1_000)).value.rows
    let expected = model.holds(userId, wall: wall)
    try require(holds == expected, "holds \(holds), expected \(expected)")
  }

  /// All runs.
  private func compareRuns() throws {
    for userId in StepReader.users {
      var filter = RunFilter(userId: userId, limit: 7)
      var runs: [Run] = []
      repeat {
        let page = try rig.engine.runs(filter).value
        runs += page.runs
        filter.before = page.nextBefore
      } while filter.before != nil
      let expected = model.runs.values.map(\.run).filter { $0.userId.isExactly(userId) }
        .sorted { ($0.startedAtMicros, $0.id) > ($1.startedAtMicros, $1.id) }
      try require(runs == expected, "the runs of \(userId) differ: \(runs), expected \(expected)")
    }
  }

  /// All lines that were crossed, in order.
  private mutating func compareEvents() throws {
    for userId in StepReader.users {
      var filter = EventFilter(userId: userId, limit: 100)
      filter.kinds = [.balanceBelow, .owed]
      var events: [ModelEvent] = []
      repeat {
        let page = try rig.engine.events(filter).value
        events += page.rows.map { event in
          ModelEvent(
            userId: event.userId, kind: event.kind, threshold: event.crossing?.thresholdMicros ?? 0,
            before: event.crossing?.beforeMicros ?? 0, after: event.crossing?.afterMicros ?? 0,
            effectiveAt: event.effectiveAtMicros, sequence: event.crossing?.sequence ?? 0)
        }
        filter.beforeId = page.nextBefore
      } while filter.beforeId != nil
      let expected = model.events(of: userId)
      try require(events.reversed() == expected, "the events of \(userId) differ: \(events), not \(expected)")
      for event in events { tally["event \(event.kind)", default: 0] += 1 }
      try compareCapEvents(userId)
    }
  }

  private mutating func compareCapEvents(_ userId: String) throws {
    var filter = EventFilter(userId: userId, limit: 100)
    filter.kinds = [.capAt]
    var events: [ModelCapEvent] = []
    repeat {
      let page = try rig.engine.events(filter).value
      events += page.rows.map { event in
        ModelCapEvent(
          userId: event.userId, spender: event.cap?.spender ?? "", capId: event.cap?.cap.id ?? "",
          percent: event.cap?.percent ?? 0, used: event.cap?.used ?? 0, at: event.effectiveAtMicros)
      }
      filter.beforeId = page.nextBefore
    } while filter.beforeId != nil
    let expected = model.capEvents(of: userId)
    try require(
      events.reversed() == expected, "the caps of \(userId) tell \(events.reversed()), not \(expected)")
    for event in events {
      tally[event.spender.isEmpty ? "event of a cap" : "event of a spender's cap", default: 0] += 1
    }
  }

  /// Everything once more, and from inside.
  private mutating func finish() throws {
    for userId in StepReader.users {
      try compareHolds(userId)
      var filter = TransactionFilter(userId: userId, limit: 100)
      var rows: [Entry] = []
      repeat {
        let page = try rig.engine.transactions(filter).value
        rows += page.rows
        filter.beforeSequence = page.nextBefore
      } while filter.beforeSequence != nil
      for index in rows.indices { rows[index].commit = CommitPoint(sequence: 0, position: 0) }
      try require(rows == model.rows(userId).reversed(), "the rows of \(userId) differ")
    }
    try compareRuns()
    try compareEvents()
    try require(model.contradictions.isEmpty, model.contradictions.joined(separator: "; "))
    let findings = try rig.findings()
    try require(findings.isEmpty, findings.joined(separator: "; "))
  }
}
