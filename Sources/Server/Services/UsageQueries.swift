// What UsageService reads: queries from requests, answers into replies.
//
// Invariants:
// 1. No reply outgrows the largest message.
//
// Values, owned by nobody.

internal import Core
internal import Messages

enum UsageQueries {
  static func plans(
    _ request: TallystickV1.ListPlansRequest, _ engine: any ProductEngine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListPlansResponse {
    let limit = try Fields.pageSize(request.limit)
    // Plans are ordered by id, so the cursor is the last id; one row more tells of a next page.
    let after = request.cursor.isEmpty ? nil : request.cursor
    let snapshot = try engine.plans(afterId: after, limit: limit + 1)
    let fitting = CreditQueries.cut(snapshot.value, largest: largest, size: size)
    var response = TallystickV1.ListPlansResponse()
    response.plans = snapshot.value.prefix(min(limit, fitting)).map(TallystickV1.Plan.init)
    if snapshot.value.count > response.plans.count { response.nextCursor = response.plans.last?.planId ?? "" }
    response.commitSequence = snapshot.commitSequence
    return response
  }

  /// Not less than the plan's encoding: every number at its longest. The largest is far smaller than a
  /// message.
  private static func size(_ plan: Plan) -> Int {
    var total = 256 + 2 * plan.id.utf8.count + plan.displayName.utf8.count + plan.timeZone.utf8.count
    for price in plan.prices { total += 48 + price.model.utf8.count }
    return total
  }
}
