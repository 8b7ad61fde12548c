// Plans, usage and statistics as messages. A run is in UsageService+Runs.swift.

internal import TallyCore
internal import TallyMessages

extension TallystickV1.Plan {
  init(_ plan: Plan) {
    self.init()
    planId = plan.id
    displayName = plan.displayName
    monthlyCreditMicros = plan.monthlyCreditMicros
    switch plan.grantExpiry {
    case .never: grantExpiry = .never
    case .periodEnd: grantExpiry = .periodEnd
    case .after(let millis):
      grantExpiry = .after
      expiresAfterMillis = millis
    }
    priority = plan.priority
    updatedAtMicros = plan.updatedAtMicros
    limits = TallystickV1.PlanLimits(plan.limits)
    timeZone = plan.timeZone
    prices = plan.prices.map(TallystickV1.ModelPrice.init)
    onShort = TallystickV1.OnShort(rawValue: plan.onShort.rawValue)
    if let cap = plan.rolloverCapMicros { rolloverCapMicros = cap }
    if plan.isDefault { isDefault = true }
    caps = TallystickV1.CapList(plan.caps)
    spenderCaps = TallystickV1.CapList(plan.spenderCaps)
    if let multiplier = plan.multiplierPpm { priceMultiplierPpm = multiplier }
    if !plan.tagKeys.isEmpty {
      var tags = TallystickV1.PlanTags()
      tags.keys = plan.tagKeys
      self.tags = tags
    }
    cancelledCost = TallystickV1.CancelledCost(rawValue: plan.cancelledCost.rawValue)
  }
}

extension TallystickV1.PlanLimits {
  /// - Returns: nil when nothing is limited.
  init?(_ limits: PlanLimits) {
    if limits == PlanLimits() { return nil }
    self.init()
    monthlyGenerations = limits.monthlyGenerations
    monthlyUploads = limits.monthlyUploads
    pageCount = limits.pageCount
  }
}

extension TallystickV1.ModelPrice {
  init(_ price: ModelPrice) {
    self.init()
    model = price.model
    inputMicrosPerMillion = price.inputMicrosPerMillion
    outputMicrosPerMillion = price.outputMicrosPerMillion
    imageMicros = price.imageMicros
  }
}

extension TallystickV1.Price {
  init(_ price: Price) {
    self.init()
    planId = price.planId
    model = price.model
    if let unitClass = price.unitClass {
      self.unitClass = TallystickV1.UnitClass(rawValue: unitClass.rawValue)
      microsPerMillion = price.micros
    } else {
      multiplierPpm = price.micros ?? PriceBook.once
    }
    effectiveFromMicros = price.effectiveFromMicros
    priceId = price.id
    putAtMicros = price.putAtMicros
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
    owedMicros = usage.owedMicros
    costMicros = usage.costMicros
  }
}

extension TallystickV1.GetStatsResponse {
  /// The whole reply except its commit.
  init(_ stats: Stats, _ query: StatsQuery) {
    self.init()
    totals = TallystickV1.RunTotals(stats.totals)
    byModel = Self.groups(stats.byModel)
    byType = Self.groups(stats.byType)
    byStatus = Self.groups(Self.statuses(stats.totals))
    bySpender = Self.groups(stats.bySpender)
    byTag = Self.groups(stats.byTag)
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
    // Values of a tag that had no line of their own are summed already, and have no name either.
    let named = groups.filter { !$0.name.isEmpty }
    var messages = named.prefix(Limits.statsGroupCount).map { group in
      var message = TallystickV1.RunGroup()
      message.name = group.name
      message.totals = TallystickV1.RunTotals(group.totals)
      return message
    }
    let rest = named.dropFirst(Limits.statsGroupCount) + groups.filter(\.name.isEmpty)
    if !rest.isEmpty {
      var message = TallystickV1.RunGroup()
      message.totals = TallystickV1.RunTotals(RunTotals(sumOf: rest.map(\.totals)))
      messages.append(message)
    }
    return messages
  }

  /// The statuses that some run has: the most frequent first, and by name where counts are equal.
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
    providerCostMicros = all.providerCostMicros
    marginMicros = all.costMicros - all.providerCostMicros
    units = all.allUnits.map(TallystickV1.UnitCount.init)
    if all.count > 0 { errorRatePpm = Int64(Int128(failed) * Self.million / Int128(all.count)) }
  }
}

extension TallystickV1.UnitCount {
  init(_ unit: UnitCount) {
    self.init()
    unitClass = TallystickV1.UnitClass(rawValue: unit.unitClass.rawValue)
    count = unit.count
  }
}
