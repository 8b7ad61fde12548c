// How lists are packed into one column.
//
// Formats, in the terms of Packer.swift:
//
//   allocations: (varint lot id, varint amount)*            ledger.lots, hold.pins
//   metadata:    (text key, text value)*                    ledger.metadata
//   lots:        varint count, then per lot                 account.lots
//                varint id, varint priority, varint amount, varint remaining, varint pinned,
//                varint flags (1: effective follows, 2: expiry, 4: what is short, 8: rollover),
//                [signed effective], [signed expiry], [varint short], [varint cap, signed end]
//   owed:        (varint purchase, 0 for usage, varint amount)*            account.owed_parts
//   units:       (varint class, varint count)*              run.units
//   breakdown:   (varint class, varint micro-USD)*          run.breakdown
//   tags:        (text key, text value, varint line of the user + 4 x line of all users)*    run.tags
//   texts:       (text)*                                    plan.tag_keys
//   prices:      (text model, varint input rate, varint output rate, varint image price)*    plan.prices
//
// Invariants:
// 1. What is packed unpacks to the same value; what was not packed here is refused, never guessed at.

internal import TallyCore
internal import TallySQLite

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

  static func pack(_ units: [UnitCount]) -> [UInt8] {
    packed(units.map { ($0.unitClass, $0.count) })
  }

  static func units(_ bytes: [UInt8]) throws(SQLiteError) -> [UnitCount] {
    try classes(bytes, what: "units").map { UnitCount($0.unitClass, $0.value) }
  }

  static func pack(_ breakdown: [ClassCost]) -> [UInt8] {
    packed(breakdown.map { ($0.unitClass, $0.micros) })
  }

  static func breakdown(_ bytes: [UInt8]) throws(SQLiteError) -> [ClassCost] {
    try classes(bytes, what: "breakdown").map { ClassCost($0.unitClass, $0.value) }
  }

  static func pack(_ tags: [RunTag]) -> [UInt8] {
    var packer = Packer()
    for tag in tags {
      packer.append(tag.key)
      packer.append(tag.value)
      packer.append(varint: UInt64(tag.own.rawValue) | UInt64(tag.ofAll.rawValue) << 2)
    }
    return packer.bytes
  }

  static func tags(_ bytes: [UInt8]) throws(SQLiteError) -> [RunTag] {
    var unpacker = Unpacker(bytes, what: "tags")
    var tags: [RunTag] = []
    while !unpacker.isAtEnd {
      var tag = RunTag(key: try unpacker.text(), value: try unpacker.text())
      let lines = try unpacker.varint()
      guard lines < 16, let own = TagLine(rawValue: UInt8(lines & 3)),
        let ofAll = TagLine(rawValue: UInt8(lines >> 2))
      else { throw .malformed("tags") }
      (tag.own, tag.ofAll) = (own, ofAll)
      tags.append(tag)
    }
    return tags
  }

  static func pack(_ texts: [String]) -> [UInt8] {
    var packer = Packer()
    for text in texts { packer.append(text) }
    return packer.bytes
  }

  static func texts(_ bytes: [UInt8]) throws(SQLiteError) -> [String] {
    var unpacker = Unpacker(bytes, what: "texts")
    var texts: [String] = []
    while !unpacker.isAtEnd { texts.append(try unpacker.text()) }
    return texts
  }

  private static func packed(_ classes: [(UnitClass, Int64)]) -> [UInt8] {
    var packer = Packer()
    for (unitClass, value) in classes {
      packer.append(Int64(unitClass.rawValue))
      packer.append(value)
    }
    return packer.bytes
  }

  private static func classes(
    _ bytes: [UInt8], what: String
  ) throws(SQLiteError) -> [(unitClass: UnitClass, value: Int64)] {
    var unpacker = Unpacker(bytes, what: what)
    var classes: [(unitClass: UnitClass, value: Int64)] = []
    while !unpacker.isAtEnd {
      let number = Int32(truncatingIfNeeded: try unpacker.int())
      guard let unitClass = UnitClass(rawValue: number), classes.last?.unitClass.rawValue ?? 0 < number else {
        throw .malformed(what)
      }
      classes.append((unitClass, try unpacker.int()))
    }
    return classes
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
  private static let hasShort: UInt64 = 4
  private static let hasRollover: UInt64 = 8
  /// More than any command opens; what a damaged file says must not take all memory.
  private static let maximumLots = 1 << 16

  static func pack(_ lots: [Lot]) -> [UInt8] {
    var packer = Packer()
    packer.append(varint: UInt64(lots.count))
    for lot in lots {
      packer.append(lot.id)
      packer.append(Int64(lot.priority))
      packer.append(lot.amountMicros)
      packer.append(lot.remainingMicros)
      packer.append(lot.pinnedMicros)
      packer.append(varint: flags(of: lot))
      if let effective = lot.effectiveAtMicros { packer.append(signed: effective) }
      if let expiry = lot.expiresAtMicros { packer.append(signed: expiry) }
      if lot.shortMicros != 0 { packer.append(lot.shortMicros) }
      if let rollover = lot.rollover {
        packer.append(rollover.capMicros)
        packer.append(signed: rollover.endMicros)
      }
    }
    return packer.bytes
  }

  private static func flags(of lot: Lot) -> UInt64 {
    (lot.effectiveAtMicros == nil ? 0 : hasEffective) | (lot.expiresAtMicros == nil ? 0 : hasExpiry)
      | (lot.shortMicros == 0 ? 0 : hasShort) | (lot.rollover == nil ? 0 : hasRollover)
  }

  static func lots(_ bytes: [UInt8]) throws(SQLiteError) -> [Lot] {
    var unpacker = Unpacker(bytes, what: "lots")
    let count = try unpacker.varint()
    guard count <= UInt64(maximumLots) else { throw .malformed("lots") }
    var lots: [Lot] = []
    lots.reserveCapacity(Int(count))
    var (remaining, pinned, short) = (AmountSum(), AmountSum(), AmountSum())
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
      if flags & hasShort != 0 { lot.shortMicros = try unpacker.int() }
      if flags & hasRollover != 0 {
        lot.rollover = Rollover(capMicros: try unpacker.int(), endMicros: try unpacker.signed())
      }
      guard short.takes(lot.shortMicros), lot.rollover?.capMicros ?? 1 > 0 else { throw .malformed("lots") }
      lots.append(lot)
    }
    try unpacker.finish()
    return lots
  }

  static func pack(_ owed: [OwedPart]) -> [UInt8] {
    var packer = Packer()
    for part in owed {
      packer.append(part.purchase ?? 0)
      packer.append(part.amountMicros)
    }
    return packer.bytes
  }

  static func owed(_ bytes: [UInt8]) throws(SQLiteError) -> [OwedPart] {
    var unpacker = Unpacker(bytes, what: "owed")
    var owed: [OwedPart] = []
    var sum = AmountSum()
    while !unpacker.isAtEnd {
      let purchase = try unpacker.int()
      let part = OwedPart(purchase: purchase == 0 ? nil : purchase, amountMicros: try unpacker.int())
      guard part.amountMicros > 0, sum.takes(part.amountMicros) else { throw .malformed("owed") }
      owed.append(part)
    }
    return owed
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
