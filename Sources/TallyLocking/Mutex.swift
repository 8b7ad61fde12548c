// The only mutex of the project: for state that lies in the fields beside it, and underneath `Lock` and
// `Monitor`.
//
// Invariants:
// 1. Nothing that can block, call back or take another lock of the same kind runs while it is held.
//
// It is pthread_mutex rather than Synchronization.Mutex: the thread sanitizer knows the former, and reports
// false races for the latter on Linux.

public import Glibc

/// The machine's mutex in memory of its own, since its address must never change. Whoever makes one destroys
/// it.
@safe @usableFromInline struct MutexStorage {
  @usableFromInline let pointer: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: pthread_mutex_t())
    let code = unsafe pthread_mutex_init(pointer, nil)
    precondition(code == 0, "a mutex cannot be made")
  }

  func destroy() {
    unsafe pthread_mutex_destroy(pointer)
    unsafe pointer.deallocate()
  }

  @inlinable func lock() { unsafe pthread_mutex_lock(pointer) }

  @inlinable func unlock() { unsafe pthread_mutex_unlock(pointer) }
}

/// A mutex for state that lies in fields beside it, where a value inside a `Lock` would have to be moved or
/// copied.
public final class Mutex: @unchecked Sendable {
  // Unchecked: the mutex is made for sharing and its address never changes.
  @usableFromInline let storage = MutexStorage()

  public init() {}

  deinit { storage.destroy() }

  @inlinable
  public func withLock<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    storage.lock()
    defer { storage.unlock() }
    return try body()
  }
}
