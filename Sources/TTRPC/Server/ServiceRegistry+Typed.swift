// Methods as functions of messages: async, with typed requests and replies.
//
// Invariants:
// 1. A handler that returns or throws has answered its call: none is forgotten.
// 2. A handler's task is cancelled when nobody waits for its answer any more.

extension ServiceRegistry {
  /// One request, one reply. What the handler throws is the call's status if it is a `Status`; anything else
  /// is INTERNAL, and goes to `ServerOptions.hooks.handlerFailed`.
  public mutating func unary<Request: WireMessage, Reply: WireMessage>(
    _ service: String, _ method: String,
    _ handler: @escaping @Sendable (Request, CallContext) async throws -> Reply
  ) {
    add(
      service, method,
      .unary { context, payload, responder in
        UnaryRunner.start(context, responder) {
          try await handler(try decoded(payload), context).wireBytes()
        }
      })
  }

  /// Many requests, one reply.
  public mutating func clientStream<Request: WireMessage, Reply: WireMessage>(
    _ service: String, _ method: String,
    _ handler: @escaping @Sendable (TypedStream<Request>, CallContext) async throws -> Reply
  ) {
    add(
      service, method,
      .streaming(.clientStream) { context, messages, sink in
        let reply = try await handler(TypedStream(messages: messages), context)
        try await sink.send(reply.wireBytes())
      })
  }

  /// One request, many replies. The stream ends well when the handler returns.
  public mutating func serverStream<Request: WireMessage, Reply: WireMessage>(
    _ service: String, _ method: String,
    _ handler: @escaping @Sendable (Request, TypedSink<Reply>, CallContext) async throws -> Void
  ) {
    add(
      service, method,
      .streaming(.serverStream) { context, messages, sink in
        guard let payload = try await messages.next() else {
          throw Status(.invalidArgument, "the request's message is missing")
        }
        try await handler(try decoded(payload), TypedSink(sink: sink), context)
      })
  }

  /// Many requests, many replies, in any order. The stream ends well when the handler returns.
  public mutating func bidi<Request: WireMessage, Reply: WireMessage>(
    _ service: String, _ method: String,
    _ handler: @escaping @Sendable (TypedStream<Request>, TypedSink<Reply>, CallContext) async throws -> Void
  ) {
    add(
      service, method,
      .streaming(.bidi) { context, messages, sink in
        try await handler(TypedStream(messages: messages), TypedSink(sink: sink), context)
      })
  }

  private mutating func add(_ service: String, _ method: String, _ handler: MethodHandler) {
    add(service: service, methods: [method: handler])
  }
}

/// Runs an async unary handler in a task and answers with what comes of it.
enum UnaryRunner {
  static func start(
    _ context: CallContext, _ responder: UnaryResponder,
    _ body: @escaping @Sendable () async throws -> [UInt8]
  ) {
    let task = Task {
      do {
        responder.succeed(try await body())
      } catch let status as Status {
        responder.fail(status)
      } catch is CancellationError where context.isCancelled {
        // The call was answered as it was cancelled.
      } catch {
        responder.fail(unexpected: error)
      }
    }
    context.onCancel { status in
      responder.fail(status)
      task.cancel()
    }
  }
}
