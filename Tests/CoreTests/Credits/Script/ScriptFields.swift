// What a ledger script can say about balances, rows, holds and plans, by name.

internal import TallySQLiteStore

@testable import TallyCore

enum Fields {
  static func of(_ balance: Balance) -> [String: Value] {
    [
      "posted": .number(balance.postedMicros),
      "held": .number(balance.heldMicros),
      "available": .number(balance.availableMicros),
      "pending": .number(balance.pendingMicros),
      "owed": .number(balance.owedMicros),
      "version": .number(balance.version),
      "next": .expiry(balance.nextExpiry),
    ]
  }

  static func of(_ hold: Hold) -> [String: Value] {
    [
      "hold": .text(Identifiers.hold(hold.id)),
      "state": .text(Spelling.stateNames[hold.state] ?? ""),
      "hold_amount": .number(hold.amountMicros),
      "captured": .number(hold.capturedMicros),
      "released": .number(hold.releasedMicros),
      "forfeited": .number(hold.forfeitedMicros),
      "created": .time(hold.createdAtMicros),
      "hold_expires": .time(hold.expiresAtMicros),
      "settled": .time(hold.settledAtMicros == 0 ? nil : hold.settledAtMicros),
      "hold_run": .text(hold.runId),
      "pins": .lots(hold.pins),
    ]
  }

  static func of(_ entry: Entry) -> [String: Value] {
    [
      "row": .number(entry.sequence),
      "user": .text(entry.userId),
      "type": .text(Spelling.typeNames[entry.type] ?? ""),
      "amount": .number(entry.amountMicros),
      "balance_after": .number(entry.balanceAfterMicros),
      "held_after": .number(entry.heldAfterMicros),
      "pending_after": .number(entry.pendingAfterMicros),
      "next_after": .expiry(entry.nextExpiryAfter),
      "version_after": .number(entry.version),
      "at": .time(entry.atMicros),
      "effective": .time(entry.effectiveAtMicros),
      "lots": .lots(entry.lots),
      "priority": .number(Int64(entry.priority)),
      "expires": .time(entry.expiresAtMicros),
      "key": .text(entry.idempotency?.key ?? ""),
      "run": .text(entry.runId),
      "payment": .text(entry.paymentId ?? ""),
      "plan": .text(entry.planId ?? ""),
      "period": .time(entry.periodStartMicros),
      "rollover": .number(entry.rollover?.capMicros ?? 0),
      "refers_to": .number(entry.refersTo ?? 0),
      "of_hold": .text(entry.holdId.map { Identifiers.hold($0) } ?? ""),
      "of_hold_amount": .number(entry.holdAmountMicros),
      "event": .text(entry.eventId ?? ""),
      "asked": .number(entry.askedMicros),
      "short": .number(entry.shortMicros),
      "owed_amount": .number(entry.owedMicros),
      "owed_after": .number(entry.owedAfterMicros),
      "package": .text(entry.package),
      "actor": .text(entry.actor),
      "reason": .text(entry.reason),
      "description": .text(entry.text.description),
      "meta": .metadata(entry.text.metadata),
    ]
  }

  static func of(_ plan: Plan) -> [String: Value] {
    let expiry =
      switch plan.grantExpiry {
      case .never: "never"
      case .periodEnd: "period_end"
      case .after(let millis): "\(millis)ms"
      }
    return [
      "plan": .text(plan.id),
      "name": .text(plan.displayName),
      "credit": .number(plan.monthlyCreditMicros),
      "expiry": .text(expiry),
      "priority": .number(Int64(plan.priority)),
      "zone": .text(plan.timeZone),
      "rollover": .number(plan.rolloverCapMicros ?? 0),
      "on_short": .text(Spelling.onShortNames[plan.onShort] ?? ""),
      "default": .text("\(plan.isDefault)"),
      "updated": .time(plan.updatedAtMicros),
    ]
  }

  static func of(_ settings: UserSettings) -> [String: Value] {
    [
      "user": .text(settings.userId),
      "plan": .text(settings.planId ?? ""),
      "state": .text(settings.isSuspended ? "SUSPENDED" : "ACTIVE"),
      "subscription": .text(settings.subscription?.planId ?? ""),
      "start": .text(settings.subscription.map { Civil(dayNumber: $0.startDay).text(upTo: .day) } ?? ""),
      "grants": .text(settings.subscription.map { $0.isAutomatic ? "AUTOMATIC" : "MANUAL" } ?? ""),
    ]
  }

  /// All that can be said of an outcome. A refusal's fields are its details.
  static func of(_ receipt: Receipt) -> [String: Value] {
    var fields = of(receipt.transaction).merging(of(receipt.balance)) { _, balance in balance }
    if let hold = receipt.hold { fields.merge(of(hold)) { _, hold in hold } }
    return fields
  }
}
