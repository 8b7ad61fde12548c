// Pairs that are committed with their rows and not written to the index yet.
//
// Invariants:
// 1. A bucket has the pairs whose hashes begin with its number, so that pairs are found by their hash, and
//    taken out in the order of their hashes.
// 2. A slot is in one bucket's list, or in the list of free ones.
//
// A value; the key index owns it.

struct KeyBuffer {
  static let bucketBits: UInt32 = 15
  static let bucketCount = 1 << bucketBits

  private struct Slot {
    var sequence: Int64
    var hash: UInt32
    /// The slot behind it in its list; `none` for the last.
    var next: Int32
  }

  private static let none: Int32 = -1

  private var heads = [Int32](repeating: none, count: bucketCount)
  private var slots: [Slot] = []
  private var free = none
  private(set) var count = 0

  static func bucket(of hash: UInt32) -> Int { Int(hash >> (32 - bucketBits)) }

  mutating func add(_ pair: KeyPair) {
    let bucket = Self.bucket(of: pair.hash)
    let slot = Slot(sequence: pair.sequence, hash: pair.hash, next: heads[bucket])
    if free == Self.none {
      heads[bucket] = Int32(slots.count)
      slots.append(slot)
    } else {
      heads[bucket] = free
      let next = slots[Int(free)].next
      slots[Int(free)] = slot
      free = next
    }
    count += 1
  }

  /// Rows whose account and key have a hash.
  func sequences(of hash: UInt32) -> [Int64] {
    var found: [Int64] = []
    var index = heads[Self.bucket(of: hash)]
    while index != Self.none {
      let slot = slots[Int(index)]
      if slot.hash == hash { found.append(slot.sequence) }
      index = slot.next
    }
    return found
  }

  /// In the order of their hashes.
  func pairs(in buckets: Range<Int>) -> [KeyPair] {
    var found: [KeyPair] = []
    for bucket in buckets {
      var index = heads[bucket]
      while index != Self.none {
        let slot = slots[Int(index)]
        found.append(KeyPair(hash: slot.hash, sequence: slot.sequence))
        index = slot.next
      }
    }
    return found.sorted()
  }

  mutating func remove(_ buckets: Range<Int>) {
    for bucket in buckets {
      var index = heads[bucket]
      heads[bucket] = Self.none
      while index != Self.none {
        let next = slots[Int(index)].next
        slots[Int(index)].next = free
        free = index
        index = next
        count -= 1
      }
    }
    if count == 0 {
      slots.removeAll(keepingCapacity: slots.count <= Self.bucketCount)
      free = Self.none
    }
  }
}
