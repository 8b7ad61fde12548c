// Caps' windows against Foundation's calendars, and what is counted in them against a plain sum.

import Foundation
import Testing

@testable import TallyCore

@Suite("Windows of caps")
struct CapWindowTests {
  static let zones = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns",
    "Pacific/Apia", "Africa/Cairo", "America/Sao_Paulo",
  ]

  private static let windows: [(CapWindow, Calendar.Component)] = [
    (.day, .day), (.week, .weekOfYear), (.month, .month),
  ]

  private static func calendar(_ zone: String) throws -> Calendar {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(identifier: zone))
    calendar.firstWeekday = 2
    return calendar
  }

  private static func micros(_ date: Date) -> Int64 {
    Int64(date.timeIntervalSince1970.rounded()) * 1_000_000
  }

  /// Where Foundation counts otherwise: it makes the week of a date that Apia skipped a day too long, and in
  /// St. John's, where clocks went back a minute after midnight, it lets a date begin at the second midnight.
  private static let others: Set = ["Pacific/Apia", "America/St_Johns"]

  @Test(
    "days, weeks from Monday and months are those of a calendar of the zone",
    arguments: zones.filter { !others.contains($0) })
  func calendarWindows(name: String) throws {
    let zone = try ZoneStore().zone(named: name)
    let calendar = try Self.calendar(name)
    var random = SeededGenerator(seed: 12)
    for _ in 0..<2_000 {
      let seconds = Int64.random(in: 946_684_800...1_893_456_000, using: &random)
      let date = Date(timeIntervalSince1970: Double(seconds))
      for (window, component) in Self.windows {
        let expected = try #require(calendar.dateInterval(of: component, for: date))
        let span = window.span(at: seconds * 1_000_000 + 1, in: zone)
        #expect(span == Self.micros(expected.start)..<Self.micros(expected.end), "\(window) \(date)")
      }
    }
  }

  @Test("windows follow each other without a gap over three years", arguments: zones)
  func gapless(name: String) throws {
    let zone = try ZoneStore().zone(named: name)
    for window in [CapWindow.hour, .day, .week, .month] {
      var span = window.span(at: 1_640_000_000_000_000, in: zone)
      while span.upperBound < 1_735_000_000_000_000 {
        let next = window.span(at: span.upperBound, in: zone)
        #expect(next.lowerBound == span.upperBound && !next.isEmpty)
        #expect(window.span(at: span.upperBound - 1, in: zone) == span)
        #expect(span.lowerBound % QuarterHour.micros == 0)
        if window == .hour { #expect(next.upperBound - next.lowerBound <= 3_600_000_000) }
        span = next
      }
    }
  }

  @Test("an hour begins where local clocks show a whole one, or where they were changed")
  func hours() throws {
    let kathmandu = try ZoneStore().zone(named: "Asia/Kathmandu")
    // 5:45 ahead: 12:15 UTC is 18:00.
    let noon: Int64 = 1_700_000_000 / 86_400 * 86_400 + 12 * 3_600
    #expect(kathmandu.hour(ofMicros: (noon + 900) * 1_000_000).lowerBound == (noon + 900) * 1_000_000)
    // On 1 April 2023 at 15:00 UTC clocks on Lord Howe went from 2:00 back to 1:30.
    let lordHowe = try ZoneStore().zone(named: "Australia/Lord_Howe")
    let change: Int64 = 1_680_361_200
    let before = lordHowe.hour(ofMicros: (change - 60) * 1_000_000)
    let after = lordHowe.hour(ofMicros: (change + 60) * 1_000_000)
    #expect(before == (change - 3_600) * 1_000_000..<change * 1_000_000)
    #expect(after == change * 1_000_000..<(change + 1_800) * 1_000_000)
    // In New York the hour from 1:00 comes twice on 5 November 2023.
    let newYork = try ZoneStore().zone(named: "America/New_York")
    let fall: Int64 = 1_699_164_000
    #expect(newYork.hour(ofMicros: (fall - 1) * 1_000_000).upperBound == fall * 1_000_000)
    #expect(newYork.hour(ofMicros: fall * 1_000_000) == fall * 1_000_000..<(fall + 3_600) * 1_000_000)
  }

  @Test("the last hours are whole quarter hours, the current one the last")
  func lastHours() {
    let now: Int64 = 1_700_000_123_456_789
    let span = CapWindow.last(hours: 24).span(at: now, in: .utc)
    #expect(span.upperBound - span.lowerBound == 24 * 3_600_000_000)
    #expect(span.upperBound > now && span.upperBound - now <= QuarterHour.micros)
  }

  /// A change, and the time to which it belongs.
  private typealias Change = (amount: Int64, atMicros: Int64)

  @Test("a counter has what a plain sum has, over borders of every kind", arguments: zones)
  func counters(name: String) throws {
    let zone = try ZoneStore().zone(named: name)
    var random = SeededGenerator(seed: 13)
    for window in [CapWindow.hour, .day, .week, .month, .last(hours: 1), .last(hours: 5), .last(hours: 168)] {
      var counter = CapCounter()
      var changes: [Change] = []
      var now: Int64 = 1_698_000_000_000_000
      let longest = Int64(window.nominalHours) * 3_600_000_000 / 4
      for _ in 0..<400 {
        now += Int64.random(in: 0...longest, using: &random)
        counter.advance(to: now, window, in: zone)
        let change: Change
        if let earlier = changes.randomElement(using: &random), earlier.amount > 0,
          Bool.random(using: &random)
        {
          // It settles for less.
          change = (-Int64.random(in: 0...earlier.amount, using: &random), earlier.atMicros)
          changes.removeAll { $0.amount == earlier.amount && $0.atMicros == earlier.atMicros }
          changes.append((earlier.amount + change.amount, earlier.atMicros))
        } else {
          // Up to five minutes ahead, as runs that are recorded may be.
          change = (
            Int64.random(in: 1...1_000, using: &random),
            now + Int64.random(in: -longest...300_000_000, using: &random)
          )
          changes.append(change)
        }
        counter.add(change.amount, atMicros: change.atMicros, window)
        let span = window.span(at: now, in: zone)
        let expected = changes.reduce(0) { span.contains($1.atMicros) ? $0 + $1.amount : $0 }
        #expect(counter.used == expected, "\(window) at \(now)")
      }
    }
  }

  @Test("room comes back when as much as is needed has left the last hours, not before")
  func room() {
    var counter = CapCounter()
    let window = CapWindow.last(hours: 2)
    let now = 1_000 * QuarterHour.micros
    counter.advance(to: now, window, in: .utc)
    counter.add(30, atMicros: 995 * QuarterHour.micros, window)
    counter.add(50, atMicros: 998 * QuarterHour.micros, window)
    counter.add(10, atMicros: now, window)
    #expect(counter.resetsAtMicros(of: 20, limit: 100, window) == (995 + 8) * QuarterHour.micros)
    #expect(counter.resetsAtMicros(of: 60, limit: 100, window) == (998 + 8) * QuarterHour.micros)
    #expect(counter.resetsAtMicros(of: 200, limit: 100, window) == (1_000 + 8) * QuarterHour.micros)
    counter.advance(to: (995 + 8) * QuarterHour.micros, window, in: .utc)
    #expect(counter.used == 60)
  }
}
