// Latencies in buckets.

import TallyTesting
import Testing

@testable import tally

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

  @Test("bench loads an ephemeral server and tells what it gave")
  func bench() throws {
    let result = try Rig.run([
      "bench", "--seconds", "1", "--callers", "8", "--users", "10", "--json",
    ])
    #expect(result.status == 0)
    let json = try JSON.parse(result.output)
    #expect(json["failures"] == .object([]))
    guard case .number(let calls)? = json["calls"] else { return }
    #expect((Int(calls) ?? 0) > 0)
  }
}
