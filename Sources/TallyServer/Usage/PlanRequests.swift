// UsageService's requests about plans as commands.
//
// Invariants:
// 1. Every field of a plan is checked here.

internal import TallyCore
internal import TallyMessages

enum PlanRequests {
  /// What is absent of the fields that came later is kept as it is stored.
  static func put(
    _ message: TallystickV1.Plan?, _ zones: ZoneStore
  ) throws(Refusal) -> UsageCommand.PutPlan {
    var plan = try plan(message, zones)
    var kept: UsageCommand.PutPlan.Kept = []
    switch message?.onShort {
    case nil: kept.insert(.onShort)
    case .unspecified?: plan.onShort = .forgive
    case let onShort?:
      guard let known = OnShort(rawValue: onShort.rawValue) else {
        throw invalidField("plan.on_short", "is not a known value")
      }
      plan.onShort = known
    }
    if let cap = message?.rolloverCapMicros {
      if cap != 0 { try Fields.amount(cap, "plan.rollover_cap_micros") }
      if cap != 0, plan.grantExpiry != .periodEnd {
        throw invalidField("plan.rollover_cap_micros", "is allowed only with GRANT_EXPIRY_PERIOD_END")
      }
      plan.rolloverCapMicros = cap == 0 ? nil : cap
    } else {
      kept.insert(.rolloverCap)
    }
    switch message?.cancelledCost {
    case nil: kept.insert(.cancelledCost)
    case .unspecified?: plan.cancelledCost = .reported
    case let cost?:
      guard let known = CancelledCost(rawValue: cost.rawValue) else {
        throw invalidField("plan.cancelled_cost", "is not a known value")
      }
      plan.cancelledCost = known
    }
    if let multiplier = message?.priceMultiplierPpm {
      if multiplier < 0 || multiplier > Limits.priceMultiplierPpm {
        throw invalidField(
          "plan.price_multiplier_ppm", "must be from 0 to \(Limits.priceMultiplierPpm)",
          limit: Limits.priceMultiplierPpm)
      }
      plan.multiplierPpm = multiplier == 0 || multiplier == PriceBook.once ? nil : multiplier
    } else {
      kept.insert(.multiplier)
    }
    if let tags = message?.tags { plan.tagKeys = try tagKeys(tags.keys) } else { kept.insert(.tagKeys) }
    if let list = message?.caps {
      plan.caps = try CapRequests.caps(list.caps, "plan.caps.caps", mayLift: false)
    } else {
      kept.insert(.caps)
    }
    if let list = message?.spenderCaps {
      plan.spenderCaps = try CapRequests.caps(list.caps, "plan.spender_caps.caps", mayLift: false)
    } else {
      kept.insert(.spenderCaps)
    }
    if let isDefault = message?.isDefault { plan.isDefault = isDefault } else { kept.insert(.isDefault) }
    return UsageCommand.PutPlan(plan, keeping: kept)
  }

  private static func plan(_ message: TallystickV1.Plan?, _ zones: ZoneStore) throws(Refusal) -> Plan {
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
      throw invalidField("plan.expires_after_millis", "is allowed only with GRANT_EXPIRY_AFTER")
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

  /// Sorted by their bytes.
  private static func tagKeys(_ keys: [String]) throws(Refusal) -> [String] {
    if keys.count > RunLimits.tagCount {
      throw invalidField(
        "plan.tags.keys", "has \(keys.count) elements; the limit is \(RunLimits.tagCount)",
        limit: Int64(RunLimits.tagCount))
    }
    var known: Set<ExactText> = []
    for (index, key) in keys.enumerated() {
      try Fields.required(key, "plan.tags.keys[\(index)]", atMost: Limits.tagKeyByteCount)
      guard known.insert(ExactText(key)).inserted else {
        throw invalidField("plan.tags.keys[\(index)]", "appears more than once")
      }
    }
    return known.sorted().map(\.text)
  }

  /// Sorted by the models' bytes, so that the same prices in another order are the same plan.
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
}
