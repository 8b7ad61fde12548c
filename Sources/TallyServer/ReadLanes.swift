// Where reads that may take a while run, so that they never hold up a connection's queue.
//
// Invariants:
// 1. As many serial queues as the engine has readers: a read waits in its lane, not on a thread.
// 2. What is queued is bounded by the calls in flight of all connections.
//
// Owner: each lane owns itself; the turn is shared and lock-free.

internal import Dispatch
internal import Synchronization

final class ReadLanes: Sendable {
  private let lanes: [DispatchQueue]
  private let turn = Atomic<UInt>(0)

  init(count: Int) {
    lanes = (0..<max(1, count)).map { DispatchQueue(label: "tally.read.\($0)") }
  }

  func run(_ work: @escaping @Sendable () -> Void) {
    let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    lanes[Int(turn % UInt(lanes.count))].async(execute: work)
  }
}
