// The frames that have begun to arrive and are not whole, of all connections of a server.
//
// Invariants:
// 1. Together they hold at most a share of the bytes that may be held in all, and those of one peer a share
//    of what that peer may hold. The rest is left for whole requests, however many half frames anybody sends.
// 2. When a share is used up, the frame that has been arriving longest is dropped. A frame that arrives at
//    its sender's full speed is never the oldest for long.
// 3. What was counted for a connection is given back once: when its frame is whole, gives way or is lost.
//
// Owner: a lock; connections' queues use it.

internal import TallyLocking

final class CutFrames: Sendable {
  /// Of the bytes that may be held, frames that are still arriving may hold one in so many.
  static let shareDivisor = 2

  private struct Entry {
    var connection: ServerConnection
    /// Which of its connection's frames it is.
    var frame: UInt64
    var byteCount: Int
    /// Counts up over all frames: the smallest has been arriving longest.
    var age: UInt64
  }

  private struct State {
    var entries: [UInt64: Entry] = [:]
    var lastAge: UInt64 = 0
    var byteCount = 0
    /// By uid.
    var peers: [UInt32: Int] = [:]

    mutating func remove(_ id: UInt64) -> Entry? {
      guard let entry = entries.removeValue(forKey: id) else { return nil }
      let outbox = entry.connection.outbox
      byteCount -= entry.byteCount
      let left = (peers[outbox.peer.uid] ?? 0) - entry.byteCount
      peers[outbox.peer.uid] = left > 0 ? left : nil
      outbox.peerBudget?.give(entry.byteCount)
      return entry
    }

    func oldest(of uid: UInt32?) -> UInt64? {
      entries.filter { uid == nil || $0.value.connection.outbox.peer.uid == uid }
        .min { $0.value.age < $1.value.age }?.key
    }
  }

  private let limit: Int
  private let peerLimit: Int
  private let state = Lock(State())

  init(totalByteCount: Int, peerByteCount: Int) {
    limit = totalByteCount / Self.shareDivisor
    peerLimit = min(peerByteCount, totalByteCount) / Self.shareDivisor
  }

  /// Counts what has arrived of a connection's frame; false, and nothing counted, when it has to give way.
  func hold(_ connection: ServerConnection, frame: UInt64, byteCount: Int) -> Bool {
    let id = connection.outbox.connectionId
    let (isHeld, others) = state.withLock { state -> (Bool, [Entry]) in
      var others: [Entry] = []
      if let known = state.entries[id], known.frame != frame { _ = state.remove(id) }
      if byteCount > min(limit, peerLimit) {
        _ = state.remove(id)
        return (false, [])
      }
      let isHeld = grow(&state, connection, frame, byteCount, &others)
      if !isHeld { _ = state.remove(id) }
      return (isHeld, others)
    }
    for other in others { other.connection.giveWay(frame: other.frame) }
    return isHeld
  }

  /// The connection's frame is whole, or lost.
  func release(_ connection: ServerConnection) {
    state.withLock { state in _ = state.remove(connection.outbox.connectionId) }
  }

  private func grow(
    _ state: inout State, _ connection: ServerConnection, _ frame: UInt64, _ byteCount: Int,
    _ others: inout [Entry]
  ) -> Bool {
    let id = connection.outbox.connectionId
    let uid = connection.outbox.peer.uid
    let growth = byteCount - (state.entries[id]?.byteCount ?? 0)
    while true {
      let isPeerFull = (state.peers[uid] ?? 0) + growth > peerLimit
      guard isPeerFull || state.byteCount + growth > limit else { break }
      guard let oldest = state.oldest(of: isPeerFull ? uid : nil), oldest != id,
        let other = state.remove(oldest)
      else { return false }
      others.append(other)
    }
    guard connection.outbox.peerBudget?.take(growth) ?? true else { return false }
    state.byteCount += growth
    state.peers[uid, default: 0] += growth
    if state.entries[id] == nil {
      state.lastAge += 1
      state.entries[id] = Entry(connection: connection, frame: frame, byteCount: 0, age: state.lastAge)
    }
    state.entries[id]?.byteCount = byteCount
    return true
  }
}
