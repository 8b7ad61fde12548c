// tallystick.v1.UsageService: plans and prices. UsageService+Runs has runs, UsageService+Reads usage and
// statistics.
//
// Invariants:
// 1. A plan's fields are checked before the command is made; the engine decides whether they change anything.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct UsageService {
  typealias RPCs = TallystickV1.UsageService

  var services: Services

  var bindings: [Binding] { plans + prices + caps + runs + reads + events + topUps }

  private var plans: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.unkeyedMutation(RPCs.putPlan, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: try PlanRequests.put(request.plan, engine.zones))
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
        parse: { request, _ throws(Refusal) in try UsageQueries.parse(request) },
        read: { query throws(Refusal) in try UsageQueries.plans(query, engine, largest: largest) }),
    ]
  }

  private var prices: [Binding] {
    let engine = services.engine
    return [
      services.unkeyedMutation(RPCs.putPrices, role: .admin) { request, _ throws(Refusal) in
        Prepared(command: try PriceRequests.put(request))
      } reply: { receipt in
        var response = TallystickV1.PutPricesResponse()
        response.prices = receipt.prices.map(TallystickV1.Price.init)
        response.unchanged = receipt.unchanged
        response.commitSequence = receipt.commit.sequence
        response.commitPosition = receipt.commit.position
        return response
      },
      services.query(
        RPCs.listPrices,
        parse: { request, _ throws(Refusal) in try PriceRequests.parse(request) },
        read: { query throws(Refusal) in try PriceRequests.prices(query, engine) }),
    ]
  }
}
