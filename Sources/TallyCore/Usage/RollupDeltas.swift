// What is to be added to rollups, by quarter hour.
//
// Invariants:
// 1. Each quarter hour of a rollup stands here once.

package struct RollupDeltas {
  package private(set) var byKey: [RollupKey: [QuarterDelta]] = [:]

  package init() {}

  subscript(key: RollupKey) -> [QuarterDelta] { byKey[key] ?? [] }

  /// - Returns: false when a sum would overflow int64; the value is of no use then.
  package mutating func add(_ cell: RollupCell, quarter: Int, to key: RollupKey) -> Bool {
    // Taken out while it changes, so that it is not copied.
    var deltas = byKey.removeValue(forKey: key) ?? []
    var isSound = true
    if let index = deltas.firstIndex(where: { $0.quarter == quarter }) {
      isSound = deltas[index].cell.takes(cell)
    } else {
      deltas.append(QuarterDelta(quarter: quarter, cell: cell))
    }
    byKey[key] = deltas
    return isSound
  }
}
