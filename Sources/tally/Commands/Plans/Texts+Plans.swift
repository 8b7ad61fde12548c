// Plans, as text for people.

internal import TallyMessages

extension Texts {
  static func plans(_ plans: [TallystickV1.Plan]) -> String {
    let hasCaps = plans.contains { $0.caps != nil || $0.spenderCaps != nil }
    let capColumns: [(String, Table.Alignment)] = hasCaps ? [("CAPS", .left), ("SPENDER CAPS", .left)] : []
    var table = Table(
      [
        ("PLAN", .left), ("NAME", .left), ("MONTHLY", .amount), ("EXPIRES", .left), ("PRIORITY", .right),
        ("GENERATIONS", .right), ("UPLOADS", .right), ("PAGES", .right), ("ON SHORT", .left),
        ("ROLLOVER", .amount), ("DEFAULT", .left), ("CANCELLED", .left),
        ("TAGS", .left), ("ZONE", .left),
      ] + capColumns + [("PRICES", .left)],
      optional: [
        "PRIORITY", "ZONE", "NAME", "PAGES", "UPLOADS", "ON SHORT", "EXPIRES", "ROLLOVER", "GENERATIONS",
        "CANCELLED", "DEFAULT", "TAGS",
      ] + capColumns.map(\.0))
    for plan in plans {
      let expiry =
        switch plan.grantExpiry {
        case .never: "never"
        case .periodEnd: "period-end"
        case .after: "\(Times.formatSpan(plan.expiresAfterMillis)) after start"
        default: "?"
        }
      // On a terminal each price has a line of its own.
      let all = plan.prices.map(Prices.format)
      let prices = Layout.columns == nil ? [all.joined(separator: " ")] : all
      let terms = [
        plan.planId, plan.displayName, Dollars.format(plan.monthlyCreditMicros), expiry, "\(plan.priority)",
        limit(plan.limits?.monthlyGenerations), limit(plan.limits?.monthlyUploads),
        limit(plan.limits?.pageCount), plan.onShort?.word ?? "-", rollover(plan),
        plan.isDefault == true ? "default" : "-", plan.cancelledCost?.word ?? "-",
        plan.tags?.keys.joined(separator: " ") ?? "-",
        plan.timeZone.isEmpty ? "UTC" : plan.timeZone,
      ]
      let caps = hasCaps ? [caps(plan.caps), caps(plan.spenderCaps)] : []
      table.add(terms + caps + [prices.first ?? ""])
      for price in prices.dropFirst() {
        table.add(Array(repeating: "", count: terms.count + caps.count) + [price])
      }
    }
    return table.text
  }

  private static func caps(_ list: TallystickV1.CapList?) -> String {
    list.map { $0.caps.map(Caps.format).joined(separator: " ") } ?? "-"
  }

  private static func rollover(_ plan: TallystickV1.Plan) -> String {
    let cap = plan.rolloverCapMicros ?? 0
    return cap == 0 ? "-" : Dollars.format(cap)
  }

  private static func limit(_ limit: Int64?) -> String { limit.map(Texts.count) ?? "-" }

  static func prices(_ prices: [TallystickV1.Price]) -> String {
    var table = Table(
      [("MODEL", .left), ("CLASS", .left), ("A MILLION", .amount), ("FROM", .time), ("PLAN", .left)],
      optional: ["PLAN"])
    for price in prices {
      let isMultiplier = price.unitClass == .unspecified
      table.add([
        price.model.isEmpty ? Prices.anyModel : price.model,
        isMultiplier ? "multiplier" : price.unitClass.word,
        isMultiplier ? "x \(price.multiplierPpm) ppm" : price.microsPerMillion.map(Dollars.format) ?? "none",
        price.effectiveFromMicros == 0 ? "ever" : Timestamp.format(price.effectiveFromMicros ?? 0),
        price.planId.isEmpty ? "-" : price.planId,
      ])
    }
    return table.text
  }
}
