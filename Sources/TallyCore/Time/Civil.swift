// Calendar dates in UTC, in integers: what a month is, and which day an instant falls on.
//
// Invariants:
// 1. Proleptic Gregorian; no leap seconds, no calendar library.
// 2. `Civil(dayNumber: d).dayNumber == d` for every day that an Int64 of microseconds can name.

/// A date in the proleptic Gregorian calendar.
package struct Civil: Equatable {
  package var year: Int64
  /// 1 to 12.
  package var month: Int64
  /// 1 to the month's length.
  package var day: Int64

  package static let microsPerDay: Int64 = 86_400_000_000
  /// Days in 400 years, after which the calendar repeats.
  private static let daysPerEra: Int64 = 146_097
  /// From 0000-03-01 to 1970-01-01.
  private static let epochOffset: Int64 = 719_468

  /// Those that an Int64 of microseconds can name, and the months in which they end.
  package static let nameableDays =
    floorDivide(Int64.min, microsPerDay)...(floorDivide(Int64.max, microsPerDay) + 62)

  package init(year: Int64, month: Int64, day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// - Parameter dayNumber: days since 1970-01-01.
  package init(dayNumber: Int64) {
    // Years are counted from March, so that a leap day is the last of its year.
    let shifted = dayNumber + Self.epochOffset
    let era = floorDivide(shifted, Self.daysPerEra)
    let dayOfEra = floorRemainder(shifted, Self.daysPerEra)
    let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
    let yearOfEra = (dayOfEra - leapDays) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Days since 1970-01-01.
  package var dayNumber: Int64 {
    let yearFromMarch = month <= 2 ? year - 1 : year
    let era = floorDivide(yearFromMarch, 400)
    let yearOfEra = floorRemainder(yearFromMarch, 400)
    let monthFromMarch = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * Self.daysPerEra + dayOfEra - Self.epochOffset
  }

  var startOfMonth: Civil { Civil(year: year, month: month, day: 1) }

  /// The same day so many months later, or that month's last when it is shorter.
  package func adding(months: Int64) -> Civil {
    let number = monthNumber + months
    let (year, month) = (floorDivide(number, 12), floorRemainder(number, 12) + 1)
    return Civil(year: year, month: month, day: min(day, Self.daysIn(month: month, year: year)))
  }

  package var aMonthLater: Civil { adding(months: 1) }

  package static func daysIn(month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

/// The quotient rounded down.
/// - Parameter divisor: greater than zero.
package func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
  let quotient = dividend / divisor
  return dividend % divisor < 0 ? quotient - 1 : quotient
}

/// What the quotient rounded down leaves, from zero to below the divisor.
package func floorRemainder(_ dividend: Int64, _ divisor: Int64) -> Int64 {
  let remainder = dividend % divisor
  return remainder < 0 ? remainder + divisor : remainder
}

extension Civil {
  /// Months since the year 0, as rollups number them.
  package var monthNumber: Int64 { year * 12 + month - 1 }
}
