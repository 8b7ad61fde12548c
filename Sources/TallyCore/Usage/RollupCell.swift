// What happened in a quarter hour or on a day.
//
// Invariants:
// 1. No sum leaves int64: it is at most that of all runs, which is checked when a run is counted.

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
