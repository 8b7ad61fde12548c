// What is to be added to rollups, by quarter hour.
//
// Invariants:
// 1. Each quarter hour of a rollup stands here once.
//
// These are amounts that the store adds to what it has, where other records of a write set are rows to put. A
// store keeps the up to 96 quarter hours of a day packed in one row, and changes a few of them in place.
// Deciding reads none of that when a run ends. To put rows it would have to read the four days that a run
// counts in, and the store would have to read them once more to put the changed quarter hours in: four more
// statements for each FinishRun. Now each day is read and written once a commit, in the order of the keys,
// however many runs of the batch it counts.

package struct RollupDeltas<Key: Hashable> {
  package private(set) var byKey: [Key: [QuarterDelta]] = [:]

  package init() {}

  subscript(key: Key) -> [QuarterDelta] { byKey[key] ?? [] }

  /// - Returns: false when a sum would overflow int64; the value is of no use then.
  package mutating func add(_ cell: RollupCell, quarter: Int, to key: Key) -> Bool {
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
