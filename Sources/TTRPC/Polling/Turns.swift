// Whose turn it is to poll, and how it goes from one thread to another while the one that has it works.
//
// There are two ways, because waking another thread costs some ten microseconds, which a lone caller would
// wait for with every write:
// - While other connections are active, the turn is given to a standby before the work begins.
// - Otherwise it is lent. A standby looks every `tickMillis` and takes the turn if it finds the same work
//   under way twice; no thread is woken for work that is done by then. So the first call of another
//   connection waits for two ticks at most, and those that follow do not wait.
//
// Invariants:
// 1. One thread has the turn, or none has while it goes from one to another.
// 2. Work is done once, by the thread that lends or gives its turn for it. If the turn was taken when that
//    thread comes back, it becomes a standby.
// 3. A standby that has nothing to look after sleeps until it is woken.
//
// Owner: what is not atomic belongs to the thread whose turn it is.

internal import Dispatch
internal import Synchronization
internal import TallyLocking

final class Turns: @unchecked Sendable {
  // Unchecked: see the note on the owner.

  /// How often a standby looks after work for which a turn was lent.
  static let tickMillis = 1
  /// Looks without any such work after which the standby sleeps.
  static let idleTickCount = 20
  /// For how many works the turn is given away after another connection was active.
  static let companyCount = 16

  /// Turns that were given and not yet taken, each with a signal.
  private let given = Atomic(0)
  /// Wakes a standby: for a turn, or to look after work.
  private let wake = DispatchSemaphore(value: 0)
  /// Threads that would take the turn.
  private let standbyCount = Atomic(0)
  /// Rises by one when the turn is lent, and once more when it comes back or is taken: odd while it is lent.
  private let lent = Atomic<UInt64>(0)
  /// A standby looks every tick.
  private let isWatched = Atomic(false)
  /// The thread whose turn it is.
  private let holder = Atomic<UInt>(0)

  /// Whose event was the last.
  private var lastToken: UInt64 = 0
  /// Works still to come for which the turn is given away.
  private var company = 0

  /// The first turn; that many threads will wait for the next.
  func begin(standbyCount: Int) {
    self.standbyCount.store(standbyCount, ordering: .relaxed)
    give()
  }

  /// A turn for each of the threads that are left, who find that it is the last.
  func end(threadCount: Int) {
    holder.store(0, ordering: .relaxed)
    for _ in 0..<threadCount { give() }
  }

  private func give() {
    given.wrappingAdd(1, ordering: .releasing)
    wake.signal()
  }

  /// The calling thread has the turn.
  var isCallers: Bool { holder.load(ordering: .relaxed) == currentThread() }

  /// There is a thread to take the turn. Asked by who has it: nobody else can take one away then.
  var hasStandby: Bool { standbyCount.load(ordering: .relaxed) > 0 }

  /// An event of this socket is about to be looked at.
  func note(_ token: UInt64) {
    if token == lastToken { return }
    lastToken = token
    company = Self.companyCount
  }

  /// Waits until the turn is the calling thread's.
  func take() {
    var seen: UInt64 = 0
    var idleTicks = Self.idleTickCount
    while !takeGiven() {
      if idleTicks >= Self.idleTickCount && stopsWatching(seen) {
        wake.wait()
      } else {
        _ = wake.wait(timeout: .now() + .milliseconds(Self.tickMillis))
      }
      let now = lent.load(ordering: .acquiring)
      if now & 1 == 1 && now == seen && takeLent(now) { break }
      idleTicks = now == seen ? idleTicks + 1 : 0
      seen = now
    }
    // Who lends the turn next has to wake another.
    isWatched.store(false, ordering: .sequentiallyConsistent)
    holder.store(currentThread(), ordering: .relaxed)
  }

  private func takeGiven() -> Bool {
    var count = given.load(ordering: .relaxed)
    while count > 0 {
      let (isTaken, found) = given.compareExchange(
        expected: count, desired: count - 1, ordering: .acquiringAndReleasing)
      if isTaken { return true }
      count = found
    }
    return false
  }

  private func takeLent(_ work: UInt64) -> Bool {
    guard lent.compareExchange(expected: work, desired: work + 1, ordering: .acquiringAndReleasing).exchanged
    else { return false }
    standbyCount.wrappingSubtract(1, ordering: .relaxed)
    return true
  }

  /// Whether the standby may sleep: whoever lends the turn from now on wakes it.
  private func stopsWatching(_ seen: UInt64) -> Bool {
    isWatched.store(false, ordering: .sequentiallyConsistent)
    if lent.load(ordering: .sequentiallyConsistent) == seen { return true }
    isWatched.store(true, ordering: .sequentiallyConsistent)
    return false
  }

  /// Does `work` while another may have the turn, which is the caller's. There must be a standby.
  /// - Returns: whether the turn is still the caller's.
  func lend(during work: () -> Void) -> Bool {
    holder.store(0, ordering: .relaxed)
    if company > 0 {
      company -= 1
      standbyCount.wrappingSubtract(1, ordering: .relaxed)
      give()
      work()
      standbyCount.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    let number = lent.load(ordering: .relaxed) + 1
    lent.store(number, ordering: .sequentiallyConsistent)
    if !isWatched.load(ordering: .sequentiallyConsistent) {
      isWatched.store(true, ordering: .sequentiallyConsistent)
      wake.signal()
    }
    work()
    guard
      lent.compareExchange(expected: number, desired: number + 1, ordering: .acquiringAndReleasing).exchanged
    else {
      standbyCount.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    holder.store(currentThread(), ordering: .relaxed)
    return true
  }
}
