// How caps are packed into one column.
//
// Formats, in the terms of Packer.swift:
//
//   subject:     varint measure, varint window, varint hours, text model, text type
//   caps:        (text id, subject, varint 1 and varint limit, or varint 0)*    plan.caps, cap_list.caps
//   counters:    (subject, varint sum, signed start, varint length of the window,
//                varint count, then (signed quarter, varint amount) each)*     cap_counter.counters
//
// Invariants:
// 1. What is packed unpacks to the same value; what was not packed here is refused, never guessed at.

internal import TallyCore
internal import TallySQLite

extension Packing {
  static func pack(_ caps: [Cap]) -> [UInt8] {
    var packer = Packer()
    for cap in caps {
      packer.append(cap.id)
      append(cap.subject, to: &packer)
      packer.append(varint: cap.limit == nil ? 0 : 1)
      if let limit = cap.limit { packer.append(limit) }
    }
    return packer.bytes
  }

  static func caps(_ bytes: [UInt8]) throws(SQLiteError) -> [Cap] {
    var unpacker = Unpacker(bytes, what: "caps")
    var caps: [Cap] = []
    while !unpacker.isAtEnd {
      let id = try unpacker.text()
      let subject = try subject(&unpacker)
      let limit = try unpacker.varint() == 0 ? nil : try unpacker.int()
      guard limit ?? 0 >= 0 else { throw .malformed("caps") }
      caps.append(Cap(id: id, subject, limit: limit))
    }
    return caps
  }

  static func append(_ subject: CapSubject, to packer: inout Packer) {
    packer.append(Int64(subject.measure.rawValue))
    packer.append(Int64(subject.window.number))
    packer.append(Int64(subject.window.lastHours))
    packer.append(subject.model.text)
    packer.append(subject.type.text)
  }

  static func subject(_ unpacker: inout Unpacker) throws(SQLiteError) -> CapSubject {
    let measure = CapMeasure(rawValue: Int32(truncatingIfNeeded: try unpacker.int()))
    let window = CapWindow(
      number: Int32(truncatingIfNeeded: try unpacker.int()),
      lastHours: Int32(truncatingIfNeeded: try unpacker.int()))
    guard let measure, let window else { throw .malformed("caps") }
    return CapSubject(
      measure, window, model: ExactText(try unpacker.text()), type: ExactText(try unpacker.text()))
  }

  static func pack(_ counters: [CapSubject: CapCounter]) -> [UInt8] {
    let packed = counters.map { subject, counter in
      var packer = Packer()
      append(subject, to: &packer)
      packer.append(counter.sum)
      packer.append(signed: counter.span.lowerBound)
      packer.append(counter.span.upperBound - counter.span.lowerBound)
      packer.append(varint: UInt64(counter.quarters.count))
      for quarter in counter.quarters {
        packer.append(signed: quarter.number)
        packer.append(quarter.amount)
      }
      return packer.bytes
    }
    // The same counters are the same bytes.
    return Array(packed.sorted { $0.lexicographicallyPrecedes($1) }.joined())
  }

  static func capCounters(_ bytes: [UInt8]) throws(SQLiteError) -> [CapSubject: CapCounter] {
    var unpacker = Unpacker(bytes, what: "counters of caps")
    var counters: [CapSubject: CapCounter] = [:]
    while !unpacker.isAtEnd {
      let subject = try subject(&unpacker)
      let (sum, start) = (try unpacker.int(), try unpacker.signed())
      let (end, overflow) = start.addingReportingOverflow(try unpacker.int())
      let count = try unpacker.varint()
      guard !overflow, end >= start, count <= UInt64(bytes.count) else {
        throw .malformed("counters of caps")
      }
      var quarters: [CapCounter.Quarter] = []
      for _ in 0..<count {
        quarters.append(CapCounter.Quarter(number: try unpacker.signed(), amount: try unpacker.int()))
      }
      counters[subject] = CapCounter(sum: sum, quarters: quarters, span: start..<end)
    }
    return counters
  }
}
