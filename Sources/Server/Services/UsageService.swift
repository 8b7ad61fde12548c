// tallystick.v1.UsageService: plans.
//
// Invariants:
// 1. A plan's content is checked here; that the same content changes nothing is the engine's word.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

internal import Core
internal import Messages
internal import TTRPC

struct UsageService {
  typealias RPCs = TallystickV1.UsageService

  var services: Services

  var bindings: [Binding] {
    let engine = services.engine
    return [
      services.mutation(RPCs.putPlan, role: .admin) { request, _, _ throws(Refusal) in
        Prepared(command: .putPlan(try plan(request.plan)))
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
        fields: { request throws(Refusal) in
          _ = try Fields.pageSize(request.limit)
          try Fields.optional(request.cursor, "cursor", atMost: Limits.cursorByteCount)
        },
        answer: { request, _ throws(Refusal) in
          let limit = try Fields.pageSize(request.limit)
          // Plans are ordered by id, so the cursor is the last id; one row more tells of a next page.
          let after = request.cursor.isEmpty ? nil : request.cursor
          let snapshot = try engine.plans(afterId: after, limit: limit + 1)
          var response = TallystickV1.ListPlansResponse()
          response.plans = snapshot.value.prefix(limit).map(TallystickV1.Plan.init)
          if snapshot.value.count > limit { response.nextCursor = response.plans.last?.planId ?? "" }
          response.commitSequence = snapshot.commitSequence
          return response
        }),
    ]
  }
}

private func plan(_ message: TallystickV1.Plan?) throws(Refusal) -> Plan {
  guard let message else { throw invalidField("plan", "must be set") }
  try Fields.required(message.planId, "plan.plan_id", atMost: Limits.planIdByteCount)
  try Fields.optional(message.displayName, "plan.display_name", atMost: Limits.displayNameByteCount)
  try Fields.amount(message.monthlyCreditMicros, "plan.monthly_credit_micros")
  let expiry: GrantExpiry
  switch message.grantExpiry {
  case .never: expiry = .never
  case .periodEnd: expiry = .periodEnd
  case .after: expiry = .after(millis: message.expiresAfterMillis)
  case .unspecified, .unrecognized: throw invalidField("plan.grant_expiry", "must be set to a known value")
  }
  if case .after = expiry {
    if message.expiresAfterMillis < 1 || message.expiresAfterMillis > Limits.timeMicros / 1_000 {
      throw invalidField(
        "plan.expires_after_millis", "must be from 1 to \(Limits.timeMicros / 1_000)",
        limit: Limits.timeMicros / 1_000)
    }
  } else if message.expiresAfterMillis != 0 {
    throw invalidField("plan.expires_after_millis", "goes with GRANT_EXPIRY_AFTER only")
  }
  if message.priority != 0 { try Fields.priority(message.priority, "plan.priority") }
  return Plan(
    id: message.planId, displayName: message.displayName, monthlyCreditMicros: message.monthlyCreditMicros,
    grantExpiry: expiry, priority: message.priority == 0 ? Lot.defaultPlanPriority : message.priority)
}
