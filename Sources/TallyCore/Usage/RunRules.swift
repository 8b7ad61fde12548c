// What a run does to its user's credit, as pure functions on top of the ledger's.
//
// Invariants:
// 1. Pure, as all rules: whether the run id is known, replay and conflict are the engine's to check before.
// 2. What has expired is settled first, within the same change. The run's own rows stand last.
// 3. A run that is finished is recorded whatever its user has: the hold pays first, then what is available,
//    both by one row, and the rest is uncollected. charged + uncollected = cost. What is uncollected is owed
//    if the plan says so.
// 4. Of a hold that was captured by another hand, what was captured, drawn or owed with it pays the cost, up
//    to it, and is not taken again. What was captured beyond the cost stays taken: a refund is its caller's
//    to ask for.
// 5. Checks come in the order of `Reason`: fields, those that depend on the plan or the time too; number of
//    holds; range of sums; quota; balance.

/// What the engine writes for a command of runs: all of it or nothing.
public struct RunChange: Sendable, Equatable {
  public var run: Run
  /// nil when nothing is written to the ledger.
  public var change: Change?
  /// Whether the own row of `change` is the run's; if not, they all are of what had expired.
  public var hasOwnRow: Bool
}

/// What was charged to a run's hold by another hand than the run's end.
public struct ChargedBefore: Sendable, Equatable {
  /// Captured, and drawn with it.
  public var paidMicros: Int64
  /// Not there then, and owed.
  public var owedMicros: Int64

  public init(paidMicros: Int64 = 0, owedMicros: Int64 = 0) {
    self.paidMicros = paidMicros
    self.owedMicros = owedMicros
  }
}

extension Rules {
  /// How old an event may be when it is recorded: 35 days.
  public static let oldestEventMicros: Int64 = 35 * 86_400_000_000
  /// How far in the future it may be, for clocks that differ: 5 minutes.
  public static let newestEventMicros: Int64 = 300_000_000

  /// - Parameter quota: why the user may not have one more, if so.
  /// - Throws: `invalidAmount`, `invalidField`, `holdLimit`, `amountOverflow`, what `quota` is,
  ///   `insufficientCredits`.
  public static func begin(
    _ begin: UsageCommand.Begin, quota: Refusal?, _ context: DecisionContext
  ) throws(Refusal) -> RunChange {
    guard begin.estimateMicros >= 0 else {
      throw Refusal(
        .invalidAmount, "the estimate must not be negative", details: ["field": "estimate_micros"])
    }
    try requireTimeToLive(begin.ttlMillis)
    var draft = try Draft(settling: context)
    try draft.requireSpender(context)
    if begin.estimateMicros > 0 { try draft.requireRoomForHold() }
    let expiresAtMicros = try expiry(afterMillis: begin.ttlMillis, fromMicros: draft.nowMicros)
    if let refusal = quota ?? context.capRefusal { throw refusal }
    var run = Run(
      runId: begin.runId, userId: begin.userId, model: begin.model, type: begin.type, status: .running,
      startedAtMicros: draft.nowMicros)
    run.attempt = begin.attempt
    (run.spender, run.tags) = (begin.spender, begin.tags)
    run.expiresAtMicros = expiresAtMicros
    guard begin.estimateMicros > 0 else { return draft.runChange(run, ownRowsAfter: draft.sequence) }
    let sequence = draft.sequence
    let hold = try draft.setAside(
      begin.estimateMicros, expiresAtMicros: expiresAtMicros, runId: begin.runId, attempt: run.rowAttempt,
      spender: run.spender)
    run.estimateMicros = begin.estimateMicros
    run.holdId = hold.id
    return draft.runChange(run, ownRowsAfter: sequence, hold: hold)
  }

  /// - Parameters:
  ///   - run: the one that the command names; running.
  ///   - context: its hold is the run's, whatever its state.
  ///   - pricing: for an end that needs it.
  ///   - before: what another hand has charged to the hold.
  ///   - onShort: what the user's plan says; asked only when there is less than the cost.
  /// - Throws: what `cost` throws; `corrupt` when the hold pins what its lot does not have.
  public static func finish(
    _ finish: UsageCommand.Finish, _ run: Run, _ context: DecisionContext, _ pricing: RunPricing? = nil,
    before: ChargedBefore = ChargedBefore(), onShort: () throws(Refusal) -> OnShort
  ) throws(Refusal) -> RunChange {
    let cost = try cost(of: finish.end, model: run.model, pricing)
    let costMicros = cost.micros
    var draft = try Draft(settling: context)
    let sequence = draft.sequence
    var run = run
    run.end(finish.end, cost, atMicros: draft.nowMicros)
    let paidBefore = min(costMicros, before.paidMicros)
    let owedBefore = min(costMicros - paidBefore, before.owedMicros)
    let hold = context.hold.flatMap { $0.isOpen(atMicros: draft.nowMicros) ? $0 : nil }
    let charge = try draft.charge(
      costMicros - paidBefore - owedBefore, to: hold, runId: run.runId, attempt: run.rowAttempt,
      spender: run.spender, onShort: onShort)
    run.chargedMicros = paidBefore + charge.paidMicros
    run.uncollectedMicros = costMicros - run.chargedMicros
    run.owedMicros = owedBefore + charge.owedMicros
    return draft.runChange(run, ownRowsAfter: sequence)
  }

  /// - Parameter pricing: for an end that needs it.
  /// - Throws: `eventTooOld`, `eventInFuture`, what `cost` throws.
  public static func record(
    _ record: UsageCommand.Record, _ pricing: RunPricing?, nowMicros: Int64
  ) throws(Refusal) -> Run {
    let startedAtMicros = record.startedAtMicros ?? nowMicros
    let oldestMicros = nowMicros.subtractingSaturating(oldestEventMicros)
    guard startedAtMicros >= oldestMicros else {
      throw Refusal(
        .eventTooOld, "the run started too long ago to be recorded",
        details: ["oldest_micros": String(oldestMicros)])
    }
    let newestMicros = try sum(nowMicros, newestEventMicros)
    guard startedAtMicros <= newestMicros else {
      throw Refusal(
        .eventInFuture, "the run would start in the future", details: ["newest_micros": String(newestMicros)])
    }
    let cost = try cost(of: record.end, model: record.model, pricing)
    var run = Run(
      runId: record.runId, userId: record.userId, model: record.model, type: record.type,
      status: record.end.status, startedAtMicros: startedAtMicros)
    run.isRecorded = true
    (run.spender, run.tags) = (record.spender, record.tags)
    run.end(record.end, cost, atMicros: nowMicros)
    return run
  }

  /// What a run costs, once.
  /// - Throws: `invalidAmount`, `invalidField` when there is nothing to reckon it by, `amountOverflow`.
  static func cost(
    of end: UsageCommand.End, model: String, _ pricing: RunPricing?
  ) throws(Refusal) -> RunCost {
    guard end.status != .running else {
      throw Refusal(.invalidField, "a run cannot end with the status RUNNING", details: ["field": "status"])
    }
    if let costMicros = end.costMicros {
      guard costMicros >= 0 else {
        throw Refusal(.invalidAmount, "the cost must not be negative", details: ["field": "cost_micros"])
      }
      return RunCost(micros: costMicros)
    }
    guard end.needsPrice, let pricing else { return RunCost(micros: 0) }
    if end.status == .cancelled, pricing.cancelledCost == .nothing { return RunCost(micros: 0) }
    return try pricing.cost(of: end.allUnits, model: model)
  }

  /// What a command or a query that names a run is told when there is none that its caller may see.
  public static func noRun(_ runId: String) -> Refusal {
    Refusal(.runNotFound, "there is no such run", details: ["run_id": runId])
  }
}

extension UsageCommand.End {
  /// Whether what it cost is to be reckoned. Whoever cancels a run that has used nothing needs no price.
  public var needsPrice: Bool {
    costMicros == nil && (status == .succeeded || status == .cancelled && !allUnits.isEmpty)
  }

  /// Of all classes that were used.
  var allUnits: [UnitCount] {
    [UnitCount](input: inputTokens, output: outputTokens, images: images, others: units)
  }
}

extension Run {
  /// Whether a call that acts for a user may see it; nil may see any.
  package func isVisible(actingUserId: String?) -> Bool { actingUserId?.isExactly(userId) ?? true }

  /// Of all classes that it used.
  public var allUnits: [UnitCount] {
    [UnitCount](input: inputTokens, output: outputTokens, images: images, others: units)
  }

  fileprivate mutating func end(_ end: UsageCommand.End, _ cost: RunCost, atMicros: Int64) {
    status = end.status
    inputTokens = end.inputTokens
    outputTokens = end.outputTokens
    images = end.images
    units = end.units
    costMicros = cost.micros
    breakdown = cost.breakdown
    providerCostMicros = end.providerCostMicros
    error = end.error
    finishedAtMicros = atMicros
  }
}

extension Draft {
  /// - Parameter sequence: what the run's first row got, or would have got.
  fileprivate func runChange(_ run: Run, ownRowsAfter sequence: Int64, hold: Hold? = nil) -> RunChange {
    RunChange(
      run: run, change: entries.isEmpty ? nil : change(hold: hold), hasOwnRow: self.sequence > sequence)
  }
}
