// Events and alert rules, as text for people.

internal import TallyMessages

extension Texts {
  static func alertRules(_ rules: [TallystickV1.AlertRule]) -> String {
    var table = Table([("RULE", .left), ("OF", .left), ("WHEN", .left)])
    for rule in rules {
      let subject =
        switch rule.scope {
        case .everyUser: "every user"
        case .planId(let plan): "plan \(plan)"
        case .userId(let user): "user \(user)"
        case nil: "-"
        }
      let condition =
        switch rule.condition {
        case .balanceBelowMicros(let micros): "available below \(Dollars.format(micros))"
        case .owedAboveMicros(let micros): "owed above \(Dollars.format(micros))"
        case .generationsAtPercent(let percent): "generations at \(percent) %"
        case .uploadsAtPercent(let percent): "uploads at \(percent) %"
        case .pagesAtPercent(let percent): "pages at \(percent) %"
        case .capAtPercent(let percent): "a cap at \(percent) %"
        case .creditExpiresWithinMillis(let millis): "credit expires within \(Times.formatSpan(millis))"
        case nil: "-"
        }
      table.add([rule.ruleId, subject, condition])
    }
    return table.text
  }

  static func events(_ events: [TallystickV1.Event]) -> String {
    var table = Table(
      [("TIME", .time), ("ID", .right), ("KIND", .left), ("RULE", .left), ("DETAIL", .left)],
      optional: ["ID"], flexible: "DETAIL")
    for event in events {
      table.add([
        Timestamp.format(event.effectiveAtMicros), count(event.eventId), event.kind.word,
        event.ruleId.isEmpty ? "-" : event.ruleId, detail(event),
      ])
    }
    return table.text
  }

  /// Of one that is followed.
  static func eventLine(_ event: TallystickV1.Event) -> String {
    let rule = event.ruleId.isEmpty ? "" : " \(event.ruleId)"
    let time = Timestamp.format(event.effectiveAtMicros)
    return "\(time)  \(event.eventId)  \(event.userId)  \(event.kind.word)\(rule)  \(detail(event))\n"
  }

  private static func detail(_ event: TallystickV1.Event) -> String {
    if let grant = event.skippedGrant {
      let other = grant.otherPeriodStart.isEmpty ? "" : ", other period \(grant.otherPeriodStart)"
      return "\(grant.planId) of \(grant.periodStart) was not granted: \(grant.cause.word)\(other)"
    }
    if let step = event.quota {
      return "\(count(step.used)) of \(count(step.limit)) \(step.quota.lowercased()), line \(step.percent) %"
    }
    if let step = event.cap { return cap(step) }
    if let credit = event.expiringCredit {
      let end = Timestamp.format(credit.expiresAtMicros)
      return "\(Dollars.format(credit.amountMicros)) of \(credit.transactionId) expires \(end)"
    }
    if let step = event.topUp {
      return "\(step.intentId) of \(Dollars.format(step.amountMicros)): \(step.state.word)"
    }
    let (before, after) = (Dollars.format(event.beforeMicros), Dollars.format(event.afterMicros))
    return "\(before) to \(after) by \(event.transactionId), line \(Dollars.format(event.thresholdMicros))"
  }

  private static func cap(_ step: TallystickV1.CapStep) -> String {
    let isMoney = step.cap?.measure == .money
    let used = isMoney ? Dollars.format(step.used) : count(step.used)
    let spender = step.spender.isEmpty ? "" : " of \(step.spender)"
    let cap = step.cap.map(Caps.format) ?? "-"
    let end = Timestamp.format(step.resetsAtMicros)
    return "\(used) used of cap \(cap)\(spender), line \(step.percent) %, until \(end)"
  }
}
