// Runs in the smallest engine: what an engine owes beside the rules of runs. It has no plans for users, so
// nothing is priced and no quota refuses.
//
// Owner: whoever holds the engine's lock.

import TallyCore
internal import TallySQLiteStore

/// A run and what its replays need.
struct ReferenceRun {
  var run: Run
  var digest: Digest
  var commit: CommitPoint
  var finish: (digest: Digest, commit: CommitPoint, sequence: Int64?)?
}

extension ReferenceEngine {
  static func runOutcome(
    of command: UsageCommand, at point: CommitPoint, _ store: inout Store
  ) throws(Refusal) -> Outcome {
    switch command {
    case .begin(let begin): .usage(.run(try carryOut(begin, at: point, &store)))
    case .finish(let finish): .usage(.run(try carryOut(finish, at: point, &store)))
    case .record(let record): .usage(.run(try carryOut(record, at: point, &store)))
    }
  }

  private static func carryOut(
    _ begin: UsageCommand.Begin, at point: CommitPoint, _ store: inout Store
  ) throws(Refusal) -> RunReceipt {
    if let known = store.runs[ExactText(begin.runId)] {
      guard known.digest == begin.digest else { throw conflict(begin.runId) }
      return replay(known, sequence: known.run.holdId, at: known.commit, store)
    }
    var decided = try Rules.begin(begin, quota: nil, context(of: begin.userId, store))
    try save(decided, at: point, &store)
    decided.run.id = Int64(store.runs.count) + 1
    store.runs[ExactText(begin.runId)] = ReferenceRun(run: decided.run, digest: begin.digest, commit: point)
    return receipt(decided, hold: decided.change?.hold, at: point, store)
  }

  private static func carryOut(
    _ finish: UsageCommand.Finish, at point: CommitPoint, _ store: inout Store
  ) throws(Refusal) -> RunReceipt {
    guard var known = store.runs[ExactText(finish.runId)],
      finish.actingUserId.map({ ExactText($0) == ExactText(known.run.userId) }) ?? true
    else { throw Rules.noRun(finish.runId) }
    if known.run.status != .running {
      guard let end = known.finish, end.digest == finish.digest else { throw conflict(finish.runId) }
      return replay(known, sequence: end.sequence, at: end.commit, store)
    }
    var context = context(of: known.run.userId, store)
    context.hold = known.run.holdId.flatMap { store.holds[$0] }
    let decided = try Rules.finish(finish, known.run, context)
    try save(decided, at: point, &store)
    known.run = decided.run
    known.finish = (finish.digest, point, decided.hasOwnRow ? store.ledger.last?.sequence : nil)
    store.runs[ExactText(finish.runId)] = known
    return receipt(decided, hold: nil, at: point, store)
  }

  private static func carryOut(
    _ record: UsageCommand.Record, at point: CommitPoint, _ store: inout Store
  ) throws(Refusal) -> RunReceipt {
    if let known = store.runs[ExactText(record.runId)] {
      guard known.digest == record.digest else { throw conflict(record.runId) }
      return RunReceipt(run: known.run, replayed: true, commit: known.commit)
    }
    var run = try Rules.record(record, plan: nil, nowMicros: store.effectiveMicros)
    run.id = Int64(store.runs.count) + 1
    store.runs[ExactText(record.runId)] = ReferenceRun(run: run, digest: record.digest, commit: point)
    return RunReceipt(run: run, commit: point)
  }

  private static func conflict(_ runId: String) -> Refusal {
    Refusal(.runConflict, "the run's id is known", details: ["run_id": runId])
  }

  private static func context(of userId: String, _ store: Store) -> DecisionContext {
    DecisionContext(
      nowMicros: store.effectiveMicros, nextSequence: Int64(store.ledger.count) + 1,
      account: store.account(userId), expiredHolds: store.expiredHolds(userId))
  }

  private static func save(
    _ decided: RunChange, at point: CommitPoint, _ store: inout Store
  ) throws(Refusal) {
    guard let change = decided.change else { return }
    try book(change, &store)
    save(change, at: point, &store)
  }

  private static func receipt(
    _ decided: RunChange, hold: Hold?, at point: CommitPoint, _ store: Store
  ) -> RunReceipt {
    let row = decided.hasOwnRow ? store.ledger.last : nil
    return RunReceipt(
      run: decided.run, transaction: row, balance: row?.balanceAfter ?? store.balance(decided.run.userId),
      hold: hold, commit: point)
  }

  private static func replay(
    _ known: ReferenceRun, sequence: Int64?, at commit: CommitPoint, _ store: Store
  ) -> RunReceipt {
    guard let sequence else {
      return RunReceipt(
        run: known.run, balance: store.balance(known.run.userId), replayed: true, commit: commit)
    }
    let first = receipt(store.ledger[Int(sequence) - 1], store)
    // Only BeginRun answers its hold.
    let hold = first.transaction.type == .hold ? first.hold : nil
    return RunReceipt(
      run: known.run, transaction: first.transaction, balance: first.balance, hold: hold, replayed: true,
      commit: commit)
  }

  /// A hold that lives longer lets its run count for as long.
  static func follow(_ hold: Hold, _ store: inout Store) {
    let name = ExactText(hold.runId)
    guard let run = store.runs[name]?.run, run.holdId == hold.id, run.status == .running else { return }
    store.runs[name]?.run.expiresAtMicros = hold.expiresAtMicros
  }
}
