// How lists are packed into one column.
//
// Format. A varint is an unsigned LEB128: seven bits a byte, least significant first, the high bit set on
// all but the last byte; at most ten bytes. A signed number is zigzag first: 0, -1, 1, -2 are 0, 1, 2, 3.
// A text is the varint of its byte count and its UTF-8.
//
//   allocations: (varint lot id, varint amount)*            ledger.lots, hold.pins
//   metadata:    (text key, text value)*                    ledger.metadata
//   lots:        varint count, then per lot                 account.lots
//                varint id, varint priority, varint amount, varint remaining, varint pinned,
//                varint flags (1: effective follows, 2: expiry follows),
//                [signed effective], [signed expiry]
//   prices:      (text model, varint input rate, varint output rate, varint image price)*    plan.prices
//
// Invariants:
// 1. What is packed unpacks to the same value; what was not packed here is refused, never guessed at.
//
// Pure values, owned by nobody.

internal import TallyCore
internal import TallySQLite

struct Packer {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func append(_ value: Int64) { append(varint: UInt64(bitPattern: value)) }

  mutating func append(signed value: Int64) {
    append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  mutating func append(raw more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

  mutating func append(_ text: String) {
    append(varint: UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }
}

struct Unpacker {
  private let bytes: [UInt8]
  private var position = 0
  private let end: Int
  private let what: String

  /// - Parameter what: named in the error.
  init(_ bytes: [UInt8], what: String) {
    self.init(bytes, from: 0, to: bytes.count, what: what)
  }

  /// Of a part only.
  /// - Parameter end: at most the number of bytes.
  init(_ bytes: [UInt8], from start: Int, to end: Int, what: String) {
    self.bytes = bytes
    position = start
    self.end = end
    self.what = what
  }

  var isAtEnd: Bool { position == end }

  private var malformed: SQLiteError { .malformed(what) }

  mutating func varint() throws(SQLiteError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { throw malformed }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw malformed
  }

  mutating func int() throws(SQLiteError) -> Int64 { Int64(bitPattern: try varint()) }

  mutating func signed() throws(SQLiteError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  mutating func text() throws(SQLiteError) -> String {
    let count = try varint()
    guard count <= UInt64(end - position) else { throw malformed }
    let next = position + Int(count)
    defer { position = next }
    return String(decoding: bytes[position..<next], as: UTF8.self)
  }

  func finish() throws(SQLiteError) {
    guard isAtEnd else { throw malformed }
  }
}

enum Packing {
  static func pack(_ allocations: [LotAllocation]) -> [UInt8] {
    var packer = Packer()
    for allocation in allocations {
      packer.append(allocation.lotId)
      packer.append(allocation.amountMicros)
    }
    return packer.bytes
  }

  static func allocations(_ bytes: [UInt8]) throws(SQLiteError) -> [LotAllocation] {
    var unpacker = Unpacker(bytes, what: "lot allocations")
    var allocations: [LotAllocation] = []
    var sum = AmountSum()
    while !unpacker.isAtEnd {
      let part = LotAllocation(lotId: try unpacker.int(), amountMicros: try unpacker.int())
      guard sum.takes(part.amountMicros) else { throw .malformed("lot allocations") }
      allocations.append(part)
    }
    return allocations
  }

  static func pack(_ metadata: [MetadataEntry]) -> [UInt8] {
    var packer = Packer()
    for entry in metadata {
      packer.append(entry.key)
      packer.append(entry.value)
    }
    return packer.bytes
  }

  static func metadata(_ bytes: [UInt8]) throws(SQLiteError) -> [MetadataEntry] {
    var unpacker = Unpacker(bytes, what: "metadata")
    var metadata: [MetadataEntry] = []
    while !unpacker.isAtEnd {
      metadata.append(MetadataEntry(key: try unpacker.text(), value: try unpacker.text()))
    }
    return metadata
  }

  static func pack(_ prices: [ModelPrice]) -> [UInt8] {
    var packer = Packer()
    for price in prices {
      packer.append(price.model)
      packer.append(price.inputMicrosPerMillion)
      packer.append(price.outputMicrosPerMillion)
      packer.append(price.imageMicros)
    }
    return packer.bytes
  }

  static func prices(_ bytes: [UInt8]) throws(SQLiteError) -> [ModelPrice] {
    var unpacker = Unpacker(bytes, what: "prices")
    var prices: [ModelPrice] = []
    while !unpacker.isAtEnd {
      let model = try unpacker.text()
      prices.append(
        ModelPrice(
          model: model, inputMicrosPerMillion: try unpacker.int(),
          outputMicrosPerMillion: try unpacker.int(), imageMicros: try unpacker.int()))
    }
    return prices
  }

  private static let hasEffective: UInt64 = 1
  private static let hasExpiry: UInt64 = 2

  static func pack(_ lots: [Lot]) -> [UInt8] {
    var packer = Packer()
    packer.append(varint: UInt64(lots.count))
    for lot in lots {
      packer.append(lot.id)
      packer.append(Int64(lot.priority))
      packer.append(lot.amountMicros)
      packer.append(lot.remainingMicros)
      packer.append(lot.pinnedMicros)
      packer.append(
        varint: (lot.effectiveAtMicros == nil ? 0 : hasEffective)
          | (lot.expiresAtMicros == nil ? 0 : hasExpiry))
      if let effective = lot.effectiveAtMicros { packer.append(signed: effective) }
      if let expiry = lot.expiresAtMicros { packer.append(signed: expiry) }
    }
    return packer.bytes
  }

  static func lots(_ bytes: [UInt8]) throws(SQLiteError) -> [Lot] {
    var unpacker = Unpacker(bytes, what: "lots")
    let count = try unpacker.varint()
    guard count <= UInt64(Lot.maximumOpenLots) else { throw .malformed("lots") }
    var lots: [Lot] = []
    lots.reserveCapacity(Int(count))
    var (remaining, pinned) = (AmountSum(), AmountSum())
    for _ in 0..<count {
      let id = try unpacker.int()
      let priority = Int32(truncatingIfNeeded: try unpacker.int())
      var lot = Lot(
        id: id, priority: priority, amountMicros: try unpacker.int(), remainingMicros: try unpacker.int(),
        pinnedMicros: try unpacker.int())
      guard lot.amountMicros >= 0, remaining.takes(lot.remainingMicros), pinned.takes(lot.pinnedMicros) else {
        throw .malformed("lots")
      }
      let flags = try unpacker.varint()
      if flags & hasEffective != 0 { lot.effectiveAtMicros = try unpacker.signed() }
      if flags & hasExpiry != 0 { lot.expiresAtMicros = try unpacker.signed() }
      lots.append(lot)
    }
    try unpacker.finish()
    return lots
  }
}

/// Adds up what a file says, so that nothing that is reckoned with it later leaves the range of int64.
private struct AmountSum {
  private var sum: Int64 = 0

  /// - Returns: false when the amount is negative, or the sum too large.
  mutating func takes(_ amountMicros: Int64) -> Bool {
    let (next, overflow) = sum.addingReportingOverflow(amountMicros)
    sum = next
    return amountMicros >= 0 && !overflow
  }
}

extension Statement {
  /// What a file may have counted up to: twice as much fits, and so does one more.
  private static let maximumCount: Int64 = 1 << 62

  /// A number that is counted on from.
  func counted(_ column: Int32) throws(SQLiteError) -> Int64 {
    let count = int(column)
    guard (0...Self.maximumCount).contains(count) else { throw .malformed("a count of \(count)") }
    return count
  }
}
