// Waiting until a connection takes more, and how each wait ends. A client's calls and messages wait so, and
// the messages of a server's streams.
//
// Invariants:
// 1. A wait ends once: by room, its deadline, its task's cancellation or its call's end, whichever is first.
//    It blocks no thread.
// 2. A waiter that has stopped waiting is forgotten.
// 3. When there is room all waiters are woken, in the order in which they came, and those that find it used
//    up wait again: the outbox goes over its pause mark by one message for each thread, not for each stream.
// 4. A server's messages that wait for room count towards what waits for all peers.
//
// Owner: each waiter has a lock of its own; the queue belongs to its outbox's lock.

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
  enum State {
    case notBegun
    case waiting(CheckedContinuation<RoomEnd, Never>)
    case ended(RoomEnd)

    /// The first end counts.
    /// - Returns: who waits for it.
    mutating func end(_ end: RoomEnd) -> CheckedContinuation<RoomEnd, Never>? {
      switch self {
      case .notBegun:
        self = .ended(end)
        return nil
      case .waiting(let continuation):
        self = .ended(end)
        return continuation
      case .ended: return nil
      }
    }

    /// - Returns: the end, when it has come already.
    mutating func begin(_ continuation: CheckedContinuation<RoomEnd, Never>) -> RoomEnd? {
      if case .ended(let end) = self { return end }
      self = .waiting(continuation)
      return nil
    }
  }

  private let state = Lock(State.notBegun)

  func end(_ end: RoomEnd) {
    state.withLock { $0.end(end) }?.resume(returning: end)
  }

  /// Ends with the task as well.
  fileprivate func wait() async -> RoomEnd {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if let end = state.withLock({ $0.begin(continuation) }) { continuation.resume(returning: end) }
      }
    } onCancel: {
      end(.cancelled)
    }
  }
}

/// Those who wait for room on one connection.
struct RoomQueue {
  private struct Place {
    var waiter: RoomWaiter
    /// On a server: the call whose message waits.
    var call: Call?
    /// What the message counts for.
    var byteCount: Int
  }

  private var places: [UInt64: Place] = [:]
  private var nextPlace: UInt64 = 0
  /// What the messages of those that wait count for.
  private(set) var byteCount = 0

  /// Its place, by which it is removed.
  mutating func add(_ waiter: RoomWaiter, of call: Call?, byteCount: Int) -> UInt64 {
    let place = nextPlace
    nextPlace += 1
    places[place] = Place(waiter: waiter, call: call, byteCount: byteCount)
    self.byteCount += byteCount
    return place
  }

  mutating func remove(_ place: UInt64) {
    if let removed = places.removeValue(forKey: place) { byteCount -= removed.byteCount }
  }

  var count: Int { places.count }

  mutating func wakeAll() {
    if places.isEmpty { return }
    let woken = places.sorted { $0.key < $1.key }
    places = [:]
    byteCount = 0
    for (_, place) in woken { place.waiter.end(.room) }
  }

  mutating func end(of call: Call) {
    for (number, place) in places where place.call === call {
      remove(number)
      place.waiter.end(.callEnded)
    }
  }
}

extension Outbox {
  /// Waits until the connection is not paused, or gone, or the task is cancelled, or somebody ends the wait.
  /// - Parameters:
  ///   - call: of a server, whose end is the wait's.
  ///   - byteCount: what waits with it and is to count.
  func waitForRoom(_ waiter: RoomWaiter, of call: Call? = nil, byteCount: Int = 0) async -> RoomEnd {
    guard isPaused, let place = join(waiter, call, byteCount) else { return .room }
    let end = await waiter.wait()
    if end != .room { leave(place) }
    return end
  }

  /// For a message of a server's stream. Returns when the connection is not paused.
  /// - Throws: why nobody waits for the call any more.
  func waitForRoom(of call: Call, byteCount: Int) async throws(Status) {
    while isPaused {
      let end = await waitForRoom(RoomWaiter(), of: call, byteCount: byteCount)
      if let status = whyNotSending(call) { throw status }
      if end == .cancelled { throw status(.cancelled, .cancelled, "the sender's task was cancelled") }
    }
  }

  private func join(_ waiter: RoomWaiter, _ call: Call?, _ byteCount: Int) -> UInt64? {
    lock.withLock {
      guard isUsable, isPaused else { return nil }
      if let call, endOfSending(call) != nil { return nil }
      let place = roomQueue.add(waiter, of: call, byteCount: byteCount)
      if byteCount > 0 { countStorage() }
      return place
    }
  }

  private func leave(_ place: UInt64) {
    lock.withLock {
      roomQueue.remove(place)
      countStorage()
    }
  }

  private func whyNotSending(_ call: Call) -> Status? {
    lock.withLock { endOfSending(call) }
  }

  /// How many wait for room.
  var roomWaiterCount: Int { lock.withLock { roomQueue.count } }

  // MARK: With the lock held

  /// Why nothing more can be sent on a call; nil while it can.
  func endOfSending(_ call: Call) -> Status? {
    if let status = call.cancellation?.status { return status }
    if !isUsable { return connectionLost }
    return call.isAnswered ? Status(.failedPrecondition, "the call has ended") : nil
  }

  /// All of them, or those of one call.
  func wakeRoomWaiters(of call: Call? = nil) {
    if roomQueue.count == 0 { return }
    if let call { roomQueue.end(of: call) } else { roomQueue.wakeAll() }
    countStorage()
  }
}
