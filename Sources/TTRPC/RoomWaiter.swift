// Who waits until a connection takes more, and how each wait ends.
//
// Invariants:
// 1. A wait ends once: by room, its deadline, its task's cancellation or its call's end, whichever is first.
// 2. Who has stopped waiting is remembered no longer.
// 3. Those who wait for room are woken in the order in which they came.
//
// Shared: a waiter has its lock; the queue belongs to its outbox's lock.

internal import TallyLocking

/// How a wait for room ended.
enum RoomEnd: Sendable {
  /// There is room, or the connection is gone.
  case room
  case late
  case cancelled
  case callEnded
}

/// One wait. Whoever knows a reason to end it may call `end`, from any thread, also before it has begun.
final class RoomWaiter: Sendable {
  private struct State {
    var end: RoomEnd?
    var continuation: CheckedContinuation<RoomEnd, Never>?
  }

  private let state = Lock(State())

  /// The first end counts.
  func end(_ end: RoomEnd) {
    let continuation = state.withLock { state -> CheckedContinuation<RoomEnd, Never>? in
      if state.end != nil { return nil }
      state.end = end
      let continuation = state.continuation
      state.continuation = nil
      return continuation
    }
    continuation?.resume(returning: end)
  }

  func wait() async -> RoomEnd {
    await withCheckedContinuation { continuation in
      let end = state.withLock { state in
        if state.end == nil { state.continuation = continuation }
        return state.end
      }
      if let end { continuation.resume(returning: end) }
    }
  }
}

/// Those who wait for room on one connection.
struct RoomQueue {
  private var waiters: [UInt64: RoomWaiter] = [:]
  private var nextPlace: UInt64 = 0

  /// Its place, by which it is removed.
  mutating func add(_ waiter: RoomWaiter) -> UInt64 {
    let place = nextPlace
    nextPlace += 1
    waiters[place] = waiter
    return place
  }

  mutating func remove(_ place: UInt64) {
    waiters.removeValue(forKey: place)
  }

  var count: Int { waiters.count }

  mutating func wakeAll() {
    if waiters.isEmpty { return }
    let woken = waiters.sorted { $0.key < $1.key }
    waiters = [:]
    for (_, waiter) in woken { waiter.end(.room) }
  }
}
