// Whoever waits until less waits for a peer.
//
// Invariants:
// 1. It waits until there is room, until its call or its task is cancelled, or until the connection is gone:
//    whatever is first. Nothing blocks a thread meanwhile.
// 2. All that have waited are woken by room, and who finds it gone again waits again: the outbox goes over
//    its pause mark by one message for each thread, not for each stream.
//
// The mutable fields belong to the lock of the outbox.

final class RoomWaiter: @unchecked Sendable {
  // Unchecked: see the note above.
  let call: Call
  var continuation: CheckedContinuation<Void, Never>?
  /// Its task was cancelled.
  var isGivenUp = false

  init(_ call: Call) {
    self.call = call
  }
}

extension Outbox {
  /// Returns when the connection is not paused.
  /// - Throws: why nobody waits for the call any more.
  func waitForRoom(of call: Call) async throws(Status) {
    if !isPaused { return }
    let waiter = RoomWaiter(call)
    while isPaused {
      await withTaskCancellationHandler {
        await withCheckedContinuation { wait(waiter, $0) }
      } onCancel: {
        giveUpWaiting(waiter)
      }
      if let status = endOfWait(waiter) { throw status }
    }
  }

  /// Streams that wait for room.
  var roomWaiterCount: Int {
    lock.lock()
    defer { lock.unlock() }
    return roomWaiters.count
  }

  private func wait(_ waiter: RoomWaiter, _ continuation: CheckedContinuation<Void, Never>) {
    lock.lock()
    let waits = isPaused && !waiter.isGivenUp && endOfSending(waiter.call) == nil
    if waits {
      waiter.continuation = continuation
      roomWaiters.append(waiter)
    }
    lock.unlock()
    if !waits { continuation.resume() }
  }

  private func giveUpWaiting(_ waiter: RoomWaiter) {
    lock.lock()
    waiter.isGivenUp = true
    roomWaiters.removeAll { $0 === waiter }
    let continuation = waiter.continuation
    waiter.continuation = nil
    lock.unlock()
    continuation?.resume()
  }

  private func endOfWait(_ waiter: RoomWaiter) -> Status? {
    lock.lock()
    defer { lock.unlock() }
    if let status = endOfSending(waiter.call) { return status }
    return waiter.isGivenUp ? status(.cancelled, .cancelled, "the sender's task was cancelled") : nil
  }

  // MARK: With the lock held

  /// Why nothing more can be sent on a call; nil while it can.
  func endOfSending(_ call: Call) -> Status? {
    if let status = call.cancellation?.status { return status }
    if !isUsable { return connectionLost }
    return call.isAnswered ? Status(.failedPrecondition, "the call has ended") : nil
  }

  /// Those that wait and need not any longer: all, or those of one call. To be resumed without the lock.
  func takeRoomWaiters(of call: Call? = nil) -> [CheckedContinuation<Void, Never>] {
    if roomWaiters.isEmpty { return [] }
    var taken: [CheckedContinuation<Void, Never>] = []
    roomWaiters.removeAll { waiter in
      guard call == nil || waiter.call === call else { return false }
      if let continuation = waiter.continuation { taken.append(continuation) }
      waiter.continuation = nil
      return true
    }
    return taken
  }
}
