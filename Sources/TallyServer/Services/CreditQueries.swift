// The lists of CreditService: filters from requests, pages into replies.
//
// Invariants:
// 1. A page holds at most `limit` rows and never outgrows the largest message; it holds at least one
//    row if there is one, since the largest row is far smaller than a message.
// 2. A cursor is bound to the request it came from.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallyMessages

enum CreditQueries {
  private typealias RPCs = TallystickV1.CreditService

  static func transactionFilter(
    _ request: TallystickV1.ListTransactionsRequest
  ) throws(Refusal) -> TransactionFilter {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = TransactionFilter(userId: request.userId, limit: try Fields.pageSize(request.limit))
    for (index, type) in request.types.enumerated() {
      guard let type = TransactionType(rawValue: type.rawValue) else {
        throw invalidField("types[\(index)]", "is not a transaction type")
      }
      filter.types.append(type)
    }
    try Fields.time(request.fromMicros, "from_micros")
    try Fields.time(request.toMicros, "to_micros")
    filter.fromMicros = request.fromMicros
    filter.toMicros = request.toMicros
    filter.metadata = try Fields.entries(request.metadata, FieldPath())
    filter.beforeSequence = try Cursor.decode(RPCs.listTransactions, request)
    return filter
  }

  static func transactions(
    _ request: TallystickV1.ListTransactionsRequest, _ engine: any Engine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListTransactionsResponse {
    let snapshot = try engine.transactions(try transactionFilter(request))
    var response = TallystickV1.ListTransactionsResponse()
    response.commitSequence = snapshot.commitSequence
    let cut = cut(snapshot.value.rows, largest: largest, size: size)
    response.transactions = snapshot.value.rows.prefix(cut).map(TallystickV1.Transaction.init)
    let before =
      cut < snapshot.value.rows.count ? snapshot.value.rows[cut - 1].sequence : snapshot.value.nextBefore
    if let before { response.nextCursor = Cursor.encode(before: before, RPCs.listTransactions, request) }
    return response
  }

  static func holdFilter(_ request: TallystickV1.ListHoldsRequest) throws(Refusal) -> HoldFilter {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = HoldFilter(userId: request.userId, limit: try Fields.pageSize(request.limit))
    for (index, state) in request.states.enumerated() {
      guard let state = HoldState(rawValue: state.rawValue) else {
        throw invalidField("states[\(index)]", "is not a hold state")
      }
      filter.states.append(state)
    }
    filter.beforeId = try Cursor.decode(RPCs.listHolds, request)
    return filter
  }

  static func holds(
    _ request: TallystickV1.ListHoldsRequest, _ engine: any Engine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListHoldsResponse {
    let snapshot = try engine.holds(try holdFilter(request))
    var response = TallystickV1.ListHoldsResponse()
    response.commitSequence = snapshot.commitSequence
    let cut = cut(snapshot.value.rows, largest: largest, size: size)
    response.holds = snapshot.value.rows.prefix(cut).map(TallystickV1.Hold.init)
    let before = cut < snapshot.value.rows.count ? snapshot.value.rows[cut - 1].id : snapshot.value.nextBefore
    if let before { response.nextCursor = Cursor.encode(before: before, RPCs.listHolds, request) }
    return response
  }

  /// How many leading rows fit into a message.
  static func cut<Row>(_ rows: [Row], largest: Int, size: (Row) -> Int) -> Int {
    var total = 1_024
    for (index, row) in rows.enumerated() {
      total += size(row)
      if total > largest { return max(1, index) }
    }
    return rows.count
  }

  /// Not less than the row's encoding: every number at its longest.
  private static func size(_ entry: Entry) -> Int {
    var total =
      384 + entry.userId.utf8.count + (entry.idempotency?.key.utf8.count ?? 0) + entry.runId.utf8.count
    total += (entry.paymentId?.utf8.count ?? 0) + (entry.planId?.utf8.count ?? 0) + entry.package.utf8.count
    total += entry.actor.utf8.count + entry.reason.utf8.count + entry.text.description.utf8.count
    for pair in entry.text.metadata { total += pair.key.utf8.count + pair.value.utf8.count + 12 }
    return total + entry.lots.count * allocationByteCount
  }

  private static func size(_ hold: Hold) -> Int {
    192 + hold.userId.utf8.count + hold.runId.utf8.count + hold.pins.count * allocationByteCount
  }

  /// Of a balance beside its user's id: every number at its longest.
  static let balanceByteCount = 112

  /// Two fields of ten bytes with their tags, and the submessage's own.
  private static let allocationByteCount = 24
}
