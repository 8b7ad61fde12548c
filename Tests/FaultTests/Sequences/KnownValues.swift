// What a server's replies have said, by the names of their fields: ids, versions, cursors, times. Calls
// made of them reach what is there.
//
// Owner: the test.

import TallyProtoJSON

struct KnownValues {
  /// Of each name the last so many are kept.
  private static let keptCount = 24
  private static let maximumTextByteCount = 200
  /// A field of a request whose values replies give under another name.
  private static let otherNames = [
    "cursor": "next_cursor", "expected_version": "version", "first_media_id": "media_id",
    "second_media_id": "media_id", "user_ids": "user_id", "from_version": "version", "to_version": "version",
  ]

  private var texts: [String: [String]] = [:]
  private var numbers: [String: [Int64]] = [:]

  func text(_ name: String, _ random: inout SeededRandom) -> String? {
    texts[Self.otherNames[name] ?? name]?.randomElement(using: &random)
  }

  func number(_ name: String, _ random: inout SeededRandom) -> Int64? {
    numbers[Self.otherNames[name] ?? name]?.randomElement(using: &random)
  }

  /// The newest value of a number.
  func last(_ name: String) -> Int64? { numbers[name]?.last }

  mutating func learn(_ bytes: ArraySlice<UInt8>, _ type: String, _ pool: DescriptorPool) throws(WireError) {
    let message = try pool.message(type)
    var reader = WireReader(bytes)
    while let (number, value) = try reader.field() {
      guard let field = message.fields.first(where: { $0.number == number }) else { continue }
      switch (field.kind, value) {
      case (.message, .bytes(let inner)): try learn(inner, field.typeName, pool)
      case (.string, .bytes(let text)) where text.count <= Self.maximumTextByteCount && !text.isEmpty:
        Self.keep(String(decoding: text, as: UTF8.self), in: &texts[field.name, default: []])
      case (.int64, .varint(let bits)), (.int32, .varint(let bits)):
        Self.keep(Int64(bitPattern: bits), in: &numbers[field.name, default: []])
      default: break
      }
    }
  }

  private static func keep<Value: Equatable>(_ value: Value, in values: inout [Value]) {
    values.removeAll { $0 == value }
    values.append(value)
    if values.count > keptCount { values.removeFirst() }
  }
}
