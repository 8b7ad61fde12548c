// Leader and followers: a lone call's handler may wait on the thread that has its call, since another
// takes up the polling first.

import Dispatch
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Leading")
struct LeadTests {
  /// Service "s": Wait waits on the thread that leads until the test lets it go, and says whether it led.
  private final class Disk: Sendable {
    private let isDone = DispatchSemaphore(value: 0)
    private let waiting = Lock(0)

    /// How many wait just now.
    var waitingCount: Int { waiting.withLock { $0 } }

    func letGo() { isDone.signal() }

    private func wait() {
      waiting.withLock { $0 += 1 }
      isDone.wait()
      waiting.withLock { $0 -= 1 }
    }

    /// What Wait answers.
    static let led: [UInt8] = [1]
    static let didNotLead: [UInt8] = [0]

    var registry: ServiceRegistry {
      var registry = ServiceRegistry()
      registry.add(
        service: "s",
        methods: [
          "Wait": .unary { context, _, responder in
            let leads = context.lead {
              self.wait()
              responder.succeed(Self.led)
            }
            if !leads { responder.succeed(Self.didNotLead) }
          },
          "WaitElsewhere": .unary { context, _, responder in
            DispatchQueue.global().async {
              let leads = context.lead { responder.succeed(Self.led) }
              if !leads { responder.succeed(Self.didNotLead) }
            }
          },
          "Echo": .unary { _, payload, responder in responder.succeed(payload) },
        ])
      return registry
    }
  }

  private let disk = Disk()

  private func wait(_ raw: RawClient, _ stream: UInt32 = 1) async throws {
    try await raw.send(.request(stream, "Wait", service: "s"))
  }

  private func expectEcho(_ raw: RawClient, _ stream: UInt32) async throws {
    try await raw.send(.request(stream, "Echo", [7], service: "s"))
    let frame = try #require(try await raw.frame())
    #expect(frame.streamId == stream && frame.message == [7])
  }

  @Test("a lone call that waits does not hold up other connections, nor its own")
  func holdsUpNobody() async throws {
    let host = try TestServer(registry: disk.registry)
    let (first, second) = (try host.raw(), try host.raw())
    try await expectEcho(second, 1)
    try await wait(first)
    await eventually("it waits") { disk.waitingCount == 1 }
    for call in 1..<100 { try await expectEcho(second, UInt32(2 * call + 1)) }
    try await expectEcho(first, 3)
    // Whoever comes now is let in, and whoever goes is let go.
    try await expectEcho(try host.raw(), 1)
    second.close()
    await eventually("those that left are gone") { host.closeReasons.count == 2 }
    #expect(disk.waitingCount == 1)
    disk.letGo()
    #expect(try await first.frame()?.message == Disk.led)
  }

  @Test("threads take turns without end")
  func turns() async throws {
    let host = try TestServer(registry: disk.registry)
    let raw = try host.raw()
    for call in 0..<200 {
      disk.letGo()
      try await wait(raw, UInt32(2 * call + 1))
      #expect(try await raw.frame()?.message != nil)
    }
  }

  @Test("while nobody is left to poll in its place, a call is told that it may not wait")
  func nobodyLeft() async throws {
    let host = try TestServer(registry: disk.registry)
    let (first, second) = (try host.raw(), try host.raw())
    // Both have been let in, so that the call is alone.
    try await expectEcho(second, 1)
    try await expectEcho(first, 1)
    try await wait(first, 3)
    await eventually("it waits") { disk.waitingCount == 1 }
    try await wait(second, 3)
    #expect(try await second.frame()?.message == Disk.didNotLead)
    disk.letGo()
    #expect(try await first.frame()?.message == Disk.led)
    await eventually("it may again") {
      guard (try? await wait(second, 5)) != nil else { return false }
      disk.letGo()
      return (try? await second.frame()?.message) == Disk.led
    }
  }

  @Test("a call with company, and one on another thread, may not wait")
  func notLone() async throws {
    let host = try TestServer(registry: disk.registry)
    let raw = try host.raw()
    try await raw.send(
      .request(1, "Echo", [7], service: "s"), .request(3, "Wait", service: "s"))
    #expect(try await raw.frame()?.message == [7])
    #expect(try await raw.frame()?.message == Disk.didNotLead)
    try await raw.send(.request(5, "WaitElsewhere", service: "s"))
    #expect(try await raw.frame()?.message == Disk.didNotLead)
  }

  @Test("a server that ends while a call waits ends its threads when that has ended")
  func ends() async throws {
    let host = try TestServer(registry: disk.registry)
    let raw = try host.raw()
    try await wait(raw)
    await eventually("it waits") { disk.waitingCount == 1 }
    await host.server.shutdown(drainNanoseconds: 0)
    #expect(try await raw.frame() == nil)
    #expect(host.closeReasons == [.shutdown])
    #expect(disk.waitingCount == 1)
    disk.letGo()
    await eventually("it goes") { disk.waitingCount == 0 }
  }
}

@Suite("Poller")
struct PollerTests {
  @Test("its threads end with it, and what is sent later is let go of")
  func ends() async throws {
    final class Held: Sendable {}
    weak var held: Held?
    weak var left: Poller?
    do {
      let poller = try Poller()
      try poller.start(name: "test", standbyCount: 3)
      left = poller
      let ran = Lock(false)
      poller.perform { _ in ran.withLock { $0 = true } }
      await eventually("what was sent is done") { ran.withLock { $0 } }
      poller.stop()
      let isOver = { poller.performsNothing }
      await eventually("the last turn is over", isOver)
      let value = Held()
      held = value
      poller.perform { _ in _ = value }
    }
    #expect(held == nil)
    await eventually("no thread holds it") { left == nil }
  }
}

extension Poller {
  /// Whether the last turn is over.
  fileprivate var performsNothing: Bool {
    final class Probe: Sendable {}
    weak var probe: Probe?
    do {
      let value = Probe()
      probe = value
      perform { _ in _ = value }
    }
    return probe == nil
  }
}
