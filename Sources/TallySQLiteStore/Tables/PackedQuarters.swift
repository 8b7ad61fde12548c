// The quarter hours of a day, packed into a rollup's column.
//
// Format (cells as in RollupCell+Packing.swift):
//
//   quarters:  (byte quarter 0..95, length, cell of that length)*           rollup_quarters.quarters
//              in ascending order, empty quarters left out
//   length:    one byte below 255, or 255 and two bytes, the lower one first
//
// Invariants:
// 1. A quarter of an hour is looked for by skipping, not by unpacking, those before it.

internal import TallyCore
internal import TallySQLite

struct PackedQuarters: Equatable {
  private(set) var bytes: [UInt8] = []

  init() {}

  init(bytes: [UInt8]) { self.bytes = bytes }

  private static var malformed: SQLiteError { .malformed("rollup: quarters") }

  /// Calls `body` for each quarter hour of the range that has a cell, in order.
  func forEach(
    in range: Range<Int>, _ body: (Int, RollupCell) throws(SQLiteError) -> Void
  ) throws(SQLiteError) {
    var position = 0
    while let (quarter, start, end) = try entry(at: position), quarter < range.upperBound {
      if quarter >= range.lowerBound { try body(quarter, try cell(start, end)) }
      position = end
    }
  }

  func sum(_ range: Range<Int>) throws(SQLiteError) -> RollupCell {
    var sum = RollupCell()
    try forEach(in: range) { (_, cell) throws(SQLiteError) in try sum.add(cell) }
    return sum
  }

  /// Adds what has happened, rewriting only the quarter hours concerned.
  mutating func add(_ deltas: [QuarterDelta]) throws(SQLiteError) {
    var merged = Packer()
    var position = 0
    for delta in deltas.sorted(by: { $0.quarter < $1.quarter }) {
      let from = position
      while let (quarter, _, end) = try entry(at: position), quarter < delta.quarter { position = end }
      merged.append(raw: bytes[from..<position])
      var cell = delta.cell
      if let (quarter, start, end) = try entry(at: position), quarter == delta.quarter {
        try cell.add(try self.cell(start, end))
        position = end
      }
      let packed = cell.packed
      merged.append(raw: [UInt8(delta.quarter)] + Self.length(packed.count))
      merged.append(raw: packed)
    }
    merged.append(raw: bytes[position...])
    bytes = merged.bytes
  }

  /// - Returns: the quarter and where its cell starts and ends; nil at the end.
  private func entry(at position: Int) throws(SQLiteError) -> (quarter: Int, start: Int, end: Int)? {
    if position == bytes.count { return nil }
    guard position + 2 <= bytes.count else { throw Self.malformed }
    let quarter = Int(bytes[position])
    var (length, start) = (Int(bytes[position + 1]), position + 2)
    if length == Self.isLong {
      guard start + 2 <= bytes.count else { throw Self.malformed }
      length = Int(bytes[start]) | Int(bytes[start + 1]) << 8
      start += 2
    }
    guard quarter < QuarterHour.perDay, start + length <= bytes.count else { throw Self.malformed }
    return (quarter, start, start + length)
  }

  private static let isLong = 255

  /// A cell is far shorter than 65,536 bytes.
  private static func length(_ count: Int) -> [UInt8] {
    if count < isLong { return [UInt8(count)] }
    return [UInt8(isLong), UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)]
  }

  private func cell(_ start: Int, _ end: Int) throws(SQLiteError) -> RollupCell {
    var unpacker = Unpacker(bytes, from: start, to: end, what: "rollup: quarters")
    let cell = try RollupCell(&unpacker)
    try unpacker.finish()
    return cell
  }
}
