// Messages of any type, made by their descriptor: of values that a server may take, with one of them
// spoiled, or of bytes that mean nothing.
//
// Owner: the test.

import TallyMessages
import TallyProtoJSON

/// How a call is meant.
enum CallIntent: CaseIterable {
  /// Every field has a value that may be right.
  case valid
  /// The same, but for one field.
  case halfValid
  /// Random bytes, a message that is cut or flipped, or one of another type.
  case wrong
}

struct MessageMaker {
  let pool: DescriptorPool
  var known = KnownValues()
  var random: SeededRandom
  /// How many fields go before the one that is spoiled; nil: none is.
  private var fieldsUntilSpoiled: Int?
  private var keyCount = 0

  private static let maximumDepth = 6
  private static let nobody: UInt32 = 4_000_000_000
  /// A message that is spoiled has a wrong value in one of its first so many fields.
  private static let spoiledFields = 10

  init(seed: UInt64) throws {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    self.pool = pool
    random = SeededRandom(seed: seed)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  private mutating func pick<Value>(_ values: [Value]) -> Value {
    values[Int(random.next() % UInt64(values.count))]
  }

  mutating func make(_ type: String, _ intent: CallIntent, otherTypes: [String]) throws -> [UInt8] {
    switch intent {
    case .valid:
      fieldsUntilSpoiled = nil
      return try message(type, depth: 0)
    case .halfValid:
      fieldsUntilSpoiled = Int.random(in: 0..<Self.spoiledFields, using: &random)
      return try message(type, depth: 0)
    case .wrong:
      fieldsUntilSpoiled = nil
      return try wrong(type, otherTypes: otherTypes)
    }
  }

  private mutating func wrong(_ type: String, otherTypes: [String]) throws -> [UInt8] {
    switch random.next() % 4 {
    case 0: return randomBytes(upTo: 200)
    case 1: return try message(pick(otherTypes), depth: 0)
    case 2:
      let whole = try message(type, depth: 0)
      return Array(whole.prefix(Int(random.next() % UInt64(whole.count + 1))))
    default:
      var bytes = try message(type, depth: 0)
      if !bytes.isEmpty { bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8) }
      return bytes
    }
  }

  mutating func randomBytes(upTo count: Int) -> [UInt8] {
    (0..<Int.random(in: 0...count, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  // MARK: fields

  private mutating func message(_ type: String, depth: Int) throws -> [UInt8] {
    let descriptor = try pool.message(type)
    var writer = WireWriter()
    var oneofs: Set<Int> = []
    for field in descriptor.fields {
      // What is optional, or one of several, is mostly left out; ids and amounts hardly ever are.
      let isPlain = ![.message, .bool, .enumeration].contains(field.kind)
      guard chance(field.oneof != nil ? 35 : isPlain ? 96 : 75) else { continue }
      if let oneof = field.oneof, !oneofs.insert(oneof).inserted { continue }
      if field.kind == .message && depth >= Self.maximumDepth { continue }
      try append(field, to: &writer, depth: depth)
    }
    return writer.bytes
  }

  private mutating func append(_ field: FieldDescriptor, to writer: inout WireWriter, depth: Int) throws {
    let count =
      field.isRepeated ? Int.random(in: pool.mapEntry(field) == nil ? 1...3 : 0...2, using: &random) : 1
    for _ in 0..<count {
      // A rate limit of the peers' own uid would stop all that comes after it.
      if field.name == "uid" || field.name == "gid" {
        writer.field(field.number, .varint(UInt64(Self.nobody)))
        continue
      }
      if let left = fieldsUntilSpoiled {
        fieldsUntilSpoiled = left > 0 ? left - 1 : nil
        if left == 0 {
          spoil(field, in: &writer)
          continue
        }
      }
      writer.field(field.number, try value(field, depth: depth))
    }
  }

  private mutating func value(_ field: FieldDescriptor, depth: Int) throws -> WireValue {
    switch field.kind {
    case .message: return .bytes(try message(field.typeName, depth: depth + 1)[...])
    case .string: return .bytes(Array(text(field.name).utf8)[...])
    case .bytes: return .bytes(randomBytes(upTo: 20)[...])
    case .bool: return .varint(random.next() & 1)
    case .enumeration:
      let type = try pool.enumeration(field.typeName)
      // A commit whose outcome is not known ends the server.
      let numbers = type.values.map(\.number).filter { $0 != 0 && !(field.name == "action" && $0 == 8) }
      return .varint(UInt64(bitPattern: Int64(chance(90) && !numbers.isEmpty ? pick(numbers) : 0)))
    case .double, .fixed64, .sfixed64: return .fixed64(random.next())
    case .float, .fixed32, .sfixed32: return .fixed32(UInt32(truncatingIfNeeded: random.next()))
    case .int32, .int64, .uint32, .uint64, .sint32, .sint64:
      return .varint(UInt64(bitPattern: number(field.name)))
    }
  }

  private mutating func text(_ name: String) -> String {
    if name == "idempotency_key" && chance(85) {
      keyCount += 1
      return "key-\(keyCount)"
    }
    // A cursor is good for one query only.
    if name == "cursor" && chance(70) { return "" }
    if chance(name.hasSuffix("_id") ? 85 : 60), let found = known.text(name, &random) { return found }
    let number = random.next() % 5
    switch name {
    case "user_id", "user_ids": return "u\(number)"
    case "url": return "https://example.org/\(number).png"
    case "time_zone": return pick(["", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
    case "month", "period": return pick(["", "2026-10", "2026-11", "2026-12", "2027-02"])
    case "content", "settings": return "{\"n\": \(number)}"
    case "json": return "{\"promos\": [{\"user_id\": \"u\(number)\", \"amount_micros\": \(number)}]}"
    case "method": return pick(["", "CreditService/Consume", "PageService/GetPage"])
    case "mime_type": return "image/png"
    case "intent_id", "transaction_id", "hold_id": return "\(number + 1)"
    default: return "\(name.prefix(20))-\(number)"
    }
  }

  private mutating func number(_ name: String) -> Int64 {
    switch name {
    case "version", "expected_version", "from_version", "to_version":
      return chance(70) ? known.number(name, &random) ?? 1 : Int64.random(in: 1...5, using: &random)
    case "from_micros", "to_micros",
      _ where name.hasSuffix("_at_micros"), "now_micros":
      let now = known.last("now_micros") ?? 1_795_000_000_000_000
      let minutes = Int64.random(in: -2_000...3_000, using: &random)
      return (now / 900_000_000) * 900_000_000 + minutes * 60_000_000 * (chance(50) ? 15 : 1)
    case _ where name.hasSuffix("micros"): return Int64.random(in: 1...2_000_000, using: &random)
    case _ where name.hasSuffix("millis"): return Int64.random(in: 1_000...100_000, using: &random)
    case "limit", "recent_limit", "days": return Int64.random(in: 1...40, using: &random)
    case "attempt": return Int64.random(in: 1...2, using: &random)
    case _ where name.hasPrefix("from_"): return Int64.random(in: 1...20, using: &random)
    default: return chance(30) ? known.number(name, &random) ?? 1 : Int64.random(in: 0...100, using: &random)
    }
  }

  // MARK: what is wrong

  private static let borders: [Int64] = [
    0, -1, .min, .max, .max - 1, 1 << 31, -1 << 31, 1 << 32, 253_402_300_800_000_000, 1_000_000_000_001,
  ]

  /// Writes one value of a field that is wrong, or at a border; or none.
  private mutating func spoil(_ field: FieldDescriptor, in writer: inout WireWriter) {
    switch field.kind {
    case _ where chance(20): return
    case _ where chance(10): writer.field(field.number, .fixed32(7))
    case .string: writer.field(field.number, .bytes(spoiledText()[...]))
    case .bytes: writer.field(field.number, .bytes([UInt8](repeating: 1, count: 100_000)[...]))
    case .message: writer.field(field.number, .bytes(randomBytes(upTo: 30)[...]))
    case .bool: writer.field(field.number, .varint(.max))
    case .enumeration: writer.field(field.number, .varint(UInt64(bitPattern: pick([99, -1, Int64.max]))))
    case .double, .fixed64, .sfixed64: writer.field(field.number, .fixed64(.max))
    case .float, .fixed32, .sfixed32: writer.field(field.number, .fixed32(.max))
    case .int32, .int64, .uint32, .uint64, .sint32, .sint64:
      writer.field(field.number, .varint(UInt64(bitPattern: pick(Self.borders))))
    }
  }

  private mutating func spoiledText() -> [UInt8] {
    switch random.next() % 8 {
    case 0: []
    case 1: [0xFF, 0xFE]
    case 2: [0x41, 0]
    case 3: [UInt8](repeating: 0x78, count: 70_000)
    case 4: [UInt8](repeating: 0x78, count: 129)
    case 5: Array("e\u{301}\u{202E}\n\u{1F600}".utf8)
    case 6: Array("../../'; DROP TABLE ledger; --".utf8)
    default: Array("nobody-has-this".utf8)
    }
  }
}
