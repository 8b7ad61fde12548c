// Top-ups: when an intent is opened, who takes it, and how it ends.
//
// Invariants:
// 1. Every change of an account comes by here, as it does for events, so that whoever falls below the
//    threshold has an intent in the same commit. The setting is looked up only then: the account itself knows
//    the line.
// 2. A purchase closes its intent before the account is looked at again.
// 3. What has expired and is not written off yet does not count as available.
//
// Owner: the writer's queue.

extension Decider {
  /// What a change of an account means for its top-ups.
  /// - Parameters:
  ///   - account: numbered, after the change; what it knows of its top-ups is set.
  ///   - stored: its setting, when it is other than the stored one.
  func topUp(
    after account: inout Account, closing intent: TopUpIntent? = nil, by purchase: Entry? = nil,
    stored: TopUp? = nil
  ) throws(Refusal) -> TopUpEffect? {
    var effect = TopUpEffect(topUp: stored)
    if let intent, let purchase { try close(intent, by: purchase, &account, &effect) }
    guard let line = account.topUpBelowMicros, !account.isSuspended else {
      account.topUpAtMicros = nil
      return effect.isEmpty ? nil : effect
    }
    // A part of what has expired is not written off yet, by a slice: it is asked again after the last one.
    if let expiry = account.nextHoldExpiryMicros, expiry <= records.nowMicros {
      return effect.isEmpty ? nil : effect
    }
    let balance = Rules.unsettledBalance(of: account, expiredHolds: [], at: records.nowMicros)
    if balance.availableMicros < line {
      try open(balance, &account, &effect)
    } else {
      account.topUpAtMicros = nil
    }
    return effect.isEmpty ? nil : effect
  }

  private func open(
    _ balance: Balance, _ account: inout Account, _ effect: inout TopUpEffect
  ) throws(Refusal) {
    var topUp = try setting(of: account, effect)
    let verdict = topUp.verdict(
      availableMicros: balance.availableMicros, owedMicros: account.owedMicros, nowMicros: records.nowMicros)
    switch verdict {
    case .wait(let untilMicros): account.topUpAtMicros = untilMicros
    case .open(let amountMicros):
      let intent = TopUpIntent(
        id: records.writes.books.lastIntentId + 1, userId: account.userId, account: account.id,
        amountMicros: amountMicros, availableMicros: balance.availableMicros, owedMicros: account.owedMicros,
        openedAtMicros: records.nowMicros)
      topUp.open(intent)
      (account.topUpBelowMicros, account.topUpAtMicros) = (nil, nil)
      effect.topUp = topUp
      effect.add(intent, event(of: intent, amountMicros))
    }
  }

  private func close(
    _ intent: TopUpIntent, by purchase: Entry, _ account: inout Account, _ effect: inout TopUpEffect
  ) throws(Refusal) {
    var topUp = try setting(of: account, effect)
    topUp.close(intent, purchaseMicros: purchase.amountMicros, nowMicros: records.nowMicros)
    var closed = intent
    closed.end(as: .closed, nowMicros: records.nowMicros)
    closed.purchase = purchase.sequence
    account.topUpBelowMicros = topUp.lineMicros
    effect.topUp = topUp
    effect.add(closed, event(of: closed, purchase.amountMicros))
  }

  /// Ends an intent without a purchase.
  private func end(
    _ intent: TopUpIntent, as state: TopUpIntent.State, _ topUp: inout TopUp, _ effect: inout TopUpEffect
  ) {
    var ended = intent
    if ended.state == .open { ended.end(as: state, nowMicros: records.nowMicros) }
    topUp.end(ended, nowMicros: records.nowMicros)
    effect.topUp = topUp
    effect.add(ended, event(of: ended, ended.amountMicros))
  }

  private func event(of intent: TopUpIntent, _ amountMicros: Int64) -> WriteSet.EventRow {
    var event = AccountEvent(
      userId: intent.userId, kind: .topUpIntent, atMicros: records.nowMicros,
      effectiveAtMicros: records.nowMicros)
    event.topUp = AccountEvent.TopUpStep(
      intentId: intent.id, state: intent.state, amountMicros: amountMicros)
    return WriteSet.EventRow(event: event, account: intent.account)
  }

  /// Of an account that has one.
  /// - Parameter effect: what has become of it so far.
  private func setting(of account: Account, _ effect: TopUpEffect = TopUpEffect()) throws(Refusal) -> TopUp {
    if let topUp = effect.topUp { return topUp }
    guard let topUp = try records.topUp(account: account.id) else {
      throw StorageFailure.malformed("account \(account.id): no top-up setting").refusal
    }
    return topUp
  }

  /// An intent that a command names, as far as its caller may see it.
  func intent(_ id: Int64, of userId: String?) throws(Refusal) -> TopUpIntent {
    guard let intent = try records.topUpIntent(id: id), userId?.isExactly(intent.userId) ?? true else {
      throw Refusal(
        .topUpIntentNotFound, "the user has no such top-up intent",
        details: id == Identifiers.noIntent ? [:] : ["intent_id": Identifiers.intent(id)])
    }
    return intent
  }

  // MARK: commands

  func decide(_ it: TopUpCommand.Put) throws(Refusal) -> Decided<TopUpReceipt> {
    let account = try records.account(userId: it.topUp.userId)
    let stored = account.id == 0 ? nil : try records.topUp(account: account.id)
    if let stored, stored.hasContent(of: it.topUp) {
      return Decided(TopUpReceipt(topUp: stored, unchanged: true, commit: records.writes.restingPlace))
    }
    // What is due until now comes about by the setting until now.
    var effects = Effects()
    if let due = account.nextDueMicros, due <= records.nowMicros,
      let change = try Rules.sweep(try context(of: account))
    {
      effects = try self.effects(of: change, on: account)
    }
    var after = effects.change?.account ?? owner(account, &effects)
    var effect = effects.products?.topUp ?? TopUpEffect()
    var topUp = it.topUp.keeping(effect.topUp ?? stored)
    (topUp.account, topUp.updatedAtMicros) = (after.id, records.nowMicros)
    if !topUp.isEnabled, let id = topUp.openIntentId {
      var open = effect.intents.last { $0.id == id }
      if open == nil { open = try intent(id, of: nil) }
      if let open { end(open, as: .cancelled, &topUp, &effect) }
    }
    effect.topUp = topUp
    (after.topUpBelowMicros, after.topUpAtMicros) = (topUp.lineMicros, nil)
    if let opened = try self.topUp(after: &after, stored: topUp) { effect.add(opened) }
    effects.set {
      $0.changedAccount = after
      $0.topUp = effect
    }
    return Decided(
      TopUpReceipt(topUp: effect.topUp ?? topUp, unchanged: false, commit: records.writes.writingPlace),
      effects)
  }

  func decide(_ it: TopUpCommand.Take) throws(Refusal) -> Decided<TopUpIntentReceipt> {
    let live = try records.leasedTopUpIntent(worker: it.worker)
    guard live == nil, var intent = try records.dueTopUpIntent() else {
      return Decided(
        TopUpIntentReceipt(intent: live, unchanged: true, commit: records.writes.restingPlace))
    }
    intent.lease(to: it.worker, forMillis: it.leaseMillis, nowMicros: records.nowMicros)
    var effect = TopUpEffect()
    effect.intents = [intent]
    return decided(intent, effect)
  }

  func decide(_ it: TopUpCommand.Fail) throws(Refusal) -> Decided<TopUpIntentReceipt> {
    var intent = try intent(it.intentId, of: it.actingUserId)
    if intent.hasFailed(by: it.worker, it.message) {
      return Decided(
        TopUpIntentReceipt(intent: intent, unchanged: true, commit: records.writes.restingPlace))
    }
    try intent.requireOpen()
    guard intent.leasedUntilMicros != nil, intent.worker.isExactly(it.worker) else {
      throw Refusal(
        .topUpIntentNotLeased, "the top-up intent is not leased to the worker",
        details: ["intent_id": Identifiers.intent(intent.id)])
    }
    var account = try records.account(userId: intent.userId)
    var topUp = try setting(of: account)
    intent.fail(it.message, cooldownMillis: topUp.cooldownMillis, nowMicros: records.nowMicros)
    var effect = TopUpEffect()
    guard intent.state != .open else {
      effect.intents = [intent]
      return decided(intent, effect)
    }
    end(intent, as: .failed, &topUp, &effect)
    account.topUpBelowMicros = topUp.lineMicros
    return decided(intent, effect, account)
  }

  func decide(_ it: TopUpCommand.Cancel) throws(Refusal) -> Decided<TopUpIntentReceipt> {
    let intent = try intent(it.intentId, of: nil)
    if intent.state == .cancelled {
      return Decided(
        TopUpIntentReceipt(intent: intent, unchanged: true, commit: records.writes.restingPlace))
    }
    try intent.requireOpen()
    var account = try records.account(userId: intent.userId)
    var topUp = try setting(of: account)
    var effect = TopUpEffect()
    end(intent, as: .cancelled, &topUp, &effect)
    account.topUpBelowMicros = topUp.lineMicros
    return decided(effect.intents.last ?? intent, effect, account)
  }

  private func decided(
    _ intent: TopUpIntent, _ effect: TopUpEffect, _ account: Account? = nil
  ) -> Decided<TopUpIntentReceipt> {
    var effects = Effects()
    effects.set {
      $0.changedAccount = account
      $0.topUp = effect
    }
    return Decided(
      TopUpIntentReceipt(intent: intent, unchanged: false, commit: records.writes.writingPlace), effects)
  }
}
