// Calls that nobody waits for any more: what their handlers do then is no failure, and streams that a client
// cannot end make room.

import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Calls that nobody waits for")
struct EndedCallTests {
  /// Service "s": Nap and Doze sleep for an hour, until they are cancelled; Watch as well, after a message.
  private final class Sleepers: Sendable {
    let contexts = Lock<[CallContext]>([])
    let ended = Lock(0)

    var registry: ServiceRegistry {
      var registry = ServiceRegistry()
      registry.add(
        service: "s",
        methods: [
          "Nap": .streaming(.serverStream) { [self] context, _, _ in
            contexts.withLock { $0.append(context) }
            defer { ended.withLock { $0 += 1 } }
            try await Task.sleep(for: .seconds(3600))
          },
          "Doze": .unary { [self] context, _, responder in
            contexts.withLock { $0.append(context) }
            let sleep = Task {
              do {
                try await Task.sleep(for: .seconds(3600))
              } catch {
                responder.fail(unexpected: error)
                ended.withLock { $0 += 1 }
              }
            }
            context.onCancel { _ in sleep.cancel() }
          },
          "Watch": .streaming(.serverStream) { context, _, sink in
            try await sink.send([1])
            try await Task.sleep(for: .seconds(3600))
          },
          "Echo": .unary { _, payload, responder in responder.succeed(payload) },
        ])
      return registry
    }
  }

  private static let token = MetadataPair(key: "tally-cancel-token", value: "t")

  @Test("a handler that is cancelled with its call has not failed", arguments: ["Nap", "Doze"])
  func cancelled(method: String) async throws {
    let sleepers = Sleepers()
    let host = try TestServer(registry: sleepers.registry)
    let raw = try host.raw()
    // Cancelled by its token, past its deadline, and left by its peer.
    try await raw.send(.request(1, method, metadata: [Self.token], service: "s"))
    try await raw.send(.request(3, method, timeout: 1_000_000_000, service: "s"))
    try await raw.send(.request(5, method, service: "s"))
    await eventually("all sleep") { sleepers.contexts.withLock { $0.count } == 3 }
    #expect(host.server.cancel(token: "t", uid: getuid()) == 1)
    #expect(try await raw.frame()?.status?.code == .cancelled)
    host.time.advance(byNanoseconds: 1_000_000_000)
    #expect(try await raw.frame()?.status?.code == .deadlineExceeded)
    raw.close()
    await eventually("all have ended") { sleepers.ended.withLock { $0 } == 3 }
    for context in sleepers.contexts.withLock({ $0 }) {
      let status = context.connection.unexpected(context.call, CancellationError())
      #expect(status.code == .cancelled || status.code == .deadlineExceeded)
    }
    #expect(host.handlerFailures.isEmpty)
  }

  @Test("a handler that cancels itself has failed")
  func cancelsItself() async throws {
    var registry = ServiceRegistry()
    registry.add(
      service: "s", methods: ["Quit": .streaming(.serverStream) { _, _, _ in throw CancellationError() }])
    let host = try TestServer(registry: registry)
    let raw = try host.raw()
    try await raw.send(.request(1, "Quit", service: "s"))
    #expect(try await raw.frame()?.status?.code == .internalError)
    #expect(host.handlerFailures.count == 1)
  }

  @Test("abandoned watches do not keep their connection full: the one silent longest makes room")
  func abandoned() async throws {
    let host = try TestServer(registry: Sleepers().registry) { $0.maximumInFlight = 3 }
    let raw = try host.raw()
    for id in [1, 3, 5] as [UInt32] {
      try await raw.send(.request(id, "Watch", flags: FrameFlags.remoteClosed, service: "s"))
      #expect(try await raw.frame()?.payload == [1])
      host.time.advance(byNanoseconds: 1_000_000)
    }
    try await raw.send(.request(7, "Echo", service: "s"))
    #expect(try await raw.frame()?.status == host.server.options.tooManyInFlight)
    host.time.advance(byNanoseconds: host.server.options.quietStreamNanoseconds)
    try await raw.send(.request(9, "Echo", [9], service: "s"))
    let gone = try #require(try await raw.frame())
    #expect(gone.streamId == 1 && gone.status?.code == .unavailable)
    #expect(try await raw.frame()?.message == [9])
    #expect(host.handlerFailures.isEmpty)
  }

  @Test("a stream does not outlive an hour unless it is told to")
  func lifetime() async throws {
    let host = try TestServer(registry: Sleepers().registry)
    let raw = try host.raw()
    try await raw.send(.request(1, "Watch", flags: FrameFlags.remoteClosed, service: "s"))
    #expect(try await raw.frame()?.payload == [1])
    host.time.advance(byNanoseconds: 3_599_000_000_000)
    try await raw.send(.request(3, "Echo", [3], service: "s"))
    #expect(try await raw.frame()?.message == [3])
    host.time.advance(byNanoseconds: 1_000_000_000)
    #expect(try await raw.frame()?.status?.code == .unavailable)
  }
}
