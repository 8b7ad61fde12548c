// How what happened in a quarter hour or on a day is packed into a rollup's columns.
//
// Format (varints as in Packing.swift):
//
//   cell:      varint mask (1: succeeded, 2: failed, 4: cancelled, 8: uploads), then for each that is set
//              of the first three: varint count, cost, input tokens, output tokens, images;
//              of the fourth: varint count
//   total:     one cell                                                     rollup.total
//   quarters:  of such cells, see PackedQuarters.swift                      rollup_quarters.quarters
//
// Invariants:
// 1. `total` is the sum of `quarters`.
// 2. No sum leaves int64: it is at most that of all runs, which is checked when a run is counted; a file
//    that says otherwise is refused, never trapped on.

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
