// How what happened in a quarter hour or on a day is packed into a rollup's columns.
//
// Format (varints as in Packing.swift):
//
//   cell:      varint mask (1: succeeded, 2: failed, 4: cancelled, 8: uploads; 16, 32 and 64: there is more
//              of the first three), then for each that is set of the first three:
//              varint count, cost, input tokens, output tokens, images,
//              and if there is more: varint provider cost, blob of units (Packing.swift);
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

  private static let hasUploads: UInt64 = 8
  private static let all: UInt64 = 127

  /// Bits of the mask, in the order of succeeded, failed, cancelled.
  private static let hasSums: [UInt64] = [1, 2, 4]
  private static let hasMore: [UInt64] = [16, 32, 64]

  func pack(into packer: inout Packer) {
    let statuses = [runs.succeeded, runs.failed, runs.cancelled]
    var mask: UInt64 = uploads == 0 ? 0 : Self.hasUploads
    for (index, sums) in statuses.enumerated() where sums.count != 0 {
      mask |= Self.hasSums[index] | (sums.hasMore ? Self.hasMore[index] : 0)
    }
    packer.append(varint: mask)
    for sums in statuses where sums.count != 0 {
      packer.append(sums.count)
      packer.append(sums.costMicros)
      packer.append(sums.inputTokens)
      packer.append(sums.outputTokens)
      packer.append(sums.images)
      guard sums.hasMore else { continue }
      packer.append(sums.providerCostMicros)
      packer.append(blob: Packing.pack(sums.units))
    }
    if uploads != 0 { packer.append(uploads) }
  }

  init(_ unpacker: inout Unpacker) throws(SQLiteError) {
    self.init()
    let mask = try unpacker.varint()
    guard mask & ~Self.all == 0 else { throw .malformed("rollup: cell") }
    func sums(_ index: Int) throws(SQLiteError) -> RunSums {
      let hasSums = mask & Self.hasSums[index] != 0
      let hasMore = mask & Self.hasMore[index] != 0
      guard hasSums || !hasMore else { throw .malformed("rollup: cell") }
      return hasSums ? try RunSums(&unpacker, hasMore: hasMore) : RunSums()
    }
    runs.succeeded = try sums(0)
    runs.failed = try sums(1)
    runs.cancelled = try sums(2)
    if mask & Self.hasUploads != 0 { uploads = try unpacker.int() }
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

extension RunSums {
  fileprivate var hasMore: Bool { providerCostMicros != 0 || !units.isEmpty }

  fileprivate init(_ unpacker: inout Unpacker, hasMore: Bool) throws(SQLiteError) {
    self.init()
    count = try unpacker.int()
    costMicros = try unpacker.int()
    inputTokens = try unpacker.int()
    outputTokens = try unpacker.int()
    images = try unpacker.int()
    guard hasMore else { return }
    providerCostMicros = try unpacker.int()
    units = try Packing.units(try unpacker.blob())
  }
}
