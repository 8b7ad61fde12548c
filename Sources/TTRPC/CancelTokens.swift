// The calls that can be cancelled by a token.
//
// Invariants:
// 1. A token only reaches calls that were made by the same uid.
// 2. A call is here from its start to its answer.
//
// Shared: a locked value.

internal import TallyLocking

/// A token and who may use it.
struct TokenKey: Hashable, Sendable {
  var uid: UInt32
  var token: String
}

final class CancelTokens: Sendable {
  private let calls = Lock<[TokenKey: [Call]]>([:])

  func add(_ key: TokenKey, _ call: Call) {
    calls.withLock { $0[key, default: []].append(call) }
  }

  func remove(_ key: TokenKey, _ call: Call) {
    calls.withLock { calls in
      guard var list = calls[key] else { return }
      list.removeAll { $0 === call }
      calls[key] = list.isEmpty ? nil : list
    }
  }

  /// Tells the calls of a token; how many were told.
  func cancel(_ key: TokenKey) -> Int {
    let found = calls.withLock { $0[key] ?? [] }
    var count = 0
    for call in found
    where call.connection.cancel(call, Status(.cancelled, "the call was cancelled")) {
      count += 1
    }
    return count
  }

  var count: Int { calls.withLock { $0.count } }
}
