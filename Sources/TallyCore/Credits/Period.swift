// The periods that a plan is granted for: pairs of dates, and the instants that a zone makes of them.
//
// Invariants:
// 1. The n-th period of an anchor begins n months after it, at its day or the month's last, computed from
//    the anchor each time, and ends where the next one begins: there is no day between.
// 2. Whether two periods are the same, or overlap, is a matter of their dates. The zone only makes instants
//    of them, so a plan whose zone changes has the same periods as before.
// 3. Calendar arithmetic is proleptic Gregorian, in integers, without a calendar library.

/// A period of a plan.
public struct Period: Sendable, Equatable, Hashable {
  /// Its dates, in days since the epoch; the end is exclusive.
  public let days: Range<Int64>
  public let startMicros: Int64
  /// The first instant after it.
  public let endMicros: Int64
  /// When the one after it ends.
  public let nextEndMicros: Int64
  /// It begins at an instant that was named, not with its first date.
  public let isFromInstant: Bool

  /// The n-th month from a date on.
  /// - Parameters:
  ///   - startDay: in days since the epoch; within `PeriodName.startDays`.
  ///   - index: from 0.
  package init(startDay: Int64, index: Int64, zone: Zone) {
    let anchor = Civil(dayNumber: startDay)
    let end = anchor.adding(months: index + 1).dayNumber
    days = anchor.adding(months: index).dayNumber..<end
    startMicros = zone.start(ofDay: days.lowerBound)
    endMicros = zone.start(ofDay: end)
    nextEndMicros = zone.start(ofDay: anchor.adding(months: index + 2).dayNumber)
    isFromInstant = false
  }

  /// The calendar month of a zone that an instant lies in.
  package init(monthContaining micros: Int64, zone: Zone) {
    self.init(
      startDay: Civil(dayNumber: zone.day(ofMicros: micros)).startOfMonth.dayNumber, index: 0, zone: zone)
  }

  /// One calendar month from an instant on, at the same time of day in UTC, on the month's last day where it
  /// is shorter. Its dates are UTC's.
  package init(startMicros: Int64) {
    let day = floorDivide(startMicros, Civil.microsPerDay)
    let timeOfDay = floorRemainder(startMicros, Civil.microsPerDay)
    let start = Civil(dayNumber: day)
    let end = start.adding(months: 1).dayNumber
    days = day..<end
    self.startMicros = startMicros
    endMicros = Self.instant(day: end, timeOfDay)
    nextEndMicros = Self.instant(day: start.adding(months: 2).dayNumber, timeOfDay)
    isFromInstant = true
  }

  /// Saturates, so that no stored row can make it trap.
  private static func instant(day: Int64, _ timeOfDay: Int64) -> Int64 {
    let (midnight, tooFar) = day.multipliedReportingOverflow(by: Civil.microsPerDay)
    let (micros, tooMuch) = midnight.addingReportingOverflow(timeOfDay)
    return tooFar || tooMuch ? Int64.max : micros
  }
}

extension Period {
  /// The period of an anchor that an instant lies in; nil before the anchor. Any number of months after it: a
  /// subscription has no last period.
  package init?(startDay: Int64, containing micros: Int64, zone: Zone) {
    guard PeriodName.startDays.contains(startDay) else { return nil }
    let day = zone.day(ofMicros: micros)
    guard day >= startDay else { return nil }
    let anchor = Civil(dayNumber: startDay)
    var index = Civil(dayNumber: day).monthNumber - anchor.monthNumber
    if anchor.adding(months: index).dayNumber > day { index -= 1 }
    self.init(startDay: startDay, index: index, zone: zone)
  }
}

/// A period that a plan was granted for.
package struct GrantedPeriod: Equatable {
  /// Of the grant's row.
  package var sequence: Int64
  /// Dates, in days since the epoch. Of a grant from before periods were dates: from its start's UTC date,
  /// for one month.
  package var days: Range<Int64>
  /// The period's first instant.
  package var startMicros: Int64

  package init(sequence: Int64, days: Range<Int64>, startMicros: Int64) {
    self.sequence = sequence
    self.days = days
    self.startMicros = startMicros
  }

  /// - Returns: nil when the row is no grant of a period.
  init?(_ entry: Entry) {
    guard let days = entry.periodDays, let startMicros = entry.periodStartMicros else { return nil }
    self.init(sequence: entry.sequence, days: days, startMicros: startMicros)
  }
}
