// How a query is carried out: decode, parse, check the caller, and answer from memory or from a snapshot.
//
// Invariants:
// 1. A request is parsed once. Whatever depends on the moment, such as the last 30 days, is settled by then,
//    so `quick` and `read` answer the same question.
// 2. Checks come in the order of product.md: admission, fields (`parse`), role, acting user, then the engine.
// 3. A call is answered exactly once.
//
// Owner: runs on the connection's queue as long as memory has the answer; `read` runs on a lane.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

/// A reply's bytes: `bytes` may be kept for later callers, `tail` belongs to this answer only.
struct EncodedReply: Sendable {
  var bytes: [UInt8]
  var tail: [UInt8] = []
}

extension Services {
  /// A query.
  /// - Parameters:
  ///   - parse: checks the request's fields and makes the query of it.
  ///   - userIds: the users whose rows are read.
  ///   - quick: answers from memory, if it can.
  ///   - isLong: `read` may take seconds.
  ///   - read: answers from a snapshot, and may wait for one.
  func query<Request: Message, Response: Message, Query: Sendable>(
    _ rpc: RPC<Request, Response>, role: Role = .readonly, isLong: Bool = false,
    parse: @escaping @Sendable (Request, Caller) throws(Refusal) -> Query,
    userIds: @escaping @Sendable (Request) -> [String] = { _ in [] },
    quick: @escaping @Sendable (Query) -> Response? = { _ in nil },
    read: @escaping @Sendable (Query) throws(Refusal) -> Response
  ) -> Binding {
    encodedQuery(
      rpc, role: role, isLong: isLong, parse: parse, userIds: userIds,
      quick: { query in quick(query).map { EncodedReply(bytes: $0.encode()) } },
      read: { query throws(Refusal) in EncodedReply(bytes: try read(query).encode()) })
  }

  /// A query whose replies are kept as bytes: `quick` need not encode one again.
  func encodedQuery<Request: Message, Response: Message, Query: Sendable>(
    _ rpc: RPC<Request, Response>, role: Role = .readonly, isLong: Bool = false,
    parse: @escaping @Sendable (Request, Caller) throws(Refusal) -> Query,
    userIds: @escaping @Sendable (Request) -> [String] = { _ in [] },
    quick: @escaping @Sendable (Query) -> EncodedReply?,
    read: @escaping @Sendable (Query) throws(Refusal) -> EncodedReply
  ) -> Binding {
    let binding = QueryBinding(
      services: self, role: role, isLong: isLong, parse: parse, userIds: userIds, quick: quick, read: read)
    return (rpc.method, .unary { binding.answer($0, $1, $2) })
  }
}

/// A query's way from payload to reply.
private struct QueryBinding<Request: Message, Query: Sendable>: Sendable {
  var services: Services
  var role: Role
  var isLong: Bool
  var parse: @Sendable (Request, Caller) throws(Refusal) -> Query
  var userIds: @Sendable (Request) -> [String]
  var quick: @Sendable (Query) -> EncodedReply?
  var read: @Sendable (Query) throws(Refusal) -> EncodedReply

  func answer(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    if Services.mayWait(role, context) {
      return services.lanes.run(responder) { handle(context, payload, responder) }
    }
    handle(context, payload, responder)
  }

  private func handle(_ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder) {
    do throws(Status) {
      let query = try admit(context, payload)
      if let reply = quick(query) { return responder.succeed(reply.bytes, tail: reply.tail) }
      let read = read
      services.lanes.run(responder, isLong: isLong) {
        do throws(Refusal) {
          let reply = try read(query)
          responder.succeed(reply.bytes, tail: reply.tail)
        } catch { responder.fail(Status(error)) }
      }
    } catch { responder.fail(error) }
  }

  private func admit(_ context: CallContext, _ payload: [UInt8]) throws(Status) -> Query {
    let (request, caller) = try services.admit(context, payload, as: Request.self, isWrite: false)
    let query: Query
    do throws(Refusal) { query = try parse(request, caller) } catch { throw Status(error) }
    try caller.require(role)
    for userId in userIds(request) { try caller.mayTouch(userId: userId) }
    return query
  }
}
