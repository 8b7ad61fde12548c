// Times as people read them: RFC 3339 in UTC, from and to microseconds since the epoch.

internal import TallyCore

enum Timestamp {
  /// `2026-11-24T08:01:52.123456Z`; decimal places are left out three at a time when they are zero.
  static func format(_ micros: Int64) -> String {
    // None of it overflows for any int64: the number comes from a server.
    let date = Civil(dayNumber: floorDivide(micros, Civil.microsPerDay))
    let rest = floorRemainder(micros, Civil.microsPerDay)
    let seconds = rest / 1_000_000
    let fraction = rest % 1_000_000
    let day = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
    let time = "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    let places =
      fraction == 0
      ? "" : fraction % 1_000 == 0 ? ".\(padded(fraction / 1_000, 3))" : ".\(padded(fraction, 6))"
    return "\(day)T\(time)\(places)Z"
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
      let day = number(&rest, 2), (1...12).contains(month), day >= 1,
      day <= Civil.daysIn(month: month, year: year)
    else { return nil }
    let date = Civil(year: year, month: month, day: day)
    let midnight = date.dayNumber * Civil.microsPerDay
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
}
