// The frame: ten bytes of header, big-endian, then the payload.
//
//     0       1       2       3       4       5       6       7       8       9
//     +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
//     | payload length                | stream id                     | type  | flags |
//     +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
//
// Invariants:
// 1. The first byte of a header is zero: no payload reaches 16 MiB.

/// What a frame carries. Types without a name here are ignored.
enum FrameType {
  static let request: UInt8 = 1
  static let response: UInt8 = 2
  static let data: UInt8 = 3
}

/// Bits of a frame's flags.
enum FrameFlags {
  /// The sender will send no more on this stream.
  static let remoteClosed: UInt8 = 0x01
  /// The sender will send more on this stream.
  static let remoteOpen: UInt8 = 0x02
  /// The frame carries no message, not even an empty one.
  static let noData: UInt8 = 0x04
}

struct FrameHeader: Equatable, Sendable {
  static let byteCount = 10
  /// The largest length that the first byte allows.
  static let maximumLength = 0xFF_FFFF

  var length: Int
  var streamId: UInt32
  var type: UInt8
  var flags: UInt8

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

  /// Decodes the ten bytes at `offset`, which must be there.
  init(_ bytes: Span<UInt8>, at offset: Int) {
    length =
      Int(bytes[offset]) << 24 | Int(bytes[offset + 1]) << 16 | Int(bytes[offset + 2]) << 8
      | Int(bytes[offset + 3])
    streamId =
      UInt32(bytes[offset + 4]) << 24 | UInt32(bytes[offset + 5]) << 16
      | UInt32(bytes[offset + 6]) << 8 | UInt32(bytes[offset + 7])
    type = bytes[offset + 8]
    flags = bytes[offset + 9]
  }

  init(length: Int, streamId: UInt32, type: UInt8, flags: UInt8) {
    self.length = length
    self.streamId = streamId
    self.type = type
    self.flags = flags
  }

  func append(to bytes: inout OutputSpan<UInt8>) {
    bytes.append(UInt8(truncatingIfNeeded: length >> 24))
    bytes.append(UInt8(truncatingIfNeeded: length >> 16))
    bytes.append(UInt8(truncatingIfNeeded: length >> 8))
    bytes.append(UInt8(truncatingIfNeeded: length))
    bytes.append(UInt8(truncatingIfNeeded: streamId >> 24))
    bytes.append(UInt8(truncatingIfNeeded: streamId >> 16))
    bytes.append(UInt8(truncatingIfNeeded: streamId >> 8))
    bytes.append(UInt8(truncatingIfNeeded: streamId))
    bytes.append(type)
    bytes.append(flags)
  }
}
