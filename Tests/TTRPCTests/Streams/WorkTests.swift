// Work of calls on a handler's own queue, and streams' handlers: when it begins, and when it does not.

import Dispatch
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Work of calls")
struct WorkTests {
  private static let limit = 2

  /// Service "s": Read answers with bytes on one serial queue, which a test may stop. Make is a server stream
  /// of messages without end, whose handler says that it has begun.
  private final class Reads: Sendable {
    struct State {
      /// Payloads of the calls whose work was done, in order.
      var done: [[UInt8]] = []
      var contexts: [CallContext] = []
      var begunStreamCount = 0
    }

    let state = Lock(State())
    let queue = DispatchQueue(label: "test.reads")
    let replyByteCount: Int

    init(replyByteCount: Int) {
      self.replyByteCount = replyByteCount
    }

    var registry: ServiceRegistry {
      var registry = ServiceRegistry()
      registry.add(
        service: "s",
        methods: [
          "Read": .unary { [self] context, payload, responder in
            state.withLock { $0.contexts.append(context) }
            responder.answer(on: queue, limit: WorkTests.limit) { [self] in
              state.withLock { $0.done.append(payload) }
              responder.succeed([UInt8](repeating: 1, count: replyByteCount))
            }
          },
          "Make": .streaming(.serverStream) { [self] context, _, sink in
            state.withLock {
              $0.begunStreamCount += 1
              $0.contexts.append(context)
            }
            while true { try await sink.send([UInt8](repeating: 1, count: replyByteCount)) }
          },
        ])
      return registry
    }

    var done: [[UInt8]] { state.withLock { $0.done } }
    var arrivedCount: Int { state.withLock { $0.contexts.count } }
    var isPaused: Bool { state.withLock { $0.contexts.first }?.connection.isPaused ?? false }
    var begunStreamCount: Int { state.withLock { $0.begunStreamCount } }
  }

  private static func calls(
    _ count: UInt32, _ payload: [UInt8], method: String = "Read", flags: UInt8 = 0, timeout: Int64 = 0
  ) -> [UInt8] {
    (0..<count).flatMap {
      RawFrame.request(2 * $0 + 1, method, payload, flags: flags, timeout: timeout, service: "s").bytes
    }
  }

  @Test("of one who does not read no more work begins than until too much waits; all of it once he does")
  func notReading() async throws {
    let reads = Reads(replyByteCount: 100_000)
    let host = try TestServer(registry: reads.registry) { $0.outboundPauseByteCount = 500_000 }
    let raw = try host.raw()
    try await raw.send(Self.calls(200, [1]))
    await eventually("too much waits") { reads.isPaused }
    // Each of another's calls comes behind all that has begun.
    let other = try host.connect()
    for _ in 0..<50 { #expect(try await other.unary("s", "Read", [2]).count == 100_000) }
    // The socket itself takes some hundred KB.
    #expect(reads.done.filter { $0 == [1] }.count < 50)
    #expect(try await raw.frames(200).count == 200)
    #expect(reads.done.count == 250)
  }

  @Test("who asks for much is ahead of others with `limit` calls at most")
  func turns() async throws {
    let reads = Reads(replyByteCount: 10)
    let host = try TestServer(registry: reads.registry)
    reads.queue.suspend()
    let greedy = try host.raw()
    try await greedy.send(Self.calls(100, [1]))
    await eventually("they have come") { reads.arrivedCount == 100 }
    let other = try host.raw()
    try await other.send(Self.calls(1, [2]))
    await eventually("it has come") { reads.arrivedCount == 101 }
    reads.queue.resume()
    #expect(try await other.frame()?.message?.count == 10)
    #expect(try await greedy.frames(100).count == 100)
    #expect(reads.done.firstIndex(of: [2]) == Self.limit)
    #expect(reads.done.count == 101)
  }

  @Test("nothing is done for a connection that is gone, and each of its calls ends once")
  func gone() async throws {
    let reads = Reads(replyByteCount: 10)
    let calls = CallCounter()
    let host = try TestServer(registry: reads.registry) { $0.hooks.observer = { _, _ in calls } }
    reads.queue.suspend()
    let raw = try host.raw()
    try await raw.send(Self.calls(100, [1]))
    await eventually("they have come") { reads.arrivedCount == 100 }
    raw.close()
    await eventually("it is closed") { host.closeReasons.count == 1 }
    reads.queue.resume()
    await eventually("all have ended") { calls.endedCount == 100 }
    #expect(reads.done.isEmpty)
  }

  @Test("who waits for room is told once: when there is room, or that the connection is gone")
  func resumptions() async throws {
    let reads = Reads(replyByteCount: 100_000)
    let host = try TestServer(registry: reads.registry) { $0.outboundPauseByteCount = 500_000 }
    for leaves in [false, true] {
      reads.state.withLock { $0.contexts = [] }
      let raw = try host.raw()
      try await raw.send(Self.calls(100, [1]))
      await eventually("too much waits") { reads.isPaused }
      let outbox = try #require(reads.state.withLock { $0.contexts.first }?.connection)
      #expect(outbox.isCrowded)
      let told = Lock<[Bool]>([])
      #expect(outbox.whenRoomy { isGone in told.withLock { $0.append(isGone) } })
      #expect(told.withLock { $0.isEmpty })
      if leaves { raw.close() } else { #expect(try await raw.frames(100).count == 100) }
      await eventually("it is told") { told.withLock { $0 } == [leaves] }
      // Nobody has to wait any more.
      #expect(!outbox.whenRoomy { isGone in told.withLock { $0.append(isGone) } })
      #expect(told.withLock { $0 } == [leaves])
    }
  }

  @Test("what comes too late in its turn is not done")
  func late() async throws {
    let reads = Reads(replyByteCount: 10)
    let host = try TestServer(registry: reads.registry)
    reads.queue.suspend()
    let raw = try host.raw()
    try await raw.send(Self.calls(10, [1], timeout: 1_000_000_000))
    await eventually("they have come") { reads.arrivedCount == 10 }
    host.time.advance(byNanoseconds: 1_000_000_000)
    reads.queue.resume()
    let frames = try await raw.frames(10)
    #expect(frames.allSatisfy { $0.status?.code == .deadlineExceeded })
    #expect(reads.done.isEmpty)
  }

  @Test("no handler of a stream begins while too much waits for its peer")
  func streams() async throws {
    let reads = Reads(replyByteCount: 100_000)
    let calls = CallCounter()
    let host = try TestServer(registry: reads.registry) {
      $0.outboundPauseByteCount = 50_000
      $0.hooks.observer = { _, _ in calls }
    }
    let raw = try host.raw()
    try await raw.send(Self.calls(1_000, [1], method: "Make", flags: FrameFlags.remoteClosed))
    await eventually("too much waits") { reads.isPaused }
    let waiting = reads.state.withLock { $0.contexts.first }?.connection
    // Of some the requests are not read any more, when threads are slow.
    await eventually("all that have come wait") { waiting?.roomWaiterCount == calls.startedCount }
    // One for each thread, and few more.
    #expect(reads.begunStreamCount < 300)
  }
}

/// Counts the calls that begin, and those that end.
private final class CallCounter: MethodObserver {
  private let counts = Lock((started: 0, ended: 0))
  var startedCount: Int { counts.withLock { $0.started } }
  var endedCount: Int { counts.withLock { $0.ended } }

  func callStarted(_ call: CallContext) { counts.withLock { $0.started += 1 } }
  func callEnded(_ call: CallContext, _ code: StatusCode) -> Bool {
    counts.withLock { $0.ended += 1 }
    return false
  }
  func callAnswered(_ call: CallContext, _ code: StatusCode) {}
  func callRefused(_ code: StatusCode) {}
}
