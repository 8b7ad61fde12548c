// Replies that are sent some time after they were made, as a writer's are, on connections that are ending.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Late flush")
struct LateFlushTests {
  private struct Held {
    var responder: UnaryResponder
    var outbox: Outbox
  }

  /// Waits until the poller has done what came before.
  private func settle(_ other: RawClient, _ streamId: UInt32) async throws {
    for id in [streamId, streamId + 2] {
      try await other.send(.request(id, "Echo", [1], service: "s"))
      #expect(try await other.frame()?.message == [1])
    }
  }

  @Test("a connection whose peer sends no more is closed after its last reply, however late that is sent")
  func halfClosed() async throws {
    let held = Lock<[Held]>([])
    var registry = ServiceRegistry()
    registry.add(
      service: "s",
      methods: [
        "Hold": .unary { context, _, responder in
          held.withLock { $0.append(Held(responder: responder, outbox: context.connection)) }
        },
        "Echo": .unary { _, payload, responder in responder.succeed(payload) },
      ])
    let host = try TestServer(registry: registry)
    let (raw, other) = (try host.raw(), try host.raw())
    try await raw.send(.request(1, "Hold", service: "s"))
    await eventually("it is held") { held.withLock { $0.count } == 1 }
    raw.shutdownWriting()
    try await settle(other, 1)
    let call = try #require(held.withLock { $0.popLast() })
    call.responder.succeed([7], flush: false)
    // The connection looks whether it may close, and finds the reply unsent.
    try await settle(other, 5)
    call.outbox.flush()
    #expect(try await raw.frame()?.message == [7])
    #expect(try await raw.frame() == nil)
  }
}
