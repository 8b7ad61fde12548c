// The ledger's values as messages.
//
// Invariants:
// 1. Ids on the wire are made here and nowhere else: transactions and holds by Core's Identifiers.
// 2. Nothing is decided here.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallyMessages

/// The reply of every method that moves money.
protocol MoneyResponse: Message {
  var transaction: TallystickV1.Transaction? { get set }
  var balance: TallystickV1.Balance? { get set }
  var replayed: Bool { get set }
  var commitSequence: Int64 { get set }
  var commitPosition: Int32 { get set }
}

/// The reply of every method that moves a hold.
protocol HoldResponse: MoneyResponse {
  var hold: TallystickV1.Hold? { get set }
}

extension TallystickV1.ConsumeResponse: MoneyResponse {}
extension TallystickV1.AddPurchaseResponse: MoneyResponse {}
extension TallystickV1.GrantPlanResponse: MoneyResponse {}
extension TallystickV1.GrantPromoResponse: MoneyResponse {}
extension TallystickV1.AdjustResponse: MoneyResponse {}
extension TallystickV1.ReserveResponse: HoldResponse {}
extension TallystickV1.ExtendResponse: HoldResponse {}
extension TallystickV1.CaptureResponse: HoldResponse {}
extension TallystickV1.ReleaseResponse: HoldResponse {}

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
    paymentId = entry.paymentId ?? ""
    planId = entry.planId ?? ""
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
    lots = hold.pins.map(TallystickV1.LotAllocation.init)
  }
}

extension TallystickV1.Plan {
  init(_ plan: Plan) {
    self.init()
    planId = plan.id
    displayName = plan.displayName
    monthlyCreditMicros = plan.monthlyCreditMicros
    switch plan.grantExpiry {
    case .never: grantExpiry = .never
    case .periodEnd: grantExpiry = .periodEnd
    case .after(let millis):
      grantExpiry = .after
      expiresAfterMillis = millis
    }
    priority = plan.priority
    updatedAtMicros = plan.updatedAtMicros
    limits = TallystickV1.PlanLimits(plan.limits)
    timeZone = plan.timeZone
    prices = plan.prices.map(TallystickV1.ModelPrice.init)
  }
}

extension TallystickV1.PlanLimits {
  /// - Returns: nil when nothing is limited.
  init?(_ limits: PlanLimits) {
    if limits == PlanLimits() { return nil }
    self.init()
    monthlyGenerations = limits.monthlyGenerations
    monthlyUploads = limits.monthlyUploads
    pageCount = limits.pageCount
  }
}

extension TallystickV1.ModelPrice {
  init(_ price: ModelPrice) {
    self.init()
    model = price.model
    inputMicrosPerMillion = price.inputMicrosPerMillion
    outputMicrosPerMillion = price.outputMicrosPerMillion
    imageMicros = price.imageMicros
  }
}
