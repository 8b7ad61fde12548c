// Plans and prices: what is stored, which plan is the default, and what the book says.
//
// Invariants:
// 1. One plan at most is the default: the decision that gives the mark to one takes it from another.
// 2. Prices hold from now on or later, never for the past, except for what had no price before.
//
// Owner: the writer's queue.

extension Decider {
  func decide(_ it: UsageCommand.PutPlan) throws(Refusal) -> Decided<PlanReceipt> {
    let stored = try records.plan(id: it.plan.id)
    let wanted = it.plan(over: stored)
    if wanted.rolloverCapMicros != nil, wanted.grantExpiry != .periodEnd {
      throw Refusal(
        .invalidField, "plan.rollover_cap_micros is allowed only with GRANT_EXPIRY_PERIOD_END",
        details: ["field": "plan.rollover_cap_micros"])
    }
    let book = records.writes.books.prices
    var (plan, unchanged) = Rules.put(wanted, over: stored, nowMicros: records.nowMicros)
    let changes = book.changes(to: wanted, over: stored, nowMicros: records.nowMicros)
    if unchanged, changes.isEmpty {
      return Decided(PlanReceipt(plan: plan, unchanged: true, commit: records.writes.restingPlace))
    }
    plan.updatedAtMicros = records.nowMicros
    let before = plan.isDefault ? try formerDefault(but: plan.id) : nil
    var effects = Effects()
    let isMultiplierOnly = changes.allSatisfy { $0.unitClass == nil }
    let rows = try numbered(changes, isMultiplierOnly ? "plan.price_multiplier_ppm" : "plan.prices")
    effects.set {
      $0.plans = [before, plan].compactMap(\.self)
      $0.prices = rows
    }
    return Decided(
      PlanReceipt(plan: plan, unchanged: false, commit: records.writes.writingPlace), effects)
  }

  func decide(_ it: UsageCommand.PutPrices) throws(Refusal) -> Decided<PricesReceipt> {
    let book = records.writes.books.prices
    var prices: [Price] = []
    var new: [Int] = []
    for (index, line) in it.lines.enumerated() {
      if !line.planId.isEmpty, try records.plan(id: line.planId) == nil {
        throw Refusal(.grantNotFound, "there is no such plan", details: ["plan_id": line.planId])
      }
      let price = Price(line, nowMicros: records.nowMicros)
      if let row = book.row(saying: line, nowMicros: records.nowMicros) {
        prices.append(row)
        continue
      }
      // It takes away what is not there.
      if line.micros == nil,
        book.row(line.planId, line.model, line.unitClass, atMicros: price.effectiveFromMicros) == nil
      {
        prices.append(price)
        continue
      }
      let isPast = price.effectiveFromMicros < records.nowMicros
      if isPast, book.hasRow(line.planId, line.model, line.unitClass) {
        throw Refusal(
          .invalidField, "prices[\(index)].effective_from_micros must not be in the past",
          details: ["field": "prices[\(index)].effective_from_micros"])
      }
      new.append(prices.count)
      prices.append(price)
    }
    guard !new.isEmpty else {
      return Decided(PricesReceipt(prices: prices, unchanged: true, commit: records.writes.restingPlace))
    }
    let rows = try numbered(new.map { prices[$0] }, "prices")
    for (place, row) in zip(new, rows) { prices[place] = row }
    var effects = Effects()
    effects.set { $0.prices = rows }
    return Decided(
      PricesReceipt(prices: prices, unchanged: false, commit: records.writes.writingPlace), effects)
  }

  /// New rows of the book, as they are stored.
  /// - Parameter field: of the request that asks for them.
  private func numbered(_ prices: [Price], _ field: String) throws(Refusal) -> [Price] {
    let book = records.writes.books.prices
    guard book.rows.count + prices.count <= PriceBook.maximumRows else {
      throw Refusal(
        .invalidField, "\(field): the book of prices would have more than \(PriceBook.maximumRows) rows",
        details: ["field": field, "limit": String(PriceBook.maximumRows)])
    }
    return prices.enumerated().map { offset, price in
      var row = price
      row.id = book.version + Int64(offset) + 1
      row.putAtMicros = records.nowMicros
      row.commitSequence = records.writes.writingPlace.sequence
      return row
    }
  }

  /// The default plan until now, without the mark; nil when it is this one, or none.
  private func formerDefault(but planId: String) throws(Refusal) -> Plan? {
    guard let former = records.writes.books.defaultPlanId, !former.isExactly(planId),
      var plan = try records.plan(id: former)
    else { return nil }
    plan.isDefault = false
    plan.updatedAtMicros = records.nowMicros
    return plan
  }
}

extension Price {
  fileprivate init(_ line: UsageCommand.PutPrices.Line, nowMicros: Int64) {
    self.init(
      planId: line.planId, model: line.model, unitClass: line.unitClass, micros: line.micros,
      effectiveFromMicros: line.effectiveFromMicros ?? nowMicros)
  }
}

extension PriceBook {
  /// The row that says already what a line does: from now on, or from the very time that it names.
  fileprivate func row(saying line: UsageCommand.PutPrices.Line, nowMicros: Int64) -> Price? {
    let row = row(
      line.planId, line.model, line.unitClass, atMicros: line.effectiveFromMicros ?? nowMicros)
    guard let row, row.micros == line.micros,
      line.effectiveFromMicros.map({ $0 == row.effectiveFromMicros }) ?? true
    else { return nil }
    return row
  }
}
