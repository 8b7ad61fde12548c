// The table of ids, against a dictionary.

import Testing

@testable import TTRPC

@Suite("Id table")
struct IdTableTests {
  @Test("random additions and removals agree with a dictionary", arguments: [4, 64, 3000])
  func model(range: UInt64) {
    var table = IdTable<UInt64>()
    var model: [UInt64: UInt64] = [:]
    for step in 0..<20_000 as Range<UInt64> {
      let key = UInt64.random(in: 1...range) * 2 + 1
      if Bool.random() {
        table.set(key, step)
        model[key] = step
      } else {
        #expect(table.remove(key) == model.removeValue(forKey: key))
      }
      #expect(table.count == model.count)
      let other = UInt64.random(in: 1...range) * 2 + 1
      #expect(table[other] == model[other])
    }
    #expect(table.values.sorted() == model.values.sorted())
    for key in model.keys { table.remove(key) }
    #expect(table.count == 0)
  }
}
