// Where submissions wait for the writer.
//
// Invariants:
// 1. The writer is woken at most once for all that arrives until it has looked.
// 2. What is refused here never entered the queue, and its caller is told at once.
//
// Owner: a monitor; any thread adds, the writer's queue takes.

internal import Glibc
internal import TallyLocking

final class Inbox: Sendable {
  private struct State {
    var queue = SubmissionQueue()
    /// The writer was woken and has not looked at an empty queue since.
    var isAwake = false
    var isOpen = true
    /// How many submissions the writer waits for; zero when it does not wait.
    var expected = 0
  }

  enum Admission {
    /// The caller wakes the writer.
    case first
    case queued
    case full
    case closed
  }

  private let state = Monitor(State())

  func add(_ work: Work) -> Admission {
    let (admission, isExpected) = state.withLock { state -> (Admission, Bool) in
      guard state.isOpen else { return (.closed, false) }
      guard state.queue.add(work) else { return (.full, false) }
      if !state.isAwake {
        state.isAwake = true
        return (.first, false)
      }
      return (.queued, state.expected > 0 && state.queue.count >= state.expected)
    }
    if isExpected { state.signal() }
    return admission
  }

  /// Takes up again what was taken and not decided; the writer looks again.
  func putBack(_ works: [Work]) { state.withLock { $0.queue.putBack(works) } }

  var isFull: Bool { state.withLock { $0.queue.isFull } }

  var isShared: Bool { state.withLock { $0.queue.isShared } }

  func hasRoom(for sharer: String) -> Bool { state.withLock { $0.queue.hasRoom(for: sharer) } }

  /// Takes the next batch; an empty one lets the writer sleep until it is woken again.
  func take() -> [Work] {
    let batch = state.withLock { state -> [Work] in
      let batch = state.queue.take()
      if batch.isEmpty { state.isAwake = false }
      return batch
    }
    if batch.isEmpty { state.broadcast() }
    return batch
  }

  /// Waits, briefly, for as many submissions as are expected back.
  func wait(for expected: Int, deadlineNanoseconds: UInt64) {
    state.withLock { $0.expected = expected }
    _ = state.wait(
      deadlineNanoseconds: deadlineNanoseconds, until: { $0.queue.count >= expected || !$0.isOpen },
      then: { _ in })
    state.withLock { $0.expected = 0 }
  }

  var count: Int { state.withLock { $0.queue.count } }

  /// What waits, in submissions and in bytes.
  var size: (items: Int, bytes: Int) { state.withLock { ($0.queue.count, $0.queue.byteCount) } }

  /// Lets nothing in any more.
  func close() {
    state.withLock { $0.isOpen = false }
    state.broadcast()
  }

  /// Waits until the writer has seen an empty queue.
  /// - Returns: false when the deadline passed first.
  func waitUntilIdle(deadlineNanoseconds: UInt64) -> Bool {
    state.wait(
      deadlineNanoseconds: deadlineNanoseconds, until: { $0.queue.isEmpty && !$0.isAwake },
      then: { _ in true })
      ?? false
  }
}
