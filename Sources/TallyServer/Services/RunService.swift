// tallystick.v1.UsageService: the methods of runs, each bound to its command or query.
//
// Invariants:
// 1. Nothing is decided here: commands go to the engine, whose answer is the reply.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

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
        fields: { request throws(Refusal) in try RunRequests.runId(request.runId) },
        answer: { request, caller throws(Refusal) in
          let snapshot = try engine.run(runId: request.runId, actingUserId: caller.actingUserId)
          var response = TallystickV1.GetRunResponse()
          response.run = TallystickV1.Run(snapshot.value)
          response.commitSequence = snapshot.commitSequence
          return response
        }),
      services.query(
        RPCs.listRuns,
        fields: { request throws(Refusal) in _ = try RunRequests.filter(request) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in
          RunRequests.page(request, try engine.runs(try RunRequests.filter(request)), largest: largest)
        }),
    ]
  }
}

/// The reply of every method that writes a run.
private protocol RunResponse: Message {
  var run: TallystickV1.Run? { get set }
  var replayed: Bool { get set }
  var commitSequence: Int64 { get set }
  var commitPosition: Int32 { get set }
}

extension TallystickV1.BeginRunResponse: RunResponse {}
extension TallystickV1.FinishRunResponse: RunResponse {}
extension TallystickV1.RecordRunResponse: RunResponse {}

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
    chargedMicros = run.chargedMicros
    uncollectedMicros = run.uncollectedMicros
    startedAtMicros = run.startedAtMicros
    finishedAtMicros = run.finishedAtMicros ?? 0
    expiresAtMicros = run.expiresAtMicros ?? 0
    error = run.error
    recorded = run.isRecorded
  }
}
