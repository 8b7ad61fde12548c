// Threads for work that waits: the pools of Dispatch and of tasks have few threads, which must not wait.
//
// Invariants:
// 1. What a thread runs is retained until it returns; nobody joins the thread.

internal import Glibc

/// Keeps the body of a thread until the thread has taken it.
private final class ThreadBody {
  let run: @Sendable () -> Void

  init(run: @escaping @Sendable () -> Void) {
    self.run = run
  }
}

/// Starts a detached thread.
/// - Returns: zero, or the errno of why there is no thread, such as EAGAIN at a limit of processes.
public func startThread(_ run: @escaping @Sendable () -> Void) -> Int32 {
  let body = unsafe Unmanaged.passRetained(ThreadBody(run: run))
  var thread = pthread_t()
  let code = unsafe pthread_create(
    &thread, nil,
    { argument in
      guard let argument = unsafe argument else { return nil }
      unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
      return nil
    }, body.toOpaque())
  if code != 0 {
    unsafe body.release()
    return code
  }
  pthread_detach(thread)
  return 0
}

/// What tells one living thread from another.
public func currentThread() -> UInt { pthread_self() }
