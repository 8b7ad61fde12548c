// UsageService's requests about the book of prices, as a command and a query.
//
// Invariants:
// 1. A cursor is bound to the request it came from.

internal import TallyCore
internal import TallyMessages

enum PriceRequests {
  private typealias RPCs = TallystickV1.UsageService

  static func put(_ request: TallystickV1.PutPricesRequest) throws(Refusal) -> UsageCommand.PutPrices {
    try Fields.count(request.prices.count, "prices", atMost: Limits.putPriceCount)
    var lines: [UsageCommand.PutPrices.Line] = []
    var names: Set<[ExactText]> = []
    for (index, message) in request.prices.enumerated() {
      let path = FieldPath(prefix: "prices[\(index)].")
      let line = try line(message, path)
      let name = [line.planId, line.model, line.unitClass.name].map(ExactText.init)
      guard names.insert(name).inserted else {
        throw invalidField(path("unit_class"), "appears more than once of this plan and model")
      }
      lines.append(line)
    }
    return UsageCommand.PutPrices(lines)
  }

  private static func line(
    _ message: TallystickV1.Price, _ path: FieldPath
  ) throws(Refusal) -> UsageCommand.PutPrices.Line {
    try Fields.optional(message.planId, path("plan_id"), atMost: Limits.planIdByteCount)
    try Fields.optional(message.model, path("model"), atMost: Limits.modelByteCount)
    guard let unitClass = UnitClass(rawValue: message.unitClass.rawValue) else {
      throw invalidField(path("unit_class"), "must be set to a known value")
    }
    if let micros = message.microsPerMillion, micros < 0 || micros > Limits.priceMicros {
      throw invalidField(
        path("micros_per_million"), "must be from 0 to \(Limits.priceMicros)", limit: Limits.priceMicros)
    }
    try Fields.time(message.effectiveFromMicros, path("effective_from_micros"))
    return UsageCommand.PutPrices.Line(
      planId: message.planId, model: message.model, unitClass: unitClass, micros: message.microsPerMillion,
      effectiveFromMicros: message.effectiveFromMicros)
  }

  typealias PricesQuery = ListQuery<TallystickV1.ListPricesRequest, PriceFilter>

  static func parse(_ request: TallystickV1.ListPricesRequest) throws(Refusal) -> PricesQuery {
    var filter = PriceFilter(limit: try Fields.pageSize(request.limit))
    if let planId = request.planId {
      try Fields.optional(planId, "plan_id", atMost: Limits.planIdByteCount)
      filter.planId = planId
    }
    if let model = request.model {
      try Fields.optional(model, "model", atMost: Limits.modelByteCount)
      filter.model = model
    }
    try Fields.time(request.atMicros, "at_micros")
    filter.atMicros = request.atMicros
    if let numbers = try Cursor.decode(RPCs.listPrices, request, count: 1) { filter.afterId = numbers[0] }
    return ListQuery(request, filter)
  }

  static func prices(
    _ query: PricesQuery, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.ListPricesResponse {
    let snapshot = try engine.prices(query.filter)
    var response = TallystickV1.ListPricesResponse()
    // A thousand rows of two short texts are far smaller than a message.
    response.prices = snapshot.value.prices.map(TallystickV1.Price.init)
    if snapshot.value.hasMore, let last = snapshot.value.prices.last {
      response.nextCursor = Cursor.encode(before: [last.id], RPCs.listPrices, query.request)
    }
    response.commitSequence = snapshot.commitSequence
    return response
  }
}
