// Times as people read them, in and out.

import Testing

@testable import tally

@Suite("Timestamp")
struct TimestampTests {
  @Test(
    "times in UTC",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00Z"),
      (1_795_507_312_120_000, "2026-11-24T08:01:52.120Z"),
    ] as [(Int64, String)])
  func times(micros: Int64, text: String) {
    #expect(Timestamp.format(micros) == text)
    #expect(Timestamp.parse(text) == micros)
  }

  @Test("a time is read as tables write it, to the minute")
  func short() {
    let time = "2026-11-24T08:01:52.123456Z"
    #expect(Timestamp.short(time) == "2026-11-24 08:01")
    #expect(Timestamp.parse("2026-11-24 08:01") == Timestamp.parse("2026-11-24T08:01:00Z"))
    for text in ["-", "", "Tuesday", "2026-11-24", "aTb"] { #expect(Timestamp.short(text) == text) }
    for text in ["2026-11-24 8:01", "2026-11-24 24:00", "2026-11-24 08:01Z", "2026-11-24 "] {
      #expect(Timestamp.parse(text) == nil, "\(text)")
    }
  }

  @Test(
    "what is no time is refused",
    arguments: [
      "2026-02-29", "2026-13-01", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "soon", "2026-00-10",
    ])
  func notTimes(text: String) {
    #expect(Timestamp.parse(text) == nil)
  }
}
