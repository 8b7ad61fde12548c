// A message's bytes as a value of proto3 JSON, by the message's descriptor.
//
// Invariants:
// 1. Fields are in the order of their declaration. Those that are absent are left out, unless defaults are
//    asked for. Fields that the descriptor does not have are ignored.
// 2. 64-bit integers are strings, bytes base64, enums their names (or their number when unknown).
// 3. Nesting is bounded by `JSON.maximumDepth`.

package struct MessageDecoder {
  package var pool: DescriptorPool
  /// Whether fields without presence are written when they have their default.
  package var writesDefaults = false

  package init(pool: DescriptorPool, writesDefaults: Bool = false) {
    self.pool = pool
    self.writesDefaults = writesDefaults
  }

  package func decode(_ bytes: [UInt8], as typeName: String) throws(WireError) -> JSON {
    try decode(bytes[...], try pool.message(typeName), depth: 0)
  }

  private func decode(
    _ bytes: ArraySlice<UInt8>, _ message: MessageDescriptor, depth: Int
  ) throws(WireError) -> JSON {
    guard depth < JSON.maximumDepth else { throw WireError(message: "messages are nested too deeply") }
    var reader = WireReader(bytes)
    var found: [Int32: [WireValue]] = [:]
    while let (number, value) = try reader.field() { found[number, default: []].append(value) }
    var members: [JSON.Member] = []
    for field in message.fields {
      if let values = found[field.number] {
        members.append(.init(field.jsonName, try json(values, field, depth: depth)))
      } else if writesDefaults, field.oneof == nil, let value = try defaultValue(field) {
        members.append(.init(field.jsonName, value))
      }
    }
    return .object(members)
  }

  private func json(
    _ values: [WireValue], _ field: FieldDescriptor, depth: Int
  ) throws(WireError) -> JSON {
    if let entry = pool.mapEntry(field) { return try map(values, entry, depth: depth) }
    if field.isRepeated {
      var items: [JSON] = []
      for value in try unpacked(values, field) { items.append(try json(value, field, depth: depth)) }
      return .array(items)
    }
    if field.kind == .message {
      // A submessage that appears several times is merged, as protobuf asks for.
      var parts: [UInt8] = []
      for value in values { parts += try contents(value, field) }
      return try decode(parts[...], try pool.message(field.typeName), depth: depth + 1)
    }
    guard let last = values.last else { return .null }
    return try json(last, field, depth: depth)
  }

  private func map(
    _ values: [WireValue], _ entry: MessageDescriptor, depth: Int
  ) throws(WireError) -> JSON {
    var members: [String: JSON] = [:]
    let filled = MessageDecoder(pool: pool, writesDefaults: true)
    for value in values {
      guard case .bytes(let pair) = value else {
        throw WireError(message: "\(entry.fullName): not a message")
      }
      let json = try filled.decode(pair, entry, depth: depth + 1)
      let name =
        switch json["key"] {
        case .string(let text)?, .number(let text)?: text
        case .bool(let flag)?: "\(flag)"
        default: ""
        }
      members[name] = json["value"] ?? .object([])
    }
    return .object(members.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) })
  }

  /// The values of a repeated field, packed or not.
  private func unpacked(_ values: [WireValue], _ field: FieldDescriptor) throws(WireError) -> [WireValue] {
    guard field.kind.isPackable else { return values }
    var all: [WireValue] = []
    for value in values {
      guard case .bytes(let packed) = value else {
        all.append(value)
        continue
      }
      var reader = WireReader(packed)
      while !reader.isAtEnd {
        switch field.kind {
        case .double, .fixed64, .sfixed64: all.append(.fixed64(try reader.fixed(8)))
        case .float, .fixed32, .sfixed32:
          all.append(.fixed32(UInt32(truncatingIfNeeded: try reader.fixed(4))))
        default: all.append(.varint(try reader.varint()))
        }
      }
    }
    return all
  }

  private func contents(_ value: WireValue, _ field: FieldDescriptor) throws(WireError) -> ArraySlice<UInt8> {
    guard case .bytes(let contents) = value else {
      throw WireError(message: "\(field.name): not length-delimited")
    }
    return contents
  }

  private func json(_ value: WireValue, _ field: FieldDescriptor, depth: Int) throws(WireError) -> JSON {
    switch (field.kind, value) {
    case (.int32, .varint(let bits)): return .integer(Int32(truncatingIfNeeded: bits))
    case (.uint32, .varint(let bits)): return .integer(UInt32(truncatingIfNeeded: bits))
    case (.sint32, .varint(let bits)): return .integer(Int32(truncatingIfNeeded: Self.unzigzag(bits)))
    case (.int64, .varint(let bits)): return .string("\(Int64(bitPattern: bits))")
    case (.uint64, .varint(let bits)): return .string("\(bits)")
    case (.sint64, .varint(let bits)): return .string("\(Self.unzigzag(bits))")
    case (.fixed32, .fixed32(let bits)): return .integer(bits)
    case (.sfixed32, .fixed32(let bits)): return .integer(Int32(bitPattern: bits))
    case (.fixed64, .fixed64(let bits)): return .string("\(bits)")
    case (.sfixed64, .fixed64(let bits)): return .string("\(Int64(bitPattern: bits))")
    case (.double, .fixed64(let bits)): return Self.number(Double(bitPattern: bits))
    case (.float, .fixed32(let bits)): return Self.number(Float(bitPattern: bits))
    case (.bool, .varint(let bits)): return .bool(bits != 0)
    case (.enumeration, .varint(let bits)):
      let number = Int32(truncatingIfNeeded: bits)
      let known = try pool.enumeration(field.typeName).values.first { $0.number == number }
      return known.map { .string($0.name) } ?? .integer(number)
    case (.string, .bytes(let contents)):
      guard let text = String(validating: contents, as: UTF8.self) else {
        throw WireError(message: "\(field.name): not UTF-8")
      }
      return .string(text)
    case (.bytes, .bytes(let contents)): return .string(Base64.encode(contents))
    case (.message, .bytes(let contents)):
      return try decode(contents, try pool.message(field.typeName), depth: depth + 1)
    default: throw WireError(message: "\(field.name): not a \(field.kind) on the wire")
    }
  }

  /// The default value of a field that is not on the wire; nil for a message.
  private func defaultValue(_ field: FieldDescriptor) throws(WireError) -> JSON? {
    if pool.mapEntry(field) != nil { return .object([]) }
    if field.isRepeated { return .array([]) }
    switch field.kind {
    case .message: return nil
    case .string, .bytes: return .string("")
    case .bool: return .bool(false)
    case .int64, .uint64, .sint64, .fixed64, .sfixed64: return .string("0")
    case .int32, .uint32, .sint32, .fixed32, .sfixed32, .double, .float: return .integer(0)
    case .enumeration:
      let type = try pool.enumeration(field.typeName)
      return type.values.first { $0.number == 0 }.map { .string($0.name) } ?? .integer(0)
    }
  }

  private static func number(_ value: some BinaryFloatingPoint & LosslessStringConvertible) -> JSON {
    if value.isNaN { return .string("NaN") }
    if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
    return .number(value.description)
  }

  private static func unzigzag(_ bits: UInt64) -> Int64 {
    Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)
  }
}
