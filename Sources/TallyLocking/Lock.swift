// A value behind a lock: how state is shared outside a queue.
//
// Invariants:
// 1. The value is touched only inside `withLock`, for which the mutex is held.
// 2. Nothing that waits, and no foreign code, runs inside `withLock`.

/// A value behind a mutex.
public final class Lock<Value>: @unchecked Sendable {
  // Unchecked: the compiler cannot see that the mutex guards `value`.
  @usableFromInline let mutex = MutexStorage()
  @usableFromInline var value: Value

  public init(_ value: sending Value) {
    self.value = value
  }

  deinit { mutex.destroy() }

  @inlinable
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    mutex.lock()
    defer { mutex.unlock() }
    return try body(&value)
  }
}
