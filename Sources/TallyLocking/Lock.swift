// A value behind a lock: how state is shared outside a queue.
//
// Invariants:
// 1. The value is touched only inside `withLock`, for which the mutex is held.
// 2. Nothing that waits, and no foreign code, runs inside `withLock`.
//
// pthread_mutex rather than Synchronization.Mutex: the thread sanitizer knows it, and reports false
// races for the other.
//
// Owner: whoever holds the lock.

public import Glibc

/// A value behind a mutex.
// Unchecked: the compiler cannot see that the mutex guards `value`.
@safe
public final class Lock<Value>: @unchecked Sendable {
  @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
  @usableFromInline var value: Value

  public init(_ value: sending Value) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    self.value = value
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  @inlinable
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
