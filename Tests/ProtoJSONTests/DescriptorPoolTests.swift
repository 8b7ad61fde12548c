// Descriptors that no compiler writes, as a server might send them: they are read so that nothing later
// fails.

import Testing

@testable import TallyProtoJSON

@Suite("Descriptor pool")
struct DescriptorPoolTests {
  private static func field(_ name: String, _ number: UInt64, json: String = "") -> [UInt8] {
    var writer = WireWriter()
    writer.field(1, .bytes(Array(name.utf8)[...]))
    writer.field(3, .varint(number))
    writer.field(5, .varint(FieldKind.int32.rawValue))
    if !json.isEmpty { writer.field(10, .bytes(Array(json.utf8)[...])) }
    return writer.bytes
  }

  /// A pool of one message, `M`, with these fields.
  private static func pool(_ fields: [[UInt8]]) throws -> DescriptorPool {
    var message = WireWriter()
    message.field(1, .bytes(Array("M".utf8)[...]))
    for field in fields { message.field(2, .bytes(field[...])) }
    var file = WireWriter()
    file.field(4, .bytes(message.bytes[...]))
    var pool = DescriptorPool()
    try pool.add(file: file.bytes)
    return pool
  }

  @Test("of fields with one name in JSON, or with one number, the first counts")
  func fieldsTwice() throws {
    let pool = try Self.pool([
      Self.field("a_b", 1), Self.field("aB", 2), Self.field("c", 1), Self.field("d", 3, json: "aB"),
    ])
    #expect(pool.messages["M"]?.fields.map(\.name) == ["a_b"])
    let json = try MessageDecoder(pool: pool, writesDefaults: true).decode([], as: "M")
    #expect(try JSON.parse(json.compact) == json)
  }

  @Test(
    "a field whose number is out of range is none, and cannot be written",
    arguments: [0, 1 << 29, UInt64(UInt32.max), UInt64.max, 1 << 32 | 1] as [UInt64])
  func numbers(number: UInt64) throws {
    let pool = try Self.pool([Self.field("a", number), Self.field("b", (1 << 29) - 1)])
    #expect(pool.messages["M"]?.fields.map(\.name) == ["b"])
    let json = try MessageDecoder(pool: pool, writesDefaults: true).decode([], as: "M")
    #expect(try MessageEncoder(pool: pool).encode(json, as: "M").count == 6)
  }
}
