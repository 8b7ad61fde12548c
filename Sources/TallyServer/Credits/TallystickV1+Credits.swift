// The ledger's values as messages.
//
// Invariants:
// 1. Ids of transactions and holds on the wire come from Core's Identifiers.
// 2. Nothing is decided here.

internal import TallyCore
internal import TallyMessages

extension MoneyResponse {
  init(_ receipt: Receipt) {
    self.init()
    transaction = TallystickV1.Transaction(receipt.transaction)
    balance = TallystickV1.Balance(receipt.balance)
    replayed = receipt.replayed
    commitSequence = receipt.transaction.commit.sequence
    commitPosition = receipt.transaction.commit.position
  }
}

extension TallystickV1.Balance {
  init(_ balance: Balance) {
    self.init()
    userId = balance.userId
    postedMicros = balance.postedMicros
    heldMicros = balance.heldMicros
    availableMicros = balance.availableMicros
    version = balance.version
    nextExpiryAtMicros = balance.nextExpiry?.atMicros
    nextExpiryMicros = balance.nextExpiry?.amountMicros ?? 0
    pendingMicros = balance.pendingMicros
    owedMicros = balance.owedMicros
  }
}

extension TallystickV1.LotAllocation {
  init(_ allocation: LotAllocation) {
    self.init()
    lotId = allocation.lotId
    amountMicros = allocation.amountMicros
  }
}

extension TallystickV1.Transaction {
  init(_ entry: Entry) {
    self.init()
    sequence = entry.sequence
    transactionId = Identifiers.transaction(entry.sequence)
    userId = entry.userId
    type = TallystickV1.TransactionType(rawValue: entry.type.rawValue)
    amountMicros = entry.amountMicros
    balanceAfterMicros = entry.balanceAfterMicros
    lots = entry.lots.map(TallystickV1.LotAllocation.init)
    createdAtMicros = entry.atMicros
    effectiveAtMicros = entry.effectiveAtMicros
    idempotencyKey = entry.idempotency?.key ?? ""
    description = entry.text.description
    for pair in entry.text.metadata { metadata[pair.key] = pair.value }
    heldAfterMicros = entry.heldAfterMicros
    pendingAfterMicros = entry.pendingAfterMicros
    version = entry.version
    runId = entry.runId
    paymentId = entry.paymentId ?? entry.referredPaymentId ?? ""
    planId = entry.planId ?? entry.referredPlanId ?? ""
    periodStartAtMicros = entry.periodStartMicros
    holdId = entry.holdId.map(Identifiers.hold) ?? ""
    actor = entry.actor
    reason = entry.reason
    package = entry.package
    commitSequence = entry.commit.sequence
    commitPosition = entry.commit.position
    holdAmountMicros = entry.holdAmountMicros
    expiresAtMicros = entry.expiresAtMicros
    priority = entry.priority
    refersToTransactionId = entry.refersTo.map(Identifiers.transaction) ?? ""
    eventId = entry.eventId ?? ""
    askedMicros = entry.askedMicros
    shortMicros = entry.shortMicros
    owedMicros = entry.owedMicros
    owedAfterMicros = entry.owedAfterMicros
    if let days = entry.periodDays {
      periodStartDate = Civil(dayNumber: days.lowerBound).text(upTo: .day)
      periodEndDate = Civil(dayNumber: days.upperBound).text(upTo: .day)
    }
    rolloverCapMicros = entry.rollover?.capMicros ?? 0
    spender = entry.spender
    intentId = entry.intentId ?? ""
    attempt = entry.attempt
  }
}

extension TallystickV1.Hold {
  init(_ hold: Hold) {
    self.init()
    holdId = Identifiers.hold(hold.id)
    userId = hold.userId
    state = TallystickV1.HoldState(rawValue: hold.state.rawValue)
    amountMicros = hold.amountMicros
    capturedMicros = hold.capturedMicros
    releasedMicros = hold.releasedMicros
    forfeitedMicros = hold.forfeitedMicros
    createdAtMicros = hold.createdAtMicros
    expiresAtMicros = hold.expiresAtMicros
    settledAtMicros = hold.settledAtMicros
    runId = hold.runId
    spender = hold.spender
    attempt = hold.attempt
    lots = hold.pins.map(TallystickV1.LotAllocation.init)
  }
}
