// A value behind a lock that threads can wait on.
//
// Invariants:
// 1. The value is touched under the mutex only.
// 2. A thread that waits gives the mutex up meanwhile; nothing else waits while the mutex is held.

public import Glibc

/// A value behind a mutex, with a condition to wait on.
@safe public final class Monitor<State>: @unchecked Sendable {
  // Unchecked: the compiler cannot see that the mutex guards `state`.
  @usableFromInline let mutex = MutexStorage()
  @usableFromInline let condition: UnsafeMutablePointer<pthread_cond_t>
  @usableFromInline var state: State

  public init(_ state: sending State) {
    self.state = state
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
    mutex.destroy()
  }

  @inlinable
  public func withLock<Result, Failure: Error>(
    _ body: (inout State) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    mutex.lock()
    defer { mutex.unlock() }
    return try body(&state)
  }

  /// Waits until `ready` says yes, then runs `body` under the same lock.
  /// - Parameter deadlineNanoseconds: by `MonotonicClock`; nil waits for ever.
  /// - Returns: nil when the deadline passed first.
  @inlinable
  public func wait<Result>(
    deadlineNanoseconds: UInt64? = nil, until ready: (State) -> Bool, then body: (inout State) -> Result
  ) -> Result? {
    mutex.lock()
    defer { mutex.unlock() }
    while !ready(state) {
      guard let deadlineNanoseconds else {
        unsafe pthread_cond_wait(condition, mutex.pointer)
        continue
      }
      var until = timespec(
        tv_sec: Int(deadlineNanoseconds / 1_000_000_000), tv_nsec: Int(deadlineNanoseconds % 1_000_000_000))
      if unsafe pthread_cond_timedwait(condition, mutex.pointer, &until) != 0 && !ready(state) { return nil }
    }
    return body(&state)
  }

  /// Wakes one waiting thread.
  public func signal() { unsafe pthread_cond_signal(condition) }

  /// Wakes all waiting threads.
  public func broadcast() { unsafe pthread_cond_broadcast(condition) }
}
