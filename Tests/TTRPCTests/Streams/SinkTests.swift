// A stream's handler that waits to send: what ends its wait.

import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Waiting to send")
struct SinkTests {
  /// Service "s": Flood sends without end, and notes what it is told.
  private final class Flood: Sendable {
    struct State {
      var context: CallContext?
      var end: Status?
    }

    let state = Lock(State())
    /// Runs a send; given, so that a test may run it in a task of its own.
    let send: @Sendable (MessageSink) async throws(Status) -> Void

    init(_ send: @escaping @Sendable (MessageSink) async throws(Status) -> Void = Flood.plain) {
      self.send = send
    }

    @Sendable static func plain(_ sink: MessageSink) async throws(Status) {
      try await sink.send([UInt8](repeating: 1, count: 10_000))
    }

    var registry: ServiceRegistry {
      var registry = ServiceRegistry()
      registry.add(
        service: "s",
        methods: [
          "Flood": .streaming(.serverStream) { [self] context, _, sink in
            state.withLock { $0.context = context }
            do throws(Status) {
              while true { try await send(sink) }
            } catch {
              state.withLock { $0.end = error }
              throw error
            }
          }
        ])
      return registry
    }

    var end: Status? { state.withLock { $0.end } }
    var waits: Bool { state.withLock { $0.context }?.connection.roomWaiterCount == 1 }
  }

  private func begin(_ flood: Flood, timeout: Int64 = 0) async throws -> (TestServer, RawClient) {
    let host = try TestServer(registry: flood.registry) { $0.outboundPauseByteCount = 50_000 }
    let raw = try host.raw()
    let token = MetadataPair(key: "tally-cancel-token", value: "t")
    try await raw.send(
      .request(
        1, "Flood", flags: FrameFlags.remoteClosed, timeout: timeout, metadata: [token], service: "s"))
    await eventually("the handler waits") { flood.waits }
    return (host, raw)
  }

  @Test("a sink that waits for room ends with its deadline")
  func deadline() async throws {
    let flood = Flood()
    let (host, raw) = try await begin(flood, timeout: 1_000_000_000)
    #expect(flood.end == nil)
    host.time.advance(byNanoseconds: 1_000_000_000)
    await eventually("the handler is told") { flood.end?.code == .deadlineExceeded }
    raw.close()
  }

  @Test("a sink that waits for room ends with its call's cancellation")
  func cancelled() async throws {
    let flood = Flood()
    let (host, raw) = try await begin(flood)
    #expect(host.server.cancel(token: "t", uid: getuid()) == 1)
    await eventually("the handler is told") { flood.end?.code == .cancelled }
    raw.close()
  }

  @Test("a sink that waits for room ends with its connection")
  func lost() async throws {
    let flood = Flood()
    let (host, raw) = try await begin(flood)
    raw.close()
    await eventually("the handler is told") { flood.end?.code == .cancelled }
    #expect(host.handlerFailures.isEmpty)
  }

  @Test("a sink that waits for room in a task of its own ends with that task, and with the call")
  func task() async throws {
    for cancelsCall in [false, true] {
      let sending = Lock<Task<Result<Void, Status>, Never>?>(nil)
      let flood = Flood { sink throws(Status) in
        let task = Task { () -> Result<Void, Status> in
          do throws(Status) { return .success(try await Flood.plain(sink)) } catch { return .failure(error) }
        }
        sending.withLock { $0 = task }
        try await task.value.get()
      }
      let (host, raw) = try await begin(flood)
      if cancelsCall {
        #expect(host.server.cancel(token: "t", uid: getuid()) == 1)
      } else {
        sending.withLock { $0 }?.cancel()
      }
      await eventually("the handler is told") { flood.end?.code == .cancelled }
      raw.close()
    }
  }

  @Test("messages that wait for room count as what waits for the peer does")
  func waitingMessages() async throws {
    let begun = Lock(0)
    let flood = Flood { sink throws(Status) in
      // All begin before the first sends: then each has a message that waits.
      begun.withLock { $0 += 1 }
      while begun.withLock({ $0 }) < 40 { await Task.yield() }
      try await sink.send([UInt8](repeating: 1, count: 300_000))
    }
    let host = try TestServer(registry: flood.registry) {
      $0.outboundPauseByteCount = 50_000
      $0.maximumTotalOutboundByteCount = 4_000_000
    }
    let raw = try host.raw()
    for id in 0..<40 as Range<UInt32> {
      try await raw.send(.request(2 * id + 1, "Flood", flags: FrameFlags.remoteClosed, service: "s"))
    }
    await eventually("it is cut off") { host.closeReasons == [.outboundFull] }
    #expect(host.server.waitingByteCount == 0)
  }
}
