// Requests about events and alert rules, and the replies to them.
//
// Invariants:
// 1. A page never outgrows the largest message: an event and a rule have some hundred bytes.
// 2. A cursor is bound to the request it came from.

internal import TallyCore
internal import TallyMessages

enum EventRequests {
  private typealias RPCs = TallystickV1.UsageService
  typealias RulesQuery = ListQuery<TallystickV1.ListAlertRulesRequest, RulesFilter>
  typealias EventsQuery = ListQuery<TallystickV1.ListEventsRequest, EventFilter>

  /// Which rules are listed: at most so many after that id.
  struct RulesFilter: Sendable {
    var limit: Int
    var afterId: String?
  }

  // MARK: rules

  static func ruleId(_ id: String, _ field: String) throws(Refusal) -> String {
    try Fields.required(id, field, atMost: Limits.alertRuleIdByteCount)
    return id
  }

  static func rule(_ message: TallystickV1.AlertRule?) throws(Refusal) -> AlertRule {
    guard let message else { throw invalidField("rule", "must be set") }
    let id = try ruleId(message.ruleId, "rule.rule_id")
    return AlertRule(id: id, scope: try scope(message), condition: try condition(message))
  }

  private static func scope(_ message: TallystickV1.AlertRule) throws(Refusal) -> AlertRule.Scope {
    switch message.scope {
    case .everyUser(true): return .everyUser
    case .everyUser: throw invalidField("rule.every_user", "must be true when it is set")
    case .planId(let planId):
      try Fields.required(planId, "rule.plan_id", atMost: Limits.planIdByteCount)
      return .plan(planId)
    case .userId(let userId):
      try Fields.required(userId, "rule.user_id", atMost: Limits.userIdByteCount)
      return .user(userId)
    case nil: throw invalidField("rule.scope", "must be set")
    }
  }

  private static func condition(_ message: TallystickV1.AlertRule) throws(Refusal) -> AlertRule.Condition {
    switch message.condition {
    case .balanceBelowMicros(let micros):
      try Fields.amount(micros, "rule.balance_below_micros")
      return .balanceBelow(micros: micros)
    case .owedAboveMicros(let micros):
      if micros != 0 { try Fields.amount(micros, "rule.owed_above_micros") }
      return .owedAbove(micros: micros)
    case .generationsAtPercent(let percent):
      return .quotaAt(.generations, percent: try self.percent(percent, "rule.generations_at_percent"))
    case .uploadsAtPercent(let percent):
      return .quotaAt(.uploads, percent: try self.percent(percent, "rule.uploads_at_percent"))
    case .pagesAtPercent(let percent):
      return .quotaAt(.pages, percent: try self.percent(percent, "rule.pages_at_percent"))
    case .capAtPercent(let percent): return .capAt(percent: try self.percent(percent, "rule.cap_at_percent"))
    case .creditExpiresWithinMillis(let millis):
      return .creditExpires(withinMillis: try expiryWindow(millis, "rule.credit_expires_within_millis"))
    case nil: throw invalidField("rule.condition", "must be set")
    }
  }

  private static func expiryWindow(_ millis: Int64, _ field: String) throws(Refusal) -> Int64 {
    let allowed = AlertRule.expiryMillis
    if allowed.contains(millis) { return millis }
    throw invalidField(
      field, "must be from \(allowed.lowerBound) to \(allowed.upperBound)",
      limit: millis < allowed.lowerBound ? allowed.lowerBound : allowed.upperBound)
  }

  private static func percent(_ percent: Int32, _ field: String) throws(Refusal) -> Int64 {
    if percent < 1 || percent > 100 { throw invalidField(field, "must be from 1 to 100", limit: 100) }
    return Int64(percent)
  }

  static func parse(_ request: TallystickV1.ListAlertRulesRequest) throws(Refusal) -> RulesQuery {
    let limit = try Fields.pageSize(request.limit)
    let afterId = try Cursor.decodeText(RPCs.listAlertRules, request)
    return ListQuery(request, RulesFilter(limit: limit, afterId: afterId))
  }

  static func rules(
    _ query: RulesQuery, _ engine: any ServedEngine
  ) throws(Refusal) -> TallystickV1.ListAlertRulesResponse {
    let snapshot = try engine.alertRules(afterId: query.filter.afterId, limit: query.filter.limit)
    var response = TallystickV1.ListAlertRulesResponse()
    response.rules = snapshot.value.rules.map(TallystickV1.AlertRule.init)
    if let after = snapshot.value.nextAfter {
      response.nextCursor = Cursor.encode(after: after, RPCs.listAlertRules, query.request)
    }
    response.commitSequence = snapshot.commitSequence
    return response
  }

  // MARK: events

  static func parse(_ request: TallystickV1.ListEventsRequest) throws(Refusal) -> EventsQuery {
    let userId = try Fields.userId(request.userId)
    var filter = EventFilter(userId: userId, limit: try Fields.pageSize(request.limit))
    for (index, kind) in request.kinds.enumerated() {
      guard let kind = EventKind(rawValue: kind.rawValue) else {
        throw invalidField("kinds[\(index)]", "is not a kind of event")
      }
      filter.kinds.append(kind)
    }
    try Fields.time(request.fromMicros, "from_micros")
    filter.fromMicros = request.fromMicros
    filter.beforeId = try Cursor.decode(RPCs.listEvents, request)
    return ListQuery(request, filter)
  }

  static func events(
    _ query: EventsQuery, _ engine: any ServedEngine
  ) throws(Refusal) -> TallystickV1.ListEventsResponse {
    let snapshot = try engine.events(query.filter)
    var response = TallystickV1.ListEventsResponse()
    response.events = snapshot.value.rows.map(TallystickV1.Event.init)
    if let before = snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(before: before, RPCs.listEvents, query.request)
    }
    response.commitSequence = snapshot.commitSequence
    return response
  }
}

extension TallystickV1.AlertRule {
  init(_ rule: AlertRule) {
    self.init()
    ruleId = rule.id
    switch rule.scope {
    case .everyUser: scope = .everyUser(true)
    case .plan(let planId): scope = .planId(planId)
    case .user(let userId): scope = .userId(userId)
    }
    switch rule.condition {
    case .balanceBelow(let micros): condition = .balanceBelowMicros(micros)
    case .owedAbove(let micros): condition = .owedAboveMicros(micros)
    case .quotaAt(.generations, let percent): condition = .generationsAtPercent(Int32(clamping: percent))
    case .quotaAt(.uploads, let percent): condition = .uploadsAtPercent(Int32(clamping: percent))
    case .quotaAt(.pages, let percent): condition = .pagesAtPercent(Int32(clamping: percent))
    case .capAt(let percent): condition = .capAtPercent(Int32(clamping: percent))
    case .creditExpires(let millis): condition = .creditExpiresWithinMillis(millis)
    }
    updatedAtMicros = rule.updatedAtMicros
  }
}

extension TallystickV1.Event {
  init(_ event: AccountEvent) {
    self.init()
    eventId = event.id
    userId = event.userId
    kind = TallystickV1.EventKind(rawValue: event.kind.rawValue)
    createdAtMicros = event.atMicros
    effectiveAtMicros = event.effectiveAtMicros
    commitSequence = event.commit.sequence
    commitPosition = event.commit.position
    if let crossing = event.crossing {
      ruleId = crossing.ruleId
      thresholdMicros = crossing.thresholdMicros
      beforeMicros = crossing.beforeMicros
      afterMicros = crossing.afterMicros
      transactionId = Identifiers.transaction(crossing.sequence)
    }
    skippedGrant = event.skippedGrant.map(TallystickV1.SkippedGrant.init)
    if let step = event.quota {
      ruleId = step.ruleId
      quota = TallystickV1.QuotaStep(step)
    }
    if let step = event.cap {
      ruleId = step.ruleId
      cap = TallystickV1.CapStep(step)
    }
    topUp = event.topUp.map(TallystickV1.TopUpStep.init)
    if let credit = event.expiring {
      ruleId = credit.ruleId
      expiringCredit = TallystickV1.ExpiringCredit(credit)
    }
  }
}

extension TallystickV1.ExpiringCredit {
  init(_ credit: AccountEvent.ExpiringCredit) {
    self.init()
    transactionId = Identifiers.transaction(credit.lotId)
    amountMicros = credit.amountMicros
    expiresAtMicros = credit.expiresAtMicros
    withinMillis = credit.withinMillis
  }
}

extension TallystickV1.QuotaStep {
  init(_ step: AccountEvent.QuotaStep) {
    self.init()
    quota = step.kind.name
    percent = Int32(clamping: step.percent)
    used = step.used
    limit = step.limit
  }
}

extension TallystickV1.CapStep {
  init(_ step: AccountEvent.CapStep) {
    self.init()
    cap = TallystickV1.Cap(step.cap)
    spender = step.spender
    percent = Int32(clamping: step.percent)
    used = step.used
    limit = step.cap.limit ?? 0
    resetsAtMicros = step.resetsAtMicros
  }
}

extension TallystickV1.SkippedGrant {
  init(_ grant: AccountEvent.SkippedGrant) {
    self.init()
    cause = TallystickV1.SkipCause(rawValue: grant.cause.rawValue)
    planId = grant.planId
    periodStart = Civil(dayNumber: grant.startDay).text(upTo: .day)
    otherPeriodStart = grant.otherStartDay.map { Civil(dayNumber: $0).text(upTo: .day) } ?? ""
  }
}
