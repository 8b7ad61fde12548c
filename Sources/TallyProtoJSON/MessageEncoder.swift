// A message's bytes from a value of proto3 JSON, by the message's descriptor.
//
// Invariants:
// 1. A field may be given by its lowerCamelCase or by its original name, and once. A field that the message
//    does not have is an error that names it; nothing is dropped silently.
// 2. Integers are exact: a fraction is an error, and so is a number out of range.
// 3. At most one field of a oneof is set.

/// A JSON value that does not fit its message; `path` is its place, such as `items[3].amountMicros`.
package struct MismatchError: Error, Equatable {
  package var path: String
  package var message: String

  package init(path: String, message: String) {
    self.path = path
    self.message = message
  }
}

package struct MessageEncoder {
  package var pool: DescriptorPool

  package init(pool: DescriptorPool) {
    self.pool = pool
  }

  package func encode(_ json: JSON, as typeName: String) throws(MismatchError) -> [UInt8] {
    let message = try look(typeName, path: "") { pool throws(WireError) in try pool.message(typeName) }
    return try encode(json, message, path: "")
  }

  private func encode(
    _ json: JSON, _ message: MessageDescriptor, path: String
  ) throws(MismatchError) -> [UInt8] {
    guard case .object(let members) = json else {
      throw MismatchError(path: path, message: "expected an object for \(message.fullName)")
    }
    var writer = WireWriter()
    var given: Set<Int32> = []
    var oneofs: [Int: String] = [:]
    for member in members {
      let inner = path.isEmpty ? member.name : "\(path).\(member.name)"
      let found = message.fields.first { $0.jsonName == member.name || $0.name == member.name }
      guard let field = found else {
        throw MismatchError(path: inner, message: "\(message.fullName) has no such field")
      }
      guard given.insert(field.number).inserted else {
        throw MismatchError(path: inner, message: "given twice, under both of its names")
      }
      if member.value == .null { continue }
      if let oneof = field.oneof {
        if let other = oneofs.updateValue(member.name, forKey: oneof) {
          throw MismatchError(path: inner, message: "cannot be set together with \(other)")
        }
      }
      try append(member.value, field, to: &writer, path: inner)
    }
    return writer.bytes
  }

  private func append(
    _ json: JSON, _ field: FieldDescriptor, to writer: inout WireWriter, path: String
  ) throws(MismatchError) {
    if let entry = pool.mapEntry(field) {
      return try append(map: json, field, entry, to: &writer, path: path)
    }
    guard field.isRepeated else {
      return writer.field(field.number, try value(json, field, path: path))
    }
    guard case .array(let items) = json else { throw MismatchError(path: path, message: "expected an array") }
    var packed = WireWriter()
    for (index, item) in items.enumerated() {
      let value = try value(item, field, path: "\(path)[\(index)]")
      if field.kind.isPackable { packed.bare(value) } else { writer.field(field.number, value) }
    }
    if !packed.bytes.isEmpty { writer.field(field.number, .bytes(packed.bytes[...])) }
  }

  private func append(
    map json: JSON, _ field: FieldDescriptor, _ entry: MessageDescriptor, to writer: inout WireWriter,
    path: String
  ) throws(MismatchError) {
    guard case .object(let members) = json else {
      throw MismatchError(path: path, message: "expected an object")
    }
    let keyField = entry.fields.first { $0.number == 1 }
    let valueField = entry.fields.first { $0.number == 2 }
    guard let keyField, let valueField else {
      throw MismatchError(path: path, message: "\(entry.fullName) is not a map entry")
    }
    for member in members {
      let inner = "\(path)[\(JSON.quoted(member.name))]"
      let key: JSON =
        keyField.kind == .bool && member.name == "true"
        ? .bool(true)
        : keyField.kind == .bool && member.name == "false" ? .bool(false) : .string(member.name)
      var pair = WireWriter()
      pair.field(1, try value(key, keyField, path: inner))
      pair.field(2, try value(member.value, valueField, path: inner))
      writer.field(field.number, .bytes(pair.bytes[...]))
    }
  }

  /// One value of a field, which may be repeated.
  private func value(
    _ json: JSON, _ field: FieldDescriptor, path: String
  ) throws(MismatchError) -> WireValue {
    switch field.kind {
    case .int32: return .varint(UInt64(bitPattern: Int64(try integer(json, Int32.self, path))))
    case .int64: return .varint(UInt64(bitPattern: try integer(json, Int64.self, path)))
    case .uint32: return .varint(UInt64(try integer(json, UInt32.self, path)))
    case .uint64: return .varint(try integer(json, UInt64.self, path))
    case .sint32: return .varint(UInt64(Self.zigzag(Int64(try integer(json, Int32.self, path)))))
    case .sint64: return .varint(Self.zigzag(try integer(json, Int64.self, path)))
    case .fixed32: return .fixed32(try integer(json, UInt32.self, path))
    case .fixed64: return .fixed64(try integer(json, UInt64.self, path))
    case .sfixed32: return .fixed32(UInt32(bitPattern: try integer(json, Int32.self, path)))
    case .sfixed64: return .fixed64(UInt64(bitPattern: try integer(json, Int64.self, path)))
    case .double: return .fixed64(try number(json, path).bitPattern)
    case .float: return .fixed32(Float(try number(json, path)).bitPattern)
    case .bool:
      guard case .bool(let flag) = json else {
        throw MismatchError(path: path, message: "expected true or false")
      }
      return .varint(flag ? 1 : 0)
    case .string: return .bytes(Array(try string(json, path).utf8)[...])
    case .bytes:
      guard let bytes = Base64.decode(try string(json, path)) else {
        throw MismatchError(path: path, message: "not valid base64")
      }
      return .bytes(bytes[...])
    case .enumeration: return .varint(UInt64(bitPattern: Int64(try enumerator(json, field, path))))
    case .message:
      let name = field.typeName
      let message = try look(name, path: path) { pool throws(WireError) in try pool.message(name) }
      return .bytes(try encode(json, message, path: path)[...])
    }
  }

  private func enumerator(
    _ json: JSON, _ field: FieldDescriptor, _ path: String
  ) throws(MismatchError) -> Int32 {
    guard case .string(let name) = json else { return try integer(json, Int32.self, path) }
    let typeName = field.typeName
    let type = try look(typeName, path: path) { pool throws(WireError) in try pool.enumeration(typeName) }
    guard let value = type.values.first(where: { $0.name == name }) else {
      let names = type.values.map(\.name).joined(separator: ", ")
      throw MismatchError(path: path, message: "\(JSON.quoted(name)) is not one of \(names)")
    }
    return value.number
  }

  private func integer<Value: FixedWidthInteger>(
    _ json: JSON, _ type: Value.Type, _ path: String
  ) throws(MismatchError) -> Value {
    let written: String
    switch json {
    case .number(let text), .string(let text): written = text
    default: throw MismatchError(path: path, message: "expected an integer")
    }
    guard let value = Decimal(written)?.scaled(by: 0, as: type) else {
      throw MismatchError(
        path: path, message: "\(JSON.quoted(written)) is not an integer from \(Value.min) to \(Value.max)")
    }
    return value
  }

  private func number(_ json: JSON, _ path: String) throws(MismatchError) -> Double {
    switch json {
    case .string("NaN"): return .nan
    case .string("Infinity"): return .infinity
    case .string("-Infinity"): return -.infinity
    case .number(let text), .string(let text):
      if let value = Double(text), value.isFinite { return value }
      throw MismatchError(path: path, message: "\(JSON.quoted(text)) is not a number")
    default: throw MismatchError(path: path, message: "expected a number")
    }
  }

  private func string(_ json: JSON, _ path: String) throws(MismatchError) -> String {
    guard case .string(let text) = json else { throw MismatchError(path: path, message: "expected a string") }
    return text
  }

  private func look<Found>(
    _ name: String, path: String, _ find: (DescriptorPool) throws(WireError) -> Found
  ) throws(MismatchError) -> Found {
    do throws(WireError) { return try find(pool) } catch {
      throw MismatchError(path: path, message: error.message)
    }
  }

  private static func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: value << 1 ^ value >> 63)
  }
}
