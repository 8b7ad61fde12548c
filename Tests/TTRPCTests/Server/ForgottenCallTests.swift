// Handlers that end without an answer, and that every other way in which a handler can end is the call's end.

import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Forgotten calls")
struct ForgottenCallTests {
  private struct Surprise: Error {}

  /// Service "s", each method of which ends in its own way; `gate` has the calls of Hold.
  private static func registry(_ gate: Gate) -> ServiceRegistry {
    var registry = gate.registry
    registry.add(
      service: "s",
      methods: [
        "Forget": .unary { _, _, _ in },
        "ForgetLater": .unary { context, _, responder in
          // Held by the call itself until it is cancelled, and then not used.
          context.onCancel { _ in _ = responder }
        },
        "Weak": .unary { context, _, responder in
          context.onCancel { [weak responder] in responder?.fail($0) }
        },
        "Divert": .unary { context, _, responder in
          _ = UnaryResponder(of: context) { result in
            switch result {
            case .success(let payload): responder.succeed(payload)
            case .failure(let status): responder.fail(Status(.aborted, status.message))
            }
          }
        },
        "NoResponse": .streaming(.clientStream) { _, _, _ in },
        "StreamError": .streaming(.serverStream) { _, _, _ in throw Surprise() },
        "StreamStatus": .streaming(.bidi) { _, _, _ in throw Status(.notFound, "") },
        "StreamQuits": .streaming(.serverStream) { _, _, _ in throw CancellationError() },
      ])
    registry.unary("s", "Error") { (_: [UInt8], _) -> [UInt8] in throw Surprise() }
    registry.unary("s", "Status") { (_: [UInt8], _) -> [UInt8] in throw Status(.notFound, "") }
    registry.unary("s", "Quits") { (_: [UInt8], _) -> [UInt8] in throw CancellationError() }
    return registry
  }

  /// There is room for one call: what a call leaves behind shuts out the next.
  private func serve(_ gate: Gate = Gate()) throws -> TestServer {
    try TestServer(registry: Self.registry(gate)) { $0.maximumInFlight = 1 }
  }

  @Test("a handler that forgets to answer has failed, and its call leaves room", arguments: [1, 20])
  func forgets(count: UInt32) async throws {
    let host = try serve()
    let raw = try host.raw()
    for index in 0..<count {
      try await raw.send(.request(2 * index + 1, "Forget", service: "s"))
      let status = try #require(try await raw.frame()?.status)
      #expect(status.code == .internalError)
      #expect(status.message.hasPrefix("the handler did not answer"))
    }
    #expect(host.handlerFailures.count == Int(count))
    #expect(host.handlerFailures.allSatisfy { $0.error == "the handler did not answer" && !$0.id.isEmpty })
    try await raw.send(.request(101, "Echo", [1], service: "s"))
    #expect(try await raw.frame()?.message == [1])
  }

  @Test("a responder that is let go of after its handler returned answers, and lets the server drain")
  func later() async throws {
    let gate = Gate()
    let host = try serve(gate)
    let raw = try host.raw()
    try await raw.send(.request(1, "Hold", service: "s"))
    await eventually("it is held") { gate.count == 1 }
    let shutdown = Task { await host.server.shutdown(drainNanoseconds: 1_000_000_000_000) }
    await eventually("it drains") { unsafe access(host.path, F_OK) != 0 }
    #expect(host.closeReasons.isEmpty)
    gate.release { _ in }
    #expect(try await raw.frame()?.status?.code == .internalError)
    await shutdown.value
    #expect(host.closeReasons == [.shutdown])
  }

  @Test("what a cancellation holds answers when it has run, and what it holds weakly at once")
  func cancellation() async throws {
    let host = try serve()
    let raw = try host.raw()
    try await raw.send(.request(1, "ForgetLater", timeout: 1_000_000_000, service: "s"))
    try await raw.send(.request(3, "Echo", service: "s"))
    #expect(try await raw.frame()?.status == host.server.options.tooManyInFlight)
    host.time.advance(byNanoseconds: 1_000_000_000)
    // That it was cancelled is no failure, and what it is answered.
    #expect(try await raw.frame()?.status?.code == .deadlineExceeded)
    #expect(host.handlerFailures.isEmpty)
    try await raw.send(.request(5, "Weak", service: "s"))
    #expect(try await raw.frame()?.status?.code == .internalError)
    #expect(host.handlerFailures.count == 1)
  }

  @Test("a diverted call that is forgotten is answered to who diverted it")
  func diverted() async throws {
    let host = try serve()
    let raw = try host.raw()
    try await raw.send(.request(1, "Divert", service: "s"))
    let status = try #require(try await raw.frame()?.status)
    #expect(status.code == .aborted)
    #expect(status.message.hasPrefix("the handler did not answer"))
    #expect(host.handlerFailures.count == 1)
  }

  @Test("a handler that lets go of a call whose connection is gone has not failed")
  func lost() async throws {
    let gate = Gate()
    let host = try serve(gate)
    let raw = try host.raw()
    try await raw.send(.request(1, "Hold", service: "s"))
    await eventually("it is held") { gate.count == 1 }
    raw.close()
    await eventually("it is gone") { host.closeReasons == [.peerClosed] }
    gate.release { _ in }
    #expect(host.handlerFailures.isEmpty)
  }

  @Test(
    "however a handler ends, its call ends",
    arguments: [
      ("Error", StatusCode.internalError), ("Status", .notFound), ("Quits", .internalError),
      ("NoResponse", .internalError), ("StreamError", .internalError), ("StreamStatus", .notFound),
      ("StreamQuits", .internalError),
    ])
  func everyEnd(method: String, code: StatusCode) async throws {
    let host = try serve()
    let raw = try host.raw()
    try await raw.send(.request(1, method, service: "s"))
    #expect(try await raw.frame()?.status?.code == code)
    try await raw.send(.request(3, "Echo", [3], service: "s"))
    #expect(try await raw.frame()?.message == [3])
  }
}
