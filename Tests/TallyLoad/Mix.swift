// Calls of all products, made for a few users whom all callers want something of.
//
// Invariants:
// 1. What a caller does follows from its seed, and from what the callers of its process have been told.
// 2. Of the last calls before a kill, a retry of each tells where among the commits it was carried out.
//
// Owner: one caller.

internal import TallyMessages

package struct Mix {
  private typealias Credits = TallystickV1.CreditService
  private typealias Usages = TallystickV1.UsageService

  /// Not one of them outlives the users of its cast.
  private static let ttlMillis: Int64 = 3_600_000

  let cast: Cast
  let ground: Ground
  let wallMicros: Int64
  /// Of those that are for the same users.
  private let round: Int
  var random: SeededRandom
  private let name: String
  private var count = 0
  /// Whether the server may be killed any time now.
  package var isLast = false

  package init(
    name: String, cast: Cast, round: Int = 0, ground: Ground, wallMicros: Int64, random: SeededRandom
  ) {
    (self.name, self.cast, self.ground) = (name, cast, ground)
    (self.round, self.wallMicros, self.random) = (round, wallMicros, random)
  }

  mutating func number(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(elements.count)] }

  /// One of the few that a quarter of the calls are about, or another.
  mutating func user() -> String { number(4) == 0 ? pick(Array(cast.users.prefix(4))) : pick(cast.users) }

  mutating func key() -> String {
    count += 1
    return "\(name)-\(count)"
  }

  mutating func amount() -> Int64 { Int64(number(20)) + 1 }

  package mutating func next() -> Outgoing {
    let call = draw()
    ground.add(call, isLast: isLast)
    return call
  }

  private mutating func draw() -> Outgoing {
    switch number(100) {
    case 0..<14: return read()
    case 14..<19: return ground.sent(random.next(), isLast: isLast) ?? read()
    case 19..<26: return batch()
    case 26..<40: return consume()
    case 40..<52: return grant()
    case 52..<64: return hold()
    case 64..<76: return back()
    case 76..<90: return run()
    case 90..<98: return isLast ? consume() : page()
    default: return isLast ? hold() : administer()
    }
  }

  // MARK: credit

  private mutating func debit(_ userId: String) -> TallystickV1.ConsumeRequest {
    var request = TallystickV1.ConsumeRequest()
    (request.userId, request.amountMicros, request.idempotencyKey) = (userId, amount(), key())
    request.spender = pick(Cast.spenders)
    return request
  }

  private mutating func consume() -> Outgoing {
    Outgoing(Credits.consume, debit(user())) { [ground] (reply: TallystickV1.ConsumeResponse) in
      ground.add(.debit, reply.transaction?.transactionId ?? "")
    }
  }

  private mutating func batch() -> Outgoing {
    if !isLast, number(4) == 0 { return recordRuns() }
    var request = TallystickV1.BatchConsumeRequest()
    for _ in 0..<8 + number(40) {
      var item = debit(pick(cast.users))
      item.amountMicros = Int64(1 + number(4))
      request.items.append(item)
    }
    return Outgoing(Credits.batchConsume, request, operations: request.items.count)
  }

  private mutating func grant() -> Outgoing {
    switch number(5) {
    case 0, 1:
      var request = TallystickV1.AddPurchaseRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = (user(), 8 * amount(), key())
      request.paymentId = payment()
      return Outgoing(Credits.addPurchase, request)
    case 2:
      var request = TallystickV1.AdjustRequest()
      (request.userId, request.idempotencyKey) = (user(), key())
      request.amountMicros = number(2) == 0 ? amount() : -amount()
      (request.actor, request.reason) = ("a", "r")
      return Outgoing(Credits.adjust, request)
    case 3 where number(2) == 0:
      var request = TallystickV1.GrantPlanRequest()
      (request.userId, request.planId, request.idempotencyKey) = (user(), "collect", key())
      (request.period, request.periodIndex) = ("2026-01-01", Int32(number(3)))
      return Outgoing(Credits.grantPlan, request)
    default:
      var request = TallystickV1.GrantPromoRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = (user(), 3 * amount(), key())
      if number(3) == 0 { request.priority = Int32(19 + number(3)) }
      if number(2) == 0 { request.expiresAtMicros = wallMicros + Int64(1 + number(2)) * 3_600_000_000 }
      return Outgoing(Credits.grantPromo, request) { [ground] (reply: TallystickV1.GrantPromoResponse) in
        ground.add(.promo, reply.transaction?.transactionId ?? "")
      }
    }
  }

  /// One of a few, so that others have it too.
  private mutating func payment() -> String { "pay \(cast.name).\(recent()).\(number(200))" }

  /// This round mostly, or the one before.
  private mutating func recent() -> Int { isLast || number(4) > 0 ? round : max(0, round - 1) }

  private mutating func hold() -> Outgoing {
    guard number(2) == 0, let hold = ground.pick(.hold, random.next()) else {
      var request = TallystickV1.ReserveRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = (user(), amount(), key())
      (request.ttlMillis, request.spender) = (Self.ttlMillis, pick(Cast.spenders))
      return Outgoing(Credits.reserve, request) { [ground] (reply: TallystickV1.ReserveResponse) in
        ground.add(.hold, reply.hold?.holdId ?? "")
      }
    }
    switch number(5) {
    case 0:
      var request = TallystickV1.ReleaseRequest()
      (request.holdId, request.idempotencyKey) = (hold, key())
      return Outgoing(Credits.release, request)
    case 1:
      var request = TallystickV1.ExtendRequest()
      (request.holdId, request.ttlMillis, request.idempotencyKey) = (hold, 2 * Self.ttlMillis, key())
      return Outgoing(Credits.extend, request)
    default:
      var request = TallystickV1.CaptureRequest()
      (request.holdId, request.idempotencyKey) = (hold, key())
      if number(3) > 0 { request.amountMicros = amount() }
      if number(2) == 0 { request.overage = .draw }
      return Outgoing(Credits.capture, request) { [ground] (reply: TallystickV1.CaptureResponse) in
        ground.add(.debit, reply.transaction?.transactionId ?? "")
      }
    }
  }

  // MARK: money back

  private mutating func back() -> Outgoing {
    let asked = number(2) == 0 ? nil : amount()
    switch number(10) {
    case 0..<3:
      guard let debit = ground.pick(.debit, random.next()) else { return consume() }
      var request = TallystickV1.RefundRequest()
      (request.transactionId, request.amountMicros, request.idempotencyKey) = (debit, asked, key())
      return Outgoing(Credits.refund, request)
    case 3..<6:
      var request = TallystickV1.ReversePurchaseRequest()
      (request.paymentId, request.amountMicros, request.idempotencyKey) = (payment(), asked, key())
      request.eventId = number(8) == 0 ? "event \(cast.name).\(number(30))" : request.idempotencyKey
      request.onShortfall = pick([.unspecified, .reject, .partial, .owe])
      return Outgoing(Credits.reversePurchase, request)
    case 6, 7:
      var request = TallystickV1.ReinstatePurchaseRequest()
      (request.paymentId, request.amountMicros, request.idempotencyKey) = (payment(), asked, key())
      request.eventId = request.idempotencyKey
      return Outgoing(Credits.reinstatePurchase, request)
    case 8:
      guard let promo = ground.pick(.promo, random.next()) else { return grant() }
      var request = TallystickV1.VoidGrantRequest()
      (request.transactionId, request.amountMicros, request.idempotencyKey) = (promo, asked, key())
      (request.actor, request.reason) = ("a", "r")
      return Outgoing(Credits.voidGrant, request)
    default:
      var request = TallystickV1.ForgiveOwedRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = (user(), asked, key())
      (request.actor, request.reason) = ("a", "r")
      return Outgoing(Credits.forgiveOwed, request)
    }
  }

  // MARK: runs

  /// One of a few, with whom it is of.
  mutating func knownRun() -> (id: String, userId: String) {
    let run = number(160)
    return ("run \(cast.name).\(recent()).\(run)", cast.users[run % cast.users.count])
  }

  private mutating func run() -> Outgoing {
    let (runId, userId) = knownRun()
    let attempt = Int32(1 + number(8) / 6)
    if number(2) == 0 {
      var request = TallystickV1.BeginRunRequest()
      (request.userId, request.runId, request.attempt) = (userId, runId, attempt)
      (request.model, request.type, request.spender) = ("m", "t", pick(Cast.spenders))
      (request.estimateMicros, request.ttlMillis) = (amount(), Self.ttlMillis)
      if number(2) == 0 { request.tags = ["feature": "f\(number(3))"] }
      return Outgoing(Usages.beginRun, request)
    }
    var request = TallystickV1.FinishRunRequest()
    (request.runId, request.attempt) = (runId, attempt)
    request.status = isLast ? .succeeded : pick([.succeeded, .succeeded, .failed, .cancelled])
    (request.inputTokens, request.outputTokens) = (Int64(1 + number(900)), Int64(number(900)))
    // Now and then more than anybody has, so that some of it is owed.
    if isLast || number(2) == 0 { request.costMicros = (number(4) == 0 ? 200 : 2) * amount() }
    return Outgoing(Usages.finishRun, request)
  }

  private mutating func recordRuns() -> Outgoing {
    var request = TallystickV1.RecordRunsRequest()
    for _ in 0..<8 + number(40) {
      var run = TallystickV1.RecordRunRequest()
      (run.runId, run.userId, run.model, run.type) = (key(), pick(cast.users), "m", "t")
      (run.status, run.inputTokens, run.spender) = (
        pick([.succeeded, .failed]), Int64(number(900)), pick(Cast.spenders)
      )
      if number(2) == 0 { run.costMicros = amount() }
      request.runs.append(run)
    }
    return Outgoing(Usages.recordRuns, request, operations: request.runs.count)
  }
}
