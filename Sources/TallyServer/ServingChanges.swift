// Wakes those that watch whether the server serves, when that may have changed.
//
// Invariants:
// 1. Who has looked at the state after it took the version misses no change: a change raises the version.
// 2. Who waits costs nothing until then, and is let go when its task is cancelled.
//
// Owner: a lock.

internal import TallyLocking

final class ServingChanges: Sendable {
  private struct State {
    var version: UInt64 = 0
    var lastWaiter: UInt64 = 0
    /// Bounded by the calls that may be under way.
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Lock(State())

  /// To be taken before the state is looked at.
  var version: UInt64 { state.withLock { $0.version } }

  /// Whoever waits looks again.
  func tell() {
    let waiters = state.withLock { state in
      state.version += 1
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }

  /// Returns after a change since `version`, or when the task is cancelled.
  func wait(after version: UInt64) async {
    let id = state.withLock { state in
      state.lastWaiter += 1
      return state.lastWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          // Who cancels finds the waiter here, or has been before.
          guard state.version == version, !Task.isCancelled else { return false }
          state.waiters[id] = continuation
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }

  /// Those that wait just now.
  var waiterCount: Int { state.withLock { $0.waiters.count } }
}
