// The one source of time-outs of a poller: a heap of moments, each with what to do then.
//
// Invariants:
// 1. A timer fires once or is cancelled once; a cancelled one is out of the heap at once.
// 2. Without timers it costs nothing: the poller then waits for ever.
// 3. Actions run on the poller's thread, with no lock held.
//
// Any thread may use it: the heap is behind a lock.

internal import Synchronization
internal import TallyLocking

/// A moment to come. Made by `Timers.schedule`.
final class Timer: @unchecked Sendable {
  // Unchecked: `index` and `action` are touched under the lock of the heap it lies in.
  let at: UInt64
  fileprivate var index = -1
  fileprivate var action: (@Sendable () -> Void)?

  fileprivate init(at: UInt64, action: @escaping @Sendable () -> Void) {
    self.at = at
    self.action = action
  }
}

final class Timers: @unchecked Sendable {
  // Unchecked: `heap` is touched under `lock` only.
  private let lock = Mutex()
  private var heap: [Timer] = []
  /// Read by the poller each round without the lock. Whoever puts a timer first wakes the poller after
  /// it has stored this.
  private let first = Atomic<UInt64>(UInt64.max)

  /// Adds a timer; also says whether it is now the first, so that a waiting poller must be woken.
  func schedule(at: UInt64, _ action: @escaping @Sendable () -> Void) -> (timer: Timer, isFirst: Bool) {
    let timer = Timer(at: at, action: action)
    return lock.withLock {
      timer.index = heap.count
      heap.append(timer)
      rise(timer.index)
      publish()
      return (timer, timer.index == 0)
    }
  }

  func cancel(_ timer: Timer) {
    let action = lock.withLock {
      if timer.index >= 0 {
        remove(timer.index)
        publish()
      }
      return timer.action.take()
    }
    // What the action holds is let go outside the lock.
    withExtendedLifetime(action) {}
  }

  /// The moment of the first timer; the last moment there is when there are none.
  var next: UInt64 { first.load(ordering: .relaxed) }

  /// Takes what is due, in order of time.
  func due(_ now: UInt64) -> [@Sendable () -> Void] {
    lock.withLock {
      var actions: [@Sendable () -> Void] = []
      while let first = heap.first, first.at <= now {
        remove(0)
        if let action = first.action.take() { actions.append(action) }
      }
      publish()
      return actions
    }
  }

  var count: Int { lock.withLock { heap.count } }

  private func publish() {
    first.store(heap.first?.at ?? UInt64.max, ordering: .relaxed)
  }

  private func remove(_ index: Int) {
    let last = heap.count - 1
    swap(index, last)
    heap.removeLast().index = -1
    if index < last {
      rise(index)
      sink(index)
    }
  }

  private func swap(_ first: Int, _ second: Int) {
    if first == second { return }
    heap.swapAt(first, second)
    heap[first].index = first
    heap[second].index = second
  }

  private func rise(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      if heap[parent].at <= heap[index].at { return }
      swap(index, parent)
      index = parent
    }
  }

  private func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[child].at < heap[least].at { least = child }
      }
      if least == index { return }
      swap(index, least)
      index = least
    }
  }
}
