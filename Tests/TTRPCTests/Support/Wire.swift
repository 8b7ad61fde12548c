// Messages of the conformance service, coded by hand: tests of this room need no message library.

@testable import TTRPC

/// A flat message: numbers and byte fields by field number, in order.
struct Message: Equatable, Sendable {
  enum Field: Equatable, Sendable {
    case number(Int, Int64)
    case bytes(Int, [UInt8])
  }

  var fields: [Field] = []

  init() {}

  /// Fails as a handler does on a message that does not parse.
  init(_ bytes: [UInt8]) throws(Status) {
    do throws(MalformedEnvelope) {
      try self.init(parsing: bytes)
    } catch {
      throw Status(.invalidArgument, error.reason)
    }
  }

  private init(parsing bytes: [UInt8]) throws(MalformedEnvelope) {
    var cursor = WireCursor(at: 0, end: bytes.count)
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes.span)
      switch type {
      case WireType.varint:
        fields.append(.number(field, Int64(bitPattern: try cursor.varint(bytes.span))))
      case WireType.bytes:
        fields.append(.bytes(field, Array(bytes[try cursor.lengthDelimited(bytes.span)])))
      default:
        throw MalformedEnvelope("wire type \(type) is not known")
      }
    }
  }

  func with(_ field: Int, _ value: Int64) -> Message {
    var copy = self
    if value != 0 { copy.fields.append(.number(field, value)) }
    return copy
  }

  func with(_ field: Int, _ text: String) -> Message {
    with(field, bytes: Array(text.utf8))
  }

  func with(_ field: Int, bytes: [UInt8]) -> Message {
    var copy = self
    if !bytes.isEmpty { copy.fields.append(.bytes(field, bytes)) }
    return copy
  }

  func with(_ field: Int, message: Message) -> Message {
    var copy = self
    copy.fields.append(.bytes(field, message.encoded))
    return copy
  }

  func number(_ field: Int) -> Int64 {
    for case .number(field, let value) in fields { return value }
    return 0
  }

  func bytes(_ field: Int) -> [UInt8] {
    for case .bytes(field, let value) in fields { return value }
    return []
  }

  func text(_ field: Int) -> String {
    String(decoding: bytes(field), as: UTF8.self)
  }

  func all(_ field: Int) -> [[UInt8]] {
    fields.compactMap { item in
      if case .bytes(field, let value) = item { return value }
      return nil
    }
  }

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    for field in fields {
      switch field {
      case .number(let number, let value):
        bytes.append(addingCapacity: 20) { output in
          output.appendVarint(UInt64(number << 3 | WireType.varint))
          output.appendVarint(UInt64(bitPattern: value))
        }
      case .bytes(let number, let value):
        bytes.append(addingCapacity: 20) { output in
          output.appendVarint(UInt64(number << 3 | WireType.bytes))
          output.appendVarint(UInt64(value.count))
        }
        bytes.append(contentsOf: value)
      }
    }
    return bytes
  }
}
