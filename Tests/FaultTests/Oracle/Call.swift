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
  /// What a FinishRun ends.
  var run: OpenRun?
  /// What a SavePage was made from.
  var base: PageBase?
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

  init(number: Int, saving base: PageBase) {
    self.init(number: number, action: .savePage, account: base.account, amountMicros: 0)
    self.base = base
  }

  var key: String { "k\(number)" }

  static func user(_ account: Int) -> String { "u\(account)" }
}

/// A decision that wrote a row, as its reply tells it, with what was asked for.
struct Row: Sendable, Equatable {
  var commitSequence: Int64
  var position: Int32
  var account: Int32
  var sequence: Int64
  /// The account's version after it.
  var version: Int64
  /// Rows that the decision wrote: the named one is the last.
  var rowCount: Int64
  var postedDeltaMicros: Int64
  var heldDeltaMicros: Int64
  var balanceAfterMicros: Int64
  var heldAfterMicros: Int64
  /// Of a run that was finished.
  var charge: Charge?

  var place: Place { Place(commitSequence: commitSequence, position: position) }
}

/// A refusal for want of credit.
struct Shortage: Sendable {
  var commitSequence: Int64
  var position: Int32
  var account: Int32
  var availableMicros: Int64
  var requiredMicros: Int64

  var place: Place { Place(commitSequence: commitSequence, position: position) }
}

/// What came back.
struct Reply: Sendable {
  var rows: [Row] = []
  var shortages: [Shortage] = []
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
      request.mode = .independent
      request.items = parts.enumerated().map { consume($1, key: "\(key).\($0)") }
      return reply(try await client.call(Credits.batchConsume, request))
    case .beginRun, .finishRun, .recordRuns: return try await sendRun(client)
    case .createPage, .savePage: return try await sendPage(client)
    case .putSettings: return try await sendSettings(client)
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
    request.paymentId = "p\(number)"
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

  private func capture(_ part: Part) -> TallystickV1.CaptureRequest {
    var request = TallystickV1.CaptureRequest()
    request.holdId = hold?.id ?? ""
    request.amountMicros = part.amountMicros
    request.idempotencyKey = key
    return request
  }

  // MARK: replies

  private func reply(_ response: some MoneyResponse) -> Reply {
    var reply = Reply()
    add(response, parts[0], to: &reply)
    return reply
  }

  private func reply(_ response: TallystickV1.BatchConsumeResponse) -> Reply {
    var reply = Reply()
    if response.results.count != parts.count {
      reply.violations.append("\(key): \(response.results.count) results for \(parts.count) items")
    }
    for (part, result) in zip(parts, response.results) {
      switch result.result {
      case .applied(let applied): add(applied, part, to: &reply)
      case .error(let error):
        let info = error.info ?? .init()
        if let shortage = Self.shortage(part, info.reason, info.metadata) {
          reply.shortages.append(shortage)
        } else {
          reply.violations.append("\(key): an item failed with \(info.reason)")
        }
      case nil: reply.violations.append("\(key): an empty result")
      }
    }
    return reply
  }

  func add(_ response: some MoneyResponse, _ part: Part, to reply: inout Reply) {
    let transaction = response.transaction ?? .init()
    let (posted, held) = deltas(part)
    let row = Row(
      commitSequence: response.commitSequence, position: response.commitPosition,
      account: Int32(part.account), sequence: transaction.sequence, version: transaction.version,
      rowCount: rowCount(part), postedDeltaMicros: posted, heldDeltaMicros: held,
      balanceAfterMicros: transaction.balanceAfterMicros, heldAfterMicros: transaction.heldAfterMicros)
    if transaction.userId != Self.user(part.account) || transaction.amountMicros != posted {
      reply.violations.append("\(key): asked for \(part), got \(transaction)")
    }
    reply.rows.append(row)
    reply.isReplayed = response.replayed
  }

  /// What the call does to posted and held, if it is applied.
  private func deltas(_ part: Part) -> (postedMicros: Int64, heldMicros: Int64) {
    switch action {
    case .consume, .batch: (-part.amountMicros, 0)
    case .purchase, .promo: (part.amountMicros, 0)
    case .reserve, .beginRun: (0, part.amountMicros)
    case .capture: (-part.amountMicros, -(hold?.amountMicros ?? 0))
    case .release: (0, -(hold?.amountMicros ?? 0))
    case .finishRun, .recordRuns, .createPage, .savePage, .putSettings: (0, 0)
    }
  }

  /// A capture of less than the hold also writes what it gives back.
  private func rowCount(_ part: Part) -> Int64 {
    action == .capture && part.amountMicros < (hold?.amountMicros ?? 0) ? 2 : 1
  }

  /// A refusal for want of credit; nil when it is anything else.
  static func shortage(_ part: Part, _ reason: String, _ details: [String: String]) -> Shortage? {
    guard reason == "INSUFFICIENT_CREDITS",
      let sequence = details["commit_sequence"].flatMap({ Int64($0) }),
      let position = details["commit_position"].flatMap({ Int32($0) }),
      let available = details["available_micros"].flatMap({ Int64($0) }),
      let required = details["required_micros"].flatMap({ Int64($0) })
    else { return nil }
    return Shortage(
      commitSequence: sequence, position: position, account: Int32(part.account),
      availableMicros: available, requiredMicros: required)
  }
}
