// Events of credit that expires: by time, when a cursor comes by a lot, and by a change that gives something
// back to a lot of which nothing was left, or opens one.
//
// Invariants:
// 1. Of a rule and a lot each crossing is told once: a change leaves to the cursor what the cursor will come
//    by and tell of, and tells of all else itself.
// 2. What is left of a lot is what is stored: credit that an expired hold gives back counts from the row that
//    says so.
// 3. A change is looked at only when there are such rules and some row of it gives to a lot; the user's plan
//    only when some plan has a rule of the lot.
//
// Owner: the writer's queue.

extension Decider {
  /// What a change tells of itself.
  func expiryEvents(of change: Change, on before: Account) throws(Refusal) -> [AccountEvent] {
    guard let book = records.writes.books.alerts, !book.expiryWindows.isEmpty else { return [] }
    var events: [AccountEvent] = []
    var seen: Set<Int64> = []
    for (index, entry) in change.entries.enumerated() where entry.givesToLots {
      for part in entry.lots where seen.insert(part.lotId).inserted {
        guard let lot = change.account.expiringLot(part.lotId, atMicros: records.nowMicros),
          before.lots.first(where: { $0.id == part.lotId })?.unpinnedMicros ?? 0 <= 0
        else { continue }
        let isSettled = index < change.settledCount
        let atMicros = isSettled ? entry.effectiveAtMicros : records.nowMicros
        events += try self.events(ofGivingTo: lot, before, atMicros: atMicros, book)
      }
    }
    return events
  }

  private func events(
    ofGivingTo lot: ExpiringPart, _ account: Account, atMicros: Int64, _ book: AlertBook
  ) throws(Refusal) -> [AccountEvent] {
    let leastMillis = -floorDivide(records.nowMicros - lot.place.expiresAtMicros, 1_000)
    let rules = try rules(of: account, book) { $0.from(leastMillis) }
    return rules.compactMap { rule, windowMillis in
      guard let cursor = records.writes.books.expiries[windowMillis] else { return nil }
      let lineMicros = cursor.lineMicros(of: lot.place)
      let isPassed = lot.place <= cursor.reached(atMicros: records.nowMicros)
      guard isPassed || rule.isPast(lot.place, lineMicros: lineMicros) else { return nil }
      return event(of: lot, rule, windowMillis, account, effectiveAtMicros: max(lineMicros, atMicros))
    }
  }

  /// What is told of a lot when a cursor comes by it.
  func events(passing lot: ExpiringLot, _ cursor: ExpiryCursor) throws(Refusal) -> [WriteSet.EventRow] {
    let account = try records.account(userId: lot.userId)
    guard let book = records.writes.books.alerts,
      let part = account.expiringLot(lot.place.lotId, atMicros: records.nowMicros)
    else { return [] }
    let lineMicros = cursor.lineMicros(of: lot.place)
    return try rules(of: account, book) { $0.at(cursor.windowMillis) }.compactMap { rule, windowMillis in
      if rule.isPast(lot.place, lineMicros: lineMicros) { return nil }
      let event = event(
        of: part, rule, windowMillis, account, effectiveAtMicros: max(lineMicros, lot.atMicros))
      return WriteSet.EventRow(event: event, account: account.id)
    }
  }

  /// The rules of those lines that are the user's, each with its window in milliseconds.
  private func rules(
    of account: Account, _ book: AlertBook, _ lines: (AlertBook.Lines) -> ArraySlice<AlertBook.Line>
  ) throws(Refusal) -> [(rule: AlertRule, windowMillis: Int64)] {
    var found = Array(lines(book.everyUser.expiries))
    if let own = book.byUser[ExactText(account.userId)] { found += lines(own.expiries) }
    if !lines(book.anyPlan.expiries).isEmpty, let planId = try records.effectivePlanId(of: account),
      let ofPlan = book.byPlan[ExactText(planId)]
    {
      found += lines(ofPlan.expiries)
    }
    return found.compactMap { line in book.rules[ExactText(line.ruleId)].map { ($0, line.threshold) } }
  }

  private func event(
    of lot: ExpiringPart, _ rule: AlertRule, _ windowMillis: Int64, _ account: Account,
    effectiveAtMicros: Int64
  ) -> AccountEvent {
    var event = AccountEvent(
      userId: account.userId, kind: .creditExpires, atMicros: records.nowMicros,
      effectiveAtMicros: effectiveAtMicros)
    event.expiring = AccountEvent.ExpiringCredit(
      ruleId: rule.id, withinMillis: windowMillis, lotId: lot.place.lotId, amountMicros: lot.leftMicros,
      expiresAtMicros: lot.place.expiresAtMicros)
    return event
  }
}

/// What is left of a lot that expires.
private struct ExpiringPart {
  var place: LotPlace
  /// Not pinned; greater than zero.
  var leftMicros: Int64
}

extension Account {
  /// nil when nothing is left of it, when it has expired, and when it never does.
  fileprivate func expiringLot(_ id: Int64, atMicros nowMicros: Int64) -> ExpiringPart? {
    guard let lot = lots.first(where: { $0.id == id }), lot.unpinnedMicros > 0,
      let expiresAtMicros = lot.expiresAtMicros, expiresAtMicros > nowMicros
    else { return nil }
    return ExpiringPart(
      place: LotPlace(expiresAtMicros: expiresAtMicros, lotId: id), leftMicros: lot.unpinnedMicros)
  }
}

extension Entry {
  /// Whether the lots that it names may have more left by it.
  fileprivate var givesToLots: Bool { amountMicros > 0 || type == .holdRelease }

  /// Where the lot stands that it opens; nil when it opens none that expires.
  var openedPlace: LotPlace? {
    guard let expiresAtMicros, holdId == nil else { return nil }
    return LotPlace(expiresAtMicros: expiresAtMicros, lotId: sequence)
  }
}
