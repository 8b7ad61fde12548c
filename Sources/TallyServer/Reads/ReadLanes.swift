// Where reads that may take a while run, so that they never hold up a connection's queue.
//
// Invariants:
// 1. As many serial queues as the engine has readers: a read waits in its lane, not on a thread.
// 2. A call waits for at most `laneShare` of each other connection in its lane, whatever that asks for.
// 3. What is queued is bounded by the calls in flight of all connections.
//
// Owner: each lane owns itself; the turn is shared and lock-free.

internal import Dispatch
internal import Synchronization
internal import TTRPC

final class ReadLanes: Sendable {
  /// Calls of one connection in a lane at a time: one that is read for, and one that is next.
  static let laneShare = 2

  private let lanes: [DispatchQueue]
  private let turn = Atomic<UInt>(0)

  init(count: Int) {
    lanes = (0..<max(1, count)).map { DispatchQueue(label: "tally.read.\($0)") }
  }

  func run(_ work: @escaping @Sendable () -> Void) {
    next.async(execute: work)
  }

  /// Does `work`, which answers a call, in its turn among those of its connection.
  func run(_ responder: UnaryResponder, _ work: @escaping @Sendable () -> Void) {
    responder.answer(on: next, limit: Self.laneShare * lanes.count, work)
  }

  private var next: DispatchQueue {
    let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return lanes[Int(turn % UInt(lanes.count))]
  }
}
