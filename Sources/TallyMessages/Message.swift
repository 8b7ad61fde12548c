// Messages as Swift values that can be decoded and encoded.

/// A protobuf message as a Swift value. Its properties have proto3's defaults until they are set.
public protocol Message: Sendable, Equatable {
  /// The name with its package, such as `tallystick.v1.ConsumeRequest`.
  static var fullName: String { get }

  /// A message with every field at its default.
  init()

  /// Decodes a message. Unknown fields are dropped. Of a scalar field or a map's key that appears more than
  /// once the last one counts; a singular submessage that does is refused. Every text is UTF-8 without NUL.
  static func decode(_ bytes: [UInt8]) throws(DecodeError) -> Self

  /// The message's bytes: fields by number, map entries by key, so that equal messages have equal bytes.
  func encode() -> [UInt8]
}

/// Why bytes are not a message. Fields are paths in the names of the .proto, such as `items[3].user_id`. The
/// same bytes fail again, so a retry is of no use, unless there was no memory.
public enum DecodeError: Error, Sendable, Equatable {
  /// Not protobuf's wire format, or cut short.
  case malformed
  /// The message would take more memory than `DecodeLimit` allows one of its size, in bytes.
  case budgetExceeded(limitBytes: Int)
  /// The system has no memory for it now.
  case outOfMemory
  /// A singular submessage appears more than once (no encoder writes that), or two keys of a map differ only
  /// in their Unicode normal form.
  case duplicateField(field: String)
  /// A text field is not UTF-8.
  case invalidUTF8(field: String)
  /// A text field contains a NUL.
  case containsNUL(field: String)

  /// The same error with the path of the message whose `field` holds the one that failed.
  func within(_ field: String) -> DecodeError {
    switch self {
    case .malformed, .budgetExceeded, .outOfMemory: self
    case .duplicateField(let inner): .duplicateField(field: "\(field).\(inner)")
    case .invalidUTF8(let inner): .invalidUTF8(field: "\(field).\(inner)")
    case .containsNUL(let inner): .containsNUL(field: "\(field).\(inner)")
    }
  }
}

/// How much memory decoding may take. A hostile message asks for 40 to 80 times its size (empty submessages,
/// unknown fields); an ordinary one needs up to 9 times its size, and up to 20 times when it is small.
public enum DecodeLimit {
  /// The bytes that a message of any size may take.
  public static let baseBytes = 4 << 20
  /// The bytes that it may take beyond that for each of its own.
  public static let bytesPerMessageByte = 10

  /// The budget of a message of `messageBytes`: the sum of all memory that its decoding asks for.
  public static func budgetBytes(messageBytes: Int) -> Int {
    baseBytes + bytesPerMessageByte * messageBytes
  }
}
