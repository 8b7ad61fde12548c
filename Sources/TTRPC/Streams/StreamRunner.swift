// Runs a streaming call's handler in a task, and ends the call with its result.
//
// Invariants:
// 1. A call that is cancelled, past its deadline or past its lifetime is answered at once; what its
//    handler does afterwards reaches nobody.
// 2. No handler begins while too much waits for the peer.
//
// Owner: the task.

internal import TallyLocking

enum StreamRunner {
  typealias Handler = @Sendable (CallContext, MessageStream, MessageSink) async throws -> Void

  static func start(
    _ call: Call, _ inbound: InboundBuffer, _ handler: @escaping Handler, lifetime: UInt64?
  ) {
    let task = Task {
      await run(call, inbound, handler)
    }
    call.connection.onCancel(call) { status in
      inbound.fail(status)
      task.cancel()
      call.connection.fail(call, status, flush: true)
    }
    if let lifetime { call.connection.limitLifetime(call, nanoseconds: lifetime) }
  }

  private static func run(_ call: Call, _ inbound: InboundBuffer, _ handler: Handler) async {
    let response = call.entry.kind.serverStreams ? nil : Lock(MessageSink.ResponseState.none)
    let sink = MessageSink(call: call, response: response)
    let outbox = call.connection
    // What the handler has not taken by then nobody will: whoever waits for room waits no longer.
    defer { inbound.fail(Status(.cancelled, "the call has ended")) }
    do {
      // Nothing is made for a peer that does not read.
      if outbox.isPaused { try await outbox.waitForRoom(of: call, byteCount: 0) }
      try await handler(CallContext(call: call), MessageStream(buffer: inbound), sink)
    } catch let status as Status {
      outbox.fail(call, status, flush: true)
      return
    } catch {
      outbox.fail(call, outbox.unexpected(call, error), flush: true)
      return
    }
    guard let response else { return outbox.finishStream(call) }
    switch response.withLock({ $0 }) {
    case .given(let message): outbox.answer(call, message, tail: [], flush: true)
    case .none: outbox.fail(call, outbox.unexpected(call, MissingResponse()), flush: true)
    }
  }
}

/// The handler of a client stream returned without a response.
struct MissingResponse: Error, CustomStringConvertible {
  var description: String { "the handler of a client stream sent no response" }
}
