// What a run costs by the book.
//
// Invariants:
// 1. A run is priced by the rows that held when it began, of those that stood in the book then, under the
//    plan that its user had then: whatever is put later changes nothing for it. One that is recorded is
//    priced by those that held when it started, under today's plan.
// 2. There is one rounding, up: ceil(sum(units x rate x parts) / 10^12), where the parts are the plan's
//    multiplier for the book's rows and a million for the plan's own. So no run is free that has used what
//    has a price, and none costs a whole micro-dollar too much.
// 3. The parts of the classes add up to the whole: each is rounded down, and what is missing goes to those
//    that lost most by that, one each.

/// What a run cost, and of which classes. Nobody knows the classes when its caller has named the cost.
public struct RunCost: Sendable, Equatable {
  public var micros: Int64
  public var breakdown: [ClassCost]?

  public init(micros: Int64, breakdown: [ClassCost]? = nil) {
    self.micros = micros
    self.breakdown = breakdown
  }
}

public struct RunPricing: Sendable {
  private let book: PriceBook
  private let planId: String?
  private let version: Int64
  private let atMicros: Int64
  let cancelledCost: CancelledCost

  /// - Parameters:
  ///   - plan: the one that the run is priced under, if any.
  ///   - version: rows that were put later are not looked at.
  ///   - atMicros: when the run began.
  public init(
    _ book: PriceBook, planId: String?, cancelledCost: CancelledCost = .reported, version: Int64 = Int64.max,
    atMicros: Int64
  ) {
    self.book = book
    self.planId = planId
    self.cancelledCost = cancelledCost
    self.version = version
    self.atMicros = atMicros
  }

  private static let whole: Int128 = 1_000_000_000_000

  /// - Parameter units: those that were used, each class once.
  /// - Throws: `invalidField` when there is no price for one of them, or none at all for the model;
  ///   `amountOverflow`.
  public func cost(of units: [UnitCount], model: String) throws(Refusal) -> RunCost {
    if units.isEmpty, !UnitClass.allCases.contains(where: { rate(of: $0, model: model) != nil }) {
      throw unpriced(model, nil)
    }
    var parts: [(unitClass: UnitClass, exact: Int128)] = []
    var sum: Int128 = 0
    for unit in units {
      guard let rate = rate(of: unit.unitClass, model: model) else { throw unpriced(model, unit.unitClass) }
      let (priced, isOver) = (Int128(unit.count) * Int128(rate.micros)).multipliedReportingOverflow(
        by: Int128(rate.parts))
      let (more, isMore) = sum.addingReportingOverflow(priced)
      guard !isOver, !isMore else { throw outOfRange() }
      sum = more
      parts.append((unit.unitClass, priced))
    }
    let total = sum / Self.whole + (sum % Self.whole > 0 ? 1 : 0)
    guard total <= Int128(RunLimits.costMicros) else { throw outOfRange() }
    return RunCost(micros: Int64(total), breakdown: Self.divided(total, parts))
  }

  private static func divided(
    _ total: Int128, _ parts: [(unitClass: UnitClass, exact: Int128)]
  ) -> [ClassCost] {
    var missing = total - parts.reduce(0) { $0 + $1.exact / whole }
    var costs = parts.map { ClassCost($0.unitClass, Int64($0.exact / whole)) }
    // The sort is stable: of equals the class with the lower number comes first.
    for index in parts.indices.sorted(by: { parts[$0].exact % whole > parts[$1].exact % whole })
    where missing > 0 {
      costs[index].micros += 1
      missing -= 1
    }
    return costs
  }

  /// The first that says anything.
  private func rate(of unitClass: UnitClass, model: String) -> (micros: Int64, parts: Int64)? {
    if let planId, let micros = micros(planId, model, unitClass) ?? micros(planId, "", unitClass) {
      return (micros, PriceBook.once)
    }
    guard let micros = micros("", model, unitClass) ?? micros("", "", unitClass) else { return nil }
    return (micros, planId.flatMap { self.micros($0, "", nil) } ?? PriceBook.once)
  }

  private func micros(_ planId: String, _ model: String, _ unitClass: UnitClass?) -> Int64? {
    book.row(planId, model, unitClass, atMicros: atMicros, version: version)?.micros
  }

  private func unpriced(_ model: String, _ unitClass: UnitClass?) -> Refusal {
    var details = ["field": "cost_micros", "model": model]
    details["unit_class"] = unitClass?.name
    return Refusal(
      .invalidField, "cost_micros must be set: there is no price for what the run has used of the model",
      details: details)
  }
}
