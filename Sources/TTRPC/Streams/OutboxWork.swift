// When the work of a connection's calls begins that is done elsewhere: on queues of their handlers, or by a
// writer that serves many connections.
//
// Invariants:
// 1. A connection has a few pieces of work on the queues at a time; its others wait in its line. So a peer
//    that asks for much waits for itself, and all others wait for a few of its pieces at most.
// 2. No piece leaves the line while too much waits for the peer: nothing is made for a peer that does not
//    read.
// 3. Each piece leaves the line once, in order. If nobody waits for its call by then, the call fails instead.
// 4. Whoever waits for room on a crowded connection is told once: that there is room, or that the connection
//    is gone.
//
// Owner of the line: the outbox's lock.

internal import DequeModule
public import Dispatch

/// The work of a connection's calls that has not begun.
struct WorkLine {
  struct Piece: Sendable {
    var queue: DispatchQueue
    var responder: UnaryResponder
    var work: @Sendable () -> Void
  }

  var waiting = Deque<Piece>()
  /// Pieces on their queues, of at most `limit`.
  var begunCount = 0
  var limit = 1
  /// What is called once there is room, or once the connection is gone; the argument says which.
  var resumptions: [@Sendable (Bool) -> Void] = []
}

extension UnaryResponder {
  /// Does `work`, which answers the call or has it answered, on `queue`, when it is the call's turn among
  /// those of its connection and not too much waits for the peer. If nobody waits for the call by then, it
  /// fails.
  /// - Parameter limit: how many pieces of work of one connection are on such queues at a time.
  public func answer(on queue: DispatchQueue, limit: Int, _ work: @escaping @Sendable () -> Void) {
    call.connection.lineUp(WorkLine.Piece(queue: queue, responder: self, work: work), limit)
  }
}

extension Outbox {
  fileprivate func lineUp(_ piece: WorkLine.Piece, _ limit: Int) {
    lock.withLock {
      line.limit = limit
      line.waiting.append(piece)
      beginWork()
    }
  }

  /// With the lock held: what may begin now goes to its queue. When the connection is gone, that is one
  /// piece, with which all fail.
  func beginWork() {
    while line.begunCount < line.limit, !isPaused || !isUsable, let piece = line.waiting.popFirst() {
      line.begunCount += 1
      piece.queue.async { self.perform(piece) }
    }
    if line.resumptions.isEmpty || isPaused && isUsable { return }
    let resumptions = line.resumptions
    line.resumptions = []
    let isGone = !isUsable
    poller.perform { _ in
      for resume in resumptions { resume(isGone) }
    }
  }

  /// So much waits for the peer that no work is begun for it. Cheap to ask, from any thread.
  public var isCrowded: Bool { isPaused }

  /// Runs `resume` once when the connection is no longer crowded: soon, on the poller's thread. When the
  /// connection goes instead, `resume` is handed true. It must not block.
  /// - Returns: false when there is room now, or the connection is gone already: calls that came before are
  ///   carried out all the same. `resume` is then not kept.
  public func whenRoomy(_ resume: @escaping @Sendable (_ isGone: Bool) -> Void) -> Bool {
    lock.withLock {
      guard isPaused, isUsable else { return false }
      line.resumptions.append(resume)
      return true
    }
  }

  private func perform(_ piece: WorkLine.Piece) {
    if let status = reasonNotToBegin(piece.responder.call) {
      piece.responder.fail(status)
    } else {
      piece.work()
    }
    let lost = lock.withLock {
      line.begunCount -= 1
      let lost = isUsable ? Deque() : line.waiting
      if !lost.isEmpty { line.waiting = Deque() }
      beginWork()
      return lost
    }
    for piece in lost { piece.responder.fail(connectionLost) }
  }

  private func reasonNotToBegin(_ call: Call) -> Status? {
    if let status = cancellationStatus(call) { return status }
    return call.deadline != 0 && call.deadline <= poller.time.nanoseconds ? deadlinePassed : nil
  }
}
