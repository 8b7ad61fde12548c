// Deciding commands of runs: what exists, what was done before, then the rules.
//
// Invariants:
// 1. The order of checks is fixed: the run exists (FinishRun); the same request replays, another one under
//    its id conflicts; then the rules, with the quota before the balance. The first that fails is the answer.
// 2. A replay answers the run as it stands now, and row, balance, hold and commit as they were stored; a
//    balance without a row is that of now.
// 3. A refusal leaves nothing: neither the run's id nor its user is known by it.
// 4. Ledger rows, the run's row and what is counted of it stand in one commit at one place. Everything that
//    may refuse comes before the first row.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  func decide(_ command: UsageCommand) throws(SQLiteError) -> Outcome {
    switch command {
    case .begin(let it): try decide(it)
    case .finish(let it): try decide(it)
    case .record(let it): try decide(it)
    }
  }

  private func decide(_ begin: UsageCommand.Begin) throws(SQLiteError) -> Outcome {
    if let stored = try runReader.run(runId: begin.runId) {
      guard stored.digest == begin.digest else { return conflict(begin.runId) }
      return try replayOfBegin(stored)
    }
    let account = try account(userId: begin.userId)
    let context = try context(of: account)
    let quota = try quotaRefusal(.generations, of: account)
    var decided: RunChange
    do throws(Refusal) {
      decided = try Rules.begin(begin, quota: quota, context)
    } catch {
      return refused(error)
    }
    guard booksTake(decided.change) else { return refused(booksOverflow) }
    let commit = try write(&decided, for: .usage(.begin(begin)))
    let owner = try madeAccount(userId: begin.userId)
    decided.run.id = try runSaver.make(decided.run, account: owner.id, begin.digest, at: commit)
    touchStats(userId: begin.userId)
    return try receipt(decided, hold: decided.change?.hold, at: commit)
  }

  private func decide(_ finish: UsageCommand.Finish) throws(SQLiteError) -> Outcome {
    guard let stored = try runReader.run(runId: finish.runId),
      stored.run.isVisible(actingUserId: finish.actingUserId)
    else { return refused(Rules.noRun(finish.runId)) }
    let run = stored.run
    if run.status != .running {
      guard let end = stored.finish, end.digest == finish.digest else { return conflict(finish.runId) }
      return try replay(stored, sequence: end.sequence, at: end.commit)
    }
    let account = try account(userId: run.userId)
    var context = try context(of: account)
    if let holdId = run.holdId { context.hold = try hold(holdId) }
    if finish.end.needsPrice { context.plan = try plan(of: account) }
    var decided: RunChange
    do throws(Refusal) {
      decided = try Rules.finish(finish, run, context)
    } catch {
      return refused(error)
    }
    guard booksTake(decided.change) else { return refused(booksOverflow) }
    if let refusal = try count(decided.run, account: account.id) { return refused(refusal) }
    let commit = try write(&decided, for: .usage(.finish(finish)))
    let row = decided.hasOwnRow ? decided.change?.entries.last?.sequence : nil
    try runSaver.finish(
      decided.run, StoredRun.Finish(digest: finish.digest, commit: commit, sequence: row))
    return try receipt(decided, hold: nil, at: commit)
  }

  private func decide(_ record: UsageCommand.Record) throws(SQLiteError) -> Outcome {
    if let stored = try runReader.run(runId: record.runId) {
      guard stored.digest == record.digest else { return conflict(record.runId) }
      return .usage(.run(RunReceipt(run: stored.run, replayed: true, commit: stored.commit)))
    }
    let known = try account(userId: record.userId)
    let plan = record.end.needsPrice ? try plan(of: known) : nil
    var run: Run
    do throws(Refusal) {
      run = try Rules.record(record, plan: plan, nowMicros: working.nowMicros)
    } catch {
      return refused(error)
    }
    // A user that is not known yet will get this id; nothing is written when the sums refuse.
    let id = known.id == 0 ? working.lastAccountId + 1 : known.id
    if let refusal = try count(run, account: id) { return refused(refusal) }
    let account = try madeAccount(userId: record.userId)
    let commit = takeWritingPlace()
    run.id = try runSaver.make(run, account: account.id, record.digest, at: commit)
    return .usage(.run(RunReceipt(run: run, commit: commit)))
  }

  // MARK: replay

  private func conflict(_ runId: String) -> Outcome {
    refused(
      Refusal(
        .runConflict, "the run's id was used for another request", details: ["run_id": runId]))
  }

  private func replayOfBegin(_ stored: StoredRun) throws(SQLiteError) -> Outcome {
    // A hold's id is the number of the row that opened it.
    try replay(stored, sequence: stored.run.holdId, at: stored.commit) { (row) throws(SQLiteError) in
      Rules.hold(try self.hold(row.sequence), after: row)
    }
  }

  private func replay(
    _ stored: StoredRun, sequence: Int64?, at commit: CommitPoint,
    hold: (Entry) throws(SQLiteError) -> Hold? = { _ in nil }
  ) throws(SQLiteError) -> Outcome {
    var receipt = RunReceipt(run: stored.run, replayed: true, commit: commit)
    if let sequence {
      let row = try row(sequence)
      receipt.transaction = row
      receipt.balance = row.balanceAfter
      receipt.hold = try hold(row)
    } else {
      receipt.balance = try balanceNow(userId: stored.run.userId)
    }
    return .usage(.run(receipt))
  }

  private func hold(_ id: Int64) throws(SQLiteError) -> Hold {
    guard let hold = try holdReader.hold(id: id) else { throw .malformed("run: no hold \(id)") }
    return hold
  }

  private func balanceNow(userId: String) throws(SQLiteError) -> Balance {
    let account = try account(userId: userId)
    return Rules.balance(of: account, expiredHolds: try expiredHolds(of: account), at: working.nowMicros)
  }

  // MARK: writing

  private var booksOverflow: Refusal {
    Refusal(.amountOverflow, "the books would leave the range of int64")
  }

  /// Whether the other side of every row stays within int64.
  private func booksTake(_ change: Change?) -> Bool {
    var system = working.system
    for entry in change?.entries ?? [] where !system.book(entry) { return false }
    return true
  }

  /// Writes a run's ledger rows, if it has any.
  /// - Returns: the command's place.
  private func write(_ decided: inout RunChange, for command: Command) throws(SQLiteError) -> CommitPoint {
    guard var change = decided.change else { return takeWritingPlace() }
    guard try write(&change, for: command) else { throw .malformed("system accounts: sum out of range") }
    decided.change = change
    return change.entries[change.transactionIndex].commit
  }

  private func receipt(
    _ decided: RunChange, hold: Hold?, at commit: CommitPoint
  ) throws(SQLiteError) -> Outcome {
    var receipt = RunReceipt(run: decided.run, hold: hold, commit: commit)
    if decided.hasOwnRow, let row = decided.change?.entries.last {
      receipt.transaction = row
      receipt.balance = row.balanceAfter
    } else {
      receipt.balance = try balanceNow(userId: decided.run.userId)
    }
    return .usage(.run(receipt))
  }

  /// A hold that lives longer lets its run count for as long.
  func followExtension(_ hold: Hold) throws(SQLiteError) {
    guard !hold.runId.isEmpty else { return }
    try runSaver.extend(hold)
    touchStats(userId: hold.userId)
  }
}
