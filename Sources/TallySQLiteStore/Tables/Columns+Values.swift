// Columns with values of the domain.

internal import TallyCore
internal import TallySQLite

extension Columns {
  /// What a file may have counted up to: twice as much fits into int64, and so does one more.
  private static let maximumCount: Int64 = 1 << 62

  /// A number that is counted on from.
  mutating func counted() throws(SQLiteError) -> Int64 {
    let count = int()
    guard (0...Self.maximumCount).contains(count) else { throw .malformed("a count of \(count)") }
    return count
  }

  mutating func int32() -> Int32 { Int32(truncatingIfNeeded: int()) }

  /// Its sequence, then its position.
  mutating func commitPoint() -> CommitPoint { CommitPoint(sequence: int(), position: int32()) }

  mutating func monthCounters() -> MonthCounters {
    MonthCounters(generations: int(), uploads: int(), costMicros: int())
  }

  /// In the order of `RunTotalTable.columns`.
  mutating func runSums() throws(SQLiteError) -> RunSums {
    var sums = RunSums()
    sums.count = int()
    sums.costMicros = int()
    sums.inputTokens = int()
    sums.outputTokens = int()
    sums.images = int()
    sums.providerCostMicros = int()
    sums.units = try optionalBlob().map(Packing.units) ?? []
    return sums
  }
}
