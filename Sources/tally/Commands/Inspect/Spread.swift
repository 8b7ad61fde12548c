// A histogram of values in buckets, as the wire carries it.

internal import TallyMessages

/// Values in buckets, as the wire tells them.
struct Spread {
  var count: Int64 = 0
  var sum: Int64 = 0
  private var buckets: [Int64: Int64] = [:]

  init(_ distribution: TallystickV1.Distribution?) {
    guard let distribution else { return }
    count = distribution.count
    sum = distribution.sum
    for (end, count) in zip(distribution.bucketEnds, distribution.bucketCounts) { buckets[end] = count }
  }

  func since(_ earlier: Spread) -> Spread {
    var since = self
    since.count &-= earlier.count
    since.sum &-= earlier.sum
    for (end, count) in earlier.buckets { since.buckets[end, default: 0] &-= count }
    return since
  }

  /// Rounded up to the end of its bucket; zero if there are no values.
  func quantile(thousandths: Int64) -> Int64 {
    let total = buckets.values.reduce(0, &+)
    guard total > 0 else { return 0 }
    let rank = max(1, Int64(exactly: (Double(total) * Double(thousandths) / 1_000).rounded(.up)) ?? total)
    var seen: Int64 = 0
    for (end, count) in buckets.sorted(by: { $0.key < $1.key }) {
      seen &+= count
      if seen >= rank { return end }
    }
    return 0
  }
}
