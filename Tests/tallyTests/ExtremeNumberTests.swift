// Numbers that a server may have said, or that somebody typed, at the ends of their range: printed or
// refused, and the program goes on.

import Testing

@testable import tally

@Suite("Numbers at the ends of their range") struct ExtremeNumberTests {
  private static let ends: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]

  @Test("times, amounts, shares, bars and spans of any number are text")
  func text() throws {
    for end in Self.ends {
      #expect(Timestamp.format(end).hasSuffix("Z"))
      #expect(Dollars.format(end).contains("$"))
      #expect(Dashboard.percent(ppm: end).hasSuffix("%"))
      #expect(!Spans.bytes(end).isEmpty)
      for other in Self.ends {
        #expect(!Spans.ratio(end, of: other).isEmpty)
        #expect(!Spans.mean(end, of: other).isEmpty)
        #expect(Dashboard.bar(end, of: other, cells: 20).count <= 21)
        #expect(!ProgressBar.line("x", done: end, total: other).isEmpty)
      }
    }
    #expect(Timestamp.format(-1) == "1969-12-31T23:59:59.999999Z")
    #expect(Timestamp.format(.min) == "-290308-12-21T19:59:05.224192Z")
  }

  @Test("an amount or a span of time that does not fit is refused")
  func typed() throws {
    for text in ["9223372036854.775808", "-9223372036854.775809", "99999999999999999999", "1e400"] {
      #expect(Dollars.parse(text) == nil, "\(text)")
    }
    #expect(Dollars.parse("-9223372036854.775808") == .min)
    #expect(throws: Failure.self) { try Times.parseSpan("9223372036854775807d") }
    #expect(throws: Failure.self) { try Times.parseSpan("-9223372036854775808s") }
    #expect(throws: Failure.self) { try Amounts.parse("9223372036854775808", isMicros: true) }
  }
}
