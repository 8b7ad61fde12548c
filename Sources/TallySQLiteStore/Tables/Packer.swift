// Numbers and texts as bytes, one after the other.
//
// Format. A varint is an unsigned LEB128: seven bits a byte, least significant first, the high bit set on
// all but the last byte; at most ten bytes. A signed number is zigzag first: 0, -1, 1, -2 are 0, 1, 2, 3.
// A text is the varint of its byte count and its UTF-8; a blob the same with any bytes.

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

  mutating func append(blob: [UInt8]) {
    append(varint: UInt64(blob.count))
    bytes.append(contentsOf: blob)
  }

  mutating func append(_ text: String) {
    append(varint: UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }
}
