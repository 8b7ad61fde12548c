// What has been counted under a cap, in its current window.
//
// Invariants:
// 1. A change counts in the window of the time to which it belongs, which is that at which its run or hold
//    was opened. What belongs to a window that has passed no longer counts anywhere.
// 2. As long as no more is taken away at a time than was added at it, nothing counted is negative.
// 3. It moves forward only.

public struct CapCounter: Sendable, Equatable {
  /// What belongs to one quarter hour.
  public struct Quarter: Sendable, Equatable {
    /// Since the epoch.
    public var number: Int64
    /// Micro-USD or runs.
    public var amount: Int64

    public init(number: Int64, amount: Int64) {
      self.number = number
      self.amount = amount
    }
  }

  /// Of a calendar's window: what was counted in it. Zero for the last hours.
  public private(set) var sum: Int64 = 0
  /// In order. Of a calendar: what belongs to later windows. Of the last hours: all that is counted, and what
  /// belongs to later quarter hours.
  public private(set) var quarters: [Quarter] = []
  /// The window.
  public private(set) var span: Range<Int64> = 0..<0

  public init() {}

  /// As it was stored.
  package init(sum: Int64, quarters: [Quarter], span: Range<Int64>) {
    self.sum = sum
    self.quarters = quarters
    self.span = span
  }

  /// Goes on to the window that an instant belongs to.
  package mutating func advance(to micros: Int64, _ window: CapWindow, in zone: Zone) {
    if span.contains(micros) || micros < span.lowerBound { return }
    if case .last = window {
      span = window.span(at: micros, in: zone)
      let first = QuarterHour.number(ofMicros: span.lowerBound)
      quarters.removeAll { $0.number < first }
      return
    }
    span = window.span(at: micros, in: zone)
    sum = 0
    let due = quarters
    quarters = []
    for quarter in due { add(quarter.amount, atMicros: quarter.number * QuarterHour.micros, window) }
  }

  /// Counts what belongs to a time.
  /// - Parameter amount: negative takes away.
  package mutating func add(_ amount: Int64, atMicros micros: Int64, _ window: CapWindow) {
    if micros < span.lowerBound { return }
    if case .last = window {
      add(amount, toQuarter: QuarterHour.number(ofMicros: micros))
    } else if micros < span.upperBound {
      sum = sum.addingSaturating(amount)
    } else {
      add(amount, toQuarter: QuarterHour.number(ofMicros: micros))
    }
  }

  private mutating func add(_ amount: Int64, toQuarter number: Int64) {
    // What comes belongs to the last quarter hours as a rule.
    var index = quarters.count
    while index > 0, quarters[index - 1].number > number { index -= 1 }
    if index > 0, quarters[index - 1].number == number {
      let rest = quarters[index - 1].amount.addingSaturating(amount)
      if rest == 0 { quarters.remove(at: index - 1) } else { quarters[index - 1].amount = rest }
    } else if amount != 0 {
      quarters.insert(Quarter(number: number, amount: amount), at: index)
    }
  }

  /// What counts in the window.
  package var used: Int64 {
    let end = QuarterHour.number(ofMicros: span.upperBound)
    return quarters.reduce(sum) { $1.number < end ? $0.addingSaturating($1.amount) : $0 }
  }

  /// When so much more would fit again if nothing else came, in microseconds since the epoch; when the window
  /// is empty, if it does not fit into an empty one.
  package func resetsAtMicros(of amount: Int64, limit: Int64, _ window: CapWindow) -> Int64 {
    guard case .last(let hours) = window else { return span.upperBound }
    var rest = used
    var micros = span.upperBound
    for quarter in quarters where quarter.number < QuarterHour.number(ofMicros: span.upperBound) {
      if rest.addingSaturating(amount) <= limit { break }
      rest -= quarter.amount
      micros = (quarter.number + Int64(hours) * 4) * QuarterHour.micros
    }
    return micros
  }
}

extension QuarterHour {
  /// Since the epoch.
  package static func number(ofMicros time: Int64) -> Int64 { floorDivide(time, micros) }
}
