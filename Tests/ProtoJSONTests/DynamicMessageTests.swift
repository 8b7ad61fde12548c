// proto3 JSON by descriptor, held against the generated messages: both must mean the same bytes.

import TallyMessages
import Testing

@testable import TallyProtoJSON

@Suite("JSON by descriptor")
struct DynamicMessageTests {
  static func pool() throws -> DescriptorPool {
    var pool = DescriptorPool()
    for file in EmbeddedDescriptors.fileDescriptors { try pool.add(file: file.serialized) }
    return pool
  }

  private func encode(_ json: String, as type: String) throws -> [UInt8] {
    try MessageEncoder(pool: Self.pool()).encode(JSON.parse(json), as: "tallystick.v1.\(type)")
  }

  private func decode(_ bytes: [UInt8], as type: String, defaults: Bool = false) throws -> String {
    try MessageDecoder(pool: Self.pool(), writesDefaults: defaults)
      .decode(bytes, as: "tallystick.v1.\(type)").compact
  }

  @Test(
    "names in both spellings, integers as strings and as numbers",
    arguments: [
      #"{"userId":"u1","amountMicros":"250000","idempotencyKey":"k1"}"#,
      #"{"user_id":"u1","amount_micros":250000,"idempotency_key":"k1"}"#,
      #"{"userId":"u1","amount_micros":2.5e5,"idempotencyKey":"k1","runId":null}"#,
    ])
  func names(json: String) throws {
    let request = try TallystickV1.ConsumeRequest.decode(encode(json, as: "ConsumeRequest"))
    #expect(request.userId == "u1")
    #expect(request.amountMicros == 250_000)
    #expect(request.idempotencyKey == "k1")
  }

  @Test("maps, enums, repeated fields and oneofs become what the generated code makes of them")
  func everything() throws {
    let json = """
      {"userId":"u","types":["TRANSACTION_TYPE_HOLD",2],"fromMicros":"0","limit":7,
       "metadata":{"b":"2","a":"1"}}
      """
    let request = try TallystickV1.ListTransactionsRequest.decode(encode(json, as: "ListTransactionsRequest"))
    #expect(request.types == [.hold, .purchase])
    #expect(request.metadata == ["a": "1", "b": "2"])
    #expect(request.fromMicros == 0)
    #expect(request.toMicros == nil)
    #expect(request.limit == 7)
    #expect(
      try decode(request.encode(), as: "ListTransactionsRequest")
        == #"{"userId":"u","types":["TRANSACTION_TYPE_HOLD","TRANSACTION_TYPE_PURCHASE"],"#
        + #""fromMicros":"0","metadata":{"a":"1","b":"2"},"limit":7}"#)
  }

  @Test("what a message holds comes out as JSON and goes back in")
  func nested() throws {
    var response = TallystickV1.BatchConsumeResponse()
    var applied = TallystickV1.ConsumeResult()
    var consumed = TallystickV1.ConsumeResponse()
    consumed.balance = TallystickV1.Balance()
    consumed.balance?.postedMicros = .min
    consumed.replayed = true
    applied.result = .applied(consumed)
    response.results = [applied, TallystickV1.ConsumeResult()]
    let json = try decode(response.encode(), as: "BatchConsumeResponse")
    #expect(
      json
        == #"{"results":[{"applied":{"balance":{"postedMicros":"-9223372036854775808"},"#
        + #""replayed":true}},{}]}"#
    )
    #expect(try encode(json, as: "BatchConsumeResponse") == response.encode())
  }

  @Test("defaults are written on demand, without touching oneofs and messages")
  func defaults() throws {
    #expect(
      try decode([], as: "CaptureRequest", defaults: true)
        == #"{"holdId":"","idempotencyKey":"","description":"","metadata":{},"#
        + #""overage":"OVERAGE_UNSPECIFIED"}"#)
    #expect(try decode([], as: "CaptureRequest") == "{}")
  }

  @Test(
    "what does not fit is refused with its place",
    arguments: [
      (#"{"userID":"u"}"#, "userID", "has no such field"),
      (#"{"userId":"u","user_id":"v"}"#, "user_id", "given twice"),
      (#"{"amountMicros":1.5}"#, "amountMicros", "is not an integer"),
      (#"{"amountMicros":"9223372036854775808"}"#, "amountMicros", "is not an integer"),
      (#"{"amountMicros":true}"#, "amountMicros", "expected an integer"),
      (#"{"userId":7}"#, "userId", "expected a string"),
      (#"{"metadata":["a"]}"#, "metadata", "expected an object"),
      (#"{"metadata":{"a":1}}"#, #"metadata["a"]"#, "expected a string"),
      ("[]", "", "expected an object"),
    ])
  func mismatch(json: String, path: String, message: String) throws {
    let error = #expect(throws: MismatchError.self) { try encode(json, as: "ConsumeRequest") }
    #expect(error?.path == path)
    #expect(error?.message.contains(message) == true)
  }

  @Test("a place inside a list is named by its number")
  func innerPath() {
    let error = #expect(throws: MismatchError.self) {
      try encode(#"{"items":[{},{"amountMicross":"1"}]}"#, as: "BatchConsumeRequest")
    }
    #expect(error?.path == "items[1].amountMicross")
  }

  @Test("two members of a oneof, and an unknown enum name, are refused")
  func exclusive() {
    #expect(throws: MismatchError.self) {
      try encode(#"{"applied":{},"error":{}}"#, as: "ConsumeResult")
    }
    let error = #expect(throws: MismatchError.self) {
      try encode(#"{"states":["OPEN"]}"#, as: "ListHoldsRequest")
    }
    #expect(error?.message.contains("HOLD_STATE_OPEN") == true)
  }

  @Test("every cut of a message is an error or a shorter message, never a fault")
  func cuts() throws {
    let json = #"{"userId":"u1","amountMicros":"250000","metadata":{"a":"b"}}"#
    let bytes = try encode(json, as: "ConsumeRequest")
    for count in bytes.indices {
      _ = try? decode(Array(bytes[..<count]), as: "ConsumeRequest")
    }
    #expect(throws: WireError.self) { try decode(Array(bytes.dropLast()), as: "ConsumeRequest") }
  }

  @Test("nesting beyond the limit is refused")
  func depth() throws {
    // message M { M m = 1; } as a descriptor: file "m", message "M", field "m" of type .M.
    let field: [UInt8] = [0x0A, 1, 0x6D, 0x18, 1, 0x20, 1, 0x28, 11, 0x32, 2, 0x2E, 0x4D]
    let message: [UInt8] = [0x0A, 1, 0x4D, 0x12, UInt8(field.count)] + field
    var pool = DescriptorPool()
    try pool.add(file: [0x0A, 1, 0x6D, 0x22, UInt8(message.count)] + message)
    func nested(_ depth: Int) -> [UInt8] {
      (1..<depth).reduce([]) { inner, _ in
        var writer = WireWriter()
        writer.field(1, .bytes(inner[...]))
        return writer.bytes
      }
    }
    let decoder = MessageDecoder(pool: pool)
    #expect(throws: Never.self) { try decoder.decode(nested(JSON.maximumDepth), as: "M") }
    #expect(throws: WireError.self) { try decoder.decode(nested(JSON.maximumDepth + 1), as: "M") }
  }
}
