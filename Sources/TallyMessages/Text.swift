// The check that text is UTF-8 without NUL.
//
// Invariants:
// 1. `check` accepts exactly what Unicode's table 3-7 calls well-formed, less the NUL: no overlong
//    forms, no surrogates, nothing beyond U+10FFFF.

enum TextFault: Equatable {
  case notUTF8, containsNUL
}

enum Text {
  private static let topBits: UInt64 = 0x8080_8080_8080_8080
  private static let lowBits: UInt64 = 0x0101_0101_0101_0101

  /// What is wrong with bytes as text; nil when nothing is.
  static func check(_ bytes: UnsafeBufferPointer<UInt8>) -> TextFault? {
    guard let start = bytes.baseAddress else { return nil }
    var index = 0
    while index < bytes.count {
      if bytes.count - index >= 8 {
        // Eight bytes at once: if no top bit is set before or after 1 is subtracted from each, all are 1 to
        // 127.
        let word = unsafe UnsafeRawPointer(start + index).loadUnaligned(as: UInt64.self)
        if (word | (word &- lowBits)) & topBits == 0 {
          index += 8
          continue
        }
      }
      let byte = unsafe bytes[index]
      if byte == 0 { return .containsNUL }
      if byte < 0x80 {
        index += 1
        continue
      }
      let length = unsafe sequenceLength(bytes, index)
      if length == 0 { return .notUTF8 }
      index += length
    }
    return nil
  }

  /// The length, 2 to 4, of the well-formed sequence of more than one byte at `index`; 0 if there is none.
  private static func sequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
    let first = unsafe bytes[index]
    let length: Int
    // The range of the second byte; later bytes may be any continuation byte.
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard index + length <= bytes.count, unsafe second.contains(bytes[index + 1]) else { return 0 }
    for offset in 2..<max(length, 2) where unsafe bytes[index + offset] & 0xC0 != 0x80 { return 0 }
    return length
  }
}
