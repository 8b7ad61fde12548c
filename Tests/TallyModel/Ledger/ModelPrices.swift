// Prices in the executable model: who charges what, looked up the long way.
//
// Values; part of the model.

import TallyCore

extension LedgerModel {
  /// What a run costs: what is said, else its units by the rows that stood in the book when it began.
  func bill(of end: UsageCommand.End, _ run: Run) throws(Refusal) -> RunCost {
    if let cost = end.costMicros { return RunCost(micros: cost) }
    var units = end.units
    for (unitClass, count) in [
      (UnitClass.input, end.inputTokens), (.output, end.outputTokens), (.image, end.images),
    ] where count > 0 {
      units.append(UnitCount(unitClass, count))
    }
    units.sort { $0.unitClass.rawValue < $1.unitClass.rawValue }
    switch end.status {
    case .running, .failed: return RunCost(micros: 0)
    case .cancelled:
      let plan = run.planId.flatMap { plans[ExactText($0)] }
      if units.isEmpty || plan?.cancelledCost == .nothing { return RunCost(micros: 0) }
    case .succeeded: break
    }
    let known = UnitClass.allCases.filter { rate(of: $0, run) != nil }
    guard units.allSatisfy({ known.contains($0.unitClass) }), !known.isEmpty else {
      throw Refusal(.invalidField, "", details: ["field": "cost_micros"])
    }
    // Millionths of a millionth.
    let exact = units.map { Int128($0.count) * (rate(of: $0.unitClass, run) ?? 0) }
    let total = (exact.reduce(0, +) + 999_999_999_999) / 1_000_000_000_000
    var shares = exact.map { $0 / 1_000_000_000_000 }
    var lost = exact.map { $0 % 1_000_000_000_000 }
    while shares.reduce(0, +) < total, let most = lost.max(), let index = lost.firstIndex(of: most) {
      shares[index] += 1
      lost[index] = -1
    }
    return RunCost(
      micros: Int64(total), breakdown: zip(units, shares).map { ClassCost($0.unitClass, Int64($1)) })
  }

  /// Per million of millions.
  private func rate(of unitClass: UnitClass, _ run: Run) -> Int128? {
    let rows = book.prefix(Int(run.priceVersion))
    for planId in [run.planId, ""].compactMap(\.self) {
      for model in [run.model, ""] {
        guard let micros = holding(planId, model, unitClass, rows, run.startedAtMicros)?.micros else {
          continue
        }
        let parts =
          planId.isEmpty && run.planId != nil
          ? holding(run.planId ?? "", "", nil, rows, run.startedAtMicros)?.micros : nil
        return Int128(micros) * Int128(parts ?? 1_000_000)
      }
    }
    return nil
  }

  private func holding(
    _ planId: String, _ model: String, _ unitClass: UnitClass?, _ rows: ArraySlice<Price>, _ time: Int64
  ) -> Price? {
    rows.filter {
      $0.planId.isExactly(planId) && $0.model.isExactly(model) && $0.unitClass == unitClass
        && $0.effectiveFromMicros <= time
    }.max { ($0.effectiveFromMicros, $0.id) < ($1.effectiveFromMicros, $1.id) }
  }

  private func knows(_ planId: String, _ model: String, _ unitClass: UnitClass?) -> Bool {
    book.contains {
      $0.planId.isExactly(planId) && $0.model.isExactly(model) && $0.unitClass == unitClass
    }
  }

  /// Makes the book say what a plan says.
  /// - Returns: whether it did not before.
  mutating func put(pricesOf plan: Plan, over stored: Plan?, at time: Int64) -> Bool {
    var wanted: [(model: String, unitClass: UnitClass?, micros: Int64?)] = []
    for price in plan.prices {
      wanted.append((price.model, .input, price.inputMicrosPerMillion))
      wanted.append((price.model, .output, price.outputMicrosPerMillion))
      wanted.append((price.model, .image, price.imageMicros * 1_000_000))
    }
    for price in stored?.prices ?? [] where !plan.prices.contains(where: { $0.model == price.model }) {
      wanted += [UnitClass.input, .output, .image].map { (price.model, $0, nil) }
    }
    if plan.multiplierPpm != stored?.multiplierPpm { wanted.append(("", nil, plan.multiplierPpm)) }
    let count = book.count
    for it in wanted where holding(plan.id, it.model, it.unitClass, book[...], time)?.micros != it.micros {
      append(
        Price(
          planId: plan.id, model: it.model, unitClass: it.unitClass, micros: it.micros,
          effectiveFromMicros: knows(plan.id, it.model, it.unitClass) ? time : 0), at: time)
    }
    return book.count > count
  }

  private mutating func append(_ price: Price, at time: Int64) {
    var price = price
    (price.id, price.putAtMicros) = (Int64(book.count) + 1, time)
    book.append(price)
  }

  mutating func put(_ it: TallyCore.UsageCommand.PutPrices, at time: Int64) throws(Refusal) -> PricesReceipt {
    let before = book
    var prices: [Price] = []
    for (index, line) in it.lines.enumerated() {
      if !line.planId.isEmpty, plans[ExactText(line.planId)] == nil {
        book = before
        throw Refusal(.grantNotFound, "", details: ["plan_id": line.planId])
      }
      let from = line.effectiveFromMicros ?? time
      let now = holding(line.planId, line.model, line.unitClass, before[...], from)
      let isSaid =
        now.map {
          $0.micros == line.micros
            && (line.effectiveFromMicros ?? $0.effectiveFromMicros) == $0.effectiveFromMicros
        }
        ?? false
      if isSaid, let now {
        prices.append(now)
        continue
      }
      if line.micros == nil, now == nil {
        prices.append(
          Price(
            planId: line.planId, model: line.model, unitClass: line.unitClass, micros: nil,
            effectiveFromMicros: from))
        continue
      }
      if from < time, knows(line.planId, line.model, line.unitClass) {
        book = before
        throw Refusal(
          .invalidField, "", details: ["field": "prices[\(index)].effective_from_micros"])
      }
      append(
        Price(
          planId: line.planId, model: line.model, unitClass: line.unitClass, micros: line.micros,
          effectiveFromMicros: from), at: time)
      prices.append(book[book.count - 1])
    }
    let unchanged = book.count == before.count
    if !unchanged { hasWritten = true }
    return PricesReceipt(prices: prices, unchanged: unchanged, commit: .none)
  }
}
