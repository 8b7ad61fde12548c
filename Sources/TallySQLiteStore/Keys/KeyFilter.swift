// A blocked Bloom filter of the hashes in the index: its "no" is certain, and spares a new key the reading of
// a page.
//
// Invariants:
// 1. A hash that was added is never denied.
// 2. A hash has its bits in one block of 64 bytes, so that a question touches one line of the processor's
//    cache.
//
// (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007.)
//
// A value.

struct KeyFilter: Sendable {
  static let bitsPerKey = 10
  static let maximumBytes = 32 << 20
  static let minimumBytes = 4_096
  private static let blockWords = 8
  /// 7 bits of a block: about one in a hundred of what was not added is not denied.
  private static let bitsPerHash = 7

  private var words: [UInt64]
  private let blockCount: UInt64
  /// Keys for which it has `bitsPerKey`.
  let capacity: Int
  private(set) var count = 0

  /// - Parameter capacity: as many keys as it is made for; the largest takes less for each beyond that.
  init(capacity: Int) {
    let blockBytes = Self.blockWords * 8
    let wanted = min(max(capacity, 0), Self.maximumBytes) * Self.bitsPerKey / 8
    let bytes = min(max(wanted, Self.minimumBytes), Self.maximumBytes)
    blockCount = UInt64((bytes + blockBytes - 1) / blockBytes)
    words = [UInt64](repeating: 0, count: Int(blockCount) * Self.blockWords)
    self.capacity = max(capacity, Int(blockCount) * blockBytes * 8 / Self.bitsPerKey)
  }

  /// Whether one for more keys would have more bits.
  var isLargest: Bool { words.count * 8 >= Self.maximumBytes }

  mutating func add(_ hash: UInt32) {
    let (block, mask) = place(hash)
    var bits = mask
    for _ in 0..<Self.bitsPerHash {
      words[block + Int(bits >> 6 & 7)] |= 1 << (bits & 63)
      bits >>= 9
    }
    count += 1
  }

  func mayContain(_ hash: UInt32) -> Bool {
    let (block, mask) = place(hash)
    var bits = mask
    for _ in 0..<Self.bitsPerHash {
      guard words[block + Int(bits >> 6 & 7)] & 1 << (bits & 63) != 0 else { return false }
      bits >>= 9
    }
    return true
  }

  /// The block's first word, and 9 bits for each bit in it.
  private func place(_ hash: UInt32) -> (block: Int, bits: UInt64) {
    let mixed = Self.mix(UInt64(hash))
    let block = mixed.multipliedFullWidth(by: blockCount).high
    return (Int(block) * Self.blockWords, Self.mix(mixed))
  }

  /// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014).
  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
