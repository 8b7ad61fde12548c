// How many bytes of requests may be held at once, on a connection and in all.
//
// Invariants:
// 1. What was taken is given back once, by who took it.
// 2. A budget never goes over its limit, nor over its parent's.
//
// Shared: an atomic count.

internal import Synchronization

final class ByteBudget: Sendable {
  /// Smaller payloads are not counted: the limit on calls in flight bounds them well enough, and the
  /// common call is spared the cost.
  static let countedByteCount = 4 << 10

  let limit: Int
  private let parent: ByteBudget?
  private let used = Atomic<Int>(0)

  init(limit: Int, parent: ByteBudget? = nil) {
    self.limit = limit
    self.parent = parent
  }

  /// Takes bytes; false, and nothing taken, when there are not so many left.
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

  func give(_ count: Int) {
    used.wrappingSubtract(count, ordering: .relaxed)
    parent?.give(count)
  }

  var usedByteCount: Int { used.load(ordering: .relaxed) }
}
