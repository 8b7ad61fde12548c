// Waits for what ends a server: a signal, the end of its parent, the end of standard input, or a failure.
//
// Invariants:
// 1. It is created on the main thread before any other thread starts, so that no other thread gets its
//    signals.
// 2. Waiting costs no processor time.
//
// Owner: the command's main thread; `fail` may be called from any.

internal import CTallyProcess
internal import Glibc

struct Supervisor {
  enum Event: Equatable {
    case signal(Int32)
    case parentEnded
    case inputEnded
    /// `fail` was called.
    case failed
    /// The wait has timed out.
    case tick
  }

  private let signals: Int32
  private let failure: Int32
  private let parent: Int32?
  private let watchesInput: Bool

  /// - Parameters:
  ///   - watchesParent: the end of the parent process ends the wait.
  ///   - watchesInput: the end of standard input does.
  init(watchesParent: Bool, watchesInput: Bool) throws(SystemError) {
    signals = cprocess_signals_open()
    try System.check(signals, "cannot watch signals")
    failure = cprocess_event_open()
    try System.check(failure, "cannot make an event")
    self.watchesInput = watchesInput
    guard watchesParent else {
      parent = nil
      return
    }
    let descriptor = cprocess_parent_open()
    try System.check(descriptor, "cannot watch the parent process")
    parent = descriptor
  }

  /// Ends the wait with `failed`. Any thread.
  func fail() {
    // A full pipe has been signalled already.
    _ = cprocess_event_signal(failure)
  }

  /// Waits for the next event, but no longer than this.
  func wait(milliseconds: Int32) -> Event {
    var descriptors = [failure, signals]
    if let parent { descriptors.append(parent) }
    if watchesInput { descriptors.append(STDIN_FILENO) }
    let place = unsafe descriptors.withUnsafeBufferPointer { buffer in
      unsafe cprocess_wait(buffer.baseAddress, Int32(buffer.count), milliseconds)
    }
    guard place >= 0, Int(place) < descriptors.count else { return .tick }
    switch descriptors[Int(place)] {
    case failure: return .failed
    case signals:
      let signal = cprocess_signals_read(signals)
      return signal == 0 ? .tick : .signal(signal)
    case STDIN_FILENO where watchesInput: return cprocess_at_end(STDIN_FILENO) == 1 ? .inputEnded : .tick
    default: return .parentEnded
    }
  }
}

/// The service manager's side: sockets that it opened, and messages to it.
enum ServiceManager {
  /// The first descriptor that systemd passes.
  static let firstDescriptor: Int32 = 3

  /// The listening descriptors that were passed to this process.
  static var listeners: [Int32] {
    guard let pid = System.environment("LISTEN_PID").flatMap({ Int32($0) }), pid == System.processId,
      let count = System.environment("LISTEN_FDS").flatMap({ Int32($0) }), count > 0, count < 1_024
    else { return [] }
    return (0..<count).map { firstDescriptor + $0 }
  }

  /// Half of the watchdog's interval; nil without a watchdog.
  static var watchdogMilliseconds: Int32? {
    if let pid = System.environment("WATCHDOG_PID"), pid != "\(System.processId)" { return nil }
    guard let micros = System.environment("WATCHDOG_USEC").flatMap({ Int64($0) }), micros > 0 else {
      return nil
    }
    return Int32(clamping: max(1, micros / 2_000))
  }

  /// Does nothing without a service manager.
  static func notify(_ text: String) throws(SystemError) {
    guard let socket = System.environment("NOTIFY_SOCKET") else { return }
    try System.check(unsafe cprocess_notify(socket, text), "cannot notify \(socket)")
  }
}
