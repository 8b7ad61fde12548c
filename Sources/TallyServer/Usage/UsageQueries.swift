// What UsageService reads: queries from requests, and replies from what the engine answers.
//
// Invariants:
// 1. No reply outgrows the largest message.

internal import TallyCore
internal import TallyMessages

enum UsageQueries {
  private typealias RPCs = TallystickV1.UsageService

  // MARK: plans

  /// Which plans are listed: at most so many, in the order of their ids, after that id.
  struct PlanFilter {
    var limit: Int
    var afterId: String?
  }
  typealias PlansQuery = ListQuery<TallystickV1.ListPlansRequest, PlanFilter>

  static func parse(_ request: TallystickV1.ListPlansRequest) throws(Refusal) -> PlansQuery {
    let limit = try Fields.pageSize(request.limit)
    try Fields.optional(request.cursor, "cursor", atMost: Limits.cursorByteCount)
    let afterId = try Cursor.decodeText(RPCs.listPlans, request)
    return ListQuery(request, PlanFilter(limit: limit, afterId: afterId))
  }

  static func plans(
    _ query: PlansQuery, _ engine: any ProductEngine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListPlansResponse {
    let limit = query.filter.limit
    // One row more tells of a next page.
    let snapshot = try engine.plans(afterId: query.filter.afterId, limit: limit + 1)
    let fitting = CreditQueries.cut(snapshot.value, largest: largest, size: size)
    var response = TallystickV1.ListPlansResponse()
    response.plans = snapshot.value.prefix(min(limit, fitting)).map(TallystickV1.Plan.init)
    if snapshot.value.count > response.plans.count, let last = response.plans.last {
      response.nextCursor = Cursor.encode(after: last.planId, RPCs.listPlans, query.request)
    }
    response.commitSequence = snapshot.commitSequence
    return response
  }

  /// An upper bound of the plan's encoded size: every number counts as the longest of its type. The largest
  /// plan is far smaller than a message.
  private static func size(_ plan: Plan) -> Int {
    var total = 256 + 2 * plan.id.utf8.count + plan.displayName.utf8.count + plan.timeZone.utf8.count
    for price in plan.prices { total += 48 + price.model.utf8.count }
    for key in plan.tagKeys { total += 4 + key.utf8.count }
    for cap in plan.caps + plan.spenderCaps {
      total += 64 + cap.id.utf8.count + cap.subject.model.text.utf8.count + cap.subject.type.text.utf8.count
    }
    return total
  }

  // MARK: usage

  static func usage(
    _ userIds: [String], month: String, timeZone: String, _ zones: ZoneStore
  ) throws(Refusal) -> UsageQuery {
    var query = UsageQuery(userIds: userIds)
    if !month.isEmpty {
      guard let parsed = Month(parsing: month) else {
        throw invalidField("month", "must be a month such as 2026-11, not before 1970-01")
      }
      query.month = parsed
    }
    if !timeZone.isEmpty { query.zone = try zones.zone(named: timeZone) }
    return query
  }

  static func parse(
    _ request: TallystickV1.GetUsageRequest, _ zones: ZoneStore
  ) throws(Refusal) -> UsageQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    var query = try usage([request.userId], month: request.month, timeZone: request.timeZone, zones)
    query.capSpenders = [request.spender]
    return query
  }

  static func parse(
    _ request: TallystickV1.BatchGetUsageRequest, _ zones: ZoneStore, largest: Int
  ) throws(Refusal) -> UsageQuery {
    try Fields.count(request.userIds.count, "user_ids", atMost: Limits.usageUserCount)
    for (index, userId) in request.userIds.enumerated() {
      try Fields.required(userId, "user_ids[\(index)]", atMost: Limits.userIdByteCount)
    }
    let query = try usage(request.userIds, month: request.month, timeZone: request.timeZone, zones)
    try Fields.reply(to: request.userIds, "user_ids", each: usageByteCount, atMost: largest)
    return query
  }

  /// Asks how much of a quota a user has left.
  struct QuotaQuery {
    var kind: QuotaKind
    var userId: String
    var ask: CapAsk
  }

  static func parse(_ request: TallystickV1.CheckQuotaRequest) throws(Refusal) -> QuotaQuery {
    let userId = try Fields.userId(request.userId)
    guard let kind = QuotaKind(rawValue: request.kind.rawValue) else {
      throw invalidField("kind", "must be set to a known value")
    }
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    try Fields.optional(request.model, "model", atMost: Limits.modelByteCount)
    try Fields.optional(request.type, "type", atMost: Limits.runTypeByteCount)
    let ask = CapAsk(spender: request.spender, run: (request.model, request.type))
    return QuotaQuery(kind: kind, userId: userId, ask: ask)
  }

  /// An upper bound of a user's usage, encoded, without the user's id.
  static let usageByteCount = 176 + Limits.planIdByteCount + ZoneStore.maximumNameByteCount

  static func usage(
    _ query: UsageQuery, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.GetUsageResponse {
    let snapshot = try engine.usages(query)
    var response = TallystickV1.GetUsageResponse()
    response.usage = snapshot.value.first.map(TallystickV1.Usage.init)
    response.caps = snapshot.value.first?.caps.map(TallystickV1.CapUse.init) ?? []
    response.commitSequence = snapshot.commitSequence
    return response
  }

  static func usages(
    _ query: UsageQuery, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.BatchGetUsageResponse {
    let snapshot = try engine.usages(query)
    var response = TallystickV1.BatchGetUsageResponse()
    response.usages = snapshot.value.map(TallystickV1.Usage.init)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  static func quota(
    _ query: QuotaQuery, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.CheckQuotaResponse {
    let snapshot = try engine.quota(query.kind, userId: query.userId, ask: query.ask)
    var response = TallystickV1.CheckQuotaResponse()
    let (use, objection) = (snapshot.value.use, snapshot.value.objection)
    let reason =
      objection?.reason ?? (use.isAllowed ? snapshot.value.capRefusal?.reason : .quotaExceeded)
    response.allowed = reason == nil
    response.reason = reason?.rawValue ?? ""
    response.limitCount = use.limit
    response.used = use.used
    response.resetsAtMicros = use.resetsAtMicros ?? 0
    response.commitSequence = snapshot.commitSequence
    return response
  }

  // MARK: stats

  /// - Parameter nowMicros: the end of the last `days`.
  static func parse(
    _ request: TallystickV1.GetStatsRequest, _ zones: ZoneStore, nowMicros: Int64
  ) throws(Refusal) -> StatsQuery {
    try Fields.optional(request.userId, "user_id", atMost: Limits.userIdByteCount)
    try border(request.fromMicros, "from_micros")
    try border(request.toMicros, "to_micros")
    if request.days < 0 || request.days > Limits.statsDayCount {
      throw invalidField(
        "days", "must be from 0 to \(Limits.statsDayCount)", limit: Int64(Limits.statsDayCount))
    }
    if request.recentLimit < 0 || request.recentLimit > Limits.recentRunCount {
      throw invalidField(
        "recent_limit", "must be from 0 to \(Limits.recentRunCount)", limit: Int64(Limits.recentRunCount))
    }
    if request.bySpender, request.userId.isEmpty {
      throw invalidField("by_spender", "is allowed only with user_id")
    }
    try Fields.optional(request.tag, "tag", atMost: Limits.tagKeyByteCount)
    var query = try span(request, zones.zone(named: request.timeZone), nowMicros: nowMicros)
    (query.bySpender, query.tag) = (request.bySpender, request.tag)
    return query
  }

  private static func span(
    _ request: TallystickV1.GetStatsRequest, _ zone: Zone, nowMicros: Int64
  ) throws(Refusal) -> StatsQuery {
    guard let from = request.fromMicros, let to = request.toMicros else {
      if request.fromMicros != nil { throw invalidField("to_micros", "must be set with from_micros") }
      if request.toMicros != nil { throw invalidField("from_micros", "must be set with to_micros") }
      let days = request.days == 0 ? Limits.defaultStatsDayCount : request.days
      return StatsQuery(
        userId: request.userId, days: Int(days), untilMicros: nowMicros, zone: zone,
        recentLimit: Int(request.recentLimit))
    }
    if request.days != 0 {
      throw invalidField("days", "cannot be set together with from_micros and to_micros")
    }
    if from >= to { throw invalidField("to_micros", "must be later than from_micros") }
    if to - from > Int64(Limits.statsDayCount) * 86_400_000_000 {
      throw invalidField(
        "to_micros", "must be at most \(Limits.statsDayCount) days after from_micros",
        limit: Int64(Limits.statsDayCount))
    }
    return StatsQuery(
      userId: request.userId, fromMicros: from, toMicros: to, zone: zone,
      recentLimit: Int(request.recentLimit))
  }

  private static func border(_ micros: Int64?, _ field: String) throws(Refusal) {
    guard let micros else { return }
    if micros < 0 || micros > Limits.timeMicros || micros % StatsQuery.stepMicros != 0 {
      throw invalidField(
        field, "must be a multiple of 15 minutes since the epoch, at most \(Limits.timeMicros)",
        limit: Limits.timeMicros)
    }
  }

  /// The kept reply, if there is one that is still true.
  static func keptStats(_ query: StatsQuery, _ services: Services) -> EncodedReply? {
    services.replies.stats(query, services.engine).map(dated)
  }

  static func stats(_ query: StatsQuery, _ services: Services) throws(Refusal) -> EncodedReply {
    let snapshot = try services.engine.stats(query)
    let reply = Snapshot(
      TallystickV1.GetStatsResponse(snapshot.value, query).encode(), commitSequence: snapshot.commitSequence)
    services.replies.keep(reply, for: query)
    return dated(reply)
  }

  /// The bytes of a message may come in two pieces: the statistics, which are kept, and the commit.
  private static func dated(_ reply: Snapshot<[UInt8]>) -> EncodedReply {
    var commit = TallystickV1.GetStatsResponse()
    commit.commitSequence = reply.commitSequence
    return EncodedReply(bytes: reply.value, tail: commit.encode())
  }
}
