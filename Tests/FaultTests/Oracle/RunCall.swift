// Calls of runs: what is asked for follows from the number of the call.
//
// Invariants:
// 1. A reply is compared whole with what was asked for; only what the server decides is taken from it.

import TallyClient
import TallyMessages

/// An attempt of a run that was begun and not known to be finished.
struct OpenRun: Sendable {
  /// Of the call that began the first attempt.
  var number: Int
  var account: Int
  var estimateMicros: Int64
  var attempt: Int32 = 1
}

/// What names an attempt of a run.
struct RunKey: Hashable, Sendable {
  var runId: String
  var attempt: Int32

  init(_ run: TallystickV1.Run) { (runId, attempt) = (run.runId, run.attempt) }
}

/// What a run that ends asks its account for.
struct Charge: Sendable, Equatable {
  var costMicros: Int64
  var heldMicros: Int64

  /// What the hold pays; what is left of it goes back.
  var capturedMicros: Int64 { min(costMicros, heldMicros) }

  /// What is paid in all by an account with so much beside the hold.
  func micros(available: Int64) -> Int64 { capturedMicros + min(costMicros - capturedMicros, available) }
}

/// A run that a call made or ended.
struct RunRow: Sendable, Equatable {
  var place: Place
  var run: TallystickV1.Run
}

/// What a run is of and what it took, by a call's number.
private struct Terms {
  var number: Int

  var model: String { "m\(number % 5)" }
  var type: String { number % 3 == 0 ? "image" : "text" }
  var status: TallystickV1.RunStatus { number % 8 == 0 ? .failed : number % 8 == 1 ? .cancelled : .succeeded }
  var inputTokens: Int64 { Int64(number % 1_009) }
  var outputTokens: Int64 { Int64(number % 757) }
  var images: Int64 { Int64(number % 4) }
  var reasoningTokens: Int64 { Int64(number % 3) }
  var providerCostMicros: Int64 { Int64(number % 11) }
  var spender: String { number % 3 == 0 ? "" : "s\(number % 7)" }
  /// The plans declare the first of them.
  var tags: [String: String] { number % 4 == 0 ? [:] : ["feature": "f\(number % 5)", "other": "o"] }

  /// Of the further class that it used.
  var units: [TallystickV1.UnitCount] {
    var unit = TallystickV1.UnitCount()
    (unit.unitClass, unit.count) = (.reasoning, reasoningTokens)
    return reasoningTokens == 0 ? [] : [unit]
  }
  var error: String { status == .failed ? "e\(number)" : "" }
}

extension Call {
  private typealias Usages = TallystickV1.UsageService

  static func run(_ number: Int) -> String { "r\(number)" }

  func sendRun(_ client: TallyClient) async throws(TallyError) -> Reply {
    switch action {
    case .beginRun: reply(try await client.call(Usages.beginRun, beginRequest))
    case .finishRun: reply(try await client.call(Usages.finishRun, finishRequest))
    default: reply(try await client.call(Usages.recordRuns, recordRequest))
    }
  }

  /// What a BeginRun begins: a run of its own, or the next attempt of one that failed or was cancelled.
  var begun: OpenRun {
    OpenRun(
      number: run?.number ?? number, account: parts[0].account, estimateMicros: parts[0].amountMicros,
      attempt: (run?.attempt ?? 0) + 1)
  }

  private var beginRequest: TallystickV1.BeginRunRequest {
    let terms = Terms(number: begun.number)
    var request = TallystickV1.BeginRunRequest()
    request.userId = Self.user(parts[0].account)
    request.runId = Self.run(begun.number)
    request.attempt = begun.attempt
    request.model = terms.model
    request.type = terms.type
    (request.spender, request.tags) = (terms.spender, terms.tags)
    request.estimateMicros = parts[0].amountMicros
    // Longer than any run of the test, so that none expires.
    request.ttlMillis = 86_400_000
    return request
  }

  private var finishRequest: TallystickV1.FinishRunRequest {
    let terms = Terms(number: number)
    var request = TallystickV1.FinishRunRequest()
    request.runId = Self.run(run?.number ?? 0)
    request.attempt = run?.attempt ?? 0
    request.status = terms.status
    (request.units, request.providerCostMicros) = (terms.units, terms.providerCostMicros)
    request.inputTokens = terms.inputTokens
    request.outputTokens = terms.outputTokens
    request.images = terms.images
    request.costMicros = parts[0].amountMicros
    request.error = terms.error
    return request
  }

  private var recordRequest: TallystickV1.RecordRunsRequest {
    var request = TallystickV1.RecordRunsRequest()
    request.runs = parts.indices.map { index in
      let run = recorded(index)
      var item = TallystickV1.RecordRunRequest()
      item.runId = run.runId
      item.userId = run.userId
      item.model = run.model
      item.type = run.type
      item.status = run.status
      item.inputTokens = run.inputTokens
      item.outputTokens = run.outputTokens
      item.images = run.images
      item.costMicros = run.costMicros
      item.units = Terms(number: number + index).units
      item.providerCostMicros = run.providerCostMicros
      (item.spender, item.tags) = (run.spender, run.tags)
      item.startedAtMicros = run.startedAtMicros
      item.error = run.error
      return item
    }
    return request
  }

  /// What is to be stored of one recorded run; when it was recorded is the server's to say.
  private func recorded(_ index: Int) -> TallystickV1.Run {
    let terms = Terms(number: number + index)
    var run = TallystickV1.Run()
    run.runId = "\(Self.run(number)).\(index)"
    run.userId = Self.user(parts[index].account)
    run.model = terms.model
    run.type = terms.type
    (run.spender, run.tags) = (terms.spender, terms.tags)
    run.end(terms, costMicros: parts[index].amountMicros)
    run.startedAtMicros = startedAtMicros
    run.recorded = true
    run.attempt = 1
    return run
  }

  // MARK: replies

  private func reply(_ response: TallystickV1.BeginRunResponse) -> Reply {
    var reply = Reply()
    reply.isReplayed = response.replayed
    if response.transaction != nil {
      add(response, parts[0], to: &reply)
    } else if parts[0].amountMicros > 0 {
      reply.violations.append("\(key): nothing was held")
    }
    let found = response.run ?? .init()
    let terms = Terms(number: begun.number)
    var asked = found
    asked.runId = Self.run(begun.number)
    asked.attempt = begun.attempt
    (asked.spender, asked.tags) = (terms.spender, terms.tags)
    asked.userId = Self.user(parts[0].account)
    asked.model = terms.model
    asked.type = terms.type
    asked.estimateMicros = parts[0].amountMicros
    // A replay may show it finished.
    if !response.replayed {
      asked.status = .running
      (asked.costMicros, asked.chargedMicros, asked.finishedAtMicros) = (0, 0, 0)
    }
    note(found, asked: asked, response.commitSequence, response.commitPosition, in: &reply)
    return reply
  }

  private func reply(_ response: TallystickV1.FinishRunResponse) -> Reply {
    var reply = Reply()
    reply.isReplayed = response.replayed
    let found = response.run ?? .init()
    var asked = found
    let begun = Terms(number: run?.number ?? 0)
    asked.runId = Self.run(begun.number)
    asked.attempt = run?.attempt ?? 0
    asked.userId = Self.user(parts[0].account)
    (asked.model, asked.type, asked.spender, asked.tags) = (
      begun.model, begun.type, begun.spender, begun.tags
    )
    asked.estimateMicros = run?.estimateMicros ?? 0
    asked.end(Terms(number: number), costMicros: parts[0].amountMicros)
    asked.uncollectedMicros = parts[0].amountMicros - found.chargedMicros
    note(found, asked: asked, response.commitSequence, response.commitPosition, in: &reply)
    addCharge(response, found, to: &reply)
    return reply
  }

  private func addCharge(
    _ response: TallystickV1.FinishRunResponse, _ run: TallystickV1.Run, to reply: inout Reply
  ) {
    let charge = Charge(costMicros: parts[0].amountMicros, heldMicros: run.estimateMicros)
    // A row for what is charged, for what goes back, for what is owed.
    let hasRows = run.chargedMicros > 0 || charge.capturedMicros < charge.heldMicros || run.owedMicros > 0
    guard let transaction = response.transaction, hasRows else {
      if response.transaction != nil || hasRows {
        reply.violations.append("\(key): rows for \(charge) are told as \(response)")
      }
      return
    }
    if transaction.userId != run.userId || transaction.amountMicros != -run.chargedMicros {
      reply.violations.append("\(key): charged \(run), wrote \(transaction)")
    }
    reply.rows.append(
      Row(
        Place(commitSequence: response.commitSequence, position: response.commitPosition),
        Int32(parts[0].account), .charge(charge), transaction, response.balance ?? .init()))
    reply.earlier = earlier(transaction)
  }

  private func reply(_ response: TallystickV1.RecordRunsResponse) -> Reply {
    var reply = Reply()
    if response.results.count != parts.count {
      reply.violations.append("\(key): \(response.results.count) results for \(parts.count) runs")
    }
    reply.isReplayed = response.results.allSatisfy(\.replayed)
    if !reply.isReplayed && response.results.contains(where: \.replayed) {
      reply.violations.append("\(key): half of it was there")
    }
    for (index, result) in response.results.enumerated() where index < parts.count {
      if let error = result.error { reply.violations.append("\(key).\(index) failed: \(error)") }
      let place = Place(commitSequence: response.commitSequence, position: result.commitPosition)
      reply.runs.append(RunRow(place: place, run: recorded(index)))
    }
    return reply
  }

  private func note(
    _ found: TallystickV1.Run, asked: TallystickV1.Run, _ sequence: Int64, _ position: Int32,
    in reply: inout Reply
  ) {
    if found != asked { reply.violations.append("\(key): asked for \(asked), got \(found)") }
    let place = Place(commitSequence: sequence, position: position)
    reply.runs.append(RunRow(place: place, run: found))
  }
}

extension TallystickV1.Run {
  fileprivate mutating func end(_ terms: Terms, costMicros: Int64) {
    status = terms.status
    inputTokens = terms.inputTokens
    outputTokens = terms.outputTokens
    images = terms.images
    providerCostMicros = terms.providerCostMicros
    let counts: [(TallystickV1.UnitClass, Int64)] = [
      (.input, inputTokens), (.output, outputTokens), (.reasoning, terms.reasoningTokens), (.image, images),
    ]
    units = counts.filter { $0.1 > 0 }.map { unitClass, count in
      var unit = TallystickV1.UnitCount()
      (unit.unitClass, unit.count) = (unitClass, count)
      return unit
    }
    self.costMicros = costMicros
    error = terms.error
  }
}
