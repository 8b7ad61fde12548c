// tallystick.testing.v1.Conformance, served by hand: what it does is what each request says.
//
// Owned by the server that serves it.

import Dispatch
import TallyLocking

@testable import TTRPC

enum ConformanceService {
  static let name = "tallystick.testing.v1.Conformance"
  static let control = "tallystick.v1.Control"

  /// What a handler throws that is no status.
  struct Surprise: Error, Equatable {
    var secret = "the cellar key is under the mat"
  }

  /// `server` is asked for by Cancel, once a call comes.
  static func registry(cancel: @escaping @Sendable (String, UInt32) -> Int) -> ServiceRegistry {
    var registry = ServiceRegistry()
    registry.add(
      service: name,
      methods: [
        "Echo": .unary { _, payload, responder in responder.succeed(payload) },
        "EchoLater": .unary { _, payload, responder in
          DispatchQueue.global().async { responder.succeed(payload) }
        },
        "Fail": .unary(fail),
        "Sleep": .unary(sleep),
        "Twice": .unary { _, payload, responder in
          responder.succeed(payload)
          responder.succeed([])
          responder.fail(Status(.internalError, "never seen"))
        },
        "Surprise": .unary { _, _, responder in responder.fail(unexpected: Surprise()) },
        "SurpriseStream": .streaming(.serverStream) { _, _, _ in throw Surprise() },
        "Mute": .streaming(.clientStream) { _, _, _ in },
        "Sum": .streaming(.clientStream, sum),
        "Count": .streaming(.serverStream, count),
        "Chat": .streaming(.bidi, chat),
        "Ignore": .streaming(.bidi, ignore),
        "Inspect": .unary(inspect),
      ])
    registry.add(
      service: control,
      methods: [
        "Cancel": .unary { context, payload, responder in
          let token = (try? Message(payload))?.text(1) ?? ""
          let count = cancel(token, context.peer.uid)
          responder.succeed(Message().with(1, Int64(count)).encoded)
        }
      ])
    return registry
  }

  @Sendable static func fail(
    _ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder
  ) {
    do {
      let request = try Message(payload)
      guard let status = status(request) else { return responder.succeed([]) }
      responder.fail(status)
    } catch {
      responder.fail(Status(.invalidArgument, "malformed FailRequest"))
    }
  }

  static func status(_ request: Message) -> Status? {
    guard request.number(1) != 0 else { return nil }
    let code = StatusCode(rawValue: Int32(truncatingIfNeeded: request.number(1))) ?? .unknown
    return Status(
      code, request.text(2),
      details: request.all(3).map { StatusDetail(typeURL: "test/detail", value: $0) })
  }

  @Sendable static func sleep(
    _ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder
  ) {
    let millis = ((try? Message(payload))?.number(1)) ?? 0
    context.onCancel { responder.fail($0) }
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(millis))) {
      responder.succeed([])
    }
  }

  @Sendable static func sum(
    _ context: CallContext, _ messages: MessageStream, _ sink: MessageSink
  ) async throws {
    var count: Int64 = 0
    var sum: Int64 = 0
    for try await message in messages {
      count += 1
      sum += try Message(message).number(2)
    }
    try await sink.send(Message().with(1, count).with(2, sum).encoded)
  }

  @Sendable static func count(
    _ context: CallContext, _ messages: MessageStream, _ sink: MessageSink
  ) async throws {
    guard let payload = try await messages.next() else { return }
    let request = try Message(payload)
    let body = [UInt8](repeating: 7, count: Int(request.number(2)))
    for index in 0..<request.number(1) {
      try await sink.send(Message().with(2, index).with(3, bytes: body).encoded)
    }
    if let failure = request.all(3).first, let status = status(try Message(failure)) { throw status }
  }

  @Sendable static func chat(
    _ context: CallContext, _ messages: MessageStream, _ sink: MessageSink
  ) async throws {
    for try await message in messages { try await sink.send(message) }
  }

  /// Takes one message and then none until the call ends.
  @Sendable static func ignore(
    _ context: CallContext, _ messages: MessageStream, _ sink: MessageSink
  ) async throws {
    _ = try await messages.next()
    try await sink.send([])
    try await Task.sleep(for: .seconds(3600))
  }

  @Sendable static func inspect(
    _ context: CallContext, _ payload: [UInt8], _ responder: UnaryResponder
  ) {
    var reply = Message()
    for pair in context.metadata {
      reply = reply.with(1, message: Message().with(1, pair.key).with(2, pair.value))
    }
    if let deadline = context.deadlineNanoseconds {
      reply = reply.with(2, Int64(deadline) - Int64(context.nowNanoseconds))
    }
    reply = reply.with(3, Int64(context.peer.uid)).with(4, Int64(context.peer.gid))
    responder.succeed(reply.with(5, Int64(context.peer.pid)).encoded)
  }
}

/// Service "s": Hold waits until the test lets it go, Echo does not.
final class Gate: Sendable {
  private let held = Lock<[(context: CallContext, responder: UnaryResponder)]>([])

  var registry: ServiceRegistry {
    var registry = ServiceRegistry()
    registry.add(
      service: "s",
      methods: [
        "Hold": .unary { [held] context, _, responder in
          held.withLock { $0.append((context, responder)) }
        },
        "Echo": .unary { _, payload, responder in responder.succeed(payload) },
      ])
    return registry
  }

  var count: Int { held.withLock { $0.count } }
  var contexts: [CallContext] { held.withLock { $0.map(\.context) } }

  /// Answers what waits, in the order it came.
  func release(_ answer: (UnaryResponder) -> Void) {
    let calls = held.withLock { held in
      let calls = held
      held = []
      return calls
    }
    for call in calls { answer(call.responder) }
  }
}
