// The straight way of a unary call: decode, check, ask the engine, encode.
//
// Invariants:
// 1. Checks come in the order of product.md: admission, fields, role, acting user, then the engine.
// 2. A call is answered exactly once. Replies of a commit are flushed together by its group.
// 3. A mutation whose reply would not fit into a message is not applied.
//
// Owner: runs on the connection's queue until the engine or a lane takes over.

public import TTRPC
public import TallyCore
internal import TallyMessages

extension Outbox: ReplyGroup {}

/// What every service needs.
struct Services: Sendable {
  var engine: any ServedEngine
  var replies: ReplyCaches
  var allowList: AllowList
  var lanes: ReadLanes
  var limiter: RateLimiter
  /// Largest reply that is sent.
  var maximumReplyByteCount: Int
}

typealias Binding = (name: String, handler: MethodHandler)

/// A reply's bytes: what may be kept for the next who asks, and what goes with this answer only.
struct EncodedReply: Sendable {
  var bytes: [UInt8]
  var tail: [UInt8] = []
}

/// A mutation's command and whose account it names (nil when it names an object by its id).
struct Prepared {
  var command: Command
  var userId: String?
}

extension Services {
  /// A query: `fields` checks the request, `userIds` names the users whose rows are read, `quick`
  /// answers from memory if it can, `answer` reads.
  func query<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, role: Role = .readonly,
    fields: @escaping @Sendable (Request) throws(Refusal) -> Void,
    userIds: @escaping @Sendable (Request) -> [String] = { _ in [] },
    quick: @escaping @Sendable (Request) -> Response? = { _ in nil },
    answer: @escaping @Sendable (Request, Caller) throws(Refusal) -> Response
  ) -> Binding {
    encodedQuery(
      rpc, role: role, fields: fields, userIds: userIds,
      quick: { request, _ in quick(request).map { EncodedReply(bytes: $0.encode()) } },
      answer: { request, caller throws(Refusal) in
        EncodedReply(bytes: try answer(request, caller).encode())
      })
  }

  /// A query whose replies are kept as bytes: neither `quick` nor `answer` need decode or encode them.
  func encodedQuery<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, role: Role = .readonly,
    fields: @escaping @Sendable (Request) throws(Refusal) -> Void,
    userIds: @escaping @Sendable (Request) -> [String] = { _ in [] },
    quick: @escaping @Sendable (Request, Caller) -> EncodedReply?,
    answer: @escaping @Sendable (Request, Caller) throws(Refusal) -> EncodedReply
  ) -> Binding {
    let query = Query(
      services: self, role: role, fields: fields, userIds: userIds, quick: quick, read: answer)
    return (rpc.method, .unary { query.answer($0, $1, $2) })
  }

  /// A mutation of one command.
  func mutation<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, role: Role,
    prepare: @escaping @Sendable (Request, Digest, Caller) throws(Refusal) -> Prepared,
    reply: @escaping @Sendable (Outcome) throws(Refusal) -> Response
  ) -> Binding {
    let name = rpc.name
    return unkeyedMutation(
      rpc, role: role,
      prepare: { request, caller throws(Refusal) in
        try prepare(request, RequestDigest.make(method: name, request), caller)
      }, reply: reply)
  }

  /// A mutation without an idempotency key: what it names tells a retry, so its digest is not taken.
  func unkeyedMutation<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, role: Role,
    prepare: @escaping @Sendable (Request, Caller) throws(Refusal) -> Prepared,
    reply: @escaping @Sendable (Outcome) throws(Refusal) -> Response
  ) -> Binding {
    let mutation = Mutation(services: self, role: role, prepare: prepare, reply: reply)
    return (rpc.method, .unary { mutation.answer($0, $1, $2) })
  }

  /// A mutation whose reply has a transaction, a balance and perhaps a hold.
  func money<Request: Message, Response: MoneyResponse>(
    _ rpc: RPC<Request, Response>, role: Role = .service,
    prepare: @escaping @Sendable (Request, Digest, Caller) throws(Refusal) -> Prepared
  ) -> Binding {
    mutation(rpc, role: role, prepare: prepare) { outcome throws(Refusal) in Response(try receipt(outcome)) }
  }

  func hold<Request: Message, Response: HoldResponse>(
    _ rpc: RPC<Request, Response>,
    prepare: @escaping @Sendable (Request, Digest, Caller) throws(Refusal) -> Prepared
  ) -> Binding {
    mutation(rpc, role: .service, prepare: prepare) { outcome throws(Refusal) in
      let receipt = try receipt(outcome)
      var response = Response(receipt)
      response.hold = receipt.hold.map(TallystickV1.Hold.init)
      return response
    }
  }
}

/// A query's way from payload to reply.
private struct Query<Request: Message>: Sendable {
  var services: Services
  var role: Role
  var fields: @Sendable (Request) throws(Refusal) -> Void
  var userIds: @Sendable (Request) -> [String]
  var quick: @Sendable (Request, Caller) -> EncodedReply?
  var read: @Sendable (Request, Caller) throws(Refusal) -> EncodedReply

  func answer(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    if Services.mayWait(role, context) {
      return services.lanes.run(responder) { handle(context, payload, responder) }
    }
    handle(context, payload, responder)
  }

  private func handle(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    do throws(Status) {
      let (request, caller) = try admit(context, payload)
      if let reply = quick(request, caller) { return responder.succeed(reply.bytes, tail: reply.tail) }
      let read = read
      services.lanes.run(responder) {
        do throws(Refusal) {
          let reply = try read(request, caller)
          responder.succeed(reply.bytes, tail: reply.tail)
        } catch { responder.fail(Status(error)) }
      }
    } catch { responder.fail(error) }
  }

  private func admit(_ context: CallContext, _ payload: [UInt8]) throws(Status) -> (Request, Caller) {
    let (request, caller) = try services.admit(context, payload, as: Request.self, isWrite: false)
    do throws(Refusal) { try fields(request) } catch { throw Status(error) }
    try caller.require(role)
    for userId in userIds(request) { try caller.mayTouch(userId: userId) }
    return (request, caller)
  }
}

/// A mutation's way from payload to reply.
private struct Mutation<Request: Message, Response: Message>: Sendable {
  var services: Services
  var role: Role
  var prepare: @Sendable (Request, Caller) throws(Refusal) -> Prepared
  var reply: @Sendable (Outcome) throws(Refusal) -> Response

  func answer(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    if Services.mayWait(role, context) {
      return services.lanes.run(responder) { handle(context, payload, responder) }
    }
    handle(context, payload, responder)
  }

  private func handle(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    do throws(Status) {
      let prepared = try admit(context, payload)
      var submission = services.submission(
        [prepared.command], userId: prepared.userId, context, byteCount: payload.count)
      submission.objection = objection
      services.engine.submit(submission, group: context.connection) { [reply] outcomes in
        responder.answer(flush: false) { () throws(Refusal) -> Response in try reply(outcomes[0]) }
      }
    } catch { responder.fail(error) }
  }

  /// nil while every reply fits: then none is encoded twice.
  private var objection: (@Sendable (Outcome) -> Refusal?)? {
    let largest = services.maximumReplyByteCount
    if largest >= Services.boundedReplyByteCount { return nil }
    return { [reply] outcome in
      let response: Response
      do throws(Refusal) { response = try reply(outcome) } catch { return nil }
      let byteCount = response.encode().count
      if byteCount <= largest { return nil }
      return Refusal(
        .messageTooLarge,
        "the reply would have \(byteCount) bytes, more than \(largest); this call changed nothing",
        details: ["limit": String(largest), "reply_bytes": String(byteCount)])
    }
  }

  private func admit(_ context: CallContext, _ payload: [UInt8]) throws(Status) -> Prepared {
    let (request, caller) = try services.admit(context, payload, as: Request.self, isWrite: true)
    let prepared: Prepared
    do throws(Refusal) {
      prepared = try prepare(request, caller)
    } catch { throw Status(error) }
    try caller.require(role)
    if let userId = prepared.userId { try caller.mayTouch(userId: userId) }
    return prepared
  }
}

extension Services {
  /// No reply of a mutation of one command is longer, but a page's, which the engine holds to the limit
  /// itself. The longest is DeleteMedia's: 256 ids of pages.
  static let boundedReplyByteCount = 131_072

  /// - Parameter userId: nil when the submission counts against nobody.
  func submission(
    _ commands: [Command], userId: String?, _ context: CallContext, byteCount: Int
  ) -> Submission {
    var submission = Submission(
      commands: commands, userId: userId ?? "", deadlineNanoseconds: context.deadlineNanoseconds,
      byteCount: byteCount)
    if context.isLone { submission.lead = { context.lead($0) } }
    if context.cancelToken != nil { submission.isCancelled = { context.isCancelled } }
    return submission
  }
}

func receipt(_ outcome: Outcome) throws(Refusal) -> Receipt {
  switch outcome {
  case .applied(let receipt): return receipt
  case .refused(let refusal): throw refusal
  case .planStored, .usage, .page, .admin:
    throw Refusal(.corrupt, "the engine gave an unexpected outcome for a credit command")
  }
}

extension UnaryResponder {
  func answer<Response: Message>(flush: Bool = true, _ work: () throws(Refusal) -> Response) {
    do throws(Refusal) {
      succeed(try work().encode(), flush: flush)
    } catch { fail(Status(error), flush: flush) }
  }
}

func decode<Request: Message>(_ type: Request.Type, _ payload: [UInt8]) throws(Status) -> Request {
  do throws(DecodeError) { return try Request.decode(payload) } catch {
    throw Status(Refusal(error))
  }
}

/// The one message of a server stream's request.
func single<Request: Message>(_ type: Request.Type, _ inbound: MessageStream) async throws(Status) -> Request
{
  guard let payload = try await inbound.next() else {
    throw Status(invalidField("payload", "is missing"))
  }
  return try decode(Request.self, payload)
}
