// Deciding one command: what exists, what was done before, then the rules.
//
// Invariants:
// 1. The order of checks is fixed: the named object exists; the key replays or mismatches; natural keys
//    (payment id; user, plan and period) replay or conflict; then the rules. The first that fails is the
//    answer.
// 2. A replay answers what is stored: the row, the balance after it, the hold as it stood right after it,
//    and the commit at which all that was decided. A replay by natural key under a key that is new does not
//    store that key: the same key may be used for another request later.
// 3. Rules are pure, so they may be asked before the key was looked for; their answer is not given before.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  /// Decides a command and writes what it does.
  /// - Throws: when SQL failed; rows may have been written then, and the caller undoes them.
  func decide(_ command: Command) throws(SQLiteError) -> Outcome {
    switch command {
    case .consume(let it): try decide(command, of: it.userId, it.idempotency)
    case .addPurchase(let it): try decide(it, command)
    case .grantPlan(let it): try decide(it, command)
    case .grantPromo(let it): try decide(command, of: it.userId, it.idempotency)
    case .adjust(let it): try decide(command, of: it.userId, it.idempotency)
    case .reserve(let it): try decide(command, of: it.userId, it.idempotency)
    case .extend(let it): try decide(command, onHold: it.holdId, it.actingUserId, it.idempotency)
    case .capture(let it): try decide(command, onHold: it.holdId, it.actingUserId, it.idempotency)
    case .release(let it): try decide(command, onHold: it.holdId, it.actingUserId, it.idempotency)
    case .putPlan(let plan): try put(plan)
    case .usage(let it): try decide(it)
    case .page(let it): try decide(it, command)
    case .admin(let it): try decide(it)
    }
  }

  // MARK: what comes before the rules

  private func decide(
    _ command: Command, of userId: String, _ idempotency: Idempotency
  ) throws(SQLiteError) -> Outcome {
    let account = try account(userId: userId)
    return try carryOut(command, idempotency, try context(of: account))
  }

  private func decide(
    _ command: Command, onHold holdId: Int64, _ actingUserId: String?, _ idempotency: Idempotency
  ) throws(SQLiteError) -> Outcome {
    let stored = try holdReader.hold(id: holdId)
    let hold: Hold
    do {
      hold = try Rules.named(stored, id: holdId, actingUserId: actingUserId)
    } catch {
      return refused(error)
    }
    var context = try context(of: try account(userId: hold.userId))
    context.hold = hold
    return try carryOut(command, idempotency, context)
  }

  private func decide(_ purchase: Command.AddPurchase, _ command: Command) throws(SQLiteError) -> Outcome {
    let account = try account(userId: purchase.userId)
    if let known = try find(purchase.idempotency, of: account) { return known }
    if let sequence = try keys.find(paymentId: purchase.paymentId) {
      let row = try row(sequence)
      if row.userId.isExactly(purchase.userId) && row.amountMicros == purchase.amountMicros {
        return try replay(row)
      }
      return refused(
        Refusal(
          .paymentConflict, "the payment belongs to another user or has another amount",
          details: ["payment_id": purchase.paymentId]))
    }
    return try carryOut(command, purchase.idempotency, try context(of: account))
  }

  private func decide(_ grant: Command.GrantPlan, _ command: Command) throws(SQLiteError) -> Outcome {
    guard let plan = try planReader.plan(id: grant.planId) else {
      return refused(Refusal(.grantNotFound, "no such plan", details: ["plan_id": grant.planId]))
    }
    let account = try account(userId: grant.userId)
    if let known = try find(grant.idempotency, of: account) { return known }
    let period = grant.period ?? Period(utcMonthContaining: working.nowMicros)
    if account.id != 0,
      let sequence = try keys.find(
        account: account.id, planId: plan.id, periodStartMicros: period.startMicros)
    {
      let row = try row(sequence)
      if row.amountMicros == grant.amountMicros ?? plan.monthlyCreditMicros { return try replay(row) }
      return refused(
        Refusal(
          .grantConflict, "the plan was granted for this period with another amount",
          details: ["plan_id": plan.id, "granted_micros": String(row.amountMicros)]))
    }
    var context = try context(of: account)
    context.plan = plan
    return try carryOut(command, grant.idempotency, context)
  }

  // MARK: replay

  /// What was done under this key before; nil when nothing was.
  private func find(_ idempotency: Idempotency, of account: Account) throws(SQLiteError) -> Outcome? {
    guard account.id != 0, let match = try keys.find(account: account.id, key: idempotency.key),
      // A later row is one that this very command has written and that failed after it.
      match.sequence <= working.head.ledgerSequence
    else { return nil }
    guard match.digest == idempotency.digest else {
      return refused(
        Refusal(
          .idempotencyMismatch, "the key was used for another request",
          details: ["transaction_id": Identifiers.transaction(match.sequence)]))
    }
    return try replay(try row(match.sequence))
  }

  func row(_ sequence: Int64) throws(SQLiteError) -> Entry {
    guard let row = try rows.row(sequence: sequence) else {
      throw .malformed("index of the ledger: no row \(sequence)")
    }
    return row
  }

  private func replay(_ row: Entry) throws(SQLiteError) -> Outcome {
    var hold: Hold?
    if let holdId = row.holdId {
      guard let stored = try holdReader.hold(id: holdId) else {
        throw .malformed("ledger row \(row.sequence): no hold \(holdId)")
      }
      hold = Rules.hold(stored, after: row)
    }
    return .applied(Receipt(transaction: row, balance: row.balanceAfter, hold: hold, replayed: true))
  }

  // MARK: the rules

  func context(of account: Account) throws(SQLiteError) -> DecisionContext {
    DecisionContext(
      nowMicros: working.nowMicros, nextSequence: working.head.ledgerSequence + 1, account: account,
      expiredHolds: try expiredHolds(of: account))
  }

  /// What comes of a command whose key may be in use. Most keys are new, and looking for one costs a third
  /// of writing its row: the row is written on the chance, and the index that keeps keys unique says if it
  /// must not be. Whatever else would be answered waits until the key was looked for.
  private func carryOut(
    _ command: Command, _ idempotency: Idempotency, _ context: DecisionContext
  ) throws(SQLiteError) -> Outcome {
    var change: Change
    do {
      change = try Rules.decide(command, context)
    } catch {
      return try find(idempotency, of: context.account) ?? refused(error)
    }
    // More than one row could not be undone here.
    if change.entries.count > 1, let known = try find(idempotency, of: context.account) { return known }
    do {
      guard try write(&change, for: command) else {
        return try find(idempotency, of: context.account)
          ?? refused(Refusal(.amountOverflow, "the books would leave the range of int64"))
      }
    } catch {
      guard error.kind == .constraint, let known = try find(idempotency, of: context.account) else {
        throw error
      }
      return known
    }
    let row = change.entries[change.transactionIndex]
    return .applied(Receipt(transaction: row, balance: row.balanceAfter, hold: change.hold))
  }

  private func put(_ plan: Plan) throws(SQLiteError) -> Outcome {
    let stored = try planReader.plan(id: plan.id)
    let (plan, unchanged) = Rules.put(plan, over: stored, nowMicros: working.nowMicros)
    if unchanged { return .planStored(plan, unchanged: true, commit: placeOfRefusal()) }
    try planSaver.save(plan)
    working.touched.plans.insert(ExactText(plan.id))
    return .planStored(plan, unchanged: false, commit: takeWritingPlace())
  }

  func refused(_ refusal: Refusal) -> Outcome {
    var refusal = refusal
    refusal.commit = placeOfRefusal()
    return .refused(refusal)
  }
}
