// A .proto file as reflection serves it, and its reading from a descriptor set.
//
// Invariants:
// 1. Of the descriptors only names are read; the file's bytes are handed on as they are.

/// One .proto file.
public struct DescriptorFile: Sendable, Equatable {
  /// As other files import it, such as `example/v1/echo.proto`.
  public var name: String
  /// Full names of its messages, enums, services and methods.
  public var symbols: Set<String>
  /// Full names of its services.
  public var services: [String]
  /// Names of the files that it imports.
  public var dependencies: [String]
  /// The serialized google.protobuf.FileDescriptorProto.
  public var serialized: [UInt8]

  public init(
    name: String, symbols: Set<String>, services: [String], dependencies: [String], serialized: [UInt8]
  ) {
    self.name = name
    self.symbols = symbols
    self.services = services
    self.dependencies = dependencies
    self.serialized = serialized
  }

  /// The files of a serialized google.protobuf.FileDescriptorSet, such as `protoc --include_imports
  /// --descriptor_set_out` writes. INVALID_ARGUMENT when the bytes are none.
  public static func files(descriptorSet bytes: [UInt8]) throws(Status) -> [DescriptorFile] {
    do {
      return try fields(bytes.span, 0..<bytes.count, [1]).map { field throws(MalformedEnvelope) in
        try DescriptorFile(bytes.span, field.range)
      }
    } catch {
      throw Status(.invalidArgument, "the descriptor set does not parse: \(error.reason)")
    }
  }

  /// Numbers of the fields of descriptor.proto that are read here.
  private enum Number {
    static let name = 1
    // FileDescriptorProto
    static let package = 2
    static let dependency = 3
    static let message = 4
    static let enumeration = 5
    static let service = 6
    // DescriptorProto and ServiceDescriptorProto
    static let method = 2
    static let nestedMessage = 3
    static let nestedEnumeration = 4
  }

  private init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(MalformedEnvelope) {
    self.init(
      name: try Self.name(bytes, range), symbols: [], services: [], dependencies: [],
      serialized: [UInt8](bytes.extracting(range)))
    var prefix = ""
    if let package = try Self.fields(bytes, range, [Number.package]).last {
      prefix = try text(bytes, package.range, "package") + "."
    }
    let wanted = [Number.dependency, Number.message, Number.enumeration, Number.service]
    for field in try Self.fields(bytes, range, wanted) {
      switch field.number {
      case Number.dependency: dependencies.append(try text(bytes, field.range, "dependency"))
      case Number.message: try addMessages(bytes, field.range, prefix)
      case Number.enumeration: symbols.insert(prefix + (try Self.name(bytes, field.range)))
      default: try addService(bytes, field.range, prefix)
      }
    }
  }

  /// A message and all that is declared in it. Nested as deep as protoc lets it be: the set is the user's
  /// own.
  private mutating func addMessages(
    _ bytes: Span<UInt8>, _ outermost: Range<Int>, _ prefix: String
  ) throws(MalformedEnvelope) {
    var rest = [(range: outermost, prefix: prefix)]
    while let next = rest.popLast() {
      let full = next.prefix + (try Self.name(bytes, next.range))
      symbols.insert(full)
      let nested = [Number.nestedMessage, Number.nestedEnumeration]
      for field in try Self.fields(bytes, next.range, nested) {
        if field.number == Number.nestedMessage {
          rest.append((field.range, full + "."))
        } else {
          symbols.insert(full + "." + (try Self.name(bytes, field.range)))
        }
      }
    }
  }

  private mutating func addService(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ prefix: String
  ) throws(MalformedEnvelope) {
    let full = prefix + (try Self.name(bytes, range))
    services.append(full)
    symbols.insert(full)
    for method in try Self.fields(bytes, range, [Number.method]) {
      symbols.insert(full + "." + (try Self.name(bytes, method.range)))
    }
  }

  private static func name(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(MalformedEnvelope) -> String {
    guard let name = try fields(bytes, range, [Number.name]).last else { return "" }
    return try text(bytes, name.range, "name")
  }

  /// The length-delimited fields with one of these numbers, in order.
  private static func fields(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ numbers: [Int]
  ) throws(MalformedEnvelope) -> [(number: Int, range: Range<Int>)] {
    var cursor = WireCursor(at: range.lowerBound, end: range.upperBound)
    var found: [(number: Int, range: Range<Int>)] = []
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag(bytes)
      if type == WireType.bytes, numbers.contains(field) {
        found.append((field, try cursor.lengthDelimited(bytes)))
      } else {
        try cursor.skip(type, bytes)
      }
    }
    return found
  }
}
