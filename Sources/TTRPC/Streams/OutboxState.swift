// What the two directions of a connection may do just now, each as one state.
//
//     SendingState     open <--> corked          ReadingState    reading <--> held
//                        |         |                                |
//                        v         v                                v
//                      broken -> closed                           ended
//
// Invariants:
// 1. A transition that the states do not have changes nothing: a broken connection is not opened again, and
//    the first reason for giving it up counts.
//
// Owner: the outbox's lock.

/// What may be sent on a connection.
enum SendingState: Equatable {
  /// Every frame is sent as it comes.
  case open
  /// A round is under way: frames are collected until it ends.
  case corked
  /// Nothing more can be sent, for this reason; the owner has yet to close the connection.
  case broken(CloseReason)
  /// The descriptor is closed.
  case closed

  /// Frames are taken.
  var isUsable: Bool {
    switch self {
    case .open, .corked: true
    case .broken, .closed: false
    }
  }

  /// Why the connection must be closed, if it must be.
  var giveUpReason: CloseReason? {
    if case .broken(let reason) = self { reason } else { nil }
  }

  mutating func cork() {
    if self == .open { self = .corked }
  }

  mutating func uncork() {
    if self == .corked { self = .open }
  }

  /// - Returns: false when nothing could be sent before.
  mutating func giveUp(_ reason: CloseReason) -> Bool {
    guard isUsable else { return false }
    self = .broken(reason)
    return true
  }

  /// - Returns: false when it was closed before.
  mutating func close() -> Bool {
    if self == .closed { return false }
    self = .closed
    return true
  }
}

/// Whether a connection is read.
enum ReadingState {
  case reading
  /// Not until its owner says so.
  case held
  /// The peer sends no more.
  case ended

  mutating func hold() {
    if self == .reading { self = .held }
  }

  mutating func goOn() {
    if self == .held { self = .reading }
  }

  mutating func end() { self = .ended }
}
