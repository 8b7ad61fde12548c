// Sums over runs that have ended.
//
// Invariants:
// 1. Nothing in a sum is negative, so a sum over some of the runs is never more than the sum over all.

/// Sums over runs of one status.
public struct RunSums: Sendable, Equatable {
  public var count: Int64 = 0
  public var costMicros: Int64 = 0
  public var inputTokens: Int64 = 0
  public var outputTokens: Int64 = 0
  public var images: Int64 = 0
  /// Of what is known of it.
  public var providerCostMicros: Int64 = 0
  /// Of the further classes, each in its lane.
  private var others = SIMD8<Int64>()

  public init() {}

  /// Of one.
  package init(of run: Run) {
    count = 1
    costMicros = run.costMicros
    inputTokens = run.inputTokens
    outputTokens = run.outputTokens
    images = run.images
    providerCostMicros = run.providerCostMicros
    units = run.units
  }

  /// The classes beside input, output and images: a lane each.
  private static let lanes: [UnitClass] = [
    .cacheRead, .cacheWrite, .cacheWriteLong, .reasoning, .audioInput, .audioOutput, .second, .request,
  ]

  /// Of the further classes, those that were used, in the order of their numbers.
  public var units: [UnitCount] {
    get {
      // Most runs use none.
      if others == SIMD8() { return [] }
      return Self.lanes.indices.compactMap { others[$0] == 0 ? nil : UnitCount(Self.lanes[$0], others[$0]) }
    }
    set {
      others = SIMD8()
      for unit in newValue {
        if let lane = Self.lanes.firstIndex(of: unit.unitClass) { others[lane] = unit.count }
      }
    }
  }

  /// Of all classes that were used.
  public var allUnits: [UnitCount] {
    [UnitCount](input: inputTokens, output: outputTokens, images: images, others: units)
  }

  fileprivate static var greatest: RunSums {
    var sums = RunSums()
    sums.count = .max
    sums.costMicros = .max
    sums.inputTokens = .max
    sums.outputTokens = .max
    sums.images = .max
    sums.providerCostMicros = .max
    sums.others = SIMD8(repeating: .max)
    return sums
  }

  /// - Returns: false when a sum would overflow int64; the value is of no use then.
  package mutating func add(_ other: RunSums) -> Bool {
    var overflow = false
    func sum(_ left: Int64, _ right: Int64) -> Int64 {
      let (sum, isOver) = left.addingReportingOverflow(right)
      overflow = overflow || isOver
      return sum
    }
    count = sum(count, other.count)
    costMicros = sum(costMicros, other.costMicros)
    inputTokens = sum(inputTokens, other.inputTokens)
    outputTokens = sum(outputTokens, other.outputTokens)
    images = sum(images, other.images)
    providerCostMicros = sum(providerCostMicros, other.providerCostMicros)
    if other.others != SIMD8() {
      for lane in others.indices { others[lane] = sum(others[lane], other.others[lane]) }
    }
    return !overflow
  }
}

extension RunSums {
  /// - Returns: false when it was no part of these; the value is of no use then.
  package mutating func remove(_ part: RunSums) -> Bool {
    guard isSound, part.isSound else { return false }
    // Of what is not negative no difference leaves int64.
    count -= part.count
    costMicros -= part.costMicros
    inputTokens -= part.inputTokens
    outputTokens -= part.outputTokens
    images -= part.images
    providerCostMicros -= part.providerCostMicros
    others &-= part.others
    return isSound
  }

  /// Whether nothing is negative.
  private var isSound: Bool {
    count >= 0 && costMicros >= 0 && inputTokens >= 0 && outputTokens >= 0 && images >= 0
      && providerCostMicros >= 0 && others.min() >= 0
  }
}

/// Sums over runs that have ended, by status.
public struct RunTotals: Sendable, Equatable {
  public var succeeded = RunSums()
  public var failed = RunSums()
  public var cancelled = RunSums()

  public init() {}

  /// Of runs of one status; nothing for one under way.
  public init(_ status: RunStatus, _ sums: RunSums) {
    switch status {
    case .running: break
    case .succeeded: succeeded = sums
    case .failed: failed = sums
    case .cancelled: cancelled = sums
    }
  }

  /// Of parts of one whole.
  public init(sumOf parts: some Sequence<RunTotals>) {
    for part in parts where !add(part) { self = .greatest }
  }

  private static var greatest: RunTotals { RunTotals(.succeeded, .greatest) }

  /// - Returns: false when a sum would overflow int64; the value is of no use then.
  package mutating func add(_ other: RunTotals) -> Bool {
    let isSucceededSound = succeeded.add(other.succeeded)
    let isFailedSound = failed.add(other.failed)
    let isCancelledSound = cancelled.add(other.cancelled)
    return isSucceededSound && isFailedSound && isCancelledSound
  }

  /// - Returns: false when it was no part of these; the value is of no use then.
  package mutating func remove(_ part: RunTotals) -> Bool {
    let isPartOfSucceeded = succeeded.remove(part.succeeded)
    let isPartOfFailed = failed.remove(part.failed)
    let isPartOfCancelled = cancelled.remove(part.cancelled)
    return isPartOfSucceeded && isPartOfFailed && isPartOfCancelled
  }

  /// Over the three. A sum of sums that are each part of one whole cannot overflow in a sound database; where
  /// it would, it is the greatest there is.
  public var all: RunSums {
    var all = succeeded
    guard all.add(failed), all.add(cancelled) else { return .greatest }
    return all
  }
}
