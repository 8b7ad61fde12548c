// What happened in a quarter hour or on a day.
//
// Invariants:
// 1. No sum leaves int64: it is at most that of all runs, which is checked when a run is counted.

/// Times as rollups count them.
package enum QuarterHour {
  static let micros: Int64 = 900_000_000
  package static let perDay = 96

  /// Days since the epoch.
  package static func day(ofMicros micros: Int64) -> Int64 { floorDivide(micros, Civil.microsPerDay) }

  /// Within its day.
  package static func index(ofMicros time: Int64) -> Int {
    Int(floorRemainder(time, Civil.microsPerDay) / micros)
  }
}

package struct RollupCell: Equatable {
  package var runs = RunTotals()
  package var uploads: Int64 = 0

  /// - Returns: false when a sum would overflow int64; the value is of no use then.
  package mutating func takes(_ other: RollupCell) -> Bool {
    let (sum, overflow) = uploads.addingReportingOverflow(other.uploads)
    uploads = sum
    return runs.add(other.runs) && !overflow
  }

  package init() {}
}

/// What is to be added to one quarter hour.
package struct QuarterDelta: Equatable {
  /// 0 to 95.
  package var quarter: Int
  package var cell: RollupCell
}
