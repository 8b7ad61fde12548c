// A hash table from small integers to values, for the look-ups of every call: no seeded hash, no
// allocation but to grow.
//
// Invariants:
// 1. At most half of the slots are taken, so a search ends soon.
// 2. Between a key's home slot and its own there is no empty slot.
//
// It is only for ids whose number in use is small and bounded: with those a peer can hardly make look-ups
// slow.

struct IdTable<Value> {
  private struct Slot {
    var key: UInt64
    var value: Value
  }

  private static var minimumCapacity: Int { 8 }

  private var slots: [Slot?] = []
  private(set) var count = 0

  private var mask: Int { slots.count - 1 }

  /// Ids rise in steps of two or one: spread by a multiplication, taken from its high bits.
  private func home(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
  }

  private func index(_ key: UInt64) -> Int? {
    if count == 0 { return nil }
    var index = home(key)
    while let slot = slots[index] {
      if slot.key == key { return index }
      index = (index + 1) & mask
    }
    return nil
  }

  subscript(key: UInt64) -> Value? {
    guard let index = index(key) else { return nil }
    return slots[index]?.value
  }

  /// Adds a key that is not there, or replaces its value.
  mutating func set(_ key: UInt64, _ value: Value) {
    if let index = index(key) {
      slots[index] = Slot(key: key, value: value)
      return
    }
    if (count + 1) * 2 > slots.count { grow() }
    place(Slot(key: key, value: value))
    count += 1
  }

  @discardableResult
  mutating func remove(_ key: UInt64) -> Value? {
    guard let found = index(key), let removed = slots[found] else { return nil }
    count -= 1
    if count == 0 && slots.count > Self.minimumCapacity * 8 {
      slots = []
      return removed.value
    }
    // Close the gap: what was pushed past it moves back.
    var gap = found
    var next = (gap + 1) & mask
    while let slot = slots[next] {
      if (next - home(slot.key)) & mask >= (next - gap) & mask {
        slots[gap] = slot
        gap = next
      }
      next = (next + 1) & mask
    }
    slots[gap] = nil
    return removed.value
  }

  var values: [Value] { slots.compactMap { $0?.value } }

  private mutating func place(_ slot: Slot) {
    var index = home(slot.key)
    while slots[index] != nil { index = (index + 1) & mask }
    slots[index] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot?](repeating: nil, count: max(Self.minimumCapacity, old.count * 2))
    for case .some(let slot) in old { place(slot) }
  }
}
