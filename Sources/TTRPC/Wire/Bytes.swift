// Bytes of protobuf: the few rules of its wire format that the two envelopes need.
//
// Invariants:
// 1. Nothing is read outside the span, and nothing is allocated by a length before it is checked.
// 2. What is not well formed is refused, never guessed at: groups, field number zero, varints over ten
//    bytes or over 64 bits, lengths past the end.

/// The bytes are not the message they should be.
struct MalformedEnvelope: Error, Equatable {
  /// What is wrong, for the status message.
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

enum WireType {
  static let varint = 0
  static let fixed64 = 1
  static let bytes = 2
  static let fixed32 = 5
}

/// A place in a message, moved on by each read.
struct WireCursor {
  var at: Int
  let end: Int

  var isAtEnd: Bool { at >= end }

  mutating func varint(_ bytes: Span<UInt8>) throws(MalformedEnvelope) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end {
      let byte = bytes[at]
      at += 1
      if shift == 63 && byte > 1 { throw MalformedEnvelope("a varint is over 64 bits") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw MalformedEnvelope("a varint is cut")
  }

  /// A field's number and wire type.
  mutating func tag(_ bytes: Span<UInt8>) throws(MalformedEnvelope) -> (field: Int, type: Int) {
    let value = try varint(bytes)
    guard value <= UInt64(UInt32.max), value >> 3 != 0 else {
      throw MalformedEnvelope("a field number is out of range")
    }
    return (Int(value >> 3), Int(value & 7))
  }

  mutating func lengthDelimited(_ bytes: Span<UInt8>) throws(MalformedEnvelope) -> Range<Int> {
    let length = try varint(bytes)
    guard length <= UInt64(end - at) else { throw MalformedEnvelope("a length goes past the end") }
    let start = at
    at += Int(length)
    return start..<at
  }

  mutating func skip(_ type: Int, _ bytes: Span<UInt8>) throws(MalformedEnvelope) {
    switch type {
    case WireType.varint: _ = try varint(bytes)
    case WireType.bytes: _ = try lengthDelimited(bytes)
    case WireType.fixed64: try jump(8)
    case WireType.fixed32: try jump(4)
    default: throw MalformedEnvelope("wire type \(type) is not known")
    }
  }

  private mutating func jump(_ count: Int) throws(MalformedEnvelope) {
    guard count <= end - at else { throw MalformedEnvelope("a field is cut") }
    at += count
  }

  static func expect(_ type: Int, _ wanted: Int, _ name: String) throws(MalformedEnvelope) {
    if type != wanted { throw MalformedEnvelope("\(name) has wire type \(type)") }
  }
}

/// The text at `range`, or an error that names the field when it is not UTF-8 or holds a NUL.
func text(
  _ bytes: Span<UInt8>, _ range: Range<Int>, _ name: String
) throws(MalformedEnvelope) -> String {
  if range.isEmpty { return "" }
  let span = bytes.extracting(range)
  for index in span.indices where span[index] == 0 {
    throw MalformedEnvelope("\(name) holds a NUL")
  }
  do {
    return String(copying: try UTF8Span(validating: span))
  } catch {
    throw MalformedEnvelope("\(name) is not UTF-8")
  }
}

func varintByteCount(_ value: UInt64) -> Int {
  (64 - (value | 1).leadingZeroBitCount + 6) / 7
}

/// The bytes of a length-delimited field with a one-byte tag.
func fieldByteCount(_ count: Int) -> Int {
  1 + varintByteCount(UInt64(count)) + count
}

extension OutputSpan<UInt8> {
  mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Tag and length of a length-delimited field; its bytes follow.
  mutating func appendFieldHead(_ field: Int, count: Int) {
    append(UInt8(field << 3 | WireType.bytes))
    appendVarint(UInt64(count))
  }

  mutating func appendField(_ field: Int, _ text: String) {
    appendFieldHead(field, count: text.utf8.count)
    for byte in text.utf8 { append(byte) }
  }
}

extension [UInt8] {
  /// A length-delimited field whose number is below 16.
  mutating func append(field: Int, _ bytes: [UInt8]) {
    append(addingCapacity: fieldByteCount(bytes.count) - bytes.count) { output in
      output.appendFieldHead(field, count: bytes.count)
    }
    append(contentsOf: bytes)
  }

  mutating func append(field: Int, _ text: String) { append(field: field, [UInt8](text.utf8)) }

  mutating func append(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }

  init(_ bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
  }
}
