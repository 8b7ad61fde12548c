// Numbers that any thread adds to and any thread reads.
//
// Invariants:
// 1. Nothing is lost; what is read of several numbers is not of one moment.
//
// Any thread may use it.

internal import Synchronization

/// A number that only grows: a count of things that happened.
public final class Counter: Sendable {
  private let number = Atomic<Int64>(0)

  public init() {}

  public func add(_ count: Int64 = 1) { number.wrappingAdd(count, ordering: .relaxed) }

  public var value: Int64 { number.load(ordering: .relaxed) }
}

/// A number that goes up and down: how much there is now.
public final class Gauge: Sendable {
  private let number = Atomic<Int64>(0)

  public init() {}

  public func add(_ difference: Int64) { number.wrappingAdd(difference, ordering: .relaxed) }
  public func set(_ value: Int64) { number.store(value, ordering: .relaxed) }

  public var value: Int64 { number.load(ordering: .relaxed) }
}

/// A histogram that any thread adds to.
public final class LiveHistogram: Sendable {
  /// Up to 2^40: eighteen minutes in nanoseconds. What is longer counts as that long; `maximum` tells it.
  private static let largest: UInt64 = (1 << 40) - 1

  private let counts = InlineArray<592, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)
  /// Signed, since `Atomic.max` compares as if it were.
  private let maximum = Atomic<Int64>(0)

  public init() {}

  public func add(_ value: UInt64) {
    counts[Histogram.bucket(min(value, Self.largest))].wrappingAdd(1, ordering: .relaxed)
    sum.wrappingAdd(value, ordering: .relaxed)
    let signed = Int64(clamping: value)
    if signed > maximum.load(ordering: .relaxed) { maximum.max(signed, ordering: .relaxed) }
  }

  /// Cheaper than a snapshot when only this is asked.
  public var count: UInt64 {
    var count: UInt64 = 0
    for index in counts.indices { count &+= counts[index].load(ordering: .relaxed) }
    return count
  }

  public var snapshot: Histogram {
    var parts: [UInt64] = []
    parts.reserveCapacity(counts.count)
    for index in counts.indices { parts.append(counts[index].load(ordering: .relaxed)) }
    return Histogram(
      counts: parts, sum: sum.load(ordering: .relaxed),
      maximum: UInt64(clamping: maximum.load(ordering: .relaxed)))
  }
}
