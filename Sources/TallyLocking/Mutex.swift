// A lock for state that lies in fields beside it, where a locked value would be copied or moved too much.
//
// Invariants:
// 1. Nothing that can block, call back or take another connection's lock runs while it is held.
//
// pthread_mutex, as the thread sanitizer reports false races for Synchronization.Mutex on Linux.

internal import Glibc

/// A mutex for state that lies in the fields beside it.
@safe final class Mutex: @unchecked Sendable {
  // Unchecked: the mutex is made for sharing and its address never changes.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    let code = unsafe pthread_mutex_init(mutex, nil)
    precondition(code == 0, "a mutex cannot be made")
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  func lock() {
    unsafe pthread_mutex_lock(mutex)
  }

  func unlock() {
    unsafe pthread_mutex_unlock(mutex)
  }
}
