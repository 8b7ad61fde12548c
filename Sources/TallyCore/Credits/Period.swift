// A plan's period: a UTC month or an explicit start.
//
// Invariants:
// 1. Two spellings of the same period are the same value: the end follows from the start.
// 2. Calendar arithmetic is proleptic Gregorian in UTC, in integers, without a calendar library.

/// A granted period.
public struct Period: Sendable, Equatable, Hashable {
  public let startMicros: Int64
  /// The first instant after it: one calendar month after the start, at the same time of day; on the
  /// month's last day where it is shorter.
  public let endMicros: Int64
  /// Its UTC dates, in days since the epoch.
  public let days: Range<Int64>

  /// - Parameter startMicros: microseconds since the epoch.
  public init(startMicros: Int64) {
    let dayNumber = floorDivide(startMicros, Civil.microsPerDay)
    let timeOfDay = floorRemainder(startMicros, Civil.microsPerDay)
    let end = Civil(dayNumber: dayNumber).aMonthLater.dayNumber
    self.startMicros = startMicros
    days = dayNumber..<end
    // Saturates, so that no clock can make it trap.
    let (endOfDays, tooFar) = end.multipliedReportingOverflow(by: Civil.microsPerDay)
    let (endMicros, tooMuch) = endOfDays.addingReportingOverflow(timeOfDay)
    self.endMicros = tooFar || tooMuch ? Int64.max : endMicros
  }

  /// The UTC month that an instant lies in.
  public init(utcMonthContaining micros: Int64) {
    let start = Civil(dayNumber: floorDivide(micros, Civil.microsPerDay)).startOfMonth.dayNumber
    let (startMicros, tooFar) = start.multipliedReportingOverflow(by: Civil.microsPerDay)
    self.init(startMicros: tooFar ? Int64.min : startMicros)
  }

  /// `YYYY-MM`, `YYYY-MM-DD` (its start in UTC) or an RFC 3339 date and time with `Z` or an offset.
  /// - Throws: `invalidField` with the field `period` for anything else, and for a fraction finer than
  ///   a microsecond.
  public init(parsing text: String) throws(Refusal) {
    var scanner = PeriodScanner(text)
    guard let micros = scanner.startMicros() else {
      throw Refusal(
        .invalidField, "period is neither a UTC month (YYYY-MM) nor an RFC 3339 date or time",
        details: ["field": "period"])
    }
    self.init(startMicros: micros)
  }
}

/// Reads one spelling of a period's start, byte by byte.
private struct PeriodScanner {
  private static let maximumFractionDigits = 9

  private var rest: Substring.UTF8View

  init(_ text: String) {
    rest = Substring(text).utf8
  }

  /// - Returns: nil unless the whole text is one of the three forms.
  mutating func startMicros() -> Int64? {
    guard let year = number(digits: 4), take("-"), let month = number(digits: 2), (1...12).contains(month)
    else { return nil }
    if rest.isEmpty { return midnight(Civil(year: year, month: month, day: 1)) }
    guard take("-"), let day = number(digits: 2),
      (1...Civil.daysIn(month: month, year: year)).contains(day)
    else { return nil }
    let start = midnight(Civil(year: year, month: month, day: day))
    if rest.isEmpty { return start }
    guard take("T") || take("t"), let timeOfDay = timeOfDayMicros(), let offset = offsetMicros(),
      rest.isEmpty
    else { return nil }
    return start + timeOfDay - offset
  }

  private func midnight(_ date: Civil) -> Int64 { date.dayNumber * Civil.microsPerDay }

  /// `HH:MM:SS` with or without a fraction. A leap second has no place in UTC microseconds.
  private mutating func timeOfDayMicros() -> Int64? {
    guard let hour = number(digits: 2), hour <= 23, take(":"), let minute = number(digits: 2),
      minute <= 59, take(":"), let second = number(digits: 2), second <= 59
    else { return nil }
    var micros = ((hour * 60 + minute) * 60 + second) * 1_000_000
    guard take(".") else { return micros }
    var count = 0
    var scale: Int64 = 100_000
    while let digit = digit() {
      count += 1
      guard count <= Self.maximumFractionDigits, scale > 0 || digit == 0 else { return nil }
      micros += digit * scale
      scale /= 10
    }
    return count > 0 ? micros : nil
  }

  /// `Z` or `+HH:MM` or `-HH:MM`: what local time is ahead of UTC.
  private mutating func offsetMicros() -> Int64? {
    if take("Z") || take("z") { return 0 }
    let sign: Int64
    if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
    guard let hour = number(digits: 2), hour <= 23, take(":"), let minute = number(digits: 2), minute <= 59
    else { return nil }
    return sign * (hour * 60 + minute) * 60_000_000
  }

  private mutating func number(digits count: Int) -> Int64? {
    var value: Int64 = 0
    for _ in 0..<count {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  private mutating func digit() -> Int64? {
    guard let byte = rest.first, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
    rest.removeFirst()
    return Int64(byte - UInt8(ascii: "0"))
  }

  private mutating func take(_ mark: Unicode.Scalar) -> Bool {
    guard let byte = rest.first, byte == UInt8(ascii: mark) else { return false }
    rest.removeFirst()
    return true
  }
}
