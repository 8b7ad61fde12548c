// Protobuf's wire format without a schema: a reader and a writer of fields.
//
// Invariants:
// 1. A reader never reads beyond its bytes: a field that is cut short is an error.
// 2. Groups (wire types 3 and 4) are refused, since none of our messages has them.

/// Bytes that are not protobuf, or do not fit their descriptor.
package struct WireError: Error, Equatable {
  package var message: String

  package init(message: String) {
    self.message = message
  }
}

/// One field's value on the wire.
package enum WireValue: Equatable {
  case varint(UInt64)
  case fixed64(UInt64)
  case bytes(ArraySlice<UInt8>)
  case fixed32(UInt32)

  /// The two numbers of protobuf's tag for this kind of value.
  package var wireType: UInt64 {
    switch self {
    case .varint: 0
    case .fixed64: 1
    case .bytes: 2
    case .fixed32: 5
    }
  }
}

/// Takes fields from bytes, one after the other.
package struct WireReader {
  private var rest: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) {
    rest = bytes
  }

  package var isAtEnd: Bool { rest.isEmpty }

  /// The next field, or nil at the end.
  package mutating func field() throws(WireError) -> (number: Int32, value: WireValue)? {
    guard !rest.isEmpty else { return nil }
    let tag = try varint()
    guard let number = Int32(exactly: tag >> 3), number > 0 else {
      throw WireError(message: "a field number out of range")
    }
    switch tag & 7 {
    case 0: return (number, .varint(try varint()))
    case 1: return (number, .fixed64(try fixed(8)))
    case 2:
      let count = try varint()
      guard count <= UInt64(rest.count) else { throw WireError(message: "field \(number) is cut short") }
      return (number, .bytes(take(Int(count))))
    case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw WireError(message: "field \(number) has wire type \(tag & 7)")
    }
  }

  /// A base-128 number of at most 10 bytes.
  package mutating func varint() throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      guard let byte = rest.popFirst() else { throw WireError(message: "a number is cut short") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw WireError(message: "a number is longer than 10 bytes")
  }

  /// A little-endian number of `count` bytes.
  package mutating func fixed(_ count: Int) throws(WireError) -> UInt64 {
    guard rest.count >= count else { throw WireError(message: "a number is cut short") }
    return take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    let taken = rest.prefix(count)
    rest = rest.dropFirst(count)
    return taken
  }
}

/// Appends fields to bytes.
package struct WireWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func field(_ number: Int32, _ value: WireValue) {
    varint(UInt64(number) << 3 | value.wireType)
    bare(value)
  }

  /// A value without its tag, as packed fields hold it.
  package mutating func bare(_ value: WireValue) {
    switch value {
    case .varint(let number): varint(number)
    case .fixed64(let number): fixed(number, count: 8)
    case .fixed32(let number): fixed(UInt64(number), count: 4)
    case .bytes(let contents):
      varint(UInt64(contents.count))
      bytes += contents
    }
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func fixed(_ value: UInt64, count: Int) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (UInt64(index) * 8))) }
  }
}
