// What a server's connection may do just now: one state for its life, one for what it reads.
//
//     Life      serving -> draining -> failed -> closed      every one may also be skipped
//     Intake    reading <-> held, reading -> ended
//
// Invariants:
// 1. A life goes forward only, and the first reason to close counts.
// 2. Nothing here depends on sockets, clocks or handlers.
//
// Owner: the connection's queue.

struct ConnectionState<Hold> {
  enum Life: Equatable {
    case serving
    /// No new calls are taken; the connection closes after the last reply.
    case draining
    /// No further frame is looked at; the connection closes at the end of the round.
    case failed(CloseReason)
    case closed
  }

  enum Intake {
    case reading
    /// The handler of the only stream has to take some of what waits for it first. The value ends the hold if
    /// the handler does not.
    case held(Hold)
    /// The peer has shut down its sending side.
    case ended
  }

  private(set) var life = Life.serving
  private(set) var intake = Intake.reading

  var isOpen: Bool { life != .closed }

  var hasFailed: Bool {
    if case .failed = life { true } else { false }
  }

  var isHeld: Bool {
    if case .held = intake { true } else { false }
  }

  var isEnded: Bool {
    if case .ended = intake { true } else { false }
  }

  /// The socket may be read.
  var reads: Bool {
    guard case .reading = intake else { return false }
    return life == .serving || life == .draining
  }

  /// It closes once there is nothing left to do, or at once.
  var isEnding: Bool { life != .serving || isEnded }

  /// Why the connection must be closed now; nil when it stays.
  /// - Parameter isIdle: no call is under way, and nothing waits to be sent.
  func closeReason(isIdle: Bool) -> CloseReason? {
    switch life {
    case .failed(let reason): reason
    case .draining: isIdle ? .shutdown : nil
    case .serving: isIdle && isEnded ? .peerClosed : nil
    case .closed: nil
    }
  }

  mutating func drain() {
    if life == .serving { life = .draining }
  }

  mutating func fail(_ reason: CloseReason) {
    if life == .serving || life == .draining { life = .failed(reason) }
  }

  /// - Returns: false when it was closed before.
  mutating func close() -> Bool {
    if life == .closed { return false }
    life = .closed
    return true
  }

  mutating func hold(_ hold: Hold) {
    if case .reading = intake { intake = .held(hold) }
  }

  /// Reads on.
  /// - Returns: what would have ended the hold; nil when there was none.
  mutating func endHold() -> Hold? {
    guard case .held(let hold) = intake else { return nil }
    intake = .reading
    return hold
  }

  mutating func endIntake() { intake = .ended }
}
