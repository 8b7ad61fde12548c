// What CreditService reads: queries from requests, and replies from what the engine answers.
//
// Invariants:
// 1. A page holds at most `limit` rows and never outgrows the largest message; it holds at least one
//    row if there is one, since the largest row is far smaller than a message.
// 2. A cursor is bound to the request it came from.

internal import TallyCore
internal import TallyMessages

enum CreditQueries {
  private typealias RPCs = TallystickV1.CreditService

  typealias TransactionsQuery = ListQuery<TallystickV1.ListTransactionsRequest, TransactionFilter>
  typealias HoldsQuery = ListQuery<TallystickV1.ListHoldsRequest, HoldFilter>

  static func parse(_ request: TallystickV1.ListTransactionsRequest) throws(Refusal) -> TransactionsQuery {
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
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    filter.spender = request.spender
    filter.beforeSequence = try Cursor.decode(RPCs.listTransactions, request)
    return ListQuery(request, filter)
  }

  static func transactions(
    _ query: TransactionsQuery, _ engine: any Engine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListTransactionsResponse {
    let snapshot = try engine.transactions(query.filter)
    var response = TallystickV1.ListTransactionsResponse()
    response.commitSequence = snapshot.commitSequence
    let cut = cut(snapshot.value.rows, largest: largest, size: size)
    response.transactions = snapshot.value.rows.prefix(cut).map(TallystickV1.Transaction.init)
    let before =
      cut < snapshot.value.rows.count ? snapshot.value.rows[cut - 1].sequence : snapshot.value.nextBefore
    if let before {
      response.nextCursor = Cursor.encode(before: before, RPCs.listTransactions, query.request)
    }
    return response
  }

  static func parse(_ request: TallystickV1.ListHoldsRequest) throws(Refusal) -> HoldsQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = HoldFilter(userId: request.userId, limit: try Fields.pageSize(request.limit))
    for (index, state) in request.states.enumerated() {
      guard let state = HoldState(rawValue: state.rawValue) else {
        throw invalidField("states[\(index)]", "is not a hold state")
      }
      filter.states.append(state)
    }
    filter.beforeId = try Cursor.decode(RPCs.listHolds, request)
    return ListQuery(request, filter)
  }

  static func holds(
    _ query: HoldsQuery, _ engine: any Engine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListHoldsResponse {
    let snapshot = try engine.holds(query.filter)
    var response = TallystickV1.ListHoldsResponse()
    response.commitSequence = snapshot.commitSequence
    let cut = cut(snapshot.value.rows, largest: largest, size: size)
    response.holds = snapshot.value.rows.prefix(cut).map(TallystickV1.Hold.init)
    let before = cut < snapshot.value.rows.count ? snapshot.value.rows[cut - 1].id : snapshot.value.nextBefore
    if let before { response.nextCursor = Cursor.encode(before: before, RPCs.listHolds, query.request) }
    return response
  }

  // MARK: balances

  /// Asks for a user's balance.
  struct BalanceQuery {
    var userId: String
    /// nil: now.
    var atMicros: Int64?
  }

  static func parse(_ request: TallystickV1.GetBalanceRequest) throws(Refusal) -> BalanceQuery {
    let userId = try Fields.userId(request.userId)
    try Fields.time(request.atMicros, "at_micros")
    return BalanceQuery(userId: userId, atMicros: request.atMicros)
  }

  static func balance(
    _ query: BalanceQuery, _ engine: any Engine
  ) throws(Refusal) -> TallystickV1.GetBalanceResponse {
    guard let atMicros = query.atMicros else { return reply(try engine.balance(userId: query.userId)) }
    return reply(try engine.balance(userId: query.userId, atMicros: atMicros))
  }

  static func reply(_ snapshot: Snapshot<Balance>) -> TallystickV1.GetBalanceResponse {
    var response = TallystickV1.GetBalanceResponse()
    response.balance = TallystickV1.Balance(snapshot.value)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  /// Asks whether a user's balance covers an estimate.
  struct Check {
    var userId: String
    var estimateMicros: Int64
    var spender: String

    var ask: CapAsk { CapAsk(spender: spender, micros: estimateMicros) }
  }

  static func parse(_ request: TallystickV1.CheckBalanceRequest) throws(Refusal) -> Check {
    let userId = try Fields.userId(request.userId)
    if request.estimateMicros < 0 { throw invalidAmount("estimate_micros", "must not be negative") }
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    return Check(userId: userId, estimateMicros: request.estimateMicros, spender: request.spender)
  }

  static func reply(_ snapshot: Snapshot<Spending>, to check: Check) -> TallystickV1.CheckBalanceResponse {
    var response = TallystickV1.CheckBalanceResponse()
    let availableMicros = snapshot.value.balance.availableMicros
    response.availableMicros = availableMicros
    response.remainingMicros = availableMicros.subtractingSaturating(check.estimateMicros)
    let isShort = response.remainingMicros < 0
    let refusal = snapshot.value.objection ?? snapshot.value.capRefusal
    let reason = refusal?.reason ?? (isShort ? .insufficientCredits : nil)
    response.allowed = reason == nil
    response.reason = reason?.rawValue ?? ""
    response.commitSequence = snapshot.commitSequence
    return response
  }

  /// - Returns: the users, in the order asked.
  static func parse(
    _ request: TallystickV1.BatchGetBalancesRequest, largest: Int
  ) throws(Refusal) -> [String] {
    try Fields.count(request.userIds.count, "user_ids", atMost: Limits.balanceUserCount)
    for (index, id) in request.userIds.enumerated() {
      try Fields.required(id, "user_ids[\(index)]", atMost: Limits.userIdByteCount)
    }
    try Fields.reply(to: request.userIds, "user_ids", each: balanceByteCount, atMost: largest)
    return request.userIds
  }

  static func reply(_ snapshot: Snapshot<[Balance]>) -> TallystickV1.BatchGetBalancesResponse {
    var response = TallystickV1.BatchGetBalancesResponse()
    response.balances = snapshot.value.map(TallystickV1.Balance.init)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  // MARK: one transaction

  /// A transaction by its id, for a call that acts for a user or for nobody.
  struct TransactionQuery {
    var transactionId: String
    var actingUserId: String?
  }

  static func parse(
    _ request: TallystickV1.GetTransactionRequest, _ caller: Caller
  ) throws(Refusal) -> TransactionQuery {
    if request.transactionId.isEmpty { throw invalidField("transaction_id", "must not be empty") }
    return TransactionQuery(transactionId: request.transactionId, actingUserId: caller.actingUserId)
  }

  static func transaction(
    _ query: TransactionQuery, _ engine: any Engine
  ) throws(Refusal) -> TallystickV1.GetTransactionResponse {
    guard let sequence = Identifiers.transactionSequence(query.transactionId) else {
      throw Refusal(
        .transactionNotFound, "there is no such transaction", details: ["transaction_id": query.transactionId]
      )
    }
    let snapshot = try engine.transaction(sequence: sequence, actingUserId: query.actingUserId)
    var response = TallystickV1.GetTransactionResponse()
    response.transaction = TallystickV1.Transaction(snapshot.value)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  // MARK: sizes

  /// How many leading rows fit into a message.
  static func cut<Row>(_ rows: [Row], largest: Int, size: (Row) -> Int) -> Int {
    var total = 1_024
    for (index, row) in rows.enumerated() {
      total += size(row)
      if total > largest { return max(1, index) }
    }
    return rows.count
  }

  /// An upper bound of the row's encoded size: every number counts as the longest of its type.
  private static func size(_ entry: Entry) -> Int {
    var total =
      512 + entry.userId.utf8.count + (entry.eventId?.utf8.count ?? 0)
      + (entry.idempotency?.key.utf8.count ?? 0) + entry.runId.utf8.count
      + entry.spender.utf8.count
    total += (entry.paymentId ?? entry.referredPaymentId ?? "").utf8.count
    total += (entry.planId ?? entry.referredPlanId ?? "").utf8.count + entry.package.utf8.count
    total += entry.actor.utf8.count + entry.reason.utf8.count + entry.text.description.utf8.count
    for pair in entry.text.metadata { total += pair.key.utf8.count + pair.value.utf8.count + 12 }
    return total + entry.lots.count * allocationByteCount
  }

  private static func size(_ hold: Hold) -> Int {
    192 + hold.userId.utf8.count + hold.runId.utf8.count + hold.spender.utf8.count
      + hold.pins.count * allocationByteCount
  }

  /// An upper bound of a balance's encoded size without the user's id.
  static let balanceByteCount = 124

  /// Two fields of ten bytes with their tags, and the tag and length of the submessage.
  private static let allocationByteCount = 24
}
