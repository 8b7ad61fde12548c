// The sender of a server's stream, who waits until less waits for the peer. RoomWaiter is the client's.
//
// Invariants:
// 1. It waits until there is room, until its call or its task is cancelled, or until the connection is gone:
//    whatever is first. Nothing blocks a thread meanwhile.
// 2. All that have waited are woken by room, and who finds it gone again waits again: the outbox goes over
//    its pause mark by one message for each thread, not for each stream. Messages that wait count as what
//    waits for the peer does.
//
// The mutable fields belong to the lock of the outbox.

final class SinkWaiter: @unchecked Sendable {
  // Unchecked: see the note above.
  let call: Call
  /// Of the message that it has to send.
  let byteCount: Int
  var continuation: CheckedContinuation<Void, Never>?
  /// Its task was cancelled.
  var isGivenUp = false

  init(_ call: Call, byteCount: Int) {
    self.call = call
    self.byteCount = byteCount
  }
}

extension Outbox {
  /// Returns when the connection is not paused.
  /// - Throws: why nobody waits for the call any more.
  func waitForRoom(of call: Call, byteCount: Int) async throws(Status) {
    if !isPaused { return }
    let waiter = SinkWaiter(call, byteCount: byteCount)
    while isPaused {
      await withTaskCancellationHandler {
        await withCheckedContinuation { wait(waiter, $0) }
      } onCancel: {
        giveUpWaiting(waiter)
      }
      if let status = endOfWait(waiter) { throw status }
    }
  }

  private func wait(_ waiter: SinkWaiter, _ continuation: CheckedContinuation<Void, Never>) {
    lock.lock()
    let waits = isPaused && !waiter.isGivenUp && endOfSending(waiter.call) == nil
    if waits {
      waiter.continuation = continuation
      sinkWaiters.append(waiter)
      sinkWaiterByteCount += waiter.byteCount
      countStorage()
    }
    lock.unlock()
    if !waits { continuation.resume() }
  }

  private func giveUpWaiting(_ waiter: SinkWaiter) {
    lock.lock()
    waiter.isGivenUp = true
    let continuation = waiter.continuation
    if continuation != nil {
      sinkWaiters.removeAll { $0 === waiter }
      sinkWaiterByteCount -= waiter.byteCount
      waiter.continuation = nil
      countStorage()
    }
    lock.unlock()
    continuation?.resume()
  }

  private func endOfWait(_ waiter: SinkWaiter) -> Status? {
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
  func takeSinkWaiters(of call: Call? = nil) -> [CheckedContinuation<Void, Never>] {
    if sinkWaiters.isEmpty { return [] }
    var taken: [CheckedContinuation<Void, Never>] = []
    sinkWaiters.removeAll { waiter in
      guard call == nil || waiter.call === call else { return false }
      if let continuation = waiter.continuation { taken.append(continuation) }
      sinkWaiterByteCount -= waiter.byteCount
      waiter.continuation = nil
      return true
    }
    countStorage()
    return taken
  }
}
