// Runs: whether one may begin, and what it is charged.
//
// Invariants:
// 1. The order of checks: the run exists (FinishRun); the same request replays, another one under its id and
//    attempt conflicts; the attempt before has ended; then the rules, with the quota before the balance.
// 2. A replay answers run and hold as they are now, and row, balance and commit as they were stored; a
//    balance without a row is that of now.
// 3. A refusal leaves nothing: neither the run's id nor its user is known by it.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ begin: UsageCommand.Begin) throws(Refusal) -> Decided<RunReceipt> {
    if let stored = try records.run(runId: begin.runId, attempt: begin.attempt) {
      guard stored.digest == begin.digest else { throw conflict(begin.runId) }
      return try replayOfBegin(stored)
    }
    if begin.attempt > 1 { try requireNext(begin) }
    let account = try records.account(userId: begin.userId)
    let context = try spendingContext(of: account)
    let plan = try records.plan(of: account)
    let quota = try quotaRefusal(.generations, of: account, under: plan)
    let ask = CapAsk(
      spender: begin.spender, micros: begin.estimateMicros, run: (begin.model, begin.type))
    let change = try Rules.begin(begin, quota: quota, try capped(context, ask))
    var effects = try effects(of: change, on: account)
    let owner = owner(account, &effects)
    let place = records.writes.writingPlace
    var run = change.run
    run.id = records.writes.books.lastRunId + 1
    (run.priceVersion, run.planId) = (records.writes.books.prices.version, plan?.id)
    let stored = StoredRun(run: run, account: owner.id, digest: begin.digest, commit: place)
    let isOpen = run.isOpen(nowMicros: records.nowMicros)
    let events = try quotaEvents(.generations, of: owner, now: isOpen ? 1 : 0)
    effects.set {
      $0.run = RunEffect(run: stored, isNew: true)
      $0.events += events
    }
    return try decided(run, change, hold: effects.change?.hold, effects)
  }

  func decide(_ finish: UsageCommand.Finish) throws(Refusal) -> Decided<RunReceipt> {
    guard var stored = try records.run(runId: finish.runId, attempt: finish.attempt),
      stored.run.isVisible(actingUserId: finish.actingUserId)
    else { throw Rules.noRun(finish.runId) }
    if stored.run.status != .running {
      guard let end = stored.finish, end.digest == finish.digest else { throw conflict(finish.runId) }
      return try replay(stored, sequence: end.sequence, at: end.commit)
    }
    let account = try records.account(userId: stored.run.userId)
    let hold = if let holdId = stored.run.holdId { Optional(try storedHold(holdId)) } else { Hold?.none }
    let context = if let hold { try context(of: hold) } else { try context(of: account) }
    let pricing = finish.end.needsPrice ? try pricing(of: stored.run) : nil
    let before = try hold.map { (hold) throws(Refusal) in try charged(before: hold) } ?? ChargedBefore()
    let change = try Rules.finish(finish, stored.run, context, pricing, before: before) {
      () throws(Refusal) in
      try records.onShort(of: account)
    }
    var effects = try effects(of: change, on: account)
    let wasOpen = stored.run.isOpen(nowMicros: records.nowMicros)
    stored.run = change.run
    let tagKeys = try tagKeys(of: stored.run) { () throws(Refusal) in
      try stored.run.planId.map { (id) throws(Refusal) in try records.plan(id: id) } ?? nil
    }
    let count = try count(&stored.run, account: account.id, tagKeys)
    stored.finish = StoredRun.Finish(
      digest: finish.digest, commit: records.writes.writingPlace,
      sequence: change.hasOwnRow ? effects.change?.own?.sequence : nil)
    let events = try quotaEvents(
      .generations, of: account, now: wasOpen ? -1 : 0, counted: count.month.generations,
      atMicros: stored.run.startedAtMicros)
    effects.set {
      $0.count = count
      $0.events += events
      $0.run = RunEffect(run: stored, isNew: false)
    }
    return try decided(stored.run, change, hold: nil, effects)
  }

  func decide(_ record: UsageCommand.Record) throws(Refusal) -> Decided<RunReceipt> {
    if let stored = try records.run(runId: record.runId, attempt: 1) {
      guard stored.digest == record.digest else { throw conflict(record.runId) }
      return Decided(replay: RunReceipt(run: stored.run, replayed: true, commit: stored.commit))
    }
    let account = try records.account(userId: record.userId)
    let book = records.writes.books.prices
    let plan = record.end.needsPrice ? try records.plan(of: account) : nil
    let pricing = RunPricing(
      book, planId: plan?.id, cancelledCost: plan?.cancelledCost ?? .reported,
      atMicros: record.startedAtMicros ?? records.nowMicros)
    var run = try Rules.record(record, pricing, nowMicros: records.nowMicros)
    (run.priceVersion, run.planId) = (book.version, plan?.id)
    var effects = Effects()
    let owner = owner(account, &effects)
    let tagKeys = try tagKeys(of: run) { () throws(Refusal) in
      if let plan { plan } else { try records.plan(of: account) }
    }
    let count = try count(&run, account: owner.id, tagKeys)
    effects.set(try capCount(of: nil, owner, run: run), of: owner)
    run.id = records.writes.books.lastRunId + 1
    let place = records.writes.writingPlace
    let stored = StoredRun(run: run, account: owner.id, digest: record.digest, commit: place)
    let events = try quotaEvents(
      .generations, of: owner, counted: count.month.generations, atMicros: run.startedAtMicros)
    effects.set {
      $0.count = count
      $0.events += events
      $0.run = RunEffect(run: stored, isNew: true)
    }
    return Decided(RunReceipt(run: run, commit: place), effects)
  }

  // MARK: prices

  /// The book and the plan that a run was begun under.
  private func pricing(of run: Run) throws(Refusal) -> RunPricing {
    let plan = try run.planId.map { (id) throws(Refusal) in try records.plan(id: id) } ?? nil
    return RunPricing(
      records.writes.books.prices, planId: run.planId, cancelledCost: plan?.cancelledCost ?? .reported,
      version: run.priceVersion, atMicros: run.startedAtMicros)
  }

  // MARK: replay

  private func conflict(_ runId: String) -> Refusal {
    Refusal(.runConflict, "the run id was already used for a different request", details: ["run_id": runId])
  }

  /// A further attempt comes after one that has failed or was cancelled, of the same user.
  /// - Throws: `runConflict`; to the run's user it tells the newest attempt and its status.
  private func requireNext(_ begin: UsageCommand.Begin) throws(Refusal) {
    let newest = try records.run(runId: begin.runId, attempt: nil)?.run
    if let newest, !newest.userId.isExactly(begin.userId) { throw conflict(begin.runId) }
    let status = newest?.status
    guard newest?.attempt == begin.attempt - 1, status == .failed || status == .cancelled else {
      var details = ["run_id": begin.runId]
      details["attempt"] = newest.map { String($0.attempt) }
      details["status"] = status?.name
      throw Refusal(
        .runConflict, "an attempt begins once the one before it has failed or was cancelled", details: details
      )
    }
  }

  private func replayOfBegin(_ stored: StoredRun) throws(Refusal) -> Decided<RunReceipt> {
    // A hold's id is the number of the row that opened it.
    var decided = try replay(stored, sequence: stored.run.holdId, at: stored.commit)
    if let holdId = stored.run.holdId { decided.reply.hold = try holdNow(holdId) }
    return decided
  }

  private func replay(
    _ stored: StoredRun, sequence: Int64?, at commit: CommitPoint
  ) throws(Refusal) -> Decided<RunReceipt> {
    var receipt = RunReceipt(run: stored.run, replayed: true, commit: commit)
    if let sequence {
      let row = try records.entry(sequence)
      receipt.transaction = row
      receipt.balance = try lastRow(ofChangeWith: row).balanceAfter
    } else {
      receipt.balance = try balance(of: try records.account(userId: stored.run.userId))
    }
    return Decided(replay: receipt)
  }

  private func balance(of account: Account) throws(Refusal) -> Balance {
    Rules.balance(
      of: account, expiredHolds: try records.expiredHolds(of: account), at: records.nowMicros,
      dueGrant: try dueGrant(of: account))
  }

  /// What another hand than the end of its run has charged to a hold.
  private func charged(before hold: Hold) throws(Refusal) -> ChargedBefore {
    guard hold.state == .captured else { return ChargedBefore() }
    // A capture of more than was held refers to the hold.
    let capture = try records.referred(to: hold.id)[.apiUsage]
    return ChargedBefore(
      paidMicros: max(hold.capturedMicros, Int64(clamping: 0 - capture.amountMicros)),
      owedMicros: Int64(clamping: capture.owedMicros))
  }

  // MARK: what is written

  /// A run's ledger rows, if it has any.
  private func effects(of change: RunChange, on account: Account) throws(Refusal) -> Effects {
    if let rows = change.change { return try effects(of: rows, on: account, run: change.run) }
    var effects = Effects()
    let owner = owner(account, &effects)
    effects.set(try capCount(of: nil, owner, run: change.run), of: owner)
    return effects
  }

  /// Whatever a user owns refers to its account.
  func owner(_ account: Account, _ effects: inout Effects) -> Account {
    if let account = effects.newAccount { return account }
    let (account, isNew) = records.numbered(account)
    if isNew { effects.newAccount = account }
    return account
  }

  private func decided(
    _ run: Run, _ change: RunChange, hold: Hold?, _ effects: Effects
  ) throws(Refusal) -> Decided<RunReceipt> {
    var receipt = RunReceipt(run: run, hold: hold, commit: records.writes.writingPlace)
    if change.hasOwnRow, let row = effects.change?.own, let last = effects.change?.entries.last {
      receipt.transaction = row
      receipt.balance = last.balanceAfter
    } else if let account = effects.change?.account {
      // What has expired was written off with it.
      receipt.balance = Rules.balance(of: account, expiredHolds: [], at: records.nowMicros)
    } else {
      receipt.balance = try balance(of: try records.account(userId: run.userId))
    }
    return Decided(receipt, effects)
  }
}
