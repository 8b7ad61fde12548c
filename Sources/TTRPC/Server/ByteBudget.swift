// How many bytes of requests may be held at once: on a connection, of a peer, and in all.
//
// Invariants:
// 1. What was taken is given back once, by who took it.
// 2. `take` never goes over a budget's limit, nor over its parent's.
//
// Any thread may use it: the count is atomic.

internal import Synchronization
internal import TallyLocking

final class ByteBudget: Sendable {
  /// Smaller payloads are not counted: the limit on calls in flight bounds them well enough, and counting
  /// would cost the common call.
  static let countedByteCount = 4 << 10

  let limit: Int
  private let parent: ByteBudget?
  private let used = Atomic<Int>(0)

  init(limit: Int, parent: ByteBudget? = nil) {
    self.limit = limit
    self.parent = parent
  }

  /// Takes bytes. Returns false, and takes nothing, when there are not so many left.
  func take(_ count: Int) -> Bool {
    if used.wrappingAdd(count, ordering: .relaxed).newValue > limit {
      used.wrappingSubtract(count, ordering: .relaxed)
      return false
    }
    if let parent, !parent.take(count) {
      used.wrappingSubtract(count, ordering: .relaxed)
      return false
    }
    return true
  }

  /// Takes bytes that are there already and cannot be refused, such as what was read and has to wait.
  func charge(_ count: Int) {
    used.wrappingAdd(count, ordering: .relaxed)
    parent?.charge(count)
  }

  func give(_ count: Int) {
    used.wrappingSubtract(count, ordering: .relaxed)
    parent?.give(count)
  }

  var usedByteCount: Int { used.load(ordering: .relaxed) }
}

/// The budgets of the peers, each a share of the total.
final class PeerBudgets: Sendable {
  private struct Share {
    var budget: ByteBudget
    var connectionCount: Int
  }

  private let total: ByteBudget
  private let limit: Int
  /// By uid; only uids with connections are here.
  private let shares = Lock<[UInt32: Share]>([:])

  init(total: ByteBudget, limit: Int) {
    self.total = total
    self.limit = limit
  }

  /// The share of a peer that has one connection more.
  func join(_ uid: UInt32) -> ByteBudget {
    shares.withLock { shares in
      let budget = shares[uid]?.budget ?? ByteBudget(limit: limit, parent: total)
      shares[uid, default: Share(budget: budget, connectionCount: 0)].connectionCount += 1
      return budget
    }
  }

  /// The peer has one connection less. Bytes that are given back later still reach the total.
  func leave(_ uid: UInt32) {
    shares.withLock { shares in
      guard let share = shares[uid] else { return }
      if share.connectionCount == 1 {
        shares[uid] = nil
      } else {
        shares[uid]?.connectionCount -= 1
      }
    }
  }
}
