// tallystick.v1.UsageService: plans. UsageService+Runs has runs, UsageService+Reads usage and statistics.
//
// Invariants:
// 1. A plan's fields are checked before the command is made; the engine decides whether they change anything.

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
        Prepared(command: .putPlan(try PlanRequests.plan(request.plan, engine.zones)))
      } reply: { outcome throws(Refusal) in
        switch outcome {
        case .planStored(let plan, let unchanged, let commit):
          var response = TallystickV1.PutPlanResponse()
          response.plan = TallystickV1.Plan(plan)
          response.unchanged = unchanged
          response.commitSequence = commit.sequence
          response.commitPosition = commit.position
          return response
        case .refused(let refusal): throw refusal
        case .applied, .usage, .page, .admin:
          throw Refusal(.corrupt, "the engine answered something else to a command of plans")
        }
      },
      services.query(
        RPCs.listPlans,
        parse: { request, _ throws(Refusal) in try UsageQueries.parse(request) },
        read: { query throws(Refusal) in try UsageQueries.plans(query, engine, largest: largest) }),
    ]
  }
}
