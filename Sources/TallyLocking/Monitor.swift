// A value behind a lock that threads can wait on.
//
// Invariants:
// 1. The value is touched under the mutex only; nothing else waits while the mutex is held.
//
// Owner: nobody; any thread.

internal import Glibc

// @unchecked Sendable: `state` is reached under `mutex` only.
@safe package final class Monitor<State>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var state: State

  package init(_ state: sending State) {
    self.state = state
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe condition = .allocate(capacity: 1)
    unsafe condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deallocate()
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  package func withLock<Result, Failure>(_ body: (inout State) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Waits until `ready` says yes, then runs `body` under the same lock.
  /// - Parameter deadlineNanoseconds: on the machine's monotonic clock; nil waits for ever.
  /// - Returns: nil when the deadline passed first.
  package func wait<Result>(
    deadlineNanoseconds: UInt64? = nil, until ready: (State) -> Bool, then body: (inout State) -> Result
  ) -> Result? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !ready(state) {
      guard let deadlineNanoseconds else {
        unsafe pthread_cond_wait(condition, mutex)
        continue
      }
      var until = timespec(
        tv_sec: Int(deadlineNanoseconds / 1_000_000_000), tv_nsec: Int(deadlineNanoseconds % 1_000_000_000))
      if unsafe pthread_cond_timedwait(condition, mutex, &until) != 0 && !ready(state) { return nil }
    }
    return body(&state)
  }

  /// Wakes one waiting thread.
  func signal() { unsafe pthread_cond_signal(condition) }

  /// Wakes all waiting threads.
  package func broadcast() { unsafe pthread_cond_broadcast(condition) }
}
