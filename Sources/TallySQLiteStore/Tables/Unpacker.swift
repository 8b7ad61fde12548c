// What Packer has packed, taken apart again.
//
// Invariants:
// 1. What was not packed there is refused, never guessed at.

internal import TallySQLite

struct Unpacker {
  private let bytes: [UInt8]
  private var position = 0
  private let end: Int
  private let what: String

  /// - Parameter what: named in the error.
  init(_ bytes: [UInt8], what: String) {
    self.init(bytes, from: 0, to: bytes.count, what: what)
  }

  /// Takes a part of the bytes.
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

  mutating func text() throws(SQLiteError) -> String { String(decoding: try counted(), as: UTF8.self) }

  mutating func blob() throws(SQLiteError) -> [UInt8] { Array(try counted()) }

  private mutating func counted() throws(SQLiteError) -> ArraySlice<UInt8> {
    let count = try varint()
    guard count <= UInt64(end - position) else { throw malformed }
    let next = position + Int(count)
    defer { position = next }
    return bytes[position..<next]
  }

  func finish() throws(SQLiteError) {
    guard isAtEnd else { throw malformed }
  }
}
