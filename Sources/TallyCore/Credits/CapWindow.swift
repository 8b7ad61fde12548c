// The windows of caps: which of them an instant belongs to.
//
// Invariants:
// 1. Windows of a calendar follow each other without a gap and without overlapping, whatever local clocks do:
//    an hour that clocks show twice is two windows, one that a change of the clocks cuts short is shorter.
// 2. A window begins and ends with a quarter hour.
// 3. It follows from the zone and the instant alone, never from when somebody looked.

public enum CapWindow: Sendable, Hashable {
  case hour
  case day
  /// From Monday.
  case week
  case month
  /// So many hours in quarter hours, of which the current one is the last. 1 to 168.
  case last(hours: Int)

  public static let hours = 1...168

  /// Numbers are the wire's and the disk's; never reused.
  public var number: Int32 {
    switch self {
    case .hour: 1
    case .day: 2
    case .week: 3
    case .month: 4
    case .last: 5
    }
  }

  /// How many hours are told beside its number; zero where none are.
  public var lastHours: Int32 {
    if case .last(let hours) = self { Int32(hours) } else { 0 }
  }

  /// - Returns: nil for what is no window.
  public init?(number: Int32, lastHours: Int32) {
    switch (number, lastHours) {
    case (1, 0): self = .hour
    case (2, 0): self = .day
    case (3, 0): self = .week
    case (4, 0): self = .month
    case (5, _) where Self.hours.contains(Int(lastHours)): self = .last(hours: Int(lastHours))
    default: return nil
    }
  }

  /// For the order of caps.
  var nominalHours: Int {
    switch self {
    case .hour: 1
    case .day: 24
    case .week: 7 * 24
    case .month: 31 * 24
    case .last(let hours): hours
    }
  }

  /// The window that an instant belongs to, in microseconds. Of the last hours: up to the end of the current
  /// quarter hour.
  package func span(at micros: Int64, in zone: Zone) -> Range<Int64> {
    switch self {
    case .hour: return zone.hour(ofMicros: micros)
    case .day:
      let day = zone.day(ofMicros: micros)
      return zone.start(ofDay: day)..<zone.start(ofDay: day + 1)
    case .week:
      let day = zone.day(ofMicros: micros)
      // Day 0 was a Thursday.
      let monday = day - floorRemainder(day + 3, 7)
      return zone.start(ofDay: monday)..<zone.start(ofDay: monday + 7)
    case .month:
      let span = zone.span(of: zone.month(ofMicros: micros))
      return span.startMicros..<span.endMicros
    case .last(let hours):
      let end = (floorDivide(micros, QuarterHour.micros) + 1) * QuarterHour.micros
      return end - Int64(hours) * 4 * QuarterHour.micros..<end
    }
  }
}

extension Zone {
  /// The hour that local clocks show at an instant. A change of the clocks within an hour ends it.
  package func hour(ofMicros micros: Int64) -> Range<Int64> {
    let seconds = floorDivide(micros, 1_000_000)
    let offset = offset(atSeconds: seconds)
    let hour = floorDivide(seconds + offset, 3_600)
    var (start, end) = (hour * 3_600 - offset, (hour + 1) * 3_600 - offset)
    for change in transitions(in: start..<end) {
      if change.at <= seconds { start = change.at } else { end = min(end, change.at) }
    }
    return quarter(start)..<quarter(end)
  }
}
