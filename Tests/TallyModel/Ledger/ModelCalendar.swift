// The model's calendar: dates by counting days, zones by what their law says in words.
//
// Invariants:
// 1. It shares no code with Core's calendar, and knows only what the steps use: years from 1970 to 2099, and
//    zones whose clocks are never moved at midnight.
//
// Values; part of the model.

import TallyCore

struct ModelPeriod {
  /// Dates in days since the epoch, the end exclusive.
  var days: Range<Int64>
  var start: Int64
  var end: Int64
  /// When the period after it ends.
  var nextEnd: Int64
  var isNamedByInstant = false
}

struct ModelDate: Equatable {
  var year: Int64
  var month: Int64
  var day: Int64

  static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func length(ofMonth month: Int64, _ year: Int64) -> Int64 {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  init(_ year: Int64, _ month: Int64, _ day: Int64) { (self.year, self.month, self.day) = (year, month, day) }

  /// The first days of all months from 1970 on, counted one after the other.
  private static let firstDays: [Int64] = {
    var days: [Int64] = [0]
    for year in 1970..<2100 as Range<Int64> {
      for month in 1...12 as ClosedRange<Int64> {
        days.append((days.last ?? 0) + length(ofMonth: month, year))
      }
    }
    return days
  }()

  /// - Parameter number: days since the epoch.
  init(number: Int64) {
    var index = Int(number / 31)
    while Self.firstDays[index + 1] <= number { index += 1 }
    self.init(1970 + Int64(index / 12), Int64(index % 12) + 1, number - Self.firstDays[index] + 1)
  }

  /// Days since the epoch.
  var number: Int64 { Self.firstDays[Int((year - 1970) * 12 + month - 1)] + day - 1 }

  /// The same day so many months later, or that month's last.
  func later(months: Int64) -> ModelDate {
    let count = year * 12 + month - 1 + months
    let (year, month) = (count / 12, count % 12 + 1)
    return ModelDate(year, month, min(day, Self.length(ofMonth: month, year)))
  }

  var text: String {
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month))-\(two(day))"
  }
}

enum ModelZone: String, CaseIterable {
  case utc = ""
  case berlin = "Europe/Berlin"
  case newYork = "America/New_York"
  case kathmandu = "Asia/Kathmandu"

  static let day: Int64 = 86_400_000_000
  private static let minute: Int64 = 60_000_000

  /// The n-th Sunday of a month, from its end when it is negative.
  private static func sunday(_ number: Int64, of month: Int64, _ year: Int64) -> Int64 {
    let from = ModelDate(year, month, 1).later(months: number < 0 ? 1 : 0).number
    // The epoch was a Thursday.
    let sunday = from + (10 - from % 7) % 7
    return sunday + 7 * (number < 0 ? number : number - 1)
  }

  /// What its clocks are ahead of UTC.
  func offset(at micros: Int64) -> Int64 {
    let year = ModelDate(number: micros / Self.day).year
    switch self {
    case .utc: return 0
    case .kathmandu: return 345 * Self.minute
    case .berlin:
      let begin = Self.sunday(-1, of: 3, year) * Self.day + 60 * Self.minute
      let end = Self.sunday(-1, of: 10, year) * Self.day + 60 * Self.minute
      return (begin <= micros && micros < end ? 120 : 60) * Self.minute
    case .newYork:
      let begin = Self.sunday(2, of: 3, year) * Self.day + 420 * Self.minute
      let end = Self.sunday(1, of: 11, year) * Self.day + 360 * Self.minute
      return (begin <= micros && micros < end ? -240 : -300) * Self.minute
    }
  }

  func date(at micros: Int64) -> Int64 { (micros + offset(at: micros)) / Self.day }

  func start(of date: Int64) -> Int64 {
    let midnight = date * Self.day
    return midnight - offset(at: midnight - offset(at: midnight))
  }

  /// The n-th month from a date on.
  func period(from anchor: Int64, index: Int64) -> ModelPeriod {
    let dates = (0...2).map { ModelDate(number: anchor).later(months: index + $0).number }
    return ModelPeriod(
      days: dates[0]..<dates[1], start: start(of: dates[0]), end: start(of: dates[1]),
      nextEnd: start(of: dates[2]))
  }

  /// The month from a date on that a time lies in; nil before that date.
  func period(from anchor: Int64, at time: Int64) -> ModelPeriod? {
    guard start(of: anchor) <= time else { return nil }
    // No period lasts longer than 31 days and the hour of a zone.
    var index = (time - start(of: anchor)) / (32 * Self.day)
    while period(from: anchor, index: index).end <= time { index += 1 }
    return period(from: anchor, index: index)
  }

  /// - Parameter name: nil is the month that it is.
  func period(_ name: PeriodName?, at time: Int64) -> ModelPeriod {
    switch name {
    case .dates(let anchor, let index): return period(from: anchor, index: index)
    case .instant(let micros):
      let date = ModelDate(number: micros / Self.day)
      let days = (0...2).map { date.later(months: $0).number }
      let times = days.map { $0 * Self.day + micros % Self.day }
      return ModelPeriod(
        days: days[0]..<days[1], start: times[0], end: times[1], nextEnd: times[2], isNamedByInstant: true)
    case nil:
      let today = ModelDate(number: date(at: time))
      return period(from: ModelDate(today.year, today.month, 1).number, index: 0)
    }
  }
}
