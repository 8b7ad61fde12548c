// Credits: what comes before the ledger's rules, and replay.
//
// Invariants:
// 1. A replay by natural key under a key that is new does not store that key: the same key may be used for
//    another request later.
// 2. Rules are pure, so they may be asked before the key was looked for; their answer is not given before.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: CreditCommand.Consume) throws(Refusal) -> Decided<Receipt> {
    let context = try spendingContext(of: try records.account(userId: it.userId))
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, try capped(context, CapAsk(spender: it.spender, micros: it.amountMicros)))
    }
  }

  /// With what the caps say of it.
  func capped(_ context: DecisionContext, _ ask: CapAsk) throws(Refusal) -> DecisionContext {
    var context = context
    context.capRefusal = try capRefusal(of: ask, context.account, settling: context.expiredHolds)
    return context
  }

  func decide(_ it: CreditCommand.AddPurchase) throws(Refusal) -> Decided<Receipt> {
    let account = try records.account(userId: it.userId)
    let intent = try it.intentId.map { (id) throws(Refusal) in try self.intent(id, of: it.userId) }
    if let known = try find(it.idempotency, of: account) { return known }
    let refs = Set(it.externalRefs.map { ExactText($0) }).subtracting([ExactText(it.paymentId)])
      .map(\.text).sorted { ExactText($0) < ExactText($1) }
    let ids = [it.paymentId] + refs
    let purchases = try records.all(ids) { (id) throws(Refusal) in try records.purchase(paymentId: id) }
    let unknown = zip(ids, purchases).compactMap { $1 == nil ? $0 : nil }
    if let sequence = purchases.compactMap(\.self).first {
      let row = try records.entry(sequence)
      guard purchases.allSatisfy({ $0 ?? sequence == sequence }) else {
        throw Refusal(
          .paymentConflict, "the payment's ids were already added as different payments",
          details: ["payment_id": it.paymentId])
      }
      guard row.userId.isExactly(it.userId), row.amountMicros == it.amountMicros else {
        throw Refusal(
          .paymentConflict, "the payment was already added for another user or with another amount",
          details: ["payment_id": it.paymentId])
      }
      return try replay(row, adding: unknown, closing: intent)
    }
    // One that was given up or cancelled is paid for all the same.
    if let intent, intent.state == .closed { try intent.requireOpen() }
    let context = try context(of: account)
    var decided = try carryOut(it.idempotency, context, closing: intent) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
    // Its first id stands on the row itself.
    if !refs.isEmpty, !decided.isReplay, let row = decided.effects?.change?.own {
      decided.effects?.set { $0.paymentRefs = refs.map { PaymentRef(id: $0, purchase: row.sequence) } }
    }
    return decided
  }

  /// A purchase that was added before. What it was not told of then is done now: further ids of its payment,
  /// and the intent that it closes, since a worker would take that one again.
  private func replay(
    _ row: Entry, adding ids: [String], closing intent: TopUpIntent?
  ) throws(Refusal) -> Decided<Receipt> {
    var known = try replay(row)
    if !ids.isEmpty { known.effects = Effects(ids: ids, ofPurchase: row.sequence) }
    guard let intent, intent.purchase != row.sequence else { return known }
    guard row.intentId == nil, try records.topUpIntent(closedBy: row.sequence) == nil else {
      throw Refusal(
        .paymentConflict, "the payment has closed another top-up intent",
        details: ["payment_id": row.paymentId ?? "", "intent_id": Identifiers.intent(intent.id)])
    }
    if intent.state == .closed { try intent.requireOpen() }
    var account = try records.account(userId: intent.userId)
    let effect = try topUp(after: &account, closing: intent, by: row)
    var effects = known.effects ?? Effects()
    effects.set {
      $0.changedAccount = account
      $0.topUp = effect
    }
    known.effects = effects
    return known
  }

  func decide(_ it: CreditCommand.GrantPromo) throws(Refusal) -> Decided<Receipt> {
    try carryOut(it.idempotency, of: it.userId) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
  }

  func decide(_ it: CreditCommand.Adjust) throws(Refusal) -> Decided<Receipt> {
    try carryOut(it.idempotency, of: it.userId) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
  }

  func decide(_ it: CreditCommand.Reserve) throws(Refusal) -> Decided<Receipt> {
    let context = try spendingContext(of: try records.account(userId: it.userId))
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, try capped(context, CapAsk(spender: it.spender, micros: it.amountMicros)))
    }
  }

  func decide(_ it: CreditCommand.Extend) throws(Refusal) -> Decided<Receipt> {
    let context = try context(ofHold: it.holdId, it.actingUserId)
    var decided = try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
    if let hold = decided.effects?.change?.hold, let run = try extendedRun(of: hold) {
      decided.effects?.set { $0.extendedRun = run }
    }
    return decided
  }

  func decide(_ it: CreditCommand.Capture) throws(Refusal) -> Decided<Receipt> {
    let context = try context(ofHold: it.holdId, it.actingUserId)
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, context) { () throws(Refusal) in try records.onShort(of: context.account) }
    }
  }

  func decide(_ it: CreditCommand.Release) throws(Refusal) -> Decided<Receipt> {
    let context = try context(ofHold: it.holdId, it.actingUserId)
    return try carryOut(it.idempotency, context) { (context) throws(Refusal) in
      try Rules.decide(it, context)
    }
  }

  // MARK: what the rules are asked with

  func context(of account: Account) throws(Refusal) -> DecisionContext {
    try context(of: account, settling: try records.expiredHolds(of: account))
  }

  /// - Parameter expiredHolds: those that are settled.
  func context(of account: Account, settling expiredHolds: [Hold]) throws(Refusal) -> DecisionContext {
    var context = DecisionContext(
      nowMicros: records.nowMicros, nextSequence: records.nextSequence, account: account,
      expiredHolds: expiredHolds)
    if !expiredHolds.isEmpty { try addOrigins(ofShortLotsTo: &context) }
    context.dueGrant = try dueGrant(of: account)
    return context
  }

  /// Of a command that consumes or sets credit aside.
  func spendingContext(of account: Account) throws(Refusal) -> DecisionContext {
    var context = try context(of: account)
    if !account.owed.isEmpty { context.blocksOwing = try records.onShort(of: account) == .block }
    return context
  }

  /// Of a command or a run that may settle a hold.
  func context(of hold: Hold) throws(Refusal) -> DecisionContext {
    var context = try context(of: try records.account(userId: hold.userId))
    context.hold = hold
    try addOrigins(ofShortLotsTo: &context)
    return context
  }

  /// What a hold gives back may go to a reversal or a void of its lot.
  private func addOrigins(ofShortLotsTo context: inout DecisionContext) throws(Refusal) {
    let lots = context.account.lots.filter { $0.shortMicros > 0 }
    if !lots.isEmpty { try addOrigins(ofLots: lots.map(\.id), to: &context) }
  }

  /// How lots came about, open or spent, beside those that are known.
  func addOrigins(ofLots ids: [Int64], to context: inout DecisionContext) throws(Refusal) {
    let rows = try records.all(ids) { (id) throws(Refusal) in try records.entry(id) }
    let sums = try records.all(ids) { (id) throws(Refusal) in try records.referred(to: id) }
    for (row, sums) in zip(rows, sums) {
      try sums.requireSound(of: row)
      context.origins[row.sequence] = LotOrigin(row, sums)
    }
  }

  /// Of a hold that a command names, as far as its caller may see it.
  private func context(ofHold id: Int64, _ actingUserId: String?) throws(Refusal) -> DecisionContext {
    try context(of: try Rules.named(try records.hold(id: id), id: id, actingUserId: actingUserId))
  }

  // MARK: replay

  /// What was done under this key before; nil when nothing was.
  func find(
    _ idempotency: Idempotency, of account: Account
  ) throws(Refusal) -> Decided<Receipt>? {
    guard let match = try records.key(idempotency.key, of: account) else { return nil }
    guard match.digest == idempotency.digest else {
      throw Refusal(
        .idempotencyMismatch, "the idempotency key was already used for a different request",
        details: ["transaction_id": Identifiers.transaction(match.sequence)])
    }
    return try replay(try records.entry(match.sequence))
  }

  func replay(_ row: Entry) throws(Refusal) -> Decided<Receipt> {
    var hold: Hold?
    if let holdId = row.holdId { hold = try holdNow(holdId) }
    let balance = try lastRow(ofChangeWith: row).balanceAfter
    return Decided(
      replay: Receipt(transaction: try named(row), balance: balance, hold: hold, replayed: true))
  }

  /// With the names of the purchase or the grant that it refers to.
  private func named(_ row: Entry) throws(Refusal) -> Entry {
    switch row.type {
    case .reversal, .reinstatement, .void, .owedForgiven:
      guard let refersTo = row.refersTo else { return row }
      return row.naming(try records.entry(refersTo))
    default: return row
    }
  }

  /// The user's last row at the same place as this one: rows may follow the one that carries the key.
  func lastRow(ofChangeWith row: Entry) throws(Refusal) -> Entry {
    var last = row
    while last.sequence + 1 < records.nextSequence {
      let next = try records.entry(last.sequence + 1)
      guard next.commit == row.commit, next.userId.isExactly(row.userId) else { break }
      last = next
    }
    return last
  }

  /// A hold that a row or a run names, as its client sees it.
  func holdNow(_ id: Int64) throws(Refusal) -> Hold {
    let hold = try storedHold(id)
    return Rules.hold(hold, of: try records.account(userId: hold.userId), at: records.nowMicros)
  }

  /// A hold that a row or a run names.
  func storedHold(_ id: Int64) throws(Refusal) -> Hold {
    guard let hold = try records.hold(id: id) else {
      throw StorageFailure.malformed("a row or a run names hold \(id), which is not there").refusal
    }
    return hold
  }

  // MARK: carrying out

  func carryOut(
    _ idempotency: Idempotency, of userId: String,
    _ rule: (DecisionContext) throws(Refusal) -> Change
  ) throws(Refusal) -> Decided<Receipt> {
    try carryOut(idempotency, try context(of: try records.account(userId: userId)), rule)
  }

  /// What comes of a command whose key may be in use.
  /// - Parameter intent: closed by the command's own row.
  func carryOut(
    _ idempotency: Idempotency, _ context: DecisionContext, closing intent: TopUpIntent? = nil,
    _ rule: (DecisionContext) throws(Refusal) -> Change
  ) throws(Refusal) -> Decided<Receipt> {
    if records.looksForKeys, let known = try find(idempotency, of: context.account) { return known }
    let effects: Effects
    do {
      effects = try self.effects(of: try rule(context), on: context.account, closing: intent)
    } catch {
      // What is refused now may have been done before.
      if !records.looksForKeys, let known = try find(idempotency, of: context.account) { return known }
      throw error
    }
    guard let change = effects.change, let row = change.own, let last = change.entries.last else {
      throw StorageFailure.malformed("change: no row").refusal
    }
    return Decided(
      Receipt(transaction: try named(row), balance: last.balanceAfter, hold: change.hold), effects)
  }

  /// A change with all that the writer knows better than the rules: places, numbers, the next expiry, the
  /// other side of its rows, and what comes of it beside them.
  /// - Parameters:
  ///   - run: one that the same command begins or ends.
  ///   - intent: closed by the change's own row.
  /// - Throws: `amountOverflow`.
  func effects(
    of change: consuming Change, on before: Account, run: Run? = nil, closing intent: TopUpIntent? = nil
  ) throws(Refusal) -> Effects {
    var system = records.writes.books.system
    let place = records.writes.writingPlace
    for index in change.entries.indices {
      guard system.book(change.entries[index]) else {
        throw Refusal(.amountOverflow, "the books would overflow int64")
      }
      change.entries[index].commit = place
    }
    if !change.holds.isEmpty {
      change.account.nextHoldExpiryMicros = try records.nextHoldExpiry(after: change, before: before)
    }
    let (account, isNew) = records.numbered(change.account)
    change.account = account
    let events = try events(of: change, on: before)
    let count = try capCount(of: change, records.numbered(before).account, run: run)
    let topUp = try topUp(after: &change.account, closing: intent, by: change.own)
    var effects = Effects(newAccount: isNew ? account : nil, change: change, system: system)
    if !events.isEmpty { effects.set { $0.events = events } }
    if let topUp { effects.set { $0.topUp = topUp } }
    effects.set(count, of: account)
    return effects
  }

  /// The run that a hold is of, when it is still under way.
  private func extendedRun(of hold: Hold) throws(Refusal) -> StoredRun? {
    if hold.runId.isEmpty { return nil }
    guard var stored = try records.run(runId: hold.runId, attempt: nil), stored.run.holdId == hold.id,
      stored.run.status == .running
    else { return nil }
    stored.run.expiresAtMicros = hold.expiresAtMicros
    return stored
  }
}
