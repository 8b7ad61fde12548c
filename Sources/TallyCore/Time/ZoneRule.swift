// The rule that a zone goes by after its last transition: a POSIX TZ string.
//
//   std offset [dst [offset] , start [/time] , end [/time]]
//
// Names are three letters or more, or anything between < and >. An offset is [+-]h[h][:mm[:ss]], positive
// west of Greenwich. A date is Mm.w.d (the w-th weekday d of a month, 5 is the last), Jn (1 to 365, never
// the leap day) or n (0 to 365). A time is like an offset, with up to 167 hours, 02:00:00 by default.
//
// Invariants:
// 1. Anything else is no rule.

struct ZoneRule: Equatable {
  enum Date: Equatable {
    /// The `week`-th (1 to 5, 5 is the last) `weekday` (0 is Sunday) of a month (1 to 12).
    case weekday(month: Int64, week: Int64, weekday: Int64)
    /// 1 to 365, in years of 365 days.
    case julian(Int64)
    /// From 0.
    case dayOfYear(Int64)

    /// Days since the epoch.
    func dayNumber(year: Int64) -> Int64 {
      let newYear = Civil(year: year, month: 1, day: 1).dayNumber
      switch self {
      case .julian(let day):
        let isLeap = Civil.daysIn(month: 2, year: year) == 29
        return newYear + day - (isLeap && day >= 60 ? 0 : 1)
      case .dayOfYear(let day): return newYear + day
      case .weekday(let month, let week, let weekday):
        let first = Civil(year: year, month: month, day: 1).dayNumber
        // 1970-01-01 was a Thursday.
        let toWeekday = floorRemainder(weekday - (first + 4), 7)
        let day = toWeekday + (week - 1) * 7
        return first + (day < Civil.daysIn(month: month, year: year) ? day : day - 7)
      }
    }
  }

  struct Transition: Equatable {
    var date: Date
    /// Of the day, in the local time that ends then, in seconds.
    var time: Int64
  }

  struct Daylight: Equatable {
    var offset: Int64
    var start: Transition
    var end: Transition
  }

  /// What local time is ahead of UTC, in seconds.
  var offset: Int64
  var daylight: Daylight?

  init?(_ text: some Collection<UInt8>) {
    var scanner = Scanner(rest: Array(text)[...])
    guard scanner.name(), let west = scanner.time(hours: 24) else { return nil }
    offset = -west
    if scanner.rest.isEmpty { return }
    guard scanner.name() else { return nil }
    var ahead = offset + 3_600
    if scanner.rest.first != UInt8(ascii: ",") {
      guard let west = scanner.time(hours: 24) else { return nil }
      ahead = -west
    }
    guard let start = scanner.change(), let end = scanner.change(), scanner.rest.isEmpty else { return nil }
    daylight = Daylight(offset: ahead, start: start, end: end)
  }

  /// The two changes of a year, in the order in which they take effect.
  func transitions(year: Int64) -> [ZoneFile.Transition] {
    guard let daylight else { return [] }
    func seconds(_ change: Transition, before offset: Int64) -> Int64 {
      change.date.dayNumber(year: year) * 86_400 + change.time - offset
    }
    return [
      ZoneFile.Transition(at: seconds(daylight.start, before: offset), offset: daylight.offset),
      ZoneFile.Transition(at: seconds(daylight.end, before: daylight.offset), offset: offset),
    ].sorted { $0.at < $1.at }
  }
}

private struct Scanner {
  var rest: ArraySlice<UInt8>

  private mutating func take(_ mark: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: mark) else { return false }
    rest.removeFirst()
    return true
  }

  mutating func name() -> Bool {
    if take("<") {
      guard let end = rest.firstIndex(of: UInt8(ascii: ">")), end > rest.startIndex else { return false }
      rest = rest[(end + 1)...]
      return true
    }
    var count = 0
    while let byte = rest.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) {
      rest.removeFirst()
      count += 1
    }
    return count >= 3
  }

  /// At most three digits.
  package mutating func number(_ range: ClosedRange<Int64>) -> Int64? {
    var value: Int64 = 0
    var count = 0
    while count < 3, let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      rest.removeFirst()
      count += 1
    }
    return count > 0 && range.contains(value) ? value : nil
  }

  /// In seconds.
  mutating func time(hours limit: Int64) -> Int64? {
    let sign: Int64
    if take("-") {
      sign = -1
    } else {
      _ = take("+")
      sign = 1
    }
    guard let hours = number(0...limit) else { return nil }
    var seconds = hours * 3_600
    for unit in [60, 1] as [Int64] where take(":") {
      guard let value = number(0...59) else { return nil }
      seconds += value * unit
    }
    return sign * seconds
  }

  mutating func change() -> ZoneRule.Transition? {
    guard take(","), let date = date() else { return nil }
    guard take("/") else { return ZoneRule.Transition(date: date, time: 7_200) }
    guard let time = time(hours: 167) else { return nil }
    return ZoneRule.Transition(date: date, time: time)
  }

  private mutating func date() -> ZoneRule.Date? {
    if take("M") {
      guard let month = number(1...12), take("."), let week = number(1...5), take("."),
        let weekday = number(0...6)
      else { return nil }
      return .weekday(month: month, week: week, weekday: weekday)
    }
    if take("J") { return number(1...365).map(ZoneRule.Date.julian) }
    return number(0...365).map(ZoneRule.Date.dayOfYear)
  }
}
