// The book of prices: what a million units of a class cost, of a model or of any, from when on.
//
// Invariants:
// 1. Rows are only ever appended. A row holds from its time on until a later one of the same plan, model and
//    class does; of two from the same time the one that was put later.
// 2. The whole book is in memory wherever something is decided by it: it has at most `maximumRows`.
// 3. Of a class the first that says anything holds: the plan's row of the model, the plan's of any model, the
//    book's of the model, the book's of any. A row without a price says nothing.

/// A row of the book, micro-USD per million units.
public struct Price: Sendable, Equatable {
  /// The order in which rows were put; zero until it is.
  public var id: Int64 = 0
  /// Empty for everybody's.
  public var planId: String
  /// Empty for every model.
  public var model: String
  /// nil: how much of the book's prices the plan charges, in parts per million.
  public var unitClass: UnitClass?
  /// nil: none from then on.
  public var micros: Int64?
  public var effectiveFromMicros: Int64
  public var putAtMicros: Int64 = 0
  public var commitSequence: Int64 = 0

  public init(
    planId: String = "", model: String = "", unitClass: UnitClass?, micros: Int64?,
    effectiveFromMicros: Int64
  ) {
    self.planId = planId
    self.model = model
    self.unitClass = unitClass
    self.micros = micros
    self.effectiveFromMicros = effectiveFromMicros
  }
}

/// Which rows of the book.
public struct PriceFilter: Sendable, Equatable {
  /// nil for all; empty for those of no plan.
  public var planId: String?
  public var model: String?
  /// Those that hold then; nil for the whole history.
  public var atMicros: Int64?
  public var afterId: Int64 = 0
  public var limit: Int

  public init(limit: Int) { self.limit = limit }
}

/// One page of rows, and whether there is another.
public struct PricePage: Sendable, Equatable {
  public var prices: [Price]
  public var hasMore: Bool
}

public struct PriceBook: Sendable, Equatable {
  /// 65,536 rows: a hundred models in nine classes, changed twice a year, fill it in thirty-six years.
  public static let maximumRows = 65_536
  /// What a plan's multiplier is without one: once.
  public static let once: Int64 = 1_000_000

  private struct Name: Hashable {
    var planId: ExactText
    var model: ExactText

    init(_ planId: String, _ model: String) {
      self.planId = ExactText(planId)
      self.model = ExactText(model)
    }
  }

  /// In the order of their numbers.
  public private(set) var rows: [Price] = []
  private var places: [Name: [Int]] = [:]

  public init() {}

  public static func == (left: PriceBook, right: PriceBook) -> Bool { left.rows == right.rows }

  /// The newest row's number.
  public var version: Int64 { rows.last?.id ?? 0 }

  /// - Parameter price: with the highest number.
  public mutating func append(_ price: Price) {
    places[Name(price.planId, price.model), default: []].append(rows.count)
    rows.append(price)
  }

  /// The row that holds at a time, of those that stood in the book when it had so many.
  func row(
    _ planId: String, _ model: String, _ unitClass: UnitClass?, atMicros: Int64, version: Int64 = Int64.max
  ) -> Price? {
    var holding: Price?
    for place in places[Name(planId, model)] ?? [] {
      let row = rows[place]
      guard row.unitClass == unitClass, row.id <= version, row.effectiveFromMicros <= atMicros else {
        continue
      }
      // They stand in the order of their numbers.
      if row.effectiveFromMicros >= holding?.effectiveFromMicros ?? Int64.min { holding = row }
    }
    return holding
  }

  /// Whether there is any row of a plan, a model and a class, whenever it holds.
  func hasRow(_ planId: String, _ model: String, _ unitClass: UnitClass?) -> Bool {
    (places[Name(planId, model)] ?? []).contains { rows[$0].unitClass == unitClass }
  }

  package func page(_ filter: PriceFilter) -> PricePage {
    let held = filter.atMicros.map(held(atMicros:))
    var page: [Price] = []
    for row in rows where row.id > filter.afterId {
      guard filter.planId.map({ $0.isExactly(row.planId) }) ?? true,
        filter.model.map({ $0.isExactly(row.model) }) ?? true
      else { continue }
      if let held, !held.contains(row.id) { continue }
      if page.count == filter.limit { return PricePage(prices: page, hasMore: true) }
      page.append(row)
    }
    return PricePage(prices: page, hasMore: false)
  }

  /// The numbers of all rows that hold at a time, found in one pass over the book.
  private func held(atMicros: Int64) -> Set<Int64> {
    Set(
      places.values.flatMap { places in
        var byClass: [UnitClass?: Price] = [:]
        for row in places.lazy.map({ rows[$0] }) where row.effectiveFromMicros <= atMicros {
          // They stand in the order of their numbers.
          if row.effectiveFromMicros >= byClass[row.unitClass]?.effectiveFromMicros ?? Int64.min {
            byClass[row.unitClass] = row
          }
        }
        return byClass.values.map(\.id)
      })
  }
}

extension PriceBook {
  /// The rows that make the book say what a plan says, from now on.
  func changes(to plan: Plan, over stored: Plan?, nowMicros: Int64) -> [Price] {
    var changes: [Price] = []
    func want(_ micros: Int64?, _ model: String, _ unitClass: UnitClass?) {
      guard row(plan.id, model, unitClass, atMicros: nowMicros)?.micros != micros else { return }
      changes.append(
        Price(
          planId: plan.id, model: model, unitClass: unitClass, micros: micros,
          effectiveFromMicros: hasRow(plan.id, model, unitClass) ? nowMicros : 0))
    }
    for price in plan.prices {
      for (unitClass, micros) in price.rates { want(micros, price.model, unitClass) }
    }
    for price in stored?.prices ?? [] where !plan.prices.contains(where: { $0.model.isExactly(price.model) })
    {
      for (unitClass, _) in price.rates { want(nil, price.model, unitClass) }
    }
    if plan.multiplierPpm != stored?.multiplierPpm { want(plan.multiplierPpm, "", nil) }
    return changes
  }
}

extension ModelPrice {
  /// Per million units. What is too much for int64 is too much for any run, also as the greatest int64.
  package var rates: [(UnitClass, Int64)] {
    let (image, isOver) = imageMicros.multipliedReportingOverflow(by: 1_000_000)
    return [
      (.input, inputMicrosPerMillion), (.output, outputMicrosPerMillion),
      (.image, isOver ? Int64.max : image),
    ]
  }
}
