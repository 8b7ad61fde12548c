// Counts of durations in buckets whose width is at most a sixteenth of their value.
//
// Values, owned by nobody.

struct Histogram: Equatable, Sendable {
  private static let partsPerDoubling: UInt64 = 16
  private var counts = [UInt64](repeating: 0, count: 61 * 16)
  private(set) var count: UInt64 = 0
  private(set) var maximum: UInt64 = 0

  mutating func add(_ value: UInt64) {
    counts[Self.bucket(value)] += 1
    count += 1
    maximum = max(maximum, value)
  }

  mutating func merge(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
    maximum = max(maximum, other.maximum)
  }

  /// The value that so many thousandths of all are at most, rounded up to its bucket's end; zero when
  /// there are none.
  func quantile(thousandths: UInt64) -> UInt64 {
    guard count > 0 else { return 0 }
    let rank = max(1, (count * thousandths + 999) / 1_000)
    var seen: UInt64 = 0
    for (index, part) in counts.enumerated() {
      seen += part
      if seen >= rank { return min(Self.end(index), maximum) }
    }
    return maximum
  }

  private static func bucket(_ value: UInt64) -> Int {
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
