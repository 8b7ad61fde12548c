// Threads that take turns: one waits on many sockets and enters the ready ones, the others stand by.
//
// A lone call's work may have to wait, for the disk most of all. To hand it to another thread costs a lone
// caller the time in which that thread wakes. So the thread that has the call does the work itself, and
// another takes its turn at polling: leader and followers. `Turns` says when.
//
// Invariants:
// 1. Events are level-triggered: what is left unread is reported again. So one read a round is enough, and no
//    socket can keep the thread from the others: those that are ready at once share what one read takes.
// 2. One thread polls at a time. Only that thread touches what it needs for that, which goes to the next with
//    the turn; other threads send it work.
// 3. Tokens are never used twice, so an event of a closed socket finds nobody.
// 4. The thread that polls blocks in epoll_wait only: one that may wait elsewhere has lent its turn before.
// 5. Only the thread that polls enters a connection's queue, and it leaves it before it lends its turn. So
//    the queue is always free when a poller comes, and never has to wait for a leader.
// 6. The number of threads is fixed at the start.
//
// Owner: the thread whose turn it is.

internal import CTallyLinux
internal import TallyLocking

/// Something that has a descriptor to wait on. It is a class rather than a protocol, which keeps the call
/// direct.
class Pollable: @unchecked Sendable {
  // Unchecked: subclasses say what confines them.
  /// Called on the poller's thread with the events of CTallyLinux. `scratch` is the poller's read buffer.
  func ready(_ events: UInt32, _ scratch: inout [UInt8]) {}
}

final class Poller: @unchecked Sendable {
  // Unchecked: the mailbox has its lock; what is not constant else belongs to the thread whose turn it is.

  typealias Mail = @Sendable (Poller) -> Void

  /// Bytes of one read, and of all the reads of a round together, but for `leastReadByteCount` each.
  static let readByteCount = 64 << 10
  /// A dozen small calls: enough for the cost of reading not to count.
  static let leastReadByteCount = 2 << 10
  /// Events taken by one wait.
  static let eventCount = 128
  private static let wakeToken: UInt64 = 0
  /// Set beside an event that was the only one of its wait. No event of epoll has this bit.
  static let loneEvent: UInt32 = 1 << 26

  let timers = Timers()
  let time: MonotonicTime
  private let epoll: Int32
  private let wake: Int32
  /// nil once the last turn is over: nobody reads it any more.
  private let mailbox = Lock<[Mail]?>([])
  private let lastToken = Lock<UInt64>(0)
  private var targets = IdTable<Pollable>()
  private var isStopping = false
  private var threadCount = 0
  private let turns = Turns()
  /// The event that is being looked at was the only one of its wait.
  private var mayLead = false
  /// What each of the sockets of this round may read. For the handler of an event.
  private(set) var shareByteCount = Poller.readByteCount
  /// What the thread does next, while another may take its turn.
  private var led: (@Sendable () -> Void)?

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

  /// Starts the threads, which keep the poller alive until `stop`.
  /// - Parameters:
  ///   - name: of each thread, at most 15 bytes.
  ///   - standbyCount: of threads that take the turn while others work; without one nobody leads.
  func start(name: String, standbyCount: Int = 0) throws(SystemError) {
    for index in 0...standbyCount {
      let code = startThread {
        _ = unsafe clinux_name_thread(name)
        self.run()
      }
      if code != 0 {
        isStopping = true
        turns.end(threadCount: index)
        throw SystemError(number: code, operation: "pthread_create")
      }
    }
    threadCount = 1 + standbyCount
    turns.begin(standbyCount: standbyCount)
  }

  /// Ends the threads once what was sent before is done.
  func stop() {
    perform { $0.isStopping = true }
  }

  /// Does `work`, which may wait, on the calling thread, once that has left the round it is in; another polls
  /// meanwhile. Whoever comes from the handler of a lone event may ask, once.
  /// - Returns: false when there is no other thread, or the caller does not poll; `work` is then not done.
  func lead(_ work: @escaping @Sendable () -> Void) -> Bool {
    guard turns.isCallers, mayLead, turns.hasStandby else { return false }
    mayLead = false
    led = work
    return true
  }

  /// Runs `work` on the thread that polls, soon; never after the end.
  func perform(_ work: @escaping Mail) {
    let isFirst = mailbox.withLock { mailbox in
      mailbox?.append(work)
      return mailbox?.count == 1
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

  // MARK: The threads

  /// Where one thread has its events and what it reads.
  private struct Buffers {
    var events = [clinux_event](repeating: clinux_event(), count: Poller.eventCount)
    var scratch = [UInt8](repeating: 0, count: Poller.readByteCount)
  }

  private func run() {
    var buffers = Buffers()
    while true {
      turns.take()
      if isStopping { return }
      var hasTurn = true
      while hasTurn {
        guard let work = poll(&buffers) else { return end() }
        hasTurn = turns.lend(during: work)
      }
    }
  }

  private func end() {
    targets = IdTable()
    // What is left may hold what holds this poller.
    mailbox.withLock { $0 = nil }
    turns.end(threadCount: threadCount - 1)
  }

  /// Polls until the end, or until the thread is to lead.
  /// - Returns: what it does then; nil at the end.
  private func poll(_ buffers: inout Buffers) -> (@Sendable () -> Void)? {
    while !isStopping {
      let capacity = Int32(buffers.events.count)
      let count = unsafe buffers.events.withUnsafeMutableBufferPointer { [epoll] buffer in
        unsafe clinux_epoll_wait(epoll, buffer.baseAddress, capacity, waitMillis())
      }
      var isWoken = false
      mayLead = count == 1
      shareByteCount = max(Self.leastReadByteCount, Self.readByteCount / max(1, Int(count)))
      for index in 0..<max(0, Int(count)) {
        let event = buffers.events[index]
        if event.token == Self.wakeToken {
          isWoken = true
        } else if let target = targets[event.token] {
          turns.note(event.token)
          target.ready(count == 1 ? event.events | Self.loneEvent : event.events, &buffers.scratch)
        }
      }
      mayLead = false
      // It was the only event: mail and timers wait for who polls next.
      if let work = led {
        led = nil
        return work
      }
      if isWoken { readMail() }
      if timers.next != UInt64.max {
        for action in timers.due(time.nanoseconds) { action() }
      }
    }
    return nil
  }

  private func readMail() {
    _ = clinux_event_drain(wake)
    let work = mailbox.withLock { mailbox in
      let taken = mailbox ?? []
      if mailbox != nil { mailbox = [] }
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
