// Runs in the executable model.
//
// Values; part of the model.

import TallyCore

struct ModelRunState {
  var run: Run
  var digest: Digest
  /// The row of its hold, and the last one of its end.
  var holdRow: Int64?
  var end: (digest: Digest, row: Int64?)?
}

extension LedgerModel {
  mutating func carryOut(_ command: UsageCommand, at time: Int64) throws(Refusal) -> RunReceipt {
    switch command {
    case .begin(let begin): try carryOut(begin, at: time)
    case .finish(let finish): try carryOut(finish, at: time)
    case .record(let record): try carryOut(record, at: time)
    }
  }

  private mutating func carryOut(_ begin: UsageCommand.Begin, at time: Int64) throws(Refusal) -> RunReceipt {
    if let known = try known(begin.runId, begin.attempt, begin.digest) {
      return replay(known, row: known.holdRow, withHold: true, at: time)
    }
    if begin.attempt > 1 {
      let before = runs[RunName(begin.runId, attempt: begin.attempt - 1)]?.run
      guard let before, before.userId.isExactly(begin.userId), [.failed, .cancelled].contains(before.status)
      else { throw Refusal(.runConflict, "", details: ["run_id": begin.runId]) }
    }
    var user = user(begin.userId, at: time)
    try requireSpender(user)
    let expiresAt = try Self.later(time, begin.ttlMillis)
    try requireQuota(begin.userId, at: time)
    try requireCaps(user, begin.spender, begin.estimateMicros, run: (begin.model, begin.type))
    var hold: Hold?
    if begin.estimateMicros > 0 {
      try Self.requireAvailable(begin.estimateMicros, user)
      hold = user.reserve(
        begin.estimateMicros, runId: begin.runId, attempt: Self.row(begin.attempt), spender: begin.spender,
        expiresAt: expiresAt)
    }
    let balance = user.balance(at: time)
    try saveRows(of: &user)
    var run = Run(
      runId: begin.runId, userId: begin.userId, model: begin.model, type: begin.type, status: .running,
      startedAtMicros: time)
    (run.id, run.attempt, run.expiresAtMicros) = (Int64(runs.count) + 1, begin.attempt, expiresAt)
    (run.spender, run.tags) = (begin.spender, begin.tags)
    (run.holdId, run.estimateMicros) = (hold?.id, begin.estimateMicros)
    (run.priceVersion, run.planId) = (Int64(book.count), plan(of: begin.userId)?.id)
    keep(ModelRunState(run: run, digest: begin.digest, holdRow: hold?.id))
    return RunReceipt(
      run: run, transaction: hold == nil ? nil : ledger.last, balance: balance, hold: hold, commit: .none)
  }

  private mutating func carryOut(_ finish: UsageCommand.Finish, at time: Int64) throws(Refusal) -> RunReceipt
  {
    guard var known = runs[RunName(finish.runId, attempt: finish.attempt)],
      finish.actingUserId?.isExactly(known.run.userId) ?? true
    else { throw Refusal(.runNotFound, "", details: ["run_id": finish.runId]) }
    if known.run.status != .running {
      guard let end = known.end, end.digest == finish.digest else { throw Refusal(.runConflict, "") }
      return replay(known, row: end.row, withHold: false, at: time)
    }
    let bill = try bill(of: finish.end, known.run)
    let cost = bill.micros
    var user = user(known.run.userId, at: time)
    let first = user.rows.count
    // What another hand has captured of the hold, drawn with it or owed for it is paid.
    let captured = known.run.holdId.flatMap { settled[$0]?.state == .captured ? $0 : nil }
    let capture = captured.flatMap { id in
      rows(known.run.userId).last { $0.type == .apiUsage && $0.holdId == id }
    }
    let paidBefore = min(cost, -(capture?.amountMicros ?? 0))
    let owedBefore = min(cost - paidBefore, capture?.owedMicros ?? 0)
    let charge = try user.charge(
      cost - paidBefore - owedBefore, to: known.run.holdId.flatMap { user.holds[$0] }, runId: finish.runId,
      attempt: Self.row(finish.attempt), spender: known.run.spender, onShort: onShort(user.userId))
    let balance = user.balance(at: time)
    let own = user.rows[first...]
    let row =
      own.last { $0.type == .apiUsage } ?? own.last { $0.type == .holdRelease }
      ?? own.last { $0.type == .owed }
    try saveRows(of: &user)
    known.run = Self.ended(known.run, finish.end, bill, at: time)
    count(&known.run, under: known.run.planId.flatMap { plans[ExactText($0)] })
    known.run.chargedMicros = paidBefore + charge.paid
    known.run.uncollectedMicros = cost - known.run.chargedMicros
    known.run.owedMicros = owedBefore + charge.owed
    known.end = (finish.digest, row?.sequence)
    keep(known)
    let transaction = row.flatMap { self.row($0.sequence) }
    return RunReceipt(run: known.run, transaction: transaction, balance: balance, commit: .none)
  }

  /// A run is written in any case, and its user with it.
  private mutating func saveRows(of user: inout ModelUser) throws(Refusal) {
    hasWritten = true
    if user.rows.isEmpty {
      return keep(users[ExactText(user.userId)] ?? ModelUser(userId: user.userId, at: user.now))
    }
    guard save(&user) else { throw Refusal(.amountOverflow, "") }
  }

  private mutating func carryOut(_ record: UsageCommand.Record, at time: Int64) throws(Refusal) -> RunReceipt
  {
    if let known = try known(record.runId, 1, record.digest) {
      return RunReceipt(run: known.run, replayed: true, commit: .none)
    }
    let start = record.startedAtMicros ?? time
    if start < time - 3_024_000_000_000 { throw Refusal(.eventTooOld, "") }
    if start > time + 300_000_000 { throw Refusal(.eventInFuture, "") }
    var run = Run(
      runId: record.runId, userId: record.userId, model: record.model, type: record.type,
      status: record.end.status, startedAtMicros: start)
    (run.spender, run.tags) = (record.spender, record.tags)
    count(&run, under: plan(of: record.userId))
    let isReckoned = record.end.costMicros == nil && record.end.status != .failed
    run.priceVersion = Int64(book.count)
    if isReckoned { run.planId = plan(of: record.userId)?.id }
    run = Self.ended(run, record.end, try bill(of: record.end, run), at: time)
    if isReckoned, record.end.status == .cancelled, run.allUnits.isEmpty { run.planId = nil }
    (run.id, run.isRecorded) = (Int64(runs.count) + 1, true)
    keep(ModelRunState(run: run, digest: record.digest))
    var user = ModelUser(userId: record.userId, at: time)
    try saveRows(of: &user)
    return RunReceipt(run: run, commit: .none)
  }

  /// How rows say it: the first goes without saying.
  private static func row(_ attempt: Int32) -> Int32 { attempt == 1 ? 0 : attempt }

  private func known(
    _ runId: String, _ attempt: Int32, _ digest: Digest
  ) throws(Refusal) -> ModelRunState? {
    guard let known = runs[RunName(runId, attempt: attempt)] else { return nil }
    guard known.digest == digest else { throw Refusal(.runConflict, "", details: ["run_id": runId]) }
    return known
  }

  /// Whether the user's plan allows one more generation in the month that it is.
  private func requireQuota(_ userId: String, at time: Int64) throws(Refusal) {
    guard let plan = plan(of: userId), let limit = plan.limits.monthlyGenerations else { return }
    let month = plan.zone.period(nil, at: time)
    let own = runs(of: userId)
    let succeeded = own.filter {
      $0.status == .succeeded && month.start <= $0.startedAtMicros && $0.startedAtMicros < month.end
    }
    let running = own.filter { $0.status == .running && $0.expiresAtMicros ?? 0 > time }
    let used = Int64(succeeded.count + running.count)
    guard used >= limit else { return }
    throw Refusal(
      .quotaExceeded, "",
      details: ["limit": "\(limit)", "used": "\(used)", "resets_at_micros": "\(month.end)"])
  }

  private static func ended(_ run: Run, _ end: UsageCommand.End, _ bill: RunCost, at time: Int64) -> Run {
    var run = run
    (run.status, run.error, run.costMicros, run.finishedAtMicros) = (end.status, end.error, bill.micros, time)
    (run.units, run.breakdown) = (end.units, bill.breakdown)
    (run.inputTokens, run.outputTokens, run.images) = (end.inputTokens, end.outputTokens, end.images)
    run.providerCostMicros = end.providerCostMicros
    return run
  }

  /// Random runs have too few values for the rest.
  private func count(_ run: inout Run, under plan: Plan?) {
    for index in run.tags.indices where plan?.tagKeys.contains(run.tags[index].key) ?? false {
      (run.tags[index].own, run.tags[index].ofAll) = (.value, .value)
    }
  }

  private func replay(_ known: ModelRunState, row: Int64?, withHold: Bool, at time: Int64) -> RunReceipt {
    guard let row else {
      return RunReceipt(
        run: known.run, balance: balance(known.run.userId, wall: time), replayed: true, commit: .none)
    }
    guard let row = self.row(row) else { return RunReceipt(run: known.run, replayed: true, commit: .none) }
    let first = replay(row, at: time)
    return RunReceipt(
      run: known.run, transaction: first.transaction, balance: first.balance,
      hold: withHold ? first.hold : nil, replayed: true, commit: .none)
  }

  /// The run of a hold that was extended runs on as long.
  mutating func follow(_ hold: Hold) {
    let name = RunName(hold.runId, attempt: max(hold.attempt, 1))
    guard var known = runs[name], known.run.holdId == hold.id, known.run.status == .running else { return }
    known.run.expiresAtMicros = hold.expiresAtMicros
    keep(known)
  }
}
