// Batches: one submission, one commit, one result an item in order.
//
// Invariants:
// 1. Items are independent: one whose fields are wrong gets its own error, and the others go on. Only where a
//    request asks for all or none, its items are one command.
// 2. A batch whose reply could outgrow the largest message is refused before anything is applied. The
//    results carry no free text, which the caller has; lots are left out when they alone would not fit
//    (GetTransaction has them).
//
// Owner: the connection's queue until the engine takes over.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

/// A batch request whose items are requests of their own.
protocol BatchRequest: Message {
  associatedtype Item: Message
  /// The field that holds them.
  static var itemsField: String { get }
  static var maximumItemCount: Int { get }
  var items: [Item] { get }
}

/// One item's result: its reply or its error.
protocol BatchResult: Message {
  associatedtype Command: BatchCommand
  /// What became of an item that was applied, and the commit that did it.
  static func applied(
    _ reply: Command.Reply, _ budget: inout LotBudget
  ) -> (result: Self, commitSequence: Int64)
  init(error: TallystickV1.ItemError)
}

/// A result that carries the reply of a method that moves money.
protocol MoneyResult: BatchResult where Command.Reply == Receipt {
  associatedtype Applied: MoneyResponse
  init(applied: Applied)
}

extension MoneyResult {
  static func applied(
    _ reply: Receipt, _ budget: inout LotBudget
  ) -> (result: Self, commitSequence: Int64) {
    var receipt = reply
    receipt.transaction.text = FreeText()
    if !budget.takes(receipt.transaction.lots.count) { receipt.transaction.lots = [] }
    return (Self(applied: Applied(receipt)), receipt.transaction.commit.sequence)
  }
}

/// How many lots a reply may still tell of.
struct LotBudget {
  /// Two fields of ten bytes with their tags, and the submessage's own.
  private static let lotByteCount = 24

  private var byteCount: Int

  init(byteCount: Int) { self.byteCount = byteCount }

  /// - Returns: false when they do not fit, and then nothing does any more.
  mutating func takes(_ lotCount: Int) -> Bool {
    byteCount -= lotCount * Self.lotByteCount
    return byteCount >= 0
  }
}

protocol BatchResponse: Message {
  associatedtype Result: BatchResult
  var results: [Result] { get set }
  var commitSequence: Int64 { get set }
}

extension TallystickV1.BatchConsumeRequest: BatchRequest {
  static var itemsField: String { "items" }
  static var maximumItemCount: Int { Limits.batchItemCount }
}
extension TallystickV1.BatchConsumeResponse: BatchResponse {}
extension TallystickV1.ConsumeResult: MoneyResult {
  typealias Command = CreditCommand.Consume

  init(applied: TallystickV1.ConsumeResponse) {
    self.init()
    result = .applied(applied)
  }
  init(error: TallystickV1.ItemError) {
    self.init()
    result = .error(error)
  }
}

extension TallystickV1.BatchGrantPlanRequest: BatchRequest {
  static var itemsField: String { "items" }
  static var maximumItemCount: Int { Limits.batchItemCount }
}
extension TallystickV1.BatchGrantPlanResponse: BatchResponse {}
extension TallystickV1.GrantPlanResult: MoneyResult {
  typealias Command = CreditCommand.GrantPlan

  init(applied: TallystickV1.GrantPlanResponse) {
    self.init()
    result = .applied(applied)
  }
  init(error: TallystickV1.ItemError) {
    self.init()
    result = .error(error)
  }
}

extension TallystickV1.RecordRunsRequest: BatchRequest {
  static var itemsField: String { "runs" }
  static var maximumItemCount: Int { Limits.runBatchCount }
  var items: [TallystickV1.RecordRunRequest] { runs }
}
extension TallystickV1.RecordRunsResponse: BatchResponse {}
extension TallystickV1.RecordRunResult: BatchResult {
  typealias Command = UsageCommand.Record

  static func applied(
    _ receipt: RunReceipt, _ budget: inout LotBudget
  ) -> (result: Self, commitSequence: Int64) {
    var result = Self()
    result.replayed = receipt.replayed
    result.commitPosition = receipt.commit.position
    return (result, receipt.commit.sequence)
  }
  init(error: TallystickV1.ItemError) {
    self.init()
    self.error = error
  }
}

enum BatchBinding {
  static func consume(_ services: Services) -> Binding {
    let method = TallystickV1.CreditService.consume.name
    return bind(
      services, TallystickV1.CreditService.batchConsume,
      prepare: { request, path throws(Refusal) in
        try CreditRequests.consume(request, RequestDigest.make(method: method, request), path)
      },
      whole: { request throws(Refusal) in
        switch request.mode {
        case .unspecified, .independent: nil
        case .atomic: { CreditCommand.AtomicConsume(items: $0) }
        case .unrecognized: throw invalidField("mode", "is not a batch mode")
        }
      })
  }

  static func grantPlan(_ services: Services) -> Binding {
    let method = TallystickV1.CreditService.grantPlan.name
    return bind(
      services, TallystickV1.CreditService.batchGrantPlan,
      prepare: { request, path throws(Refusal) in
        try CreditRequests.grantPlan(request, RequestDigest.make(method: method, request), path)
      })
  }

  static func recordRuns(_ services: Services) -> Binding {
    bind(
      services, TallystickV1.UsageService.recordRuns,
      prepare: { request, path throws(Refusal) in try RunRequests.record(request, path) })
  }

  private static func bind<Request: BatchRequest, Response: BatchResponse>(
    _ services: Services, _ rpc: RPC<Request, Response>,
    prepare: @escaping Batch<Request, Response>.Prepare,
    whole: @escaping Batch<Request, Response>.Whole = { _ in nil }
  ) -> Binding {
    let batch = Batch<Request, Response>(services: services, prepare: prepare, whole: whole)
    return (rpc.method, .unary { batch.answer($0, $1, $2) })
  }
}

/// Makes one command of all items of a batch.
private typealias Joining<Command: Mutation> =
  @Sendable ([Outcome<Command>]) -> any Mutation<[Outcome<Command.Reply>]>

/// A batch's way from payload to reply.
private struct Batch<Request: BatchRequest, Response: BatchResponse>: Sendable {
  typealias Command = Response.Result.Command
  typealias Prepare = @Sendable (Request.Item, FieldPath) throws(Refusal) -> Prepared<Command>
  /// nil: each item is decided on its own.
  typealias Whole = @Sendable (Request) throws(Refusal) -> Joining<Command>?

  var services: Services
  var prepare: Prepare
  var whole: Whole

  func answer(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    do throws(Status) {
      let (batch, whole, sharer) = try admit(context, payload)
      let largest = services.maximumReplyByteCount
      let answer = { @Sendable (results: [Outcome<Command.Reply>]) throws(Refusal) -> Response in
        try batch.response(results, largest: largest)
      }
      if let whole {
        submit(whole: whole(batch.items), sharer, context, byteCount: payload.count, responder, answer)
      } else if batch.commands.isEmpty {
        responder.answer { () throws(Refusal) in try answer(batch.results([])) }
      } else {
        submit(batch.commands, sharer, context, byteCount: payload.count, responder) {
          (outcomes) throws(Refusal) in try answer(batch.results(outcomes))
        }
      }
    } catch { responder.fail(error) }
  }

  private func submit<Joined: Mutation<[Outcome<Command.Reply>]>>(
    whole command: Joined, _ sharer: String, _ context: CallContext, byteCount: Int,
    _ responder: UnaryResponder,
    _ answer: @escaping @Sendable ([Outcome<Command.Reply>]) throws(Refusal) -> Response
  ) {
    submit([command], sharer, context, byteCount: byteCount, responder) { (outcomes) throws(Refusal) in
      try answer(try outcomes[0].get())
    }
  }

  private func submit<Item: Mutation>(
    _ commands: [Item], _ sharer: String, _ context: CallContext, byteCount: Int,
    _ responder: UnaryResponder,
    reply: @escaping @Sendable ([Outcome<Item.Reply>]) throws(Refusal) -> Response
  ) {
    let submission = services.submission(commands, sharer: sharer, context, byteCount: byteCount)
    services.engine.submit(
      Work(submission: submission, group: context.connection) { outcomes in
        responder.answer(flush: false) { () throws(Refusal) in try reply(outcomes) }
      })
  }

  private func admit(
    _ context: CallContext, _ payload: [UInt8]
  ) throws(Status) -> (batch: PreparedBatch<Response>, whole: Joining<Command>?, sharer: String) {
    let (request, caller) = try services.admit(context, payload, as: Request.self, isWrite: true)
    try services.admitShare(of: request, caller, context)
    let batch: PreparedBatch<Response>
    let whole: Joining<Command>?
    do throws(Refusal) {
      whole = try self.whole(request)
      try Fields.count(request.items.count, Request.itemsField, atMost: Request.maximumItemCount)
      batch = try PreparedBatch(
        request.items, Request.itemsField, largest: services.maximumReplyByteCount, prepare)
    } catch { throw Status(error) }
    try caller.require(.service)
    for userId in batch.userIds { try caller.mayTouch(userId: userId) }
    let userId = batch.userIds.count == 1 ? batch.userIds[0] : nil
    return (batch, whole, services.sharer(userId, caller, context))
  }
}

/// The items of a batch, each a command or the refusal that its fields earned.
private struct PreparedBatch<Response: BatchResponse>: Sendable {
  typealias Command = Response.Result.Command

  var items: [Outcome<Command>] = []
  /// Distinct, in no order.
  var userIds: [String] = []

  /// An item's reply without its texts and lots: numbers at their longest.
  private static var itemByteCount: Int { 320 }

  init<Item: Message>(
    _ items: [Item], _ field: String, largest: Int,
    _ prepare: (Item, FieldPath) throws(Refusal) -> Prepared<Command>
  ) throws(Refusal) {
    var replyByteCount = 64
    var seen: Set<ExactText> = []
    self.items.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      replyByteCount += Self.itemByteCount
      do throws(Refusal) {
        let prepared = try prepare(item, FieldPath(prefix: "\(field)[\(index)]."))
        self.items.append(.success(prepared.command))
        replyByteCount += prepared.command.echoedByteCount
        if let userId = prepared.userId { seen.insert(ExactText(userId)) }
      } catch { self.items.append(.failure(error)) }
    }
    userIds = seen.map(\.text)
    if replyByteCount > largest {
      throw Refusal(
        .batchTooLarge, "the reply could have \(replyByteCount) bytes; the limit is \(largest)",
        details: ["field": field, "limit": String(largest)])
    }
  }

  var commands: [Command] { items.compactMap(\.accepted) }

  /// What became of each item.
  /// - Parameter outcomes: of `commands`.
  func results(_ outcomes: [Outcome<Command.Reply>]) -> [Outcome<Command.Reply>] {
    var outcomes = outcomes[...]
    return items.map { item in
      switch item {
      case .success: outcomes.removeFirst()
      case .failure(let refusal): .failure(refusal)
      }
    }
  }

  /// - Parameter results: one an item.
  /// - Throws: a refusal that every command shares because none was tried (queue full, outcome unknown).
  func response(_ results: [Outcome<Command.Reply>], largest: Int) throws(Refusal) -> Response {
    var response = Response()
    response.results.reserveCapacity(results.count)
    var budget = LotBudget(byteCount: max(0, largest - results.count * Self.itemByteCount) / 2)
    for result in results {
      switch result {
      case .failure(let refusal):
        // Nothing was tried: the whole call failed, and its caller may send it again.
        if refusal.concernsWholeSubmission { throw refusal }
        response.commitSequence = max(response.commitSequence, refusal.commit?.sequence ?? 0)
        response.results.append(Response.Result(error: TallystickV1.ItemError(refusal)))
      case .success(let reply):
        let applied = Response.Result.applied(reply, &budget)
        response.commitSequence = max(response.commitSequence, applied.commitSequence)
        response.results.append(applied.result)
      }
    }
    return response
  }
}

extension Refusal {
  /// Whether none of the commands of its submission was tried.
  var concernsWholeSubmission: Bool { commit == nil && reason.concernsWholeSubmission }
}

extension Reason {
  /// Decided for a whole submission before or after its commands, never for one of them.
  fileprivate var concernsWholeSubmission: Bool {
    switch self {
    case .deadlineExceeded, .cancelled, .shuttingDown, .queueFull, .diskFull, .readOnly, .corrupt,
      .outcomeUnknown:
      true
    case .messageTooLarge, .invalidAmount, .invalidField, .invalidCursor, .batchTooLarge, .duplicateSection,
      .eventTooOld,
      .eventInFuture, .userNotFound, .paymentNotFound, .transactionNotFound, .holdNotFound, .grantNotFound,
      .runNotFound,
      .pageNotFound, .mediaNotFound, .versionNotFound, .idempotencyMismatch, .grantConflict,
      .grantOverlaps, .paymentConflict, .eventConflict, .runConflict, .slugTaken, .holdExpired, .holdSettled,
      .captureExceedsHold, .transactionNotRefundable, .refundExceeds, .reversalExceeds, .reversalShort,
      .voidShort, .topUpIntentNotFound, .topUpIntentEnded, .topUpIntentNotLeased, .versionConflict,
      .mediaInUse, .userSuspended, .paymentDue, .holdLimit, .lotLimit, .amountOverflow, .quotaExceeded,
      .capExceeded, .insufficientCredits, .batchAborted:
      false
    }
  }
}

/// A command of which a batch may hold many.
protocol BatchCommand: Mutation {
  /// Bytes of text that a batch's result repeats.
  var echoedByteCount: Int { get }
}

extension CreditCommand.Consume: BatchCommand {
  var echoedByteCount: Int {
    2 * userId.utf8.count + idempotency.key.utf8.count + runId.utf8.count
  }
}

extension CreditCommand.GrantPlan: BatchCommand {
  var echoedByteCount: Int {
    2 * userId.utf8.count + idempotency.key.utf8.count + planId.utf8.count
  }
}

extension UsageCommand.Record: BatchCommand {
  var echoedByteCount: Int { runId.utf8.count + model.utf8.count }
}
