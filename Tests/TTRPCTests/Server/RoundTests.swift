// What one connection may have looked at before others that are ready have their turn.

import TallyLocking
import Testing

@testable import TTRPC

@Suite("Rounds")
struct RoundTests {
  private static let callCount = 600
  /// So that a connection's calls are more than one read.
  private static let padding = [UInt8](repeating: 0, count: 100)

  /// Notes whose calls came, in order. A call that holds keeps the poller until it is let go.
  private final class Notes: Sendable {
    private let marks = Lock<[UInt8]>([])
    private let gate = Monitor((isHeld: false, isOpen: false))

    var all: [UInt8] { marks.withLock { $0 } }
    var isHeld: Bool { gate.withLock { $0.isHeld } }

    func open() {
      gate.withLock { $0.isOpen = true }
      gate.broadcast()
    }

    var registry: ServiceRegistry {
      var registry = ServiceRegistry()
      registry.add(
        service: "s",
        methods: [
          "Note": .unary { [self] _, payload, responder in
            marks.withLock { $0.append(payload[0]) }
            responder.succeed([])
          },
          "Hold": .unary { [self] _, _, responder in
            gate.withLock { $0.isHeld = true }
            _ = gate.wait(until: { $0.isOpen }, then: { _ in })
            responder.succeed([])
          },
        ])
      return registry
    }
  }

  private static func call(_ number: Int, mark: UInt8) -> [UInt8] {
    RawFrame.request(UInt32(2 * number + 1), "Note", [mark] + padding, service: "s").bytes
  }

  @Test(
    "connections that send without end share a round, so that another waits for little", arguments: [3, 40])
  func share(loudCount: Int) async throws {
    let notes = Notes()
    let host = try TestServer(registry: notes.registry)
    let (loud, quiet) = (try (0..<loudCount).map { _ in try host.raw() }, try host.raw())
    for peer in loud + [quiet] {
      try await peer.send(Self.call(0, mark: 0))
      _ = try await peer.frame()
    }
    let holder = try host.raw()
    try await holder.send(.request(1, "Hold", service: "s"))
    await eventually("nothing is looked at") { notes.isHeld }
    for peer in loud { try await peer.send((1...Self.callCount).flatMap { Self.call($0, mark: 1) }) }
    try await quiet.send(Self.call(1, mark: 2))
    notes.open()
    _ = try await quiet.frame()
    let before = notes.all.prefix { $0 != 2 }.count { $0 == 1 }
    let byteCount = before * Self.call(1, mark: 1).count
    #expect(byteCount <= max(Poller.readByteCount, (loudCount + 2) * Poller.leastReadByteCount))
    for peer in loud { #expect(try await peer.frames(Self.callCount).count == Self.callCount) }
  }
}
