// Periods: every spelling, month lengths, and the borders of the calendar.

import Testing

@testable import TallyCore
@testable import TallySQLiteStore

@Suite("Period")
struct PeriodTests {
  /// 2026-01-01T00:00:00Z.
  static let january: Int64 = 1_767_225_600_000_000
  static let day: Int64 = 86_400_000_000

  @Test(
    "spellings of one month are one period",
    arguments: [
      "2026-01", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01t00:00:00z",
      "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000000000Z", "2026-01-01T05:30:00+05:30",
      "2025-12-31T19:00:00-05:00", "2026-01-01T00:00:00-00:00",
    ])
  func oneMonth(text: String) throws {
    let period = try Period(parsing: text)
    #expect(period.startMicros == Self.january)
    #expect(period.endMicros == Self.january + 31 * Self.day)
    #expect(period == Period(utcMonthContaining: Self.january))
  }

  @Test(
    "an explicit start ends a calendar month later, on the last day where the month is shorter",
    arguments: [
      ("2026-01-31", "2026-02-28"), ("2024-01-31", "2024-02-29"), ("2000-01-30", "2000-02-29"),
      ("1900-01-29", "1900-02-28"), ("2026-02-28", "2026-03-28"), ("2026-12-31", "2027-01-31"),
      ("2026-03-31T23:59:59.999999Z", "2026-04-30T23:59:59.999999Z"), ("2026-01-15", "2026-02-15"),
    ])
  func explicitStart(start: String, end: String) throws {
    #expect(try Period(parsing: start).endMicros == Period(parsing: end).startMicros)
  }

  @Test("fractions count to the microsecond")
  func fractions() throws {
    #expect(try Period(parsing: "2026-01-01T00:00:00.5Z").startMicros == Self.january + 500_000)
    #expect(try Period(parsing: "2026-01-01T00:00:00.000001Z").startMicros == Self.january + 1)
    #expect(try Period(parsing: "2026-01-01T00:00:00.123456000Z").startMicros == Self.january + 123_456)
  }

  @Test(
    "anything else is refused, naming the field",
    arguments: [
      "", "2026", "2026-", "2026-1", "2026-00", "2026-13", "2026-01-", "2026-01-00", "2026-01-32",
      "2026-02-29", "2025-02-29", "1900-02-29", "2026-04-31", "2026-01-01T", "2026-01-01T00:00Z",
      "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
      "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.0000001Z",
      "2026-01-01T00:00:00.0000000000Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0530",
      "2026-01-01T00:00:00+05:60", "2026-01-01T00:00:00Z ", " 2026-01", "２０２６-01", "26-01",
      "+2026-01", "2026-01\u{0}", "2026/01", "2026-01-01T00:00:00ZZ",
    ])
  func refused(text: String) {
    #expect {
      try Period(parsing: text)
    } throws: {
      let refusal = $0 as? Refusal
      return refusal?.reason == .invalidField && refusal?.details == ["field": "period"]
    }
  }

  @Test("a month begins and ends to the microsecond")
  func monthBorders() {
    #expect(Period(utcMonthContaining: Self.january - 1).endMicros == Self.january)
    #expect(Period(utcMonthContaining: Self.january).startMicros == Self.january)
    #expect(Period(utcMonthContaining: -1).endMicros == 0)
    #expect(Period(utcMonthContaining: 0).startMicros == 0)
  }

  @Test("the ends of the clock do not trap")
  func extremes() {
    #expect(Period(utcMonthContaining: Int64.max).endMicros == Int64.max)
    #expect(Period(startMicros: Int64.max).endMicros == Int64.max)
    let first = Period(utcMonthContaining: Int64.min)
    #expect(first.startMicros == Int64.min)
    #expect(first.endMicros > first.startMicros)
  }

  @Test("every day of eight centuries follows the one before and has its own number")
  func calendar() {
    var civil = Civil(year: 1600, month: 1, day: 1)
    let first = civil.dayNumber
    for offset in 0..<Int64(2 * 146_097) {
      #expect(civil.dayNumber == first + offset)
      #expect(Civil(dayNumber: first + offset) == civil)
      civil.day += 1
      if civil.day > Civil.daysIn(month: civil.month, year: civil.year) {
        civil =
          civil.month == 12
          ? Civil(year: civil.year + 1, month: 1, day: 1)
          : Civil(year: civil.year, month: civil.month + 1, day: 1)
      }
    }
    #expect(civil == Civil(year: 2400, month: 1, day: 1))
    #expect(Civil(dayNumber: 0) == Civil(year: 1970, month: 1, day: 1))
  }
}
