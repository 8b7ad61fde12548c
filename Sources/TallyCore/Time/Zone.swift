// A time zone: which day an instant belongs to, and when days and months begin.
//
// Invariants:
// 1. A day begins at the first instant at which local clocks show its date or a later one: where clocks
//    skip midnight, when they have skipped it; where they show midnight twice, at the first. A date that
//    clocks skip altogether begins and ends at the same instant.
// 2. Days follow each other without a gap; so do months.
// 3. Where a border is not on a quarter hour (no zone since 1972), the quarter hour before stands for it.

public struct Zone: Sendable, Equatable {
  public static let utc = Zone(name: "UTC", file: nil)

  /// As it was asked for.
  public let name: String
  private let transitions: [ZoneFile.Transition]
  private let firstOffset: Int64
  private let rule: ZoneRule?

  /// - Parameter file: nil for UTC.
  init(name: String, file: ZoneFile?) {
    self.name = name
    transitions = file?.transitions ?? []
    firstOffset = file?.firstOffset ?? 0
    rule = file?.rule
  }

  /// No local time is further from UTC than this, in seconds.
  private static let farthest: Int64 = 93_600
  private static let microsPerSecond: Int64 = 1_000_000

  // MARK: offsets

  /// What local time is ahead of UTC, in seconds.
  func offset(atSeconds time: Int64) -> Int64 {
    if let last = transitions.last, time >= last.at {
      guard let rule else { return last.offset }
      return rule.daylight == nil ? rule.offset : ruled(rule, time, since: last)
    }
    if transitions.isEmpty {
      guard let rule else { return firstOffset }
      return rule.daylight == nil ? rule.offset : ruled(rule, time, since: nil)
    }
    let next = firstTransition(after: time)
    return next == 0 ? firstOffset : transitions[next - 1].offset
  }

  /// The index of the first transition later than a time.
  private func firstTransition(after time: Int64) -> Int {
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle].at <= time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func ruled(_ rule: ZoneRule, _ time: Int64, since last: ZoneFile.Transition?) -> Int64 {
    let year = Civil(dayNumber: floorDivide(time, 86_400)).year
    var offset = last?.offset
    for transition in (year - 1...year + 1).flatMap({ rule.transitions(year: $0) }) {
      if transition.at <= time && transition.at > last?.at ?? Int64.min { offset = transition.offset }
    }
    return offset ?? rule.offset
  }

  /// Changes of the offset within a span of time, in order.
  func transitions(in span: Range<Int64>) -> [ZoneFile.Transition] {
    var found: [ZoneFile.Transition] = []
    var index = firstTransition(after: span.lowerBound)
    while index < transitions.count, transitions[index].at < span.upperBound {
      found.append(transitions[index])
      index += 1
    }
    guard let rule, rule.daylight != nil else { return found }
    let last = transitions.last?.at ?? Int64.min
    let first = Civil(dayNumber: floorDivide(span.lowerBound, 86_400)).year - 1
    let end = Civil(dayNumber: floorDivide(span.upperBound, 86_400)).year + 1
    for transition in (first...end).flatMap({ rule.transitions(year: $0) })
    where transition.at > max(last, span.lowerBound) && transition.at < span.upperBound {
      found.append(transition)
    }
    return found
  }

  // MARK: days and months

  /// When a day begins, in microseconds since the epoch.
  package func start(ofDay day: Int64) -> Int64 {
    let midnight = day * 86_400
    var (from, offset) = (midnight - Self.farthest, self.offset(atSeconds: midnight - Self.farthest))
    for transition in transitions(in: from..<midnight + Self.farthest + 1) {
      let shown = max(from, midnight - offset)
      if shown < transition.at { return quarter(shown) }
      (from, offset) = (transition.at, transition.offset)
    }
    return quarter(max(from, midnight - offset))
  }

  func quarter(_ seconds: Int64) -> Int64 {
    floorDivide(seconds * Self.microsPerSecond, QuarterHour.micros) * QuarterHour.micros
  }

  /// The day that an instant belongs to, in days since the epoch of the local calendar.
  package func day(ofMicros micros: Int64) -> Int64 {
    let seconds = floorDivide(micros, Self.microsPerSecond)
    var day = floorDivide(seconds + offset(atSeconds: seconds), 86_400)
    while start(ofDay: day) > micros { day -= 1 }
    while start(ofDay: day + 1) <= micros { day += 1 }
    return day
  }

  package func month(ofMicros micros: Int64) -> Month { Month(Civil(dayNumber: day(ofMicros: micros))) }

  package func span(of month: Month) -> MonthSpan {
    MonthSpan(
      month: month, startMicros: start(ofDay: month.firstDay), endMicros: start(ofDay: month.next.firstDay))
  }
}

/// A calendar month.
public struct Month: Sendable, Equatable, Hashable {
  public let year: Int64
  /// 1 to 12.
  public let month: Int64

  init(_ date: Civil) {
    year = date.year
    month = date.month
  }

  /// - Parameter text: `YYYY-MM`, from 1970 on.
  public init?(parsing text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == 7, bytes[4] == UInt8(ascii: "-") else { return nil }
    func number(_ digits: ArraySlice<UInt8>) -> Int64? {
      digits.reduce(Int64?(0)) { value, byte in
        guard let value, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        return value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
    }
    guard let year = number(bytes[..<4]), let month = number(bytes[5...]), year >= 1970,
      (1...12).contains(month)
    else { return nil }
    (self.year, self.month) = (year, month)
  }

  /// `YYYY-MM`.
  public var text: String { Civil(year: year, month: month, day: 1).text(upTo: .month) }

  package var number: Int64 { Civil(year: year, month: month, day: 1).monthNumber }
  var firstDay: Int64 { Civil(year: year, month: month, day: 1).dayNumber }
  var next: Month { Month(Civil(year: year, month: month, day: 1).aMonthLater) }
}

/// A month of some zone, as a span of time.
package struct MonthSpan: Equatable {
  /// A part of a UTC day that the month has and the UTC month of the same name has not, or the reverse.
  package struct Edge: Equatable {
    package var day: Int64
    package var quarters: Range<Int>
    /// 1 or -1.
    package var sign: Int64
  }

  package var month: Month
  var startMicros: Int64
  /// Exclusive: when the next month begins.
  package var endMicros: Int64

  /// What to add to the UTC month's counters; none for UTC.
  package var edges: [Edge] {
    let start = month.firstDay * Civil.microsPerDay
    let end = month.next.firstDay * Civil.microsPerDay
    return edges(startMicros, start, sign: 1) + edges(start, startMicros, sign: -1)
      + edges(end, endMicros, sign: 1) + edges(endMicros, end, sign: -1)
  }

  private func edges(_ from: Int64, _ to: Int64, sign: Int64) -> [Edge] {
    QuarterSpan(fromMicros: from, toMicros: to).days.map {
      Edge(day: $0.day, quarters: $0.quarters, sign: sign)
    }
  }
}

/// A span of time from one quarter hour's beginning to another's.
package struct QuarterSpan {
  var fromMicros: Int64
  /// Exclusive; a span that ends before it begins is empty.
  var toMicros: Int64

  package init(fromMicros: Int64, toMicros: Int64) {
    self.fromMicros = fromMicros
    self.toMicros = toMicros
  }

  /// The UTC days that it touches, each with the quarter hours that are in it.
  package var days: [(day: Int64, quarters: Range<Int>)] {
    var days: [(day: Int64, quarters: Range<Int>)] = []
    var from = fromMicros
    while from < toMicros {
      let day = QuarterHour.day(ofMicros: from)
      let midnight = (day + 1) * Civil.microsPerDay
      let last = toMicros < midnight ? QuarterHour.index(ofMicros: toMicros) : QuarterHour.perDay
      let first = QuarterHour.index(ofMicros: from)
      if first < last { days.append((day, first..<last)) }
      from = midnight
    }
    return days
  }
}

extension Civil {
  package enum Precision {
    case month, day
  }

  /// `YYYY-MM` or `YYYY-MM-DD`.
  package func text(upTo precision: Precision) -> String {
    func padded(_ number: Int64, _ count: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
    }
    let month = padded(year, 4) + "-" + padded(self.month, 2)
    return precision == .month ? month : month + "-" + padded(day, 2)
  }
}
