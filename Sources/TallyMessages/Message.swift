// What a message is to the rest of the house: a value that can be read from bytes and made into bytes.
//
// Values, owned by nobody.

/// A protobuf message as a Swift value. Its properties have proto3's defaults until they are set.
public protocol Message: Sendable, Equatable {
  /// The name with its package, such as `tallystick.v1.ConsumeRequest`.
  static var fullName: String { get }

  /// A message with every field at its default.
  init()

  /// Reads a message. Unknown fields are dropped; of a scalar field or a map's key that stands there
  /// twice the last one counts, but a singular submessage may stand there once. Every text field is
  /// UTF-8 and has no NUL.
  static func decode(_ bytes: [UInt8]) throws(DecodeError) -> Self

  /// The message's bytes: fields by number, map entries by key, so that equal messages have equal bytes.
  func encode() -> [UInt8]
}

/// Why bytes are not a message. Fields are paths in the names of the .proto, such as
/// `items[3].user_id`. The same bytes fail again: a retry is of no use.
public enum DecodeError: Error, Sendable, Equatable {
  /// Not protobuf's wire format, or cut short.
  case malformed
  /// The message would take more memory than `DecodeLimit` allows one of its size, in bytes.
  case budgetExceeded(limitBytes: Int)
  /// A singular submessage stands there more than once (no encoder writes that), or two keys of a map
  /// differ in their Unicode normal form only.
  case duplicateField(field: String)
  /// A text field is not UTF-8.
  case invalidUTF8(field: String)
  /// A text field contains a NUL.
  case containsNUL(field: String)

  /// The same error, seen from the message whose `field` holds the one that failed.
  func within(_ field: String) -> DecodeError {
    switch self {
    case .malformed, .budgetExceeded: self
    case .duplicateField(let inner): .duplicateField(field: "\(field).\(inner)")
    case .invalidUTF8(let inner): .invalidUTF8(field: "\(field).\(inner)")
    case .containsNUL(let inner): .containsNUL(field: "\(field).\(inner)")
    }
  }
}

/// How much memory decoding may take. A hostile message asks for 40 to 80 times its size (empty
/// submessages, unknown fields); an honest one needs up to 9 times, and up to 20 when it is small.
public enum DecodeLimit {
  /// What any message may take, in bytes.
  public static let baseBytes = 4 << 20
  /// What a message may take beyond that, in bytes for each of its own.
  public static let bytesPerMessageByte = 10

  /// The budget of a message of `messageBytes`, counted over all that its decoding ever asks for.
  public static func budgetBytes(messageBytes: Int) -> Int {
    baseBytes + bytesPerMessageByte * messageBytes
  }
}
