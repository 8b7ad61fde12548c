// Counts of values in buckets whose width is at most a sixteenth of their value.
//
// Layout: values below 16 have a bucket each; every doubling above is cut into 16 equal ones. Bucket b >= 16
// begins at (16 + b % 16) << (b / 16 - 1).

public struct Histogram: Equatable, Sendable {
  private static let partsPerDoubling: UInt64 = 16
  /// For the whole range of values.
  static let bucketCount = 61 * 16

  private var counts: [UInt64]
  public private(set) var count: UInt64 = 0
  /// Wraps around beyond 64 bits: some 584 years in nanoseconds.
  public private(set) var sum: UInt64 = 0
  public private(set) var maximum: UInt64 = 0

  public init() {
    counts = [UInt64](repeating: 0, count: Self.bucketCount)
  }

  /// What was counted elsewhere, in the same buckets; later ones are empty.
  init(counts: [UInt64], sum: UInt64, maximum: UInt64) {
    self.counts = counts + [UInt64](repeating: 0, count: Self.bucketCount - counts.count)
    count = counts.reduce(0, &+)
    self.sum = sum
    self.maximum = maximum
  }

  public mutating func add(_ value: UInt64) {
    counts[Self.bucket(value)] += 1
    count += 1
    sum &+= value
    maximum = max(maximum, value)
  }

  public mutating func merge(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
    sum &+= other.sum
    maximum = max(maximum, other.maximum)
  }

  /// What was added since `earlier` was taken of the same counts. The maximum is that of all time.
  public func since(_ earlier: Histogram) -> Histogram {
    var since = self
    for index in counts.indices { since.counts[index] &-= earlier.counts[index] }
    since.count = count &- earlier.count
    since.sum = sum &- earlier.sum
    return since
  }

  /// The value that so many thousandths of all are at most, rounded up to its bucket's end; zero when
  /// there are none.
  public func quantile(thousandths: UInt64) -> UInt64 {
    guard count > 0 else { return 0 }
    let rank = max(1, (count * thousandths + 999) / 1_000)
    var seen: UInt64 = 0
    for (index, part) in counts.enumerated() {
      seen += part
      if seen >= rank { return min(Self.end(index), maximum) }
    }
    return maximum
  }

  /// The buckets that are not empty, by the largest value that goes into each, rising.
  public var buckets: [(end: UInt64, count: UInt64)] {
    counts.indices.compactMap { counts[$0] == 0 ? nil : (Self.end($0), counts[$0]) }
  }

  /// How many values are at most this one; those that share its bucket and may be larger are left out.
  public func count(upTo value: UInt64) -> UInt64 {
    var seen: UInt64 = 0
    for (index, part) in counts.enumerated() {
      if Self.end(index) > value { break }
      seen += part
    }
    return seen
  }

  static func bucket(_ value: UInt64) -> Int {
    guard value >= partsPerDoubling else { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    return (exponent - 3) * 16 + Int(value >> UInt64(exponent - 4) & 15)
  }

  /// The largest value of a bucket.
  private static func end(_ bucket: Int) -> UInt64 {
    guard bucket >= 16 else { return UInt64(bucket) }
    let shift = UInt64(bucket / 16 - 1)
    let first = (16 + UInt64(bucket % 16)) << shift
    return first + ((1 << shift) - 1)
  }
}
