// Requests of plans and usage as Core's values, field by field.
//
// Invariants:
// 1. One function a request; each of its fields is checked here and nowhere else.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallyMessages

enum UsageRequests {
  static func plan(_ message: TallystickV1.Plan?, _ zones: ZoneStore) throws(Refusal) -> Plan {
    guard let message else { throw invalidField("plan", "must be set") }
    try Fields.required(message.planId, "plan.plan_id", atMost: Limits.planIdByteCount)
    try Fields.optional(message.displayName, "plan.display_name", atMost: Limits.displayNameByteCount)
    try Fields.amount(message.monthlyCreditMicros, "plan.monthly_credit_micros")
    let expiry = try expiry(message)
    if message.priority != 0 { try Fields.priority(message.priority, "plan.priority") }
    let limits = try limits(message.limits)
    _ = try zones.zone(named: message.timeZone, field: "plan.time_zone")
    return Plan(
      id: message.planId, displayName: message.displayName,
      monthlyCreditMicros: message.monthlyCreditMicros, grantExpiry: expiry,
      priority: message.priority == 0 ? Lot.defaultPlanPriority : message.priority, limits: limits,
      timeZone: message.timeZone, prices: try prices(message.prices))
  }

  private static func expiry(_ message: TallystickV1.Plan) throws(Refusal) -> GrantExpiry {
    let expiry: GrantExpiry
    switch message.grantExpiry {
    case .never: expiry = .never
    case .periodEnd: expiry = .periodEnd
    case .after: expiry = .after(millis: message.expiresAfterMillis)
    case .unspecified, .unrecognized:
      throw invalidField("plan.grant_expiry", "must be set to a known value")
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
    return expiry
  }

  private static func limits(_ message: TallystickV1.PlanLimits?) throws(Refusal) -> PlanLimits {
    guard let message else { return PlanLimits() }
    func count(_ value: Int64?, _ field: String) throws(Refusal) -> Int64? {
      if let value, value < 0 || value > Limits.quotaCount {
        throw invalidField(
          "plan.limits.\(field)", "must be from 0 to \(Limits.quotaCount)", limit: Limits.quotaCount)
      }
      return value
    }
    return PlanLimits(
      monthlyGenerations: try count(message.monthlyGenerations, "monthly_generations"),
      monthlyUploads: try count(message.monthlyUploads, "monthly_uploads"),
      pageCount: try count(message.pageCount, "page_count"))
  }

  /// In the order of the models' bytes, so that the same prices in another order are the same content.
  private static func prices(_ messages: [TallystickV1.ModelPrice]) throws(Refusal) -> [ModelPrice] {
    if messages.count > Limits.planPriceCount {
      throw invalidField(
        "plan.prices", "has \(messages.count) elements; the limit is \(Limits.planPriceCount)",
        limit: Int64(Limits.planPriceCount))
    }
    var prices: [ModelPrice] = []
    var models: Set<ExactText> = []
    for (index, message) in messages.enumerated() {
      let path = FieldPath(prefix: "plan.prices[\(index)].")
      try Fields.optional(message.model, path("model"), atMost: Limits.modelByteCount)
      guard models.insert(ExactText(message.model)).inserted else {
        throw invalidField(path("model"), "appears more than once")
      }
      for (rate, field) in [
        (message.inputMicrosPerMillion, "input_micros_per_million"),
        (message.outputMicrosPerMillion, "output_micros_per_million"),
        (message.imageMicros, "image_micros"),
      ] where rate < 0 || rate > Limits.priceMicros {
        throw invalidField(
          path(field), "must be from 0 to \(Limits.priceMicros)", limit: Limits.priceMicros)
      }
      prices.append(
        ModelPrice(
          model: message.model, inputMicrosPerMillion: message.inputMicrosPerMillion,
          outputMicrosPerMillion: message.outputMicrosPerMillion, imageMicros: message.imageMicros))
    }
    return prices.sorted { ExactText($0.model) < ExactText($1.model) }
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

  static func usage(
    _ request: TallystickV1.GetUsageRequest, _ zones: ZoneStore
  ) throws(Refusal) -> UsageQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    return try usage([request.userId], month: request.month, timeZone: request.timeZone, zones)
  }

  static func usage(
    _ request: TallystickV1.BatchGetUsageRequest, _ zones: ZoneStore
  ) throws(Refusal) -> UsageQuery {
    try Fields.count(request.userIds.count, "user_ids", atMost: Limits.usageUserCount)
    for (index, userId) in request.userIds.enumerated() {
      try Fields.required(userId, "user_ids[\(index)]", atMost: Limits.userIdByteCount)
    }
    return try usage(request.userIds, month: request.month, timeZone: request.timeZone, zones)
  }

  static func quota(_ request: TallystickV1.CheckQuotaRequest) throws(Refusal) -> QuotaKind {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    guard let kind = QuotaKind(rawValue: request.kind.rawValue) else {
      throw invalidField("kind", "must be set to a known value")
    }
    return kind
  }

  // MARK: stats

  /// - Parameter nowMicros: what `days` are reckoned from.
  static func stats(
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
    let zone = try zones.zone(named: request.timeZone)
    guard let from = request.fromMicros, let to = request.toMicros else {
      if request.fromMicros != nil { throw invalidField("to_micros", "must be set with from_micros") }
      if request.toMicros != nil { throw invalidField("from_micros", "must be set with to_micros") }
      let days = request.days == 0 ? Limits.defaultStatsDayCount : request.days
      return StatsQuery(
        userId: request.userId, days: Int(days), untilMicros: nowMicros, zone: zone,
        recentLimit: Int(request.recentLimit))
    }
    if request.days != 0 { throw invalidField("days", "goes without from_micros and to_micros") }
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
}
