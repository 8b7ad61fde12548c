// UsageService's rows of the matrices.

import TTRPC
import TallyMessages

@testable import TallyServer

enum UsageRows {
  typealias RPCs = TallystickV1.UsageService

  static let all: [MethodRow] = runs + usage + plans + events + topUps

  private static let runs: [MethodRow] = [
    MethodRow(RPCs.beginRun, .service, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.runId = rig.fresh("run")
      request.model = "m"
      request.type = "text"
    },
    MethodRow(RPCs.finishRun, .service, .object(missing: "RUN_NOT_FOUND")) { request, rig, owner in
      request.runId = try await rig.run(owner)
      request.status = .succeeded
      request.costMicros = 0
    },
    MethodRow(RPCs.recordRun, .service, .user) { request, rig, owner in request = record(rig, owner) },
    MethodRow(RPCs.recordRuns, .service, .user) { request, rig, owner in
      request.runs = [record(rig, owner)]
    },
    MethodRow(RPCs.streamRuns, .service, .user) { request, rig, owner in request = record(rig, owner) },
    MethodRow(RPCs.getRun, .readonly, .object(missing: "RUN_NOT_FOUND")) { request, rig, owner in
      request.runId = try await rig.run(owner)
    },
    MethodRow(RPCs.listRuns, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
  ]

  private static let usage: [MethodRow] = [
    MethodRow(RPCs.getUsage, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(RPCs.batchGetUsage, .readonly, .user) { request, rig, owner in
      request.userIds = [owner ?? rig.fresh("nobody")]
    },
    MethodRow(RPCs.getStats, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(RPCs.checkQuota, .readonly, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.kind = .pages
    },
  ]

  private static let plans: [MethodRow] = [
    MethodRow(RPCs.putPlan, .admin, .administration) { request, rig, _ in
      var plan = TallystickV1.Plan()
      plan.planId = rig.fresh("plan")
      plan.monthlyCreditMicros = 1
      plan.grantExpiry = .never
      request.plan = plan
    },
    MethodRow(RPCs.listPlans, .readonly, .nobody) { _, _, _ in },
    MethodRow(RPCs.putCaps, .admin, .user) { request, rig, owner in
      var cap = TallystickV1.Cap()
      (cap.capId, cap.measure, cap.window, cap.limitAmount) = ("c", .money, .day, Limits.amountMicros)
      (request.userId, request.spender, request.caps) = (owner ?? rig.fresh("nobody"), "m", [cap])
    },
    MethodRow(RPCs.listCaps, .admin, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(RPCs.putPrices, .admin, .administration) { request, rig, _ in
      var price = TallystickV1.Price()
      (price.model, price.unitClass, price.microsPerMillion) = (rig.fresh("model"), .input, 1)
      request.prices = [price]
    },
    MethodRow(RPCs.listPrices, .readonly, .nobody) { _, _, _ in },
  ]

  private static let events: [MethodRow] = [
    MethodRow(RPCs.putAlertRule, .admin, .administration) { request, rig, owner in
      var rule = TallystickV1.AlertRule()
      rule.ruleId = rig.fresh("rule")
      rule.scope = .userId(owner ?? rig.fresh("nobody"))
      rule.condition = .balanceBelowMicros(1)
      request.rule = rule
    },
    MethodRow(RPCs.deleteAlertRule, .admin, .administration) { request, _, _ in request.ruleId = "rule" },
    MethodRow(RPCs.listAlertRules, .admin, .administration) { _, _, _ in },
    MethodRow(RPCs.watchEvents, .readonly, .user) { request, rig, owner in
      request.userIds = [owner ?? rig.fresh("nobody")]
    },
    MethodRow(RPCs.listEvents, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
  ]

  private static let topUps: [MethodRow] = [
    MethodRow(RPCs.putTopUp, .admin, .administration) { request, rig, owner in
      request.topUp = rig.topUp(owner ?? rig.fresh("nobody"), below: 1)
    },
    MethodRow(RPCs.getTopUp, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(RPCs.takeTopUpIntent, .service, .everybody) { request, rig, _ in
      request.worker = rig.fresh("worker")
    },
    MethodRow(RPCs.failTopUpIntent, .service, .object(missing: "TOP_UP_INTENT_NOT_FOUND")) {
      request, rig, owner in
      (request.intentId, request.worker) = try await rig.intent(owner)
    },
    MethodRow(RPCs.cancelTopUpIntent, .admin, .administration) { request, rig, owner in
      request.intentId = try await rig.intent(owner).id
    },
    MethodRow(RPCs.listTopUpIntents, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
  ]

  private static func record(_ rig: MethodRig, _ owner: String?) -> TallystickV1.RecordRunRequest {
    var request = TallystickV1.RecordRunRequest()
    request.userId = owner ?? rig.fresh("nobody")
    request.runId = rig.fresh("run")
    request.model = "m"
    request.type = "text"
    request.status = .succeeded
    request.costMicros = 0
    return request
  }
}
