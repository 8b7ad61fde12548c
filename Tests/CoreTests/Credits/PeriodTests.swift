// Periods: every spelling, month lengths, and the borders of the calendar.

import Testing

@testable import TallyCore
@testable import TallySQLiteStore

@Suite("Period")
struct PeriodTests {
  /// 2026-01-01T00:00:00Z.
  static let january: Int64 = 1_767_225_600_000_000
  static let day: Int64 = 86_400_000_000

  private static func utc(_ text: String, index: Int64 = 0) throws -> Period {
    try PeriodName(parsing: text, index: index).period(in: .utc)
  }

  private static func day(_ text: String) throws -> Int64 {
    try #require(Civil(parsing: text), "\(text) is no date").dayNumber
  }

  @Test(
    "spellings of one month are one period",
    arguments: [
      "2026-01", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01t00:00:00z",
      "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000000000Z", "2026-01-01T05:30:00+05:30",
      "2025-12-31T19:00:00-05:00", "2026-01-01T00:00:00-00:00",
    ])
  func oneMonth(text: String) throws {
    let period = try Self.utc(text)
    #expect(period.startMicros == Self.january)
    #expect(period.endMicros == Self.january + 31 * Self.day)
    #expect(period.nextEndMicros == Self.january + 59 * Self.day)
    #expect(try period.days == Self.day("2026-01-01")..<Self.day("2026-02-01"))
    #expect(period.isFromInstant == text.contains(":"))
  }

  @Test(
    "an explicit start ends a calendar month later, on the last day where the month is shorter",
    arguments: [
      ("2026-01-31", "2026-02-28"), ("2024-01-31", "2024-02-29"), ("2000-01-30", "2000-02-29"),
      ("1900-01-29", "1900-02-28"), ("2026-02-28", "2026-03-28"), ("2026-12-31", "2027-01-31"),
      ("2026-03-31T23:59:59.999999Z", "2026-04-30T23:59:59.999999Z"), ("2026-01-15", "2026-02-15"),
    ])
  func explicitStart(start: String, end: String) throws {
    #expect(try Self.utc(start).endMicros == Self.utc(end).startMicros)
  }

  @Test(
    "periods are reckoned from their anchor and leave no day between them",
    arguments: [
      ("2027-01-31", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
      ("2023-10-30", ["2023-10-30", "2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"]),
      ("2024-02-29", ["2024-02-29", "2024-03-29", "2024-04-29"]),
    ])
  func anchored(anchor: String, starts: [String]) throws {
    for (index, start) in starts.dropLast().enumerated() {
      let period = try Self.utc(anchor, index: Int64(index))
      #expect(try period.days == Self.day(start)..<Self.day(starts[index + 1]))
      let next = try Self.utc(anchor, index: Int64(index) + 1)
      #expect(period.endMicros == next.startMicros && period.nextEndMicros == next.endMicros)
    }
    let years = try Self.utc("2024-02-29", index: 48)
    #expect(try years.days.lowerBound == Self.day("2028-02-29"))
  }

  @Test("a period begins with its first date in the plan's zone, and its dates do not depend on that")
  func zones() throws {
    let berlin = try ZoneStore().zone(named: "Europe/Berlin")
    let name = try PeriodName(parsing: "2027-02")
    let period = name.period(in: berlin)
    #expect(period.days == name.period(in: .utc).days)
    #expect(period.startMicros == name.period(in: .utc).startMicros - 3_600_000_000)
    // The clocks of Berlin go forward on 28 March.
    let march = try PeriodName(parsing: "2027-03-28").period(in: berlin)
    #expect(march.endMicros - march.startMicros == 31 * Self.day - 3_600_000_000)
    let instant = try PeriodName(parsing: "2027-02-01T00:00:00Z")
    #expect(instant.period(in: berlin) == instant.period(in: .utc))
    // 23:30 of UTC on 31 January is February in Berlin.
    let late = try Self.utc("2027-01-31T23:30:00Z").startMicros
    #expect(Period(monthContaining: late, zone: berlin) == period)
  }

  @Test(
    "the period of an anchor that a day lies in",
    arguments: [
      ("2027-01-31", "2027-01-31", 0), ("2027-01-31", "2027-02-27", 0), ("2027-01-31", "2027-02-28", 1),
      ("2027-01-31", "2027-03-30", 1), ("2027-01-31", "2027-03-31", 2), ("2027-01-31", "2028-02-28", 12),
      ("2027-01-31", "2028-02-29", 13), ("2027-01-15", "2027-12-14", 10), ("2027-01-15", "2027-12-15", 11),
    ])
  func containing(anchor: String, day: String, index: Int64) throws {
    let now = try Self.utc(day).startMicros + 1
    let anchorDay = try Self.day(anchor)
    let found = try #require(Period(startDay: anchorDay, containing: now, zone: .utc))
    #expect(try found == Self.utc(anchor, index: index))
    #expect(found.startMicros <= now && now < found.endMicros)
    let before = try Self.utc(anchor).startMicros - 1
    #expect(Period(startDay: anchorDay, containing: before, zone: .utc) == nil)
  }

  @Test("a subscription has no last period, however long ago it began")
  func longAgo() throws {
    let now = try Self.utc("2027-03-30").startMicros
    let found = try #require(Period(startDay: Self.day("0000-01-31"), containing: now, zone: .utc))
    #expect(try found.days == Self.day("2027-02-28")..<Self.day("2027-03-31"))
  }

  @Test("an index goes with a date only, and within its limit")
  func indexes() throws {
    #expect(try Self.utc("2026-01-31", index: 11_999).days.lowerBound == Self.day("3025-12-31"))
    for (text, index, limit) in [
      ("2026-01", 1, "11999"), ("2026-01-01T00:00:00Z", 1, "11999"), ("2026-01-31", -1, "11999"),
      ("2026-01-31", 12_000, "11999"), ("9999-12-01", 1, "9999-12-31"),
    ] {
      #expect {
        try PeriodName(parsing: text, index: Int64(index))
      } throws: {
        let refusal = $0 as? Refusal
        return refusal?.reason == .invalidField
          && refusal?.details == ["field": "period_index", "limit": limit]
      }
    }
    #expect(try Self.utc("9999-12-31").days.lowerBound == Self.day("9999-12-31"))
  }

  @Test("fractions count to the microsecond")
  func fractions() throws {
    #expect(try Self.utc("2026-01-01T00:00:00.5Z").startMicros == Self.january + 500_000)
    #expect(try Self.utc("2026-01-01T00:00:00.000001Z").startMicros == Self.january + 1)
    #expect(try Self.utc("2026-01-01T00:00:00.123456000Z").startMicros == Self.january + 123_456)
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
      try PeriodName(parsing: text)
    } throws: {
      let refusal = $0 as? Refusal
      return refusal?.reason == .invalidField && refusal?.details == ["field": "period"]
    }
  }

  @Test("a month begins and ends to the microsecond")
  func monthBorders() {
    func month(_ micros: Int64) -> Period { Period(monthContaining: micros, zone: .utc) }
    #expect(month(Self.january - 1).endMicros == Self.january)
    #expect(month(Self.january).startMicros == Self.january)
    #expect(month(-1).endMicros == 0)
    #expect(month(0).startMicros == 0)
    #expect(month(SystemClock.latestMicros).endMicros == SystemClock.latestMicros + 1)
  }

  @Test("the ends of what a row may hold do not trap")
  func extremes() {
    #expect(Period(startMicros: Int64.max).endMicros == Int64.max)
    let first = Period(startMicros: Int64.min)
    #expect(first.startMicros == Int64.min && first.endMicros > first.startMicros)
    #expect(Period(startDay: Int64.max, containing: 0, zone: .utc) == nil)
    #expect(Period(startDay: Int64.min, containing: 0, zone: .utc) == nil)
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
