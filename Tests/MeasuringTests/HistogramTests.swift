// Latencies in buckets.

internal import Testing

@testable internal import TallyMeasuring

@Suite("Histogram")
struct HistogramTests {
  @Test("quantiles are at most a sixteenth above the true value, and never above the maximum")
  func quantiles() {
    var histogram = Histogram()
    for value in 1...100_000 as ClosedRange<UInt64> { histogram.add(value) }
    for thousandths in [1, 10, 500, 900, 990, 999, 1_000] as [UInt64] {
      let exact = 100 * thousandths
      let found = histogram.quantile(thousandths: thousandths)
      #expect(found >= exact)
      #expect(found <= exact + exact / 16 + 1)
    }
    #expect(histogram.maximum == 100_000)
  }

  @Test("the ends of the range have their bucket")
  func ends() {
    var histogram = Histogram()
    #expect(histogram.quantile(thousandths: 500) == 0)
    histogram.add(0)
    #expect(histogram.quantile(thousandths: 500) == 0)
    histogram.add(.max)
    #expect(histogram.quantile(thousandths: 1_000) == .max)
  }

  @Test("merging is adding")
  func merging() {
    var left = Histogram()
    var right = Histogram()
    var both = Histogram()
    for value in [1, 5, 1_000, 70_000] as [UInt64] {
      left.add(value)
      right.add(value * 3)
      both.add(value)
      both.add(value * 3)
    }
    left.merge(right)
    #expect(left == both)
  }

  @Test("what is since an earlier state is the difference")
  func since() {
    var histogram = Histogram()
    histogram.add(5)
    let earlier = histogram
    histogram.add(70_000)
    histogram.add(7)
    var expected = Histogram()
    expected.add(70_000)
    expected.add(7)
    #expect(histogram.since(earlier) == expected)
  }

  @Test("the count up to a value leaves out what may be larger")
  func upTo() {
    var histogram = Histogram()
    for value in [1, 15, 16, 100, 1_000] as [UInt64] { histogram.add(value) }
    #expect(histogram.count(upTo: 0) == 0)
    #expect(histogram.count(upTo: 15) == 2)
    #expect(histogram.count(upTo: 99) == 3)
    #expect(histogram.count(upTo: 103) == 4)
    #expect(histogram.count(upTo: .max) == 5)
  }

  @Test("a live histogram holds what the plain one does, whoever adds")
  func live() async {
    let live = LiveHistogram()
    await withTaskGroup(of: Void.self) { group in
      for part in 0..<4 as Range<UInt64> {
        group.addTask { for value in 0..<1_000 as Range<UInt64> { live.add(value * 4 + part) } }
      }
    }
    var expected = Histogram()
    for value in 0..<4_000 as Range<UInt64> { expected.add(value) }
    #expect(live.snapshot == expected)
    #expect(live.count == 4_000)
  }

  @Test("a live histogram counts what is beyond its range, and knows the largest")
  func beyond() {
    let live = LiveHistogram()
    live.add(.max)
    live.add(1 << 40)
    #expect(live.snapshot.count == 2)
    #expect(live.snapshot.maximum == UInt64(Int64.max))
    #expect(live.snapshot.quantile(thousandths: 1) == (1 << 40) - 1)
  }
}
