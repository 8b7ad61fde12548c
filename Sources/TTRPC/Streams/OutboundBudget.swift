// How many bytes may wait for the peers of all connections together, and which connections are cut off when
// there are more.
//
// Invariants:
// 1. Each outbox counts for its storage and for the messages that wait for room in it, if that is more than
//    `countedByteCount`; the rest is bounded by the number of connections.
// 2. From `reliefByteCount` on, connections are cut off until the total is below it: first the one that holds
//    most among those whose peer takes nothing, then the one that holds most. Over the limit itself a
//    connection that holds more than half of its part is cut off as it grows.
//
// Shared: an atomic count and a locked table. Called with an outbox's lock held, so it takes no outbox's lock
// but in `relieve`, which is called with none held.

internal import Synchronization
internal import TallyLocking

final class OutboundBudget: Sendable {
  /// Smaller storage is not counted, so that counting costs the common connection, whose peer reads, nothing.
  static let countedByteCount = 16 << 10
  /// A peer that has taken nothing for so long does not read.
  static let notReadingNanoseconds: UInt64 = 100_000_000

  let limit: Int
  private let used = Atomic<Int>(0)
  private let holders = Lock<[UInt64: Outbox]>([:])
  private let isRelieving = Atomic<Bool>(false)
  /// Told when connections are cut off.
  private let listener = Lock<Listener?>(nil)

  init(limit: Int) {
    self.limit = limit
  }

  /// The listener takes up fewer connections when some are cut off; nil: nobody is told.
  func tell(_ listener: Listener?) {
    self.listener.withLock { $0 = listener }
  }

  /// Where cutting off begins: an eighth below the limit, for what is added until it has an effect.
  var reliefByteCount: Int { limit - limit / 8 }
  var usedByteCount: Int { used.load(ordering: .relaxed) }

  /// An outbox's storage has changed; true when the outbox has to be given up at once.
  func change(_ outbox: Outbox, from old: Int, to new: Int) -> Bool {
    let total = used.wrappingAdd(new - old, ordering: .relaxed).newValue
    if old == 0 || new == 0 {
      holders.withLock { $0[outbox.connectionId] = new == 0 ? nil : outbox }
    }
    if new <= old || total <= reliefByteCount { return false }
    if total > limit, new > limit / (2 * max(1, holders.withLock { $0.count })) {
      listener.withLock { $0 }?.slowDown()
      return true
    }
    if !isRelieving.exchange(true, ordering: .acquiringAndReleasing) {
      outbox.poller.perform { [self] poller in relieve(poller.time.nanoseconds) }
    }
    return false
  }

  /// Cuts connections off until the total is below the mark again. What is cut off gives its bytes back when
  /// it is closed, by the thread that does this, or by another: it counts as gone here.
  private func relieve(_ now: UInt64) {
    var staying = holders.withLock { Array($0.values) }.filter { $0.giveUpReason == nil }
    var byteCount = staying.reduce(0) { $0 + $1.countedByteCount }
    if byteCount > reliefByteCount { listener.withLock { $0 }?.slowDown() }
    while byteCount > reliefByteCount, let outbox = nextToGo(staying, now) {
      byteCount -= outbox.countedByteCount
      staying.removeAll { $0 === outbox }
      outbox.cutOff()
    }
    isRelieving.store(false, ordering: .releasing)
  }

  private func nextToGo(_ all: [Outbox], _ now: UInt64) -> Outbox? {
    let notReading = all.filter { $0.hasTakenNothing(until: now, for: Self.notReadingNanoseconds) }
    return (notReading.isEmpty ? all : notReading).max { $0.countedByteCount < $1.countedByteCount }
  }
}
