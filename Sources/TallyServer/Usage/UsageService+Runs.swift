// tallystick.v1.UsageService: each method of runs with its command or query.
//
// Invariants:
// 1. Nothing is decided here: commands go to the engine, whose answer is the reply.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

extension UsageService {
  var runs: [Binding] {
    runMutations + [BatchBinding.recordRuns(services), RunStream.binding(services)] + runReads
  }

  private var runMutations: [Binding] {
    [
      services.mutation(RPCs.beginRun, role: .service) { request, digest, _ throws(Refusal) in
        try RunRequests.begin(request, digest)
      } reply: { receipt in
        var response = TallystickV1.BeginRunResponse(receipt)
        response.transaction = receipt.transaction.map(TallystickV1.Transaction.init)
        response.balance = receipt.balance.map(TallystickV1.Balance.init)
        response.hold = receipt.hold.map(TallystickV1.Hold.init)
        return response
      },
      services.mutation(RPCs.finishRun, role: .service) { request, digest, caller throws(Refusal) in
        try RunRequests.finish(request, digest, actingUserId: caller.actingUserId)
      } reply: { receipt in
        var response = TallystickV1.FinishRunResponse(receipt)
        response.transaction = receipt.transaction.map(TallystickV1.Transaction.init)
        response.balance = receipt.balance.map(TallystickV1.Balance.init)
        return response
      },
      services.unkeyedMutation(RPCs.recordRun, role: .service) { request, _ throws(Refusal) in
        try RunRequests.record(request)
      } reply: {
        TallystickV1.RecordRunResponse($0)
      },
    ]
  }

  private var runReads: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.query(
        RPCs.getRun,
        parse: { request, caller throws(Refusal) in try RunQueries.parse(request, caller) },
        read: { query throws(Refusal) in try RunQueries.run(query, engine) }),
      services.query(
        RPCs.listRuns,
        parse: { request, _ throws(Refusal) in try RunQueries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try RunQueries.runs(query, engine, largest: largest) }),
    ]
  }
}

extension RunResponse {
  fileprivate init(_ receipt: RunReceipt) {
    self.init()
    run = TallystickV1.Run(receipt.run)
    replayed = receipt.replayed
    commitSequence = receipt.commit.sequence
    commitPosition = receipt.commit.position
  }
}

extension TallystickV1.Run {
  init(_ run: Run) {
    self.init()
    runId = run.runId
    attempt = run.attempt
    userId = run.userId
    model = run.model
    type = run.type
    status = TallystickV1.RunStatus(rawValue: run.status.rawValue)
    estimateMicros = run.estimateMicros
    holdId = run.holdId.map(Identifiers.hold) ?? ""
    inputTokens = run.inputTokens
    outputTokens = run.outputTokens
    images = run.images
    costMicros = run.costMicros
    providerCostMicros = run.providerCostMicros
    units = run.allUnits.map(TallystickV1.UnitCount.init)
    breakdown = (run.breakdown ?? []).map { part in
      var message = TallystickV1.ClassCost()
      message.unitClass = TallystickV1.UnitClass(rawValue: part.unitClass.rawValue)
      message.costMicros = part.micros
      return message
    }
    priceVersion = run.priceVersion
    planId = run.planId ?? ""
    spender = run.spender
    for tag in run.tags { tags[tag.key] = tag.value }
    chargedMicros = run.chargedMicros
    uncollectedMicros = run.uncollectedMicros
    owedMicros = run.owedMicros
    startedAtMicros = run.startedAtMicros
    finishedAtMicros = run.finishedAtMicros ?? 0
    expiresAtMicros = run.expiresAtMicros ?? 0
    error = run.error
    recorded = run.isRecorded
  }
}
