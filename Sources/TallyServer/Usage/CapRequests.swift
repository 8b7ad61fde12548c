// Requests about caps as commands, and what is stored of them as messages.
//
// Invariants:
// 1. Every field of a cap is checked here.

internal import TallyCore
internal import TallyMessages

enum CapRequests {
  static func put(_ request: TallystickV1.PutCapsRequest) throws(Refusal) -> CapCommand.Put {
    let userId = try Fields.userId(request.userId)
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    return CapCommand.Put(
      userId: userId, CapList(spender: request.spender, caps: try caps(request.caps, "caps", mayLift: true)))
  }

  /// In the order of their ids, so that the same caps in another order are the same list.
  /// - Parameter mayLift: whether one without a limit is allowed.
  static func caps(
    _ messages: [TallystickV1.Cap], _ field: String, mayLift: Bool
  ) throws(Refusal) -> [Cap] {
    if messages.count > CapList.maximumCaps {
      throw invalidField(
        field, "has \(messages.count) elements; the limit is \(CapList.maximumCaps)",
        limit: Int64(CapList.maximumCaps))
    }
    var caps: [Cap] = []
    var ids: Set<ExactText> = []
    for (index, message) in messages.enumerated() {
      let path = FieldPath(prefix: "\(field)[\(index)].")
      let cap = try cap(message, path)
      guard ids.insert(ExactText(cap.id)).inserted else {
        throw invalidField(path("cap_id"), "appears more than once")
      }
      guard mayLift || cap.limit != nil else { throw invalidField(path("limit_amount"), "must be set") }
      caps.append(cap)
    }
    return caps.sorted { ExactText($0.id) < ExactText($1.id) }
  }

  private static func cap(_ message: TallystickV1.Cap, _ path: FieldPath) throws(Refusal) -> Cap {
    try Fields.required(message.capId, path("cap_id"), atMost: Limits.capIdByteCount)
    guard let measure = CapMeasure(rawValue: message.measure.rawValue) else {
      throw invalidField(path("measure"), "must be set to a known value")
    }
    let number = message.window.rawValue
    let isLast = message.window == .lastHours
    guard isLast || CapWindow(number: number, lastHours: 0) != nil else {
      throw invalidField(path("window"), "must be set to a known value")
    }
    guard let window = CapWindow(number: number, lastHours: message.hours) else {
      let hours = CapWindow.hours
      throw invalidField(
        path("hours"),
        isLast
          ? "must be from \(hours.lowerBound) to \(hours.upperBound)"
          : "is allowed only with CAP_WINDOW_LAST_HOURS", limit: isLast ? Int64(hours.upperBound) : nil)
    }
    try Fields.optional(message.model, path("model"), atMost: Limits.modelByteCount)
    try Fields.optional(message.type, path("type"), atMost: Limits.runTypeByteCount)
    if let limit = message.limitAmount, limit < 0 || limit > Limits.amountMicros {
      throw invalidField(
        path("limit_amount"), "must be from 0 to \(Limits.amountMicros)", limit: Limits.amountMicros)
    }
    let subject = CapSubject(
      measure, window, model: ExactText(message.model), type: ExactText(message.type))
    return Cap(id: message.capId, subject, limit: message.limitAmount)
  }

  /// Asks for a user's own caps.
  struct ListsQuery {
    var userId: String
  }

  static func parse(_ request: TallystickV1.ListCapsRequest) throws(Refusal) -> ListsQuery {
    ListsQuery(userId: try Fields.userId(request.userId))
  }

  static func lists(
    _ query: ListsQuery, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.ListCapsResponse {
    let snapshot = try engine.capLists(userId: query.userId)
    var response = TallystickV1.ListCapsResponse()
    response.lists = snapshot.value.map(TallystickV1.SubjectCaps.init)
    response.commitSequence = snapshot.commitSequence
    return response
  }
}

extension TallystickV1.Cap {
  init(_ cap: Cap) {
    self.init()
    capId = cap.id
    measure = TallystickV1.CapMeasure(rawValue: cap.subject.measure.rawValue)
    window = TallystickV1.CapWindow(rawValue: cap.subject.window.number)
    hours = cap.subject.window.lastHours
    model = cap.subject.model.text
    type = cap.subject.type.text
    limitAmount = cap.limit
  }
}

extension TallystickV1.CapList {
  /// - Returns: nil without caps.
  init?(_ caps: [Cap]) {
    if caps.isEmpty { return nil }
    self.init()
    self.caps = caps.map(TallystickV1.Cap.init)
  }
}

extension TallystickV1.SubjectCaps {
  init(_ list: CapList) {
    self.init()
    spender = list.spender
    caps = list.caps.map(TallystickV1.Cap.init)
  }
}

extension TallystickV1.CapUse {
  init(_ use: CapUse) {
    self.init()
    cap = TallystickV1.Cap(use.cap)
    spender = use.spender
    used = use.used
    resetsAtMicros = use.resetsAtMicros
  }
}
