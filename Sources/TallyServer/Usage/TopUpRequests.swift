// Requests about top-ups, and the replies to them.
//
// Invariants:
// 1. A page never outgrows the largest message: an intent has 2 KiB at most.
// 2. A cursor is bound to the request it came from.

internal import TallyCore
internal import TallyMessages

enum TopUpRequests {
  private typealias RPCs = TallystickV1.UsageService
  typealias IntentsQuery = ListQuery<TallystickV1.ListTopUpIntentsRequest, TopUpIntentFilter>

  /// - Returns: a number that no intent has, for a text that is not one's id.
  static func intentNumber(_ text: String) -> Int64 { Identifiers.intentNumber(text) ?? Identifiers.noIntent }

  /// Of a request that has to name one. A text that is not one's id is refused later, since that there is
  /// none comes after the other fields and the caller's role in the order of checks.
  static func requiredIntent(_ text: String) throws(Refusal) -> Int64 {
    if text.isEmpty { throw invalidField("intent_id", "must not be empty") }
    return intentNumber(text)
  }

  static func put(_ message: TallystickV1.TopUp?) throws(Refusal) -> TopUpCommand.Put {
    guard let message else { throw invalidField("top_up", "must be set") }
    try Fields.required(message.userId, "top_up.user_id", atMost: Limits.userIdByteCount)
    try Fields.amount(message.thresholdMicros, "top_up.threshold_micros")
    try Fields.amount(message.targetMicros, "top_up.target_micros")
    if message.targetMicros < message.thresholdMicros {
      throw invalidField("top_up.target_micros", "must be at least the threshold")
    }
    if message.monthlyCapMicros != 0 {
      try Fields.amount(message.monthlyCapMicros, "top_up.monthly_cap_micros")
    }
    try between(0, message.monthlyCapCount, Limits.topUpCapCount, "top_up.monthly_cap_count")
    try between(0, message.cooldownMillis, TopUp.maximumCooldownMillis, "top_up.cooldown_millis")
    return TopUpCommand.Put(
      TopUp(
        userId: message.userId, thresholdMicros: message.thresholdMicros, targetMicros: message.targetMicros,
        monthlyCapMicros: message.monthlyCapMicros == 0 ? nil : message.monthlyCapMicros,
        monthlyCapCount: message.monthlyCapCount == 0 ? nil : message.monthlyCapCount,
        cooldownMillis: message.cooldownMillis, isEnabled: message.enabled))
  }

  private static func between(
    _ least: Int64, _ number: Int64, _ most: Int64, _ field: String
  ) throws(Refusal) {
    if number < least || number > most {
      throw invalidField(field, "must be from \(least) to \(most)", limit: most)
    }
  }

  static func take(
    _ request: TallystickV1.TakeTopUpIntentRequest
  ) throws(Refusal) -> TopUpCommand.Take {
    try Fields.required(request.worker, "worker", atMost: Limits.workerByteCount)
    let millis = request.leaseMillis == 0 ? TopUpIntent.defaultLeaseMillis : request.leaseMillis
    try between(1, millis, TopUpIntent.maximumLeaseMillis, "lease_millis")
    return TopUpCommand.Take(worker: request.worker, leaseMillis: millis)
  }

  static func fail(
    _ request: TallystickV1.FailTopUpIntentRequest, _ caller: Caller
  ) throws(Refusal) -> TopUpCommand.Fail {
    let intentId = try requiredIntent(request.intentId)
    try Fields.required(request.worker, "worker", atMost: Limits.workerByteCount)
    try Fields.optional(request.message, "message", atMost: Limits.topUpMessageByteCount)
    return TopUpCommand.Fail(
      intentId: intentId, worker: request.worker, message: request.message,
      actingUserId: caller.actingUserId)
  }

  // MARK: reading

  static func parse(_ request: TallystickV1.ListTopUpIntentsRequest) throws(Refusal) -> IntentsQuery {
    try Fields.optional(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = TopUpIntentFilter(
      userId: request.userId.isEmpty ? nil : request.userId, limit: try Fields.pageSize(request.limit))
    for (index, state) in request.states.enumerated() {
      guard let state = TopUpIntent.State(rawValue: state.rawValue) else {
        throw invalidField("states[\(index)]", "is not a state of an intent")
      }
      filter.states.append(state)
    }
    filter.beforeId = try Cursor.decode(RPCs.listTopUpIntents, request)
    return ListQuery(request, filter)
  }

  static func intents(
    _ query: IntentsQuery, _ engine: any ServedEngine
  ) throws(Refusal) -> TallystickV1.ListTopUpIntentsResponse {
    let snapshot = try engine.topUpIntents(query.filter)
    var response = TallystickV1.ListTopUpIntentsResponse()
    response.intents = snapshot.value.rows.map(TallystickV1.TopUpIntent.init)
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listTopUpIntents, query.request)
    }
    response.commitSequence = snapshot.commitSequence
    return response
  }
}

extension TallystickV1.TopUp {
  init(_ topUp: TopUp) {
    self.init()
    userId = topUp.userId
    thresholdMicros = topUp.thresholdMicros
    targetMicros = topUp.targetMicros
    monthlyCapMicros = topUp.monthlyCapMicros ?? 0
    monthlyCapCount = topUp.monthlyCapCount ?? 0
    cooldownMillis = topUp.cooldownMillis
    enabled = topUp.isEnabled
    month = topUp.month?.text ?? ""
    monthMicros = topUp.month?.micros ?? 0
    monthCount = topUp.month?.count ?? 0
    openIntentId = topUp.openIntentId.map(Identifiers.intent) ?? ""
    updatedAtMicros = topUp.updatedAtMicros
  }
}

extension TallystickV1.TopUpIntent {
  init(_ intent: TopUpIntent) {
    self.init()
    intentId = Identifiers.intent(intent.id)
    userId = intent.userId
    state = TallystickV1.TopUpIntentState(rawValue: intent.state.rawValue)
    amountMicros = intent.amountMicros
    availableMicros = intent.availableMicros
    owedMicros = intent.owedMicros
    openedAtMicros = intent.openedAtMicros
    dueAtMicros = intent.state == .open ? intent.dueAtMicros : 0
    worker = intent.worker
    leasedUntilMicros = intent.leasedUntilMicros ?? 0
    failures = intent.failures
    message = intent.message
    endedAtMicros = intent.endedAtMicros ?? 0
    transactionId = intent.purchase.map(Identifiers.transaction) ?? ""
  }
}

extension TallystickV1.TopUpStep {
  init(_ step: AccountEvent.TopUpStep) {
    self.init()
    intentId = Identifiers.intent(step.intentId)
    state = TallystickV1.TopUpIntentState(rawValue: step.state.rawValue)
    amountMicros = step.amountMicros
  }
}
