// Queues for reads that may take a while, so that they never hold up a connection's queue.
//
// Invariants:
// 1. There are as many lanes (serial queues) as the engine has readers, so a read never blocks a thread to
//    wait for a reader.
// 2. In its lane a call waits for at most `laneShare` calls of each other connection, however many that
//    sends.
// 3. Reads that may take seconds have a lane of their own, and the engine a reader for it. They are carried
//    out one after the other, whoever asks for them; no other read waits for one.
// 4. What is queued is bounded by the calls in flight of all connections.

internal import Dispatch
internal import Synchronization
internal import TTRPC

final class ReadLanes: Sendable {
  /// Calls of one connection that a lane holds at a time: one that runs, and one that is next.
  static let laneShare = 2

  private let lanes: [DispatchQueue]
  private let longLane = DispatchQueue(label: "tally.read.long")
  private let turn = Atomic<UInt>(0)

  init(count: Int) {
    lanes = (0..<max(1, count)).map { DispatchQueue(label: "tally.read.\($0)") }
  }

  func run(_ work: @escaping @Sendable () -> Void) {
    next.async(execute: work)
  }

  /// Does `work`, which answers a call, after earlier calls of the same connection.
  /// - Parameter isLong: it may take seconds.
  func run(_ responder: UnaryResponder, isLong: Bool = false, _ work: @escaping @Sendable () -> Void) {
    responder.answer(on: isLong ? longLane : next, limit: Self.laneShare * lanes.count, work)
  }

  private var next: DispatchQueue {
    let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
    return lanes[Int(turn % UInt(lanes.count))]
  }
}
