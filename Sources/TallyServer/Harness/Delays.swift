// Delays that can be ended early.
//
// Invariants:
// 1. Delayed work runs once: when its time is over, or when all delays are ended.
// 2. Only `block` blocks the calling thread.
//
// Owner: a lock.

internal import Dispatch
internal import TallyLocking

final class Delays: Sendable {
  private struct State {
    var lastId = 0
    var waiting: [Int: @Sendable () -> Void] = [:]
    var isClosed = false
  }

  private let state = Lock(State())

  /// Runs `work` on another thread when the time is over, or when all delays are ended.
  func run(afterMillis millis: Int64, _ work: @escaping @Sendable () -> Void) {
    let id = state.withLock { state -> Int? in
      if state.isClosed { return nil }
      state.lastId += 1
      state.waiting[state.lastId] = work
      return state.lastId
    }
    guard let id else { return DispatchQueue.global().async(execute: work) }
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(millis))) { [weak self] in
      self?.state.withLock { $0.waiting.removeValue(forKey: id) }?()
    }
  }

  func wait(millis: Int64) async {
    await withCheckedContinuation { continuation in run(afterMillis: millis) { continuation.resume() } }
  }

  /// Blocks the calling thread.
  func block(millis: Int64) {
    let isOver = DispatchSemaphore(value: 0)
    run(afterMillis: millis) { isOver.signal() }
    isOver.wait()
  }

  /// Ends all delays that run now.
  func letGo() {
    let waiting = state.withLock { state in
      defer { state.waiting = [:] }
      return state.waiting
    }
    for (_, work) in waiting.sorted(by: { $0.key < $1.key }) { DispatchQueue.global().async(execute: work) }
  }

  /// Ends all delays that run now, and later ones as soon as they begin.
  func close() {
    state.withLock { $0.isClosed = true }
    letGo()
  }
}
