// A set of row numbers that stand close together, at little more than a bit each.

struct RowSet {
  private var words: [Int64: UInt64] = [:]

  /// - Returns: false when it was there before.
  mutating func insert(_ id: Int64) -> Bool {
    let isNew = !contains(id)
    words[id >> 6, default: 0] |= 1 << UInt64(id & 63)
    return isNew
  }

  func contains(_ id: Int64) -> Bool { words[id >> 6, default: 0] & 1 << UInt64(id & 63) != 0 }
}
