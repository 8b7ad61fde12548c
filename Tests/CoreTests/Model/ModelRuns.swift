// Runs in the executable model. Nobody has a plan there: a cost that is not given cannot be reckoned.
//
// Values; part of the model.

import TallyCore
internal import TallySQLiteStore

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
    if let known = try known(begin.runId, begin.digest) {
      return replay(known, row: known.holdRow, withHold: true, at: time)
    }
    let expiresAt = try Self.later(time, begin.ttlMillis)
    var (user, numbering) = living(begin.userId, at: time)
    var hold: Hold?
    if begin.estimateMicros > 0 {
      try Self.requireAvailable(begin.estimateMicros, user, time)
      hold = user.reserve(
        begin.estimateMicros, runId: begin.runId, expiresAt: expiresAt, at: time, &numbering)
    }
    let balance = user.balance(at: time)
    guard save(&user) else { throw Refusal(.amountOverflow, "") }
    var run = Run(
      runId: begin.runId, userId: begin.userId, model: begin.model, type: begin.type, status: .running,
      startedAtMicros: time)
    (run.id, run.expiresAtMicros) = (Int64(runs.count) + 1, expiresAt)
    (run.holdId, run.estimateMicros) = (hold?.id, begin.estimateMicros)
    runs[ExactText(begin.runId)] = ModelRunState(run: run, digest: begin.digest, holdRow: hold?.id)
    return RunReceipt(
      run: run, transaction: hold == nil ? nil : ledger.last, balance: balance, hold: hold, commit: .none)
  }

  private mutating func carryOut(_ finish: UsageCommand.Finish, at time: Int64) throws(Refusal) -> RunReceipt
  {
    guard var known = runs[ExactText(finish.runId)],
      finish.actingUserId?.isExactly(known.run.userId) ?? true
    else { throw Refusal(.runNotFound, "", details: ["run_id": finish.runId]) }
    if known.run.status != .running {
      guard let end = known.end, end.digest == finish.digest else { throw Refusal(.runConflict, "") }
      return replay(known, row: end.row, withHold: false, at: time)
    }
    let cost = try Self.cost(of: finish.end)
    var (user, numbering) = living(known.run.userId, at: time)
    let first = numbering
    let open = known.run.holdId.flatMap { user.holds[$0] }
    var paid = min(cost, open?.amountMicros ?? 0)
    if let id = known.run.holdId, let over = settled[id], over.state == .captured {
      paid = min(cost, over.capturedMicros)
    }
    let drawn = min(cost - paid, user.available(at: time))
    if let open {
      _ = user.end(
        open, as: cost == 0 ? .released : .captured, capturing: paid, andFree: drawn, at: time, endedAt: time,
        &numbering)
    } else if drawn > 0 {
      user.spend(.apiUsage, drawn, at: time, &numbering) { $0.runId = finish.runId }
    }
    let balance = user.balance(at: time)
    guard save(&user) else { throw Refusal(.amountOverflow, "") }
    known.run = Self.ended(known.run, finish.end, cost: cost, at: time)
    (known.run.chargedMicros, known.run.uncollectedMicros) = (paid + drawn, cost - paid - drawn)
    known.end = (finish.digest, numbering > first ? numbering - 1 : nil)
    runs[ExactText(finish.runId)] = known
    return RunReceipt(
      run: known.run, transaction: numbering > first ? ledger.last : nil, balance: balance, commit: .none)
  }

  private mutating func carryOut(_ record: UsageCommand.Record, at time: Int64) throws(Refusal) -> RunReceipt
  {
    if let known = try known(record.runId, record.digest) {
      return RunReceipt(run: known.run, replayed: true, commit: .none)
    }
    let start = record.startedAtMicros ?? time
    if start < time - 3_024_000_000_000 { throw Refusal(.eventTooOld, "") }
    if start > time + 300_000_000 { throw Refusal(.eventInFuture, "") }
    let cost = try Self.cost(of: record.end)
    var run = Run(
      runId: record.runId, userId: record.userId, model: record.model, type: record.type,
      status: record.end.status, startedAtMicros: start)
    run = Self.ended(run, record.end, cost: cost, at: time)
    (run.id, run.isRecorded) = (Int64(runs.count) + 1, true)
    runs[ExactText(record.runId)] = ModelRunState(run: run, digest: record.digest)
    return RunReceipt(run: run, commit: .none)
  }

  /// A user after everything that is over by a time, and the number of the next row.
  private func living(_ userId: String, at time: Int64) -> (user: ModelUser, numbering: Int64) {
    var user = users[ExactText(userId)] ?? ModelUser(userId: userId)
    var numbering = Int64(ledger.count) + 1
    user.live(until: time, &numbering)
    return (user, numbering)
  }

  private func known(_ runId: String, _ digest: Digest) throws(Refusal) -> ModelRunState? {
    guard let known = runs[ExactText(runId)] else { return nil }
    guard known.digest == digest else { throw Refusal(.runConflict, "", details: ["run_id": runId]) }
    return known
  }

  private static func cost(of end: UsageCommand.End) throws(Refusal) -> Int64 {
    if let cost = end.costMicros { return cost }
    if end.status != .succeeded { return 0 }
    throw Refusal(.invalidField, "", details: ["field": "cost_micros"])
  }

  private static func ended(_ run: Run, _ end: UsageCommand.End, cost: Int64, at time: Int64) -> Run {
    var run = run
    (run.status, run.error, run.costMicros, run.finishedAtMicros) = (end.status, end.error, cost, time)
    (run.inputTokens, run.outputTokens, run.images) = (end.inputTokens, end.outputTokens, end.images)
    return run
  }

  private func replay(_ known: ModelRunState, row: Int64?, withHold: Bool, at time: Int64) -> RunReceipt {
    guard let row else {
      return RunReceipt(
        run: known.run, balance: balance(known.run.userId, wall: time), replayed: true, commit: .none)
    }
    let first = replay(ledger[Int(row) - 1], at: time)
    return RunReceipt(
      run: known.run, transaction: first.transaction, balance: first.balance,
      hold: withHold ? first.hold : nil, replayed: true, commit: .none)
  }

  /// The run of a hold that was extended runs on as long.
  mutating func follow(_ hold: Hold) {
    let name = ExactText(hold.runId)
    guard let run = runs[name]?.run, run.holdId == hold.id, run.status == .running else { return }
    runs[name]?.run.expiresAtMicros = hold.expiresAtMicros
  }
}
