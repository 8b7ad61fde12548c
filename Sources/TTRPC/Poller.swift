// One thread that waits on many sockets and enters the ready ones.
//
// Invariants:
// 1. Level-triggered: what is left unread is reported again, so one read a round is enough and no socket
//    can keep the thread from the others.
// 2. The table of what is polled is touched by the poller's thread only; others send it work.
// 3. Tokens are never used twice, so an event of a closed socket finds nobody.
// 4. The thread never blocks but in epoll_wait.
//
// Owner: its thread.

internal import CTallyLinux
internal import Glibc
internal import TallyLocking

/// Something that has a descriptor to wait on. Subclassed, rather than a protocol, to keep the call
/// direct.
class Pollable: @unchecked Sendable {
  // Unchecked: subclasses say what confines them.
  /// Called on the poller's thread with the events of CTallyLinux. `scratch` is the poller's read buffer.
  func ready(_ events: UInt32, _ scratch: inout [UInt8]) {}
}

final class Poller: @unchecked Sendable {
  // Unchecked: the mailbox has its lock, `targets` belongs to the thread, descriptors never change.

  /// Bytes of one read.
  static let readByteCount = 64 << 10
  /// Events taken by one wait.
  static let eventCount = 128
  private static let wakeToken: UInt64 = 0
  /// Set beside an event that was the only one of its wait. No event of epoll has this bit.
  static let loneEvent: UInt32 = 1 << 26

  let timers = Timers()
  let time: MonotonicTime
  private let epoll: Int32
  private let wake: Int32
  private let mailbox = Lock<[@Sendable (Poller) -> Void]>([])
  private let lastToken = Lock<UInt64>(0)
  private var targets = IdTable<Pollable>()
  private var isStopping = false

  init(time: MonotonicTime = .machine) throws(SystemError) {
    let epoll = clinux_epoll_create()
    if epoll < 0 { throw SystemError(number: -epoll, operation: "epoll_create") }
    let wake = clinux_event_create()
    if wake < 0 {
      _ = clinux_close(epoll)
      throw SystemError(number: -wake, operation: "eventfd")
    }
    self.epoll = epoll
    self.wake = wake
    self.time = time
    let code = clinux_epoll_add(epoll, wake, UInt32(CLINUX_READABLE), Self.wakeToken)
    if code < 0 { throw SystemError(number: -code, operation: "epoll_ctl") }
    time.onAdvance { [weak self] in self?.signal() }
  }

  deinit {
    _ = clinux_close(epoll)
    _ = clinux_close(wake)
  }

  /// Starts the thread, which keeps the poller alive until `stop`.
  func start(name: String) throws(SystemError) {
    try startThread(name: name) { self.run() }
  }

  /// Ends the thread once it has done what it was sent before.
  func stop() {
    perform { $0.isStopping = true }
  }

  /// Runs `work` on the poller's thread.
  func perform(_ work: @escaping @Sendable (Poller) -> Void) {
    let isFirst = mailbox.withLock { mailbox in
      mailbox.append(work)
      return mailbox.count == 1
    }
    if isFirst { signal() }
  }

  private func signal() {
    _ = clinux_event_signal(wake)
  }

  func schedule(at: UInt64, _ action: @escaping @Sendable () -> Void) -> Timer {
    let (timer, isFirst) = timers.schedule(at: at, action)
    if isFirst { signal() }
    return timer
  }

  func newToken() -> UInt64 {
    lastToken.withLock {
      $0 += 1
      return $0
    }
  }

  /// Starts waiting on a descriptor, at once: what is asked for by `modify` after this counts. An event
  /// that comes before the target is in the table is reported again.
  func add(
    _ descriptor: Int32, _ token: UInt64, _ events: UInt32, _ target: Pollable
  ) throws(SystemError) {
    perform { $0.targets.set(token, target) }
    let code = clinux_epoll_add(epoll, descriptor, events, token)
    if code < 0 {
      perform { $0.targets.remove(token) }
      throw SystemError(number: -code, operation: "epoll_ctl")
    }
  }

  /// Changes what a descriptor is waited on for. Any thread, as long as the descriptor is open.
  func modify(_ descriptor: Int32, _ token: UInt64, _ events: UInt32) {
    _ = clinux_epoll_modify(epoll, descriptor, events, token)
  }

  /// Ends the wait; call before the descriptor is closed.
  func remove(_ descriptor: Int32, _ token: UInt64) {
    _ = clinux_epoll_remove(epoll, descriptor)
    perform { $0.targets.remove(token) }
  }

  private func run() {
    var events = [clinux_event](repeating: clinux_event(), count: Self.eventCount)
    var scratch = [UInt8](repeating: 0, count: Self.readByteCount)
    while !isStopping {
      let capacity = Int32(events.count)
      let count = unsafe events.withUnsafeMutableBufferPointer { [epoll] buffer in
        unsafe clinux_epoll_wait(epoll, buffer.baseAddress, capacity, waitMillis())
      }
      var isWoken = false
      for index in 0..<max(0, Int(count)) {
        let event = events[index]
        if event.token == Self.wakeToken {
          isWoken = true
        } else if let target = targets[event.token] {
          target.ready(count == 1 ? event.events | Self.loneEvent : event.events, &scratch)
        }
      }
      if isWoken { readMail() }
      if timers.next != UInt64.max {
        for action in timers.due(time.nanoseconds) { action() }
      }
    }
    targets = IdTable()
  }

  private func readMail() {
    _ = clinux_event_drain(wake)
    let work = mailbox.withLock { mailbox in
      let taken = mailbox
      mailbox = []
      return taken
    }
    for item in work { item(self) }
  }

  private func waitMillis() -> Int32 {
    let next = timers.next
    if next == UInt64.max { return -1 }
    let now = time.nanoseconds
    if next <= now { return 0 }
    // Whoever moves time on by hand wakes the thread.
    if time.isManual { return -1 }
    // Rounded up, so that a timer is due when the wait ends.
    return Int32(min((next - now + 999_999) / 1_000_000, 3_600_000))
  }
}

private final class ThreadBody {
  let name: String
  let run: @Sendable () -> Void
  init(name: String, run: @escaping @Sendable () -> Void) {
    self.name = name
    self.run = run
  }
}

/// Starts a detached thread; its name is at most 15 bytes.
private func startThread(name: String, _ run: @escaping @Sendable () -> Void) throws(SystemError) {
  let body = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: run))
  var thread = pthread_t()
  let code = unsafe pthread_create(
    &thread, nil,
    { argument in
      guard let argument = unsafe argument else { return nil }
      let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
      _ = unsafe clinux_name_thread(body.name)
      body.run()
      return nil
    }, body.toOpaque())
  if code != 0 {
    unsafe body.release()
    throw SystemError(number: code, operation: "pthread_create")
  }
  pthread_detach(thread)
}
