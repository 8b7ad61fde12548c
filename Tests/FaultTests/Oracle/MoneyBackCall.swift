// Calls by which money or credit goes back, grants of plans, and the refusals that say what is there.
//
// Invariants:
// 1. Each names something that an earlier call of the run has made, and what that came to.

import TallyClient
import TallyMessages

/// Something that money may go back of.
struct Earlier: Sendable, Equatable {
  enum Kind: Sendable { case debit, purchase, promo }

  var kind: Kind
  var account: Int
  /// Of the call that made it.
  var number: Int
  /// Of its row.
  var sequence: Int64
  var transactionId: String
  var amountMicros: Int64
}

extension Call {
  private typealias Credits = TallystickV1.CreditService

  static func payment(_ number: Int) -> String { "p\(number)" }
  /// Another id of the same payment.
  static func reference(_ number: Int) -> String { "x\(number)" }

  /// One of the ids of a purchase.
  private var paymentId: String {
    let bought = earlier?.number ?? 0
    return bought % 4 == 0 && number % 2 == 0 ? Self.reference(bought) : Self.payment(bought)
  }

  /// nil: all there is.
  private var askedMicros: Int64? { parts[0].amountMicros > 0 ? parts[0].amountMicros : nil }

  /// What the call has made that money may go back of.
  func earlier(_ row: TallystickV1.Transaction) -> Earlier? {
    let kind: Earlier.Kind
    switch (action, row.type) {
    case (.consume, _), (.capture, _), (.captureDrawing, _), (.finishRun, .apiUsage): kind = .debit
    case (.purchase, _): kind = .purchase
    case (.promo, _): kind = .promo
    default: return nil
    }
    return Earlier(
      kind: kind, account: parts[0].account, number: number, sequence: row.sequence,
      transactionId: row.transactionId, amountMicros: abs(row.amountMicros))
  }

  /// What it does, if it is applied.
  var moneyBack: Deed? {
    guard action != .forgive else { return .forgive(askedMicros) }
    guard let earlier else { return nil }
    let total = earlier.amountMicros
    switch action {
    case .refund: return .refund(debit: earlier.sequence, ofMicros: total, parts[0].amountMicros)
    case .reverse: return .reverse(purchase: earlier.number, ofMicros: total, askedMicros, onShortfall)
    case .reinstate: return .reinstate(purchase: earlier.number, ofMicros: total, askedMicros)
    case .void: return .void(askedMicros)
    default: return nil
    }
  }

  func sendMoneyBack(_ client: TallyClient) async throws(TallyError) -> Reply {
    switch action {
    case .captureDrawing: return reply(try await client.call(Credits.capture, capture(parts[0])))
    case .refund:
      var request = TallystickV1.RefundRequest()
      request.transactionId = earlier?.transactionId ?? ""
      request.amountMicros = parts[0].amountMicros
      request.idempotencyKey = key
      return reply(try await client.call(Credits.refund, request))
    case .reverse:
      var request = TallystickV1.ReversePurchaseRequest()
      request.paymentId = paymentId
      request.amountMicros = askedMicros
      request.eventId = "e\(number)"
      request.onShortfall = onShortfall
      request.idempotencyKey = key
      return reply(try await client.call(Credits.reversePurchase, request))
    case .reinstate:
      var request = TallystickV1.ReinstatePurchaseRequest()
      request.paymentId = paymentId
      request.amountMicros = askedMicros
      request.eventId = "e\(number)"
      request.idempotencyKey = key
      return reply(try await client.call(Credits.reinstatePurchase, request))
    case .void:
      var request = TallystickV1.VoidGrantRequest()
      request.transactionId = earlier?.transactionId ?? ""
      request.amountMicros = askedMicros
      (request.actor, request.reason, request.idempotencyKey) = ("a", "r", key)
      return reply(try await client.call(Credits.voidGrant, request))
    case .forgive:
      var request = TallystickV1.ForgiveOwedRequest()
      request.userId = Self.user(parts[0].account)
      request.amountMicros = askedMicros
      (request.actor, request.reason, request.idempotencyKey) = ("a", "r", key)
      return reply(try await client.call(Credits.forgiveOwed, request))
    case .purchaseAgain: return try await sendPurchaseAgain(client)
    default: return try await sendGrant(client)
    }
  }

  /// The provider tells of the same payment under another of its ids.
  private func sendPurchaseAgain(_ client: TallyClient) async throws(TallyError) -> Reply {
    let bought = earlier?.number ?? 0
    var request = TallystickV1.AddPurchaseRequest()
    request.userId = Self.user(parts[0].account)
    request.amountMicros = parts[0].amountMicros
    request.paymentId = "again\(number)"
    request.externalRefs = [paymentId]
    request.idempotencyKey = key
    let response = try await client.call(Credits.addPurchase, request)
    var reply = reply(response)
    if !response.replayed || response.transaction?.paymentId != Self.payment(bought) {
      reply.violations.append("\(key): payment \(bought) under another id came as \(response)")
    }
    return reply
  }

  private func sendGrant(_ client: TallyClient) async throws(TallyError) -> Reply {
    guard let period else { return Reply() }
    var request = TallystickV1.GrantPlanRequest()
    request.userId = Self.user(parts[0].account)
    request.planId = Workload.grantPlan(Int(period.plan))
    request.period = Workload.startDate
    request.periodIndex = period.index
    request.idempotencyKey = key
    let response = try await client.call(Credits.grantPlan, request)
    var reply = reply(response)
    reply.grant = period
    let row = response.transaction ?? .init()
    let credit = Workload.creditMicros(ofPlan: Int(period.plan))
    if row.amountMicros != credit || row.planId != request.planId {
      reply.violations.append("\(key): asked for \(period), got \(row)")
    }
    guard row.idempotencyKey == key else {
      // The server has granted it, or another caller.
      if !response.replayed { reply.violations.append("\(key): granted, but not by it: \(row)") }
      return reply
    }
    var own = Row(
      Place(commitSequence: response.commitSequence, position: response.commitPosition),
      Int32(parts[0].account), period.index == 0 ? .credit(credit) : .pend(credit), row,
      response.balance ?? .init())
    own.grant = period
    reply.rows = [own]
    return reply
  }

  /// A refusal that says what is there; nil when it is another.
  func refused(_ part: Part, _ reason: String, _ details: [String: String]) -> Refused? {
    guard let place = Place(details) else { return nil }
    func micros(_ name: String) -> Int64? { details["\(name)_micros"].flatMap { Int64($0) } }
    let total = earlier?.amountMicros ?? 0
    let purchase = earlier?.number ?? 0
    let cause: Refused.Cause
    switch (action, reason) {
    case (_, "INSUFFICIENT_CREDITS"):
      guard let available = micros("available"), let required = micros("required") else { return nil }
      cause = .shortage(availableMicros: available, requiredMicros: required)
    case (.consume, "PAYMENT_DUE"), (.batch, "PAYMENT_DUE"), (.reserve, "PAYMENT_DUE"),
      (.beginRun, "PAYMENT_DUE"):
      guard let owed = micros("owed") else { return nil }
      cause = .paymentDue(owedMicros: owed)
    case (.refund, "REFUND_EXCEEDS"):
      guard let refundable = micros("refundable"), let debit = earlier?.sequence else { return nil }
      cause = .refundExceeds(
        debit: debit, ofMicros: total, askedMicros: part.amountMicros, refundableMicros: refundable)
    case (.reverse, "REVERSAL_EXCEEDS"):
      guard let reversible = micros("reversible") else { return nil }
      cause = .reversalExceeds(
        purchase: purchase, ofMicros: total, askedMicros: askedMicros, reversibleMicros: reversible)
    case (.reinstate, "REVERSAL_EXCEEDS"):
      guard let reinstatable = micros("reinstatable") else { return nil }
      cause = .reinstatementExceeds(
        purchase: purchase, askedMicros: askedMicros, reinstatableMicros: reinstatable)
    case (.reverse, "REVERSAL_SHORT"), (.void, "VOID_SHORT"):
      guard let available = micros("available") else { return nil }
      cause = .lotShort(availableMicros: available, askedMicros: askedMicros)
    case (.forgive, "INVALID_AMOUNT"):
      guard let owed = micros("owed") else { return nil }
      cause = .owesLess(askedMicros: askedMicros, owedMicros: owed)
    default: return nil
    }
    return Refused(place: place, account: Int32(part.account), cause: cause)
  }
}
