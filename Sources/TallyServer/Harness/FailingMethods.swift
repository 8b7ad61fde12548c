// Handlers of methods that first ask whether an injected failure happens to the call.
//
// Invariants:
// 1. A call that fails is answered once. When its connection is dropped, the answer is lost, but it counts in
//    the metrics.
// 2. A delayed call blocks neither its connection nor a lane. A delayed stream takes no messages, so its
//    connection stops reading when too many are buffered.
//
// Owner: connections' queues and the streams' tasks.

internal import TTRPC

extension Failures {
  /// - Parameter name: the method's full name, such as `tallystick.v1.CreditService/Consume`.
  func wrap(_ name: String, _ handler: MethodHandler) -> MethodHandler {
    switch handler {
    case .unary(let answer):
      .unary { [self] context, payload, responder in
        guard let failure = next(method: name) else { return answer(context, payload, responder) }
        fail(failure, context, responder) { answer(context, payload, $0) }
      }
    case .streaming(let kind, let serve): .streaming(kind, wrap(name, serve))
    case .bulk(let serve): .bulk(wrap(name, serve))
    }
  }

  private func wrap(
    _ name: String, _ serve: @escaping MethodHandler.StreamHandler
  ) -> MethodHandler.StreamHandler {
    { [self] context, inbound, outbound in
      guard let failure = next(method: name) else { return try await serve(context, inbound, outbound) }
      try await fail(failure, context) { try await serve(context, inbound, outbound) }
    }
  }

  private static let dropped = Status(.unavailable, "the connection was dropped by an injected failure")

  private func fail(
    _ failure: Injection, _ context: CallContext, _ responder: UnaryResponder,
    _ answer: @escaping @Sendable (UnaryResponder) -> Void
  ) {
    switch failure.action {
    case .refuse: responder.fail(failure.status)
    case .delay: delays.run(afterMillis: failure.delayMillis) { answer(responder) }
    case .dropBefore:
      context.dropConnection()
      responder.fail(Self.dropped)
    case .dropAfter:
      answer(
        UnaryResponder(of: context) { result in
          context.dropConnection()
          switch result {
          case .success(let payload): responder.succeed(payload)
          case .failure(let status): responder.fail(status)
          }
        })
    case .refuseConnection, .storeFull, .storeDelay, .storeUnknown, .unspecified, .unrecognized:
      answer(responder)
    }
  }

  private func fail(
    _ failure: Injection, _ context: CallContext, _ serve: () async throws -> Void
  ) async throws {
    switch failure.action {
    case .refuse: throw failure.status
    case .delay:
      await delays.wait(millis: failure.delayMillis)
      try await serve()
    case .dropBefore:
      context.dropConnection()
      throw Self.dropped
    case .dropAfter:
      defer { context.dropConnection() }
      try await serve()
    case .refuseConnection, .storeFull, .storeDelay, .storeUnknown, .unspecified, .unrecognized:
      try await serve()
    }
  }
}
