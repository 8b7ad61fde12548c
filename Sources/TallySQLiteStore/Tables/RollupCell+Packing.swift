// How what happened in a quarter hour or on a day is packed into a rollup's columns.
//
// Format (varints as in Packing.swift):
//
//   cell:      varint mask (1: succeeded, 2: failed, 4: cancelled, 8: uploads), then for each that is set
//              of the first three: varint count, cost, input tokens, output tokens, images;
//              of the fourth: varint count
//   total:     one cell                                                     rollup.total
//   quarters:  (byte quarter 0..95, byte length, cell of that length)*      rollup_quarters.quarters
//              in ascending order, empty quarters left out
//
// Invariants:
// 1. `total` is the sum of `quarters`.
// 2. A quarter of an hour is looked for by skipping, not by unpacking, those before it.
// 3. No sum leaves int64: it is at most that of all runs, which is checked when a run is counted; a file
//    that says otherwise is refused, never trapped on.
//
// Values, owned by nobody.

internal import TallyCore
internal import TallySQLite

extension RollupCell {
  mutating func add(_ other: RollupCell) throws(SQLiteError) {
    guard takes(other) else { throw .malformed("rollup: a sum is out of range") }
  }

  /// Takes a part away.
  mutating func remove(_ part: RollupCell) throws(SQLiteError) {
    guard runs.remove(part.runs), part.uploads >= 0, uploads >= part.uploads else {
      throw .malformed("rollup: a part is more than the whole")
    }
    uploads -= part.uploads
  }

  private static let hasSucceeded: UInt64 = 1
  private static let hasFailed: UInt64 = 2
  private static let hasCancelled: UInt64 = 4
  private static let hasUploads: UInt64 = 8
  private static let all = hasSucceeded | hasFailed | hasCancelled | hasUploads

  func pack(into packer: inout Packer) {
    var mask: UInt64 = 0
    if runs.succeeded.count != 0 { mask |= Self.hasSucceeded }
    if runs.failed.count != 0 { mask |= Self.hasFailed }
    if runs.cancelled.count != 0 { mask |= Self.hasCancelled }
    if uploads != 0 { mask |= Self.hasUploads }
    packer.append(varint: mask)
    for sums in [runs.succeeded, runs.failed, runs.cancelled] where sums.count != 0 {
      packer.append(sums.count)
      packer.append(sums.costMicros)
      packer.append(sums.inputTokens)
      packer.append(sums.outputTokens)
      packer.append(sums.images)
    }
    if uploads != 0 { packer.append(uploads) }
  }

  init(_ unpacker: inout Unpacker) throws(SQLiteError) {
    self.init()
    let mask = try unpacker.varint()
    guard mask & ~Self.all == 0 else { throw .malformed("rollup: cell") }
    if mask & Self.hasSucceeded != 0 { runs.succeeded = try Self.sums(&unpacker) }
    if mask & Self.hasFailed != 0 { runs.failed = try Self.sums(&unpacker) }
    if mask & Self.hasCancelled != 0 { runs.cancelled = try Self.sums(&unpacker) }
    if mask & Self.hasUploads != 0 { uploads = try unpacker.int() }
  }

  private static func sums(_ unpacker: inout Unpacker) throws(SQLiteError) -> RunSums {
    var sums = RunSums()
    sums.count = try unpacker.int()
    sums.costMicros = try unpacker.int()
    sums.inputTokens = try unpacker.int()
    sums.outputTokens = try unpacker.int()
    sums.images = try unpacker.int()
    return sums
  }

  /// A rollup's `total`.
  init(total bytes: [UInt8]) throws(SQLiteError) {
    var unpacker = Unpacker(bytes, what: "rollup: total")
    try self.init(&unpacker)
    try unpacker.finish()
  }

  var packed: [UInt8] {
    var packer = Packer()
    pack(into: &packer)
    return packer.bytes
  }
}

/// A rollup's `quarters`.
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
      merged.append(raw: [UInt8(delta.quarter), UInt8(packed.count)])
      merged.append(raw: packed)
    }
    merged.append(raw: bytes[position...])
    bytes = merged.bytes
  }

  /// - Returns: the quarter and where its cell starts and ends; nil at the end.
  private func entry(at position: Int) throws(SQLiteError) -> (quarter: Int, start: Int, end: Int)? {
    if position == bytes.count { return nil }
    guard position + 2 <= bytes.count else { throw Self.malformed }
    let (quarter, end) = (Int(bytes[position]), position + 2 + Int(bytes[position + 1]))
    guard quarter < QuarterHour.perDay, end <= bytes.count else { throw Self.malformed }
    return (quarter, position + 2, end)
  }

  private func cell(_ start: Int, _ end: Int) throws(SQLiteError) -> RollupCell {
    var unpacker = Unpacker(bytes, from: start, to: end, what: "rollup: quarters")
    let cell = try RollupCell(&unpacker)
    try unpacker.finish()
    return cell
  }
}
