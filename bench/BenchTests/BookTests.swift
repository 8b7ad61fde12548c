// The arithmetic of the benchmarks: medians, ratios of each round, goals.

import Testing

@testable import TallyBench

@Suite("Book")
struct BookTests {
  static func sample(_ perSecond: Double) -> Sample {
    Sample(perSecond: perSecond, p50Micros: 1, p99Micros: 2, maximumMicros: 3)
  }

  @Test("the median of an odd and of an even number of rounds")
  func median() throws {
    #expect(try #require(Spread([3, 1, 2])).median == 2)
    #expect(try #require(Spread([4, 1, 2, 3])).median == 2.5)
    #expect(Spread([]) == nil)
  }

  @Test("a ratio is taken round by round, not between medians")
  func ratio() throws {
    var book = Book()
    for (ours, theirs) in [(10.0, 5.0), (100, 100), (3, 1)] {
      book.record(Self.sample(ours), "case", .tally)
      book.record(Self.sample(theirs), "case", .floor)
    }
    let ratio = try #require(book.ratio("case", .tally, to: .floor, \.perSecond))
    #expect(ratio.median == 2)
    #expect(ratio.least == 1)
    #expect(ratio.greatest == 3)
  }

  @Test("a goal that was not measured is neither met nor missed")
  func unmeasured() {
    #expect(Goal.all(Book()).allSatisfy { $0.isMet == nil })
  }

  @Test("a goal is met at its bound", arguments: [(19.9, true), (20, true), (20.1, false)])
  func bound(millis: Double, met: Bool) throws {
    var book = Book()
    book.record(figure: millis, Figure.start)
    let goal = try #require(Goal.all(book).first { $0.isMet != nil })
    #expect(goal.isMet == met)
  }
}
