// tallystick.v1.UsageService: plans; runs are in RunService.swift, what was used in UsageReads.swift.
//
// Invariants:
// 1. A plan's content is checked here; that the same content changes nothing is the engine's word.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct UsageService {
  typealias RPCs = TallystickV1.UsageService

  var services: Services

  var bindings: [Binding] { plans + runs + reads }

  private var plans: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.unkeyedMutation(RPCs.putPlan, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: UsageCommand.PutPlan(try UsageRequests.plan(request.plan, engine.zones)))
      } reply: { receipt in
        var response = TallystickV1.PutPlanResponse()
        response.plan = TallystickV1.Plan(receipt.plan)
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.query(
        RPCs.listPlans,
        fields: { request throws(Refusal) in
          _ = try Fields.pageSize(request.limit)
          try Fields.optional(request.cursor, "cursor", atMost: Limits.cursorByteCount)
          _ = try Cursor.decodeText(RPCs.listPlans, request)
        },
        answer: { request, _ throws(Refusal) in
          try UsageQueries.plans(request, engine, largest: largest)
        }),
    ]
  }
}
