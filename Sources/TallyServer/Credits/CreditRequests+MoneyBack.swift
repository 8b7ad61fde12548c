// CreditService's requests by which money goes back, as commands.
//
// Invariants:
// 1. As in CreditRequests.swift.

internal import TallyCore
internal import TallyMessages

extension CreditRequests {
  static func refund(
    _ request: TallystickV1.RefundRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.Refund> {
    let debit = try debit(request)
    if let amount = request.amountMicros { try Fields.amount(amount, "amount_micros") }
    return Prepared(
      command: CreditCommand.Refund(
        debit: debit, amountMicros: request.amountMicros, actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest),
        text: try Fields.text(request.description, request.metadata, FieldPath())))
  }

  /// The debit that a refund names, by its own id or by its run's, never by both.
  private static func debit(
    _ request: TallystickV1.RefundRequest
  ) throws(Refusal) -> CreditCommand.Refund.Debit {
    if request.runId.isEmpty {
      if request.transactionId.isEmpty {
        throw invalidField("transaction_id", "must be set when run_id is not")
      }
      if request.attempt != 0 { throw invalidField("attempt", "is allowed only with run_id") }
      return .transaction(transaction(request.transactionId))
    }
    if !request.transactionId.isEmpty {
      throw invalidField("transaction_id", "must not be set together with run_id")
    }
    try Fields.optional(request.runId, "run_id", atMost: Limits.runIdByteCount)
    try Fields.attempt(request.attempt)
    return .run(request.runId, attempt: request.attempt)
  }

  /// A text that is no transaction's id becomes the id of none, for the reason of `hold(_:)`.
  private static func transaction(_ text: String) -> Int64 {
    Identifiers.transactionSequence(text) ?? Identifiers.noTransaction
  }

  static func reversePurchase(
    _ request: TallystickV1.ReversePurchaseRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.ReversePurchase> {
    try Fields.required(request.paymentId, "payment_id", atMost: Limits.paymentIdByteCount)
    if let amount = request.amountMicros { try Fields.amount(amount, "amount_micros") }
    try Fields.required(request.eventId, "event_id", atMost: Limits.eventIdByteCount)
    return Prepared(
      command: CreditCommand.ReversePurchase(
        paymentId: request.paymentId, amountMicros: request.amountMicros, eventId: request.eventId,
        onShortfall: try onShortfall(request.onShortfall), actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest),
        text: try Fields.text(request.description, request.metadata, FieldPath())))
  }

  private static func onShortfall(
    _ onShortfall: TallystickV1.OnShortfall
  ) throws(Refusal) -> CreditCommand.OnShortfall {
    switch onShortfall {
    case .unspecified, .reject: .reject
    case .partial: .partial
    case .owe: .owe
    case .unrecognized: throw invalidField("on_shortfall", "is not a known value")
    }
  }

  static func reinstatePurchase(
    _ request: TallystickV1.ReinstatePurchaseRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.ReinstatePurchase> {
    try Fields.required(request.paymentId, "payment_id", atMost: Limits.paymentIdByteCount)
    if let amount = request.amountMicros { try Fields.amount(amount, "amount_micros") }
    try Fields.required(request.eventId, "event_id", atMost: Limits.eventIdByteCount)
    return Prepared(
      command: CreditCommand.ReinstatePurchase(
        paymentId: request.paymentId, amountMicros: request.amountMicros, eventId: request.eventId,
        actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest),
        text: try Fields.text(request.description, request.metadata, FieldPath())))
  }

  static func voidGrant(
    _ request: TallystickV1.VoidGrantRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<CreditCommand.VoidGrant> {
    if request.transactionId.isEmpty { throw invalidField("transaction_id", "must not be empty") }
    if let amount = request.amountMicros { try Fields.amount(amount, "amount_micros") }
    try Fields.required(request.actor, "actor", atMost: Limits.actorByteCount)
    try Fields.required(request.reason, "reason", atMost: Limits.adjustReasonByteCount)
    return Prepared(
      command: CreditCommand.VoidGrant(
        transaction: transaction(request.transactionId), amountMicros: request.amountMicros,
        actor: request.actor, reason: request.reason, actingUserId: actingUserId,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest),
        text: try Fields.text(request.description, request.metadata, FieldPath())))
  }

  static func forgiveOwed(
    _ request: TallystickV1.ForgiveOwedRequest, _ digest: Digest
  ) throws(Refusal) -> Prepared<CreditCommand.ForgiveOwed> {
    let userId = try Fields.userId(request.userId)
    if let amount = request.amountMicros { try Fields.amount(amount, "amount_micros") }
    try Fields.required(request.actor, "actor", atMost: Limits.actorByteCount)
    try Fields.required(request.reason, "reason", atMost: Limits.adjustReasonByteCount)
    return Prepared(
      command: CreditCommand.ForgiveOwed(
        userId: userId, amountMicros: request.amountMicros, actor: request.actor, reason: request.reason,
        idempotency: try Fields.idempotency(request.idempotencyKey, FieldPath(), digest: digest),
        text: try Fields.text(request.description, request.metadata, FieldPath())),
      userId: userId)
  }
}
