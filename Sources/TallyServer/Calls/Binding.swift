// The straight way of a mutation: decode, check, ask the engine, encode. Queries are in QueryBinding.swift.
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
  var watch: LedgerWatch
  var eventWatch: LedgerWatch
  var pageWatch: LedgerWatch
  /// Largest reply that is sent.
  var maximumReplyByteCount: Int
}

typealias Binding = (name: String, handler: MethodHandler)

/// A mutation's command and whose account it names (nil when it names an object by its id).
struct Prepared<Command: Mutation> {
  var command: Command
  var userId: String?
}

extension Services {
  /// A mutation of one command.
  func mutation<Request: Message, Response: Message, Command: Mutation>(
    _ rpc: RPC<Request, Response>, role: Role,
    prepare: @escaping @Sendable (Request, Digest, Caller) throws(Refusal) -> Prepared<Command>,
    reply: @escaping @Sendable (Command.Reply) -> Response
  ) -> Binding {
    let name = rpc.name
    return unkeyedMutation(
      rpc, role: role,
      prepare: { request, caller throws(Refusal) in
        try prepare(request, RequestDigest.make(method: name, request), caller)
      }, reply: reply)
  }

  /// A mutation without an idempotency key: what it names tells a retry, so its digest is not taken.
  func unkeyedMutation<Request: Message, Response: Message, Command: Mutation>(
    _ rpc: RPC<Request, Response>, role: Role,
    prepare: @escaping @Sendable (Request, Caller) throws(Refusal) -> Prepared<Command>,
    reply: @escaping @Sendable (Command.Reply) -> Response
  ) -> Binding {
    let call = MutationCall(services: self, role: role, prepare: prepare, reply: reply)
    return (rpc.method, .unary { call.answer($0, $1, $2) })
  }

  /// A mutation whose reply has a transaction, a balance and perhaps a hold.
  func money<Request: Message, Response: MoneyResponse, Command: Mutation>(
    _ rpc: RPC<Request, Response>, role: Role = .service,
    prepare: @escaping @Sendable (Request, Digest, Caller) throws(Refusal) -> Prepared<Command>
  ) -> Binding where Command.Reply == Receipt {
    mutation(rpc, role: role, prepare: prepare) { Response($0) }
  }

  func hold<Request: Message, Response: HoldResponse, Command: Mutation>(
    _ rpc: RPC<Request, Response>,
    prepare: @escaping @Sendable (Request, Digest, Caller) throws(Refusal) -> Prepared<Command>
  ) -> Binding where Command.Reply == Receipt {
    mutation(rpc, role: .service, prepare: prepare) { receipt in
      var response = Response(receipt)
      response.hold = receipt.hold.map(TallystickV1.Hold.init)
      return response
    }
  }
}

/// A mutation's way from payload to reply.
private struct MutationCall<Request: Message, Response: Message, Command: Mutation>: Sendable {
  var services: Services
  var role: Role
  var prepare: @Sendable (Request, Caller) throws(Refusal) -> Prepared<Command>
  var reply: @Sendable (Command.Reply) -> Response

  func answer(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    if Services.mayWait(role, context) {
      return services.lanes.run(responder) { handle(context, payload, responder) }
    }
    handle(context, payload, responder)
  }

  private func handle(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    do throws(Status) {
      let (command, sharer) = try admit(context, payload)
      var submission = services.submission([command], sharer: sharer, context, byteCount: payload.count)
      submission.objection = objection
      let work = Work(submission: submission, group: context.connection) { [reply] outcomes in
        responder.answer(flush: false) { () throws(Refusal) -> Response in reply(try outcomes[0].get()) }
      }
      services.engine.submit(work)
    } catch { responder.fail(error) }
  }

  /// nil while every reply fits: then none is encoded twice.
  private var objection: (@Sendable (Command.Reply) -> Refusal?)? {
    let largest = services.maximumReplyByteCount
    if largest >= Services.boundedReplyByteCount { return nil }
    return { [reply] result in
      let byteCount = reply(result).encode().count
      if byteCount <= largest { return nil }
      return Refusal(
        .messageTooLarge,
        "the reply would have \(byteCount) bytes, more than \(largest); this call changed nothing",
        details: ["limit": String(largest), "reply_bytes": String(byteCount)])
    }
  }

  private func admit(
    _ context: CallContext, _ payload: [UInt8]
  ) throws(Status) -> (command: Command, sharer: String) {
    let (request, caller) = try services.admit(context, payload, as: Request.self, isWrite: true)
    try services.admitShare(of: request, caller, context)
    let prepared: Prepared<Command>
    do throws(Refusal) {
      prepared = try prepare(request, caller)
    } catch { throw Status(error) }
    try caller.require(role)
    if let userId = prepared.userId { try caller.mayTouch(userId: userId) }
    return (prepared.command, services.sharer(prepared.userId, caller, context))
  }
}

extension Services {
  /// No reply of a mutation of one command is longer, but a page's, which the engine holds to the limit
  /// itself. The longest is DeleteMedia's: 256 ids of pages.
  static let boundedReplyByteCount = 131_072

  func submission<Command: Mutation>(
    _ commands: [Command], sharer: String, _ context: CallContext, byteCount: Int
  ) -> Submission<Command> {
    var submission = Submission(
      commands: commands, sharer: sharer, deadlineNanoseconds: context.deadlineNanoseconds,
      byteCount: byteCount)
    if context.isLone { submission.lead = { context.lead($0) } }
    if context.cancelToken != nil { submission.isCancelled = { context.isCancelled } }
    return submission
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
