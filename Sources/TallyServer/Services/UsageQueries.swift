// What UsageService reads: queries from requests, answers into replies.
//
// Invariants:
// 1. No reply outgrows the largest message.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallyMessages

enum UsageQueries {
  static func plans(
    _ request: TallystickV1.ListPlansRequest, _ engine: any ProductEngine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListPlansResponse {
    let limit = try Fields.pageSize(request.limit)
    // Plans are ordered by id; one row more tells of a next page.
    let rpc = TallystickV1.UsageService.listPlans
    let after = try Cursor.decodeText(rpc, request)
    let snapshot = try engine.plans(afterId: after, limit: limit + 1)
    let fitting = CreditQueries.cut(snapshot.value, largest: largest, size: size)
    var response = TallystickV1.ListPlansResponse()
    response.plans = snapshot.value.prefix(min(limit, fitting)).map(TallystickV1.Plan.init)
    if snapshot.value.count > response.plans.count, let last = response.plans.last {
      response.nextCursor = Cursor.encode(after: last.planId, rpc, request)
    }
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

  /// Of a user's usage beside the id: every number and every text at its longest.
  static let usageByteCount = 160 + Limits.planIdByteCount + ZoneStore.maximumNameByteCount

  static func usage(
    _ request: TallystickV1.GetUsageRequest, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.GetUsageResponse {
    let snapshot = try engine.usages(try UsageRequests.usage(request, engine.zones))
    var response = TallystickV1.GetUsageResponse()
    response.usage = snapshot.value.first.map(TallystickV1.Usage.init)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  static func usages(
    _ request: TallystickV1.BatchGetUsageRequest, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.BatchGetUsageResponse {
    let snapshot = try engine.usages(try UsageRequests.usage(request, engine.zones))
    var response = TallystickV1.BatchGetUsageResponse()
    response.usages = snapshot.value.map(TallystickV1.Usage.init)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  static func quota(
    _ request: TallystickV1.CheckQuotaRequest, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.CheckQuotaResponse {
    let snapshot = try engine.quota(try UsageRequests.quota(request), userId: request.userId)
    var response = TallystickV1.CheckQuotaResponse()
    response.allowed = snapshot.value.isAllowed
    response.limitCount = snapshot.value.limit
    response.used = snapshot.value.used
    response.resetsAtMicros = snapshot.value.resetsAtMicros ?? 0
    response.commitSequence = snapshot.commitSequence
    return response
  }

  // MARK: stats

  /// A reply that was kept, if it still holds.
  static func keptStats(_ request: TallystickV1.GetStatsRequest, _ services: Services) -> EncodedReply? {
    let engine = services.engine
    // What is wrong with a request was said before.
    guard let query = try? UsageRequests.stats(request, engine.zones, nowMicros: engine.nowMicros()) else {
      return nil
    }
    return services.replies.stats(query, engine).map(dated)
  }

  static func stats(
    _ request: TallystickV1.GetStatsRequest, _ services: Services
  ) throws(Refusal) -> EncodedReply {
    let engine = services.engine
    let query = try UsageRequests.stats(request, engine.zones, nowMicros: engine.nowMicros())
    let snapshot = try engine.stats(query)
    let reply = Snapshot(
      TallystickV1.GetStatsResponse(snapshot.value, query).encode(), commitSequence: snapshot.commitSequence)
    services.replies.keep(reply, for: query)
    return dated(reply)
  }

  /// Bytes of a message may be followed by those of more of its fields: a reply is kept without its commit.
  private static func dated(_ reply: Snapshot<[UInt8]>) -> EncodedReply {
    var commit = TallystickV1.GetStatsResponse()
    commit.commitSequence = reply.commitSequence
    return EncodedReply(bytes: reply.value, tail: commit.encode())
  }
}

extension TallystickV1.Usage {
  init(_ usage: Usage) {
    self.init()
    userId = usage.userId
    month = usage.month.text
    timeZone = usage.timeZone
    generations = usage.generations
    running = usage.running
    uploads = usage.uploads
    pages = usage.pages
    planId = usage.planId ?? ""
    limits = TallystickV1.PlanLimits(usage.limits)
    resetsAtMicros = usage.resetsAtMicros
  }
}

extension TallystickV1.GetStatsResponse {
  /// All but the commit.
  init(_ stats: Stats, _ query: StatsQuery) {
    self.init()
    totals = TallystickV1.RunTotals(stats.totals)
    byModel = Self.groups(stats.byModel)
    byType = Self.groups(stats.byType)
    byStatus = Self.groups(Self.statuses(stats.totals))
    days = stats.days.map { day in
      var message = TallystickV1.RunDay()
      message.date = day.date
      message.startAtMicros = day.startMicros
      message.totals = TallystickV1.RunTotals(day.totals)
      return message
    }
    recent = stats.recent.map(TallystickV1.Run.init)
    fromMicros = query.fromMicros
    toMicros = query.toMicros
    timeZone = query.zone.name
  }

  private static func groups(_ groups: [Stats.Group]) -> [TallystickV1.RunGroup] {
    var messages = groups.prefix(Limits.statsGroupCount).map { group in
      var message = TallystickV1.RunGroup()
      message.name = group.name
      message.totals = TallystickV1.RunTotals(group.totals)
      return message
    }
    let rest = groups.dropFirst(Limits.statsGroupCount)
    if !rest.isEmpty {
      var message = TallystickV1.RunGroup()
      message.totals = TallystickV1.RunTotals(RunTotals(sumOf: rest.map(\.totals)))
      messages.append(message)
    }
    return messages
  }

  /// Statuses that some run has, by count, most first, then by name.
  private static func statuses(_ totals: RunTotals) -> [Stats.Group] {
    var groups: [Stats.Group] = []
    for (status, sums) in [
      (RunStatus.cancelled, totals.cancelled), (.failed, totals.failed), (.succeeded, totals.succeeded),
    ] where sums.count > 0 {
      groups.append(Stats.Group(name: status.name, totals: RunTotals(status, sums)))
    }
    // The sort is stable, and the names are in order.
    return groups.sorted { $0.totals.all.count > $1.totals.all.count }
  }
}

extension TallystickV1.RunTotals {
  static let million: Int128 = 1_000_000

  init(_ totals: RunTotals) {
    self.init()
    let all = totals.all
    count = all.count
    succeeded = totals.succeeded.count
    failed = totals.failed.count
    cancelled = totals.cancelled.count
    costMicros = all.costMicros
    inputTokens = all.inputTokens
    outputTokens = all.outputTokens
    images = all.images
    if all.count > 0 { errorRatePpm = Int64(Int128(failed) * Self.million / Int128(all.count)) }
  }
}
