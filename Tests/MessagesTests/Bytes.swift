// Bytes as the tests write them, and what a decoder said to them.
@testable import TallyMessages

/// A small generator of random numbers (xorshift64*), the same on every run of a seed.
struct Chance: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

/// Protobuf's wire format, by hand: what a hostile peer would write.
enum Wire {
  static func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
    return bytes
  }

  /// A field of wire type 2.
  static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(content.count)) + content
  }

  static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  /// A field of wire type 0.
  static func field(_ number: UInt64, varint value: UInt64) -> [UInt8] {
    varint(number << 3) + varint(value)
  }
}

func repeated(_ bytes: [UInt8], toSize size: Int) -> [UInt8] {
  var result: [UInt8] = []
  result.reserveCapacity(size)
  while result.count + bytes.count <= size { result += bytes }
  return result
}

/// What `body` threw as a DecodeError; nil when it did not throw.
func decodeError<T>(_ body: () throws(DecodeError) -> T) -> DecodeError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
