// A call as a caller sends it, and what its reply says.
//
// Invariants:
// 1. A retry sends the same request with the same key.
// 2. A reply is believed only as far as it says what was asked for.

import TallyClient
import TallyMessages

enum Action: Sendable, CaseIterable {
  case consume, purchase, promo, reserve, capture, release, batch
  case beginRun, finishRun, recordRuns, createPage, savePage, putSettings
  case purchaseAgain, captureDrawing, refund, reverse, reinstate, void, forgive, grantPlan
}

/// What one item of a call is about.
struct Part: Sendable {
  var account: Int
  var amountMicros: Int64
}

/// A hold that was made and not known to be settled.
struct OpenHold: Sendable {
  var id: String
  var account: Int
  var amountMicros: Int64
}

struct Call: Sendable {
  /// Its key is made of it.
  var number: Int
  var action: Action
  /// One, but for a batch and recorded runs. For a capture or release the hold's account and what is taken
  /// of it; of runs the estimate, or the cost.
  var parts: [Part]
  var hold: OpenHold?
  /// What a FinishRun ends, or the attempt that failed before the one that a BeginRun begins.
  var run: OpenRun?
  /// What a SavePage was made from.
  var base: PageBase?
  /// What a refund, a reversal, its reinstatement, a void or a further call for a purchase is of.
  var earlier: Earlier?
  /// Of a reversal.
  var onShortfall = TallystickV1.OnShortfall.unspecified
  /// Of a plan's grant.
  var period: GrantKey?
  /// Of recorded runs.
  var startedAtMicros: Int64 = 0

  /// A call with one part.
  init(number: Int, action: Action, account: Int, amountMicros: Int64, hold: OpenHold? = nil) {
    self.number = number
    self.action = action
    parts = [Part(account: account, amountMicros: amountMicros)]
    self.hold = hold
  }

  init(number: Int, batch: [Part]) { self.init(number: number, .batch, batch) }

  init(number: Int, recording runs: [Part]) {
    self.init(number: number, .recordRuns, runs)
    startedAtMicros = Clock.nowMicros
  }

  private init(number: Int, _ action: Action, _ parts: [Part]) {
    self.number = number
    self.action = action
    self.parts = parts
  }

  init(number: Int, finishing run: OpenRun, costMicros: Int64) {
    self.init(number: number, action: .finishRun, account: run.account, amountMicros: costMicros)
    self.run = run
  }

  init(number: Int, retrying run: OpenRun, estimateMicros: Int64) {
    self.init(number: number, action: .beginRun, account: run.account, amountMicros: estimateMicros)
    self.run = run
  }

  init(number: Int, saving base: PageBase) {
    self.init(number: number, action: .savePage, account: base.account, amountMicros: 0)
    self.base = base
  }

  /// - Parameter amountMicros: all there is when nil.
  init(
    number: Int, _ action: Action, of earlier: Earlier, amountMicros: Int64?,
    onShortfall: TallystickV1.OnShortfall = .unspecified
  ) {
    self.init(number: number, action: action, account: earlier.account, amountMicros: amountMicros ?? 0)
    self.earlier = earlier
    self.onShortfall = onShortfall
  }

  init(number: Int, granting period: GrantKey) {
    self.init(number: number, action: .grantPlan, account: Int(period.account), amountMicros: 0)
    self.period = period
  }

  var key: String { "k\(number)" }

  /// Every other batch is applied as a whole or not at all.
  private var isAtomic: Bool { action == .batch && number % 2 == 1 }

  static func user(_ account: Int) -> String { "u\(account)" }
}

/// What came back.
struct Reply: Sendable {
  var rows: [Row] = []
  /// Of items of a batch.
  var refusals: [Refused] = []
  /// An atomic batch of which nothing was applied.
  var isAborted = false
  /// A subscription that the settings have.
  var subscriptions: [Subscribed] = []
  /// A period that is granted, by whomever.
  var grant: GrantKey?
  /// What money may go back of.
  var earlier: Earlier?
  /// The hold that a reserve made.
  var hold: OpenHold?
  /// Runs as they stand now, and where the call made or ended them.
  var runs: [RunRow] = []
  /// The version that the call made.
  var page: PageRow?
  /// Where the user's settings were the call's.
  var settings: Place?
  var isReplayed = false
  /// What the reply says that it should not.
  var violations: [String] = []
}

extension Call {
  private typealias Credits = TallystickV1.CreditService

  /// Sends it once. Whatever the server applied and said so is in the reply.
  func send(_ client: TallyClient) async throws(TallyError) -> Reply {
    let part = parts[0]
    switch action {
    case .consume: return reply(try await client.call(Credits.consume, consume(part, key: key)))
    case .purchase: return reply(try await client.call(Credits.addPurchase, purchase(part)))
    case .promo: return reply(try await client.call(Credits.grantPromo, promo(part)))
    case .reserve:
      let response = try await client.call(Credits.reserve, reserve(part))
      var reply = reply(response)
      reply.hold = OpenHold(
        id: response.hold?.holdId ?? "", account: part.account, amountMicros: part.amountMicros)
      return reply
    case .capture: return reply(try await client.call(Credits.capture, capture(part)))
    case .release:
      var request = TallystickV1.ReleaseRequest()
      request.holdId = hold?.id ?? ""
      request.idempotencyKey = key
      return reply(try await client.call(Credits.release, request))
    case .batch:
      var request = TallystickV1.BatchConsumeRequest()
      request.mode = isAtomic ? .atomic : .independent
      request.items = parts.enumerated().map { consume($1, key: "\(key).\($0)") }
      return reply(try await client.call(Credits.batchConsume, request))
    case .beginRun, .finishRun, .recordRuns: return try await sendRun(client)
    case .createPage, .savePage: return try await sendPage(client)
    case .putSettings: return try await sendSettings(client)
    case .purchaseAgain, .captureDrawing, .refund, .reverse, .reinstate, .void, .forgive, .grantPlan:
      return try await sendMoneyBack(client)
    }
  }

  private func consume(_ part: Part, key: String) -> TallystickV1.ConsumeRequest {
    var request = TallystickV1.ConsumeRequest()
    request.userId = Self.user(part.account)
    request.amountMicros = part.amountMicros
    request.idempotencyKey = key
    return request
  }

  private func purchase(_ part: Part) -> TallystickV1.AddPurchaseRequest {
    var request = TallystickV1.AddPurchaseRequest()
    request.userId = Self.user(part.account)
    request.amountMicros = part.amountMicros
    request.paymentId = Self.payment(number)
    if number % 4 == 0 { request.externalRefs = [Self.reference(number)] }
    request.idempotencyKey = key
    return request
  }

  private func promo(_ part: Part) -> TallystickV1.GrantPromoRequest {
    var request = TallystickV1.GrantPromoRequest()
    request.userId = Self.user(part.account)
    request.amountMicros = part.amountMicros
    request.idempotencyKey = key
    return request
  }

  private func reserve(_ part: Part) -> TallystickV1.ReserveRequest {
    var request = TallystickV1.ReserveRequest()
    request.userId = Self.user(part.account)
    request.amountMicros = part.amountMicros
    // Longer than any run: an expiry would move credit that no call asked for.
    request.ttlMillis = 86_400_000
    request.idempotencyKey = key
    return request
  }

  func capture(_ part: Part) -> TallystickV1.CaptureRequest {
    var request = TallystickV1.CaptureRequest()
    if action == .captureDrawing { request.overage = .draw }
    request.holdId = hold?.id ?? ""
    request.amountMicros = part.amountMicros
    request.idempotencyKey = key
    return request
  }

  // MARK: replies

  func reply(_ response: some MoneyResponse) -> Reply {
    var reply = Reply()
    add(response, parts[0], to: &reply)
    reply.earlier = earlier(response.transaction ?? .init())
    return reply
  }

  private func reply(_ response: TallystickV1.BatchConsumeResponse) -> Reply {
    var reply = Reply()
    if response.results.count != parts.count {
      reply.violations.append("\(key): \(response.results.count) results for \(parts.count) items")
    }
    var aborted = 0
    for (index, (part, result)) in zip(parts, response.results).enumerated() {
      switch result.result {
      case .applied(let applied): add(applied, part, to: &reply)
      case .error(let error) where isAtomic && error.info?.reason == "BATCH_ABORTED": aborted += 1
      case .error(let error):
        let info = error.info ?? .init()
        // What the items before it would have taken was not there for it, and is there again.
        let isAlone = !isAtomic || !parts[..<index].contains { $0.account == part.account }
        if let refused = refused(part, info.reason, info.metadata) {
          if isAlone { reply.refusals.append(refused) }
        } else {
          reply.violations.append("\(key): an item failed with \(info.reason)")
        }
      case nil: reply.violations.append("\(key): an empty result")
      }
    }
    reply.isAborted = aborted > 0
    if isAtomic, reply.rows.count != parts.count, !reply.rows.isEmpty || aborted != parts.count - 1 {
      reply.violations.append(
        "\(key): \(reply.rows.count) of \(parts.count) items were applied, \(aborted) aborted")
    }
    return reply
  }

  func add(_ response: some MoneyResponse, _ part: Part, to reply: inout Reply) {
    let transaction = response.transaction ?? .init()
    reply.isReplayed = response.replayed
    if transaction.userId != Self.user(part.account)
      || !(amountMicros(part).map { $0 == transaction.amountMicros } ?? true)
    {
      reply.violations.append("\(key): asked for \(part), got \(transaction)")
    }
    guard let deed = deed(part) else { return }
    reply.rows.append(
      Row(
        Place(commitSequence: response.commitSequence, position: response.commitPosition),
        Int32(part.account), deed, transaction, response.balance ?? .init()))
  }

  /// What the call does, if it is applied; nil when it moves nothing.
  private func deed(_ part: Part) -> Deed? {
    let micros = part.amountMicros
    switch action {
    case .consume, .batch: return .spend(micros)
    case .purchase, .promo: return .credit(micros)
    case .reserve, .beginRun: return .hold(micros)
    case .capture, .captureDrawing:
      return .charge(Charge(costMicros: micros, heldMicros: hold?.amountMicros ?? 0))
    case .release: return .release(heldMicros: hold?.amountMicros ?? 0)
    case .refund, .reverse, .reinstate, .void, .forgive: return moneyBack
    case .finishRun, .recordRuns, .createPage, .savePage, .putSettings, .purchaseAgain, .grantPlan: return nil
    }
  }

  /// Of the call's own row; nil when only the server can say.
  private func amountMicros(_ part: Part) -> Int64? {
    switch action {
    case .consume, .batch, .capture: -part.amountMicros
    case .purchase, .promo, .purchaseAgain, .refund: part.amountMicros
    case .reserve, .beginRun, .release, .forgive: 0
    case .captureDrawing, .reverse, .reinstate, .void, .grantPlan: nil
    case .finishRun, .recordRuns, .createPage, .savePage, .putSettings: nil
    }
  }
}

extension Row {
  init(
    _ place: Place, _ account: Int32, _ deed: Deed, _ own: TallystickV1.Transaction,
    _ balance: TallystickV1.Balance
  ) {
    self.place = place
    self.account = account
    sequence = own.sequence
    self.deed = deed
    told = Told(own)
    after = Holding(balance)
    let owedByOwn =
      switch own.type {
      case .owed: own.owedMicros
      case .owedForgiven: -own.owedMicros
      default: Int64(0)
      }
    netMicros = after.netMicros - (Holding(own).netMicros - own.amountMicros + owedByOwn)
  }
}
