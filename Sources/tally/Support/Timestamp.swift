// Times as people read them: RFC 3339 in UTC, from and to microseconds, in integers.
//
// Values, owned by nobody.

enum Timestamp {
  private static let microsPerDay: Int64 = 86_400_000_000

  /// `2026-11-24T08:01:52.123456Z`; places behind the point are left out in threes when they are zero.
  static func format(_ micros: Int64) -> String {
    let day = micros >= 0 ? micros / microsPerDay : (micros - microsPerDay + 1) / microsPerDay
    let rest = micros - day * microsPerDay
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

  /// A date or a time in UTC: `2026-11-24`, `2026-11-24T08:01:52Z`, with up to six places of a second.
  /// nil for anything else.
  static func parse(_ text: String) -> Int64? {
    let form = /(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?[Zz])?/
    guard let match = text.wholeMatch(of: form), let year = Int64(match.1), let month = Int64(match.2),
      let day = Int64(match.3), (1...12).contains(month), day >= 1, day <= length(month, year)
    else { return nil }
    let hour = number(match.4)
    let minute = number(match.5)
    let second = number(match.6)
    guard hour < 24, minute < 60, second < 60 else { return nil }
    var places = String(match.7 ?? "0")
    places += String(repeating: "0", count: 6 - places.utf8.count)
    let seconds = (hour * 60 + minute) * 60 + second
    return days(year, month, day) * microsPerDay + seconds * 1_000_000 + number(Substring(places))
  }

  private static func number(_ text: Substring?) -> Int64 { text.flatMap { Int64($0) } ?? 0 }

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
