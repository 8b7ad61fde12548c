// The calls that can be cancelled by a token.
//
// Invariants:
// 1. A token only reaches calls that were made by the same uid.
// 2. A call is here from its start to its answer; there are as many as are in flight.
//
// Any thread may use it: it is behind a lock.

internal import TallyLocking

/// A token and who may use it.
struct TokenKey: Hashable, Sendable {
  var uid: UInt32
  var token: String
}

final class CancelTokens: Sendable {
  /// By identity: many calls may share a token, and each is taken out by itself.
  private let calls = Lock<[TokenKey: [ObjectIdentifier: Call]]>([:])

  func add(_ key: TokenKey, _ call: Call) {
    calls.withLock { $0[key, default: [:]][ObjectIdentifier(call)] = call }
  }

  func remove(_ key: TokenKey, _ call: Call) {
    calls.withLock { calls in
      calls[key]?[ObjectIdentifier(call)] = nil
      if calls[key]?.isEmpty == true { calls[key] = nil }
    }
  }

  /// Tells the calls of a token; how many were told.
  func cancel(_ key: TokenKey) -> Int {
    let found = calls.withLock { Array(($0[key] ?? [:]).values) }
    var count = 0
    for call in found
    where call.connection.cancel(
      call, call.connection.status(.cancelled, .cancelled, "the call was cancelled"))
    {
      count += 1
    }
    return count
  }

  var count: Int { calls.withLock { $0.count } }
}
