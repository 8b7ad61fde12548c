// Descriptors of services and messages, as a server's reflection returns them.
//
// Invariants:
// 1. Full names have no leading dot. A pool has each name once; the first file that defines it counts. So
//    it is with a message's fields: each has a name and a number of its own, in protobuf's range.
// 2. Unknown fields of a descriptor are ignored.

/// A field's type, numbered as google.protobuf.FieldDescriptorProto.Type is.
package enum FieldKind: UInt64 {
  case double = 1
  case float = 2
  case int64 = 3
  case uint64 = 4
  case int32 = 5
  case fixed64 = 6
  case fixed32 = 7
  case bool = 8
  case string = 9
  case message = 11
  case bytes = 12
  case uint32 = 13
  case enumeration = 14
  case sfixed32 = 15
  case sfixed64 = 16
  case sint32 = 17
  case sint64 = 18

  /// Its name in a .proto; nil for messages, enums and groups.
  package var keyword: String? {
    switch self {
    case .message: nil
    case .enumeration: nil
    default: "\(self)"
    }
  }

  /// Whether repeated values may be packed: numbers, booleans and enums.
  package var isPackable: Bool { ![.string, .bytes, .message].contains(self) }
}

package struct FieldDescriptor {
  package var name = ""
  package var jsonName = ""
  package var number: Int32 = 0
  package var isRepeated = false
  package var kind = FieldKind.int32
  /// The full name of the message or enum.
  package var typeName = ""
  /// The index of its oneof among the message's.
  package var oneof: Int?
}

package struct MessageDescriptor {
  package var fullName = ""
  package var fields: [FieldDescriptor] = []
  package var oneofs: [String] = []
  /// The entry of a map field: `key` is field 1, `value` field 2.
  package var isMapEntry = false
}

package struct EnumDescriptor {
  package var fullName = ""
  package var values: [(name: String, number: Int32)] = []
}

package struct MethodDescriptor {
  package var name = ""
  package var input = ""
  package var output = ""
  package var clientStreams = false
  package var serverStreams = false
}

package struct ServiceDescriptor {
  package var fullName = ""
  package var methods: [MethodDescriptor] = []
}

/// The types of a server.
package struct DescriptorPool {
  package private(set) var messages: [String: MessageDescriptor] = [:]
  package private(set) var enums: [String: EnumDescriptor] = [:]
  package private(set) var services: [String: ServiceDescriptor] = [:]
  /// The names of the files that were added.
  package private(set) var files: Set<String> = []

  package init() {}

  /// Adds a serialised google.protobuf.FileDescriptorProto.
  package mutating func add(file bytes: [UInt8]) throws(WireError) {
    let fields = try DescriptorReader.fields(bytes[...])
    guard files.insert(DescriptorReader.text(fields, 1)).inserted else { return }
    let package = DescriptorReader.text(fields, 2)
    for (number, value) in fields {
      guard case .bytes(let contents) = value else { continue }
      switch number {
      case 4: try add(message: contents, scope: package, depth: 0)
      case 5: try add(enumeration: contents, scope: package)
      case 6: try add(service: contents, scope: package)
      default: break
      }
    }
  }

  package func message(_ name: String) throws(WireError) -> MessageDescriptor {
    guard let message = messages[name] else { throw WireError(message: "no message named \(name)") }
    return message
  }

  package func enumeration(_ name: String) throws(WireError) -> EnumDescriptor {
    guard let enumeration = enums[name] else { throw WireError(message: "no enum named \(name)") }
    return enumeration
  }

  /// The entry message of a map field, or nil for any other field.
  package func mapEntry(_ field: FieldDescriptor) -> MessageDescriptor? {
    guard field.isRepeated, field.kind == .message, let entry = messages[field.typeName], entry.isMapEntry
    else { return nil }
    return entry
  }

  /// How deep messages may be declared inside each other.
  package static let maximumNesting = 32

  private mutating func add(
    message bytes: ArraySlice<UInt8>, scope: String, depth: Int
  ) throws(WireError) {
    guard depth < Self.maximumNesting else { throw WireError(message: "types are nested too deeply") }
    let fields = try DescriptorReader.fields(bytes)
    var message = MessageDescriptor()
    message.fullName = DescriptorReader.join(scope, DescriptorReader.text(fields, 1))
    var (names, numbers) = (Set<String>(), Set<Int32>())
    for (number, value) in fields {
      guard case .bytes(let contents) = value else { continue }
      switch number {
      case 2:
        if let field = try DescriptorReader.field(contents), names.insert(field.jsonName).inserted,
          numbers.insert(field.number).inserted
        {
          message.fields.append(field)
        }
      case 3: try add(message: contents, scope: message.fullName, depth: depth + 1)
      case 4: try add(enumeration: contents, scope: message.fullName)
      case 7: message.isMapEntry = DescriptorReader.flag(try DescriptorReader.fields(contents), 7)
      case 8: message.oneofs.append(DescriptorReader.text(try DescriptorReader.fields(contents), 1))
      default: break
      }
    }
    if messages[message.fullName] == nil { messages[message.fullName] = message }
  }

  private mutating func add(enumeration bytes: ArraySlice<UInt8>, scope: String) throws(WireError) {
    let fields = try DescriptorReader.fields(bytes)
    var enumeration = EnumDescriptor()
    enumeration.fullName = DescriptorReader.join(scope, DescriptorReader.text(fields, 1))
    for (number, value) in fields {
      guard number == 2, case .bytes(let contents) = value else { continue }
      let inner = try DescriptorReader.fields(contents)
      let code = Int32(truncatingIfNeeded: DescriptorReader.number(inner, 2))
      enumeration.values.append((DescriptorReader.text(inner, 1), code))
    }
    if enums[enumeration.fullName] == nil { enums[enumeration.fullName] = enumeration }
  }

  private mutating func add(service bytes: ArraySlice<UInt8>, scope: String) throws(WireError) {
    let fields = try DescriptorReader.fields(bytes)
    var service = ServiceDescriptor()
    service.fullName = DescriptorReader.join(scope, DescriptorReader.text(fields, 1))
    for (number, value) in fields {
      guard number == 2, case .bytes(let contents) = value else { continue }
      let inner = try DescriptorReader.fields(contents)
      service.methods.append(
        MethodDescriptor(
          name: DescriptorReader.text(inner, 1), input: DescriptorReader.typeName(inner, 2),
          output: DescriptorReader.typeName(inner, 3), clientStreams: DescriptorReader.flag(inner, 5),
          serverStreams: DescriptorReader.flag(inner, 6)))
    }
    if services[service.fullName] == nil { services[service.fullName] = service }
  }
}

/// Reads the fields of descriptor messages by their numbers in google/protobuf/descriptor.proto.
private enum DescriptorReader {
  static func fields(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [(Int32, WireValue)] {
    var reader = WireReader(bytes)
    var fields: [(Int32, WireValue)] = []
    while let field = try reader.field() { fields.append(field) }
    return fields
  }

  static func text(_ fields: [(Int32, WireValue)], _ number: Int32) -> String {
    for case (number, .bytes(let contents)) in fields.reversed() {
      return String(decoding: contents, as: UTF8.self)
    }
    return ""
  }

  static func number(_ fields: [(Int32, WireValue)], _ number: Int32) -> UInt64 {
    for case (number, .varint(let value)) in fields.reversed() { return value }
    return 0
  }

  static func flag(_ fields: [(Int32, WireValue)], _ number: Int32) -> Bool {
    Self.number(fields, number) != 0
  }

  static func typeName(_ fields: [(Int32, WireValue)], _ number: Int32) -> String {
    let name = text(fields, number)
    return name.hasPrefix(".") ? String(name.dropFirst()) : name
  }

  static func join(_ scope: String, _ name: String) -> String {
    scope.isEmpty ? name : "\(scope).\(name)"
  }

  private static let fieldNumbers: ClosedRange<Int32> = 1...0x1FFF_FFFF

  /// nil for a type that is not supported (groups), and for a number that no field can have.
  static func field(_ bytes: ArraySlice<UInt8>) throws(WireError) -> FieldDescriptor? {
    let fields = try fields(bytes)
    guard let kind = FieldKind(rawValue: number(fields, 5)),
      let fieldNumber = Int32(exactly: number(fields, 3)), fieldNumbers.contains(fieldNumber)
    else { return nil }
    var field = FieldDescriptor()
    field.name = text(fields, 1)
    field.number = fieldNumber
    field.isRepeated = number(fields, 4) == 3
    field.kind = kind
    field.typeName = typeName(fields, 6)
    for case (9, .varint(let index)) in fields { field.oneof = Int(truncatingIfNeeded: index) }
    let jsonName = text(fields, 10)
    field.jsonName = jsonName.isEmpty ? lowerCamelCase(field.name) : jsonName
    return field
  }
}

/// The JSON name of a field: `amount_micros` to `amountMicros`.
package func lowerCamelCase(_ name: String) -> String {
  var result = ""
  var raises = false
  for character in name {
    if character == "_" {
      raises = true
    } else {
      result += raises ? character.uppercased() : String(character)
      raises = false
    }
  }
  return result
}
