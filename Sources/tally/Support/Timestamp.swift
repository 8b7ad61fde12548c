// Times as people read them: RFC 3339 in UTC, from and to microseconds since the epoch.

enum Timestamp {
  private static let microsPerDay: Int64 = 86_400_000_000

  /// `2026-11-24T08:01:52.123456Z`; decimal places are left out three at a time when they are zero.
  static func format(_ micros: Int64) -> String {
    // Must not overflow for any int64: the number comes from a server.
    let remainder = micros % microsPerDay
    let day = micros / microsPerDay - (remainder < 0 ? 1 : 0)
    let rest = remainder < 0 ? remainder + microsPerDay : remainder
    let (year, month, dayOfMonth) = civil(day)
    let seconds = rest / 1_000_000
    let fraction = rest % 1_000_000
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
    let time = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    let places =
      fraction == 0
      ? "" : fraction % 1_000 == 0 ? ".\(padded(fraction / 1_000, 3))" : ".\(padded(fraction, 6))"
    return "\(date)T\(time)\(places)Z"
  }

  /// A time as `format` writes it, to the minute: `2026-11-24 08:01`. Other texts stay as they are.
  static func short(_ text: String) -> String {
    let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, text.hasSuffix("Z"), parse(text) != nil else { return text }
    return "\(parts[0]) \(parts[1].prefix(5))"
  }

  /// A date or a time in UTC: `2026-11-24`, `2026-11-24T08:01:52Z`, with up to six places of a second; and as
  /// tables write it, `2026-11-24 08:01`. nil for anything else.
  static func parse(_ text: String) -> Int64? {
    var rest = Array(text.utf8)[...]
    guard let year = number(&rest, 4), take("-", &rest), let month = number(&rest, 2), take("-", &rest),
      let day = number(&rest, 2), (1...12).contains(month), day >= 1, day <= length(month, year)
    else { return nil }
    let midnight = days(year, month, day) * microsPerDay
    if rest.isEmpty { return midnight }
    if take(" ", &rest) {
      guard let hour = number(&rest, 2), take(":", &rest), let minute = number(&rest, 2), hour < 24,
        minute < 60, rest.isEmpty
      else { return nil }
      return midnight + (hour * 60 + minute) * 60_000_000
    }
    guard take("T", &rest) || take("t", &rest), let hour = number(&rest, 2), take(":", &rest),
      let minute = number(&rest, 2), take(":", &rest), let second = number(&rest, 2), hour < 24, minute < 60,
      second < 60, let micros = fraction(&rest), take("Z", &rest) || take("z", &rest), rest.isEmpty
    else { return nil }
    return midnight + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
  }

  private static func take(_ character: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest.removeFirst()
    return true
  }

  /// A number of exactly this many digits.
  private static func number(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> Int64? {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    rest = rest.dropFirst(count)
    return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
  }

  /// A point and one to six digits, in microseconds; zero when there is no point.
  private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Int64? {
    guard take(".", &rest) else { return 0 }
    let count = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
    guard (1...6).contains(count), let digits = number(&rest, count) else { return nil }
    return (count..<6).reduce(digits) { value, _ in value * 10 }
  }

  private static func padded(_ value: Int64, _ count: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }

  private static func length(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Year, month and day of a number of days since 1970-01-01: eras of 400 years that begin in March.
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
