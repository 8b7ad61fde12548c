// CreditService's requests as commands.
//
// Invariants:
// 1. There is one function for each request, and it checks every field that the command takes.
// 2. Digests are of the request as it was sent, before defaults are filled in.

internal import TallyCore
internal import TallyMessages

enum CreditRequests {
  static func consume(
    _ request: TallystickV1.ConsumeRequest, _ digest: @autoclosure () -> Digest,
    _ path: FieldPath = FieldPath()
  ) throws(Refusal) -> Prepared<CreditCommand.Consume> {
    try Fields.required(request.userId, path("user_id"), atMost: Limits.userIdByteCount)
    try Fields.amount(request.amountMicros, path("amount_micros"))
    try Fields.optional(request.runId, path("run_id"), atMost: Limits.runIdByteCount)
    try Fields.optional(request.spender, path("spender"), atMost: Limits.spenderByteCount)
    return Prepared(
      command: CreditCommand.Consume(
        userId: request.userId, amountMicros: request.amountMicros, runId: request.runId,
        spender: request.spender,
        idempotency: try Fields.idempotency(request.idempotencyKey, path, digest: digest()),
        text: try Fields.text(request.description, request.metadata, path)),
      userId: request.userId)
  }

  static func addPurchase(_ request: TallystickV1.AddPurchaseRequest, _ digest: Digest) throws(Refusal)
    -> Prepared<CreditCommand.AddPurchase>
  {
    let path = FieldPath()
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    try Fields.required(request.paymentId, "payment_id", atMost: Limits.paymentIdByteCount)
    if request.externalRefs.count > Limits.externalRefCount {
      throw invalidField(
        "external_refs", "has \(request.externalRefs.count) ids; the limit is \(Limits.externalRefCount)",
        limit: Int64(Limits.externalRefCount))
    }
    for (index, ref) in request.externalRefs.enumerated() {
      try Fields.required(ref, "external_refs[\(index)]", atMost: Limits.paymentIdByteCount)
    }
    try Fields.amount(request.amountMicros, "amount_micros")
    try Fields.optional(request.package, "package", atMost: Limits.packageByteCount)
    try Fields.time(request.expiresAtMicros, "expires_at_micros")
    let intentId = request.intentId.isEmpty ? nil : TopUpRequests.intentNumber(request.intentId)
    return Prepared(
      command: CreditCommand.AddPurchase(
        userId: request.userId, paymentId: request.paymentId, externalRefs: request.externalRefs,
        amountMicros: request.amountMicros, package: request.package,
        expiresAtMicros: request.expiresAtMicros, intentId: intentId,
        idempotency: try Fields.idempotency(request.idempotencyKey, path, digest: digest),
        text: try Fields.text(request.description, request.metadata, path)),
      userId: request.userId)
  }

  static func grantPlan(
    _ request: TallystickV1.GrantPlanRequest, _ digest: @autoclosure () -> Digest,
    _ path: FieldPath = FieldPath()
  ) throws(Refusal) -> Prepared<CreditCommand.GrantPlan> {
    try Fields.required(request.userId, path("user_id"), atMost: Limits.userIdByteCount)
    try Fields.required(request.planId, path("plan_id"), atMost: Limits.planIdByteCount)
    try Fields.optional(request.period, path("period"), atMost: Limits.periodByteCount)
    let period = try period(request, path)
    if let amount = request.amountMicros { try Fields.amount(amount, path("amount_micros")) }
    try Fields.time(request.effectiveAtMicros, path("effective_at_micros"))
    try Fields.time(request.expiresAtMicros, path("expires_at_micros"))
    return Prepared(
      command: CreditCommand.GrantPlan(
        userId: request.userId, planId: request.planId, period: period, amountMicros: request.amountMicros,
        effectiveAtMicros: request.effectiveAtMicros, expiresAtMicros: request.expiresAtMicros,
        idempotency: try Fields.idempotency(request.idempotencyKey, path, digest: digest()),
        text: try Fields.text(request.description, request.metadata, path)),
      userId: request.userId)
  }

  /// - Returns: nil for the current month.
  private static func period(
    _ request: TallystickV1.GrantPlanRequest, _ path: FieldPath
  ) throws(Refusal) -> PeriodName? {
    if !request.period.isEmpty {
      return try PeriodName(
        parsing: request.period, index: Int64(request.periodIndex), field: path("period"))
    }
    if request.periodIndex != 0 {
      throw PeriodName.invalidIndex("is allowed only with a date (YYYY-MM-DD) as period", path("period"))
    }
    return nil
  }

  static func grantPromo(_ request: TallystickV1.GrantPromoRequest, _ digest: Digest) throws(Refusal)
    -> Prepared<CreditCommand.GrantPromo>
  {
    let path = FieldPath()
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    try Fields.amount(request.amountMicros, "amount_micros")
    if let priority = request.priority { try Fields.priority(priority, "priority") }
    try Fields.time(request.effectiveAtMicros, "effective_at_micros")
    try Fields.time(request.expiresAtMicros, "expires_at_micros")
    return Prepared(
      command: CreditCommand.GrantPromo(
        userId: request.userId, amountMicros: request.amountMicros,
        priority: request.priority ?? Lot.defaultPromoPriority,
        effectiveAtMicros: request.effectiveAtMicros,
        expiresAtMicros: request.expiresAtMicros,
        idempotency: try Fields.idempotency(request.idempotencyKey, path, digest: digest),
        text: try Fields.text(request.description, request.metadata, path)),
      userId: request.userId)
  }

  static func adjust(_ request: TallystickV1.AdjustRequest, _ digest: Digest) throws(Refusal) -> Prepared<
    CreditCommand.Adjust
  > {
    let path = FieldPath()
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    if request.amountMicros == 0 { throw invalidAmount("amount_micros", "must not be zero") }
    try Fields.magnitude(request.amountMicros, "amount_micros")
    try Fields.required(request.actor, "actor", atMost: Limits.actorByteCount)
    try Fields.required(request.reason, "reason", atMost: Limits.adjustReasonByteCount)
    return Prepared(
      command: CreditCommand.Adjust(
        userId: request.userId, amountMicros: request.amountMicros, actor: request.actor,
        reason: request.reason,
        idempotency: try Fields.idempotency(request.idempotencyKey, path, digest: digest),
        text: try Fields.text(request.description, request.metadata, path)),
      userId: request.userId)
  }

  static func reserve(_ request: TallystickV1.ReserveRequest, _ digest: Digest) throws(Refusal) -> Prepared<
    CreditCommand.Reserve
  > {
    let path = FieldPath()
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    try Fields.amount(request.amountMicros, "amount_micros")
    if request.ttlMillis != 0 { try Fields.ttl(request.ttlMillis, "ttl_millis") }
    try Fields.optional(request.runId, "run_id", atMost: Limits.runIdByteCount)
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    return Prepared(
      command: CreditCommand.Reserve(
        userId: request.userId, amountMicros: request.amountMicros,
        ttlMillis: request.ttlMillis == 0 ? Limits.defaultHoldTtlMillis : request.ttlMillis,
        runId: request.runId, spender: request.spender,
        idempotency: try Fields.idempotency(request.idempotencyKey, path, digest: digest),
        text: try Fields.text(request.description, request.metadata, path)),
      userId: request.userId)
  }

  static func extend(
    _ request: TallystickV1.ExtendRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.Extend> {
    let holdId = try hold(request.holdId)
    try Fields.ttl(request.ttlMillis, "ttl_millis")
    return Prepared(
      command: CreditCommand.Extend(
        holdId: holdId, ttlMillis: request.ttlMillis, actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest)))
  }

  static func capture(
    _ request: TallystickV1.CaptureRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.Capture> {
    let holdId = try hold(request.holdId)
    if let amount = request.amountMicros { try Fields.amount(amount, "amount_micros") }
    let mayDraw: Bool
    switch request.overage {
    case .unspecified, .reject: mayDraw = false
    case .draw: mayDraw = true
    case .unrecognized: throw invalidField("overage", "is not a known value")
    }
    return Prepared(
      command: CreditCommand.Capture(
        holdId: holdId, amountMicros: request.amountMicros, mayDraw: mayDraw, actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest),
        text: try Fields.text(request.description, request.metadata, FieldPath())))
  }

  static func release(
    _ request: TallystickV1.ReleaseRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.Release> {
    let holdId = try hold(request.holdId)
    return Prepared(
      command: CreditCommand.Release(
        holdId: holdId, actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest)))
  }

  /// A text that is no hold's id becomes the id of no hold: the engine refuses it later, since HOLD_NOT_FOUND
  /// comes after the other fields and the caller's role in the order of checks.
  private static func hold(_ text: String) throws(Refusal) -> Int64 {
    if text.isEmpty { throw invalidField("hold_id", "must not be empty") }
    return Identifiers.holdSequence(text) ?? Identifiers.noHold
  }
}
