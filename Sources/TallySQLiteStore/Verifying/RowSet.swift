// A set of row numbers that stand close together, at little more than a bit each.

struct RowSet {
  private var words: [Int64: UInt64] = [:]

  /// - Returns: false when it was there before.
  mutating func insert(_ id: Int64) -> Bool {
    let isNew = !contains(id)
    words[id >> 6, default: 0] |= 1 << UInt64(id & 63)
    return isNew
  }

  /// Those that another set lacks, in order.
  func lacking(in other: Self) -> [Int64] {
    words.keys.sorted().flatMap { word in
      let missing = words[word, default: 0] & ~other.words[word, default: 0]
      return (0..<64).filter { missing & 1 << UInt64($0) != 0 }.map { word << 6 | $0 }
    }
  }

  func contains(_ id: Int64) -> Bool { words[id >> 6, default: 0] & 1 << UInt64(id & 63) != 0 }
}
