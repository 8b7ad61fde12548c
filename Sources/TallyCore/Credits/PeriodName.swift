// How a caller names a period of a plan.
//
// Invariants:
// 1. A name says nothing about a zone: the plan's makes the period of it.

/// A period as a caller names it.
public enum PeriodName: Sendable, Equatable {
  /// The n-th month from a date on; a calendar month is the 0-th from its first day.
  case dates(startDay: Int64, index: Int64)
  /// A month from an instant on.
  case instant(micros: Int64)

  /// Of a period, counted from its anchor: a thousand years.
  public static let maximumIndex: Int64 = 11_999
  /// Dates that an anchor may have: 0000-01-01 to 9999-12-31.
  package static let startDays =
    Civil(year: 0, month: 1, day: 1).dayNumber..<Civil(year: 10_000, month: 1, day: 1).dayNumber

  /// `YYYY-MM`, `YYYY-MM-DD` or an RFC 3339 date and time with `Z` or an offset.
  /// - Parameters:
  ///   - index: other than zero only with a date.
  ///   - field: what a refusal calls the text; it calls the index `<field>_index`.
  /// - Throws: `invalidField` for anything else, and for a fraction finer than a microsecond.
  public init(parsing text: String, index: Int64 = 0, field: String = "period") throws(Refusal) {
    var scanner = PeriodScanner(text)
    guard let spelled = scanner.spelled() else {
      throw Refusal(
        .invalidField, "\(field) is neither a month (YYYY-MM) nor an RFC 3339 date or time",
        details: ["field": field])
    }
    guard index != 0 else {
      self = spelled.name
      return
    }
    guard case .dates(let startDay, _) = spelled.name, spelled.isDate else {
      throw Self.invalidIndex("is allowed only with a date (YYYY-MM-DD) as period", field)
    }
    guard (0...Self.maximumIndex).contains(index) else {
      throw Self.invalidIndex("must be from 0 to \(Self.maximumIndex)", field)
    }
    let start = Civil(dayNumber: startDay).adding(months: index).dayNumber
    guard Self.startDays.contains(start) else {
      throw Self.invalidIndex("names a period beyond the year 9999", field, limit: "9999-12-31")
    }
    self = .dates(startDay: startDay, index: index)
  }

  package static func invalidIndex(
    _ message: String, _ field: String = "period", limit: String = String(maximumIndex)
  ) -> Refusal {
    Refusal(
      .invalidField, "\(field)_index \(message)", details: ["field": "\(field)_index", "limit": limit])
  }

  package func period(in zone: Zone) -> Period {
    switch self {
    case .dates(let startDay, let index): Period(startDay: startDay, index: index, zone: zone)
    case .instant(let micros): Period(startMicros: micros)
    }
  }
}

extension Civil {
  /// `YYYY-MM-DD`.
  /// - Returns: nil unless the text is a date of the calendar.
  package init?(parsing text: String) {
    var scanner = PeriodScanner(text)
    guard let spelled = scanner.spelled(), spelled.isDate, case .dates(let day, _) = spelled.name else {
      return nil
    }
    self.init(dayNumber: day)
  }
}

/// Reads one spelling of a period's start, byte by byte.
private struct PeriodScanner {
  private static let maximumFractionDigits = 9

  private var rest: Substring.UTF8View

  init(_ text: String) {
    rest = Substring(text).utf8
  }

  /// - Returns: nil unless the whole text is one of the three forms; with whether it is a date.
  mutating func spelled() -> (name: PeriodName, isDate: Bool)? {
    guard let year = number(digits: 4), take("-"), let month = number(digits: 2), (1...12).contains(month)
    else { return nil }
    if rest.isEmpty {
      return (.dates(startDay: Civil(year: year, month: month, day: 1).dayNumber, index: 0), false)
    }
    guard take("-"), let day = number(digits: 2),
      (1...Civil.daysIn(month: month, year: year)).contains(day)
    else { return nil }
    let date = Civil(year: year, month: month, day: day).dayNumber
    if rest.isEmpty { return (.dates(startDay: date, index: 0), true) }
    guard take("T") || take("t"), let timeOfDay = timeOfDayMicros(), let offset = offsetMicros(),
      rest.isEmpty
    else { return nil }
    return (.instant(micros: date * Civil.microsPerDay + timeOfDay - offset), false)
  }

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
