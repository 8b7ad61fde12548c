// Messages survive the way to bytes and back.
import Testing

@testable import TallyMessages

@Suite("Round trip") struct RoundTripTests {
  @Test("a consume request keeps every field")
  func consumeRequest() throws {
    var request = TallystickV1.ConsumeRequest()
    request.userId = "ünicode-user"
    request.amountMicros = 250_000
    request.idempotencyKey = "k1"
    request.metadata = ["b": "2", "a": "1", "": "empty"]
    let bytes = request.encode()
    #expect(try TallystickV1.ConsumeRequest.decode(bytes) == request)
  }

  @Test("every case of a oneof, and none")
  func oneof() throws {
    var applied = TallystickV1.ConsumeResponse()
    applied.commitSequence = 7
    var error = TallystickV1.ItemError()
    error.code = 9
    var response = TallystickV1.BatchConsumeResponse()
    for result: TallystickV1.ConsumeResult.Result? in [.applied(applied), .error(error), nil] {
      var item = TallystickV1.ConsumeResult()
      item.result = result
      response.results.append(item)
    }
    #expect(try TallystickV1.BatchConsumeResponse.decode(response.encode()) == response)
  }

  @Test("presence tells zero from absent")
  func presence() throws {
    var balance = TallystickV1.Balance()
    #expect(balance.encode().isEmpty)
    balance.nextExpiryAtMicros = 0
    #expect(!balance.encode().isEmpty)
    #expect(try TallystickV1.Balance.decode(balance.encode()).nextExpiryAtMicros == 0)
    #expect(try TallystickV1.Balance.decode([]).nextExpiryAtMicros == nil)
  }

  @Test("an unknown enum number survives")
  func unknownEnum() throws {
    var request = TallystickV1.ListTransactionsRequest()
    request.types = [.apiUsage, .unrecognized(99), .unrecognized(-1)]
    #expect(try TallystickV1.ListTransactionsRequest.decode(request.encode()) == request)
  }
}

@Suite("Vectors") struct VectorTests {
  @Test("what Google's implementation wrote is written the same again")
  func sameBytes() throws {
    let vectors = try Vectors.read()
    #expect(Set(vectors.map(\.name)) == Set(messageTypes.map { $0.fullName }))
    for (name, bytes) in vectors {
      let message = try Vectors.type(name).decode(bytes)
      #expect(message.encode() == bytes, "\(name)")
    }
  }

  @Test("threads that decode at once do not disturb each other")
  func threads() async throws {
    let vectors = try Vectors.read()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for (name, bytes) in vectors {
            let message = try Vectors.type(name).decode(bytes)
            #expect(message.encode() == bytes, "\(name)")
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("a known message has its known bytes and values")
  func known() throws {
    let bytes = try Vectors.bytes(hex: "0a027531" + "1090a10f" + "1a026b31" + "32060a0161120178")
    let request = try TallystickV1.ConsumeRequest.decode(bytes)
    #expect(request.userId == "u1")
    #expect(request.amountMicros == 250_000)
    #expect(request.idempotencyKey == "k1")
    #expect(request.metadata == ["a": "x"])
    #expect(request.runId.isEmpty && request.description.isEmpty)
  }

  @Test("map entries are written in the order of their keys' bytes")
  func mapOrder() throws {
    var request = TallystickV1.ConsumeRequest()
    for key in ["b", "a", "é", "z", "aa", "", "日"] { request.metadata[key] = "x" }
    let expected = ["", "a", "aa", "b", "z", "é", "日"].flatMap { key in
      let content = (key.isEmpty ? [] : Wire.field(1, key)) + Wire.field(2, "x")
      return Wire.field(6, content)
    }
    #expect(request.encode() == expected)
  }

  @Test("of a map's key that repeats the last value counts; keys that only look the same are refused")
  func mapKeys() throws {
    func entry(_ key: String, _ value: String) -> [UInt8] {
      Wire.field(6, Wire.field(1, key) + Wire.field(2, value))
    }
    let repeated = try TallystickV1.ConsumeRequest.decode(entry("a", "1") + entry("b", "2") + entry("a", "3"))
    #expect(repeated.metadata == ["a": "3", "b": "2"])
    #expect(
      decodeError { () throws(DecodeError) in
        try TallystickV1.ConsumeRequest.decode(entry("\u{E9}", "1") + entry("e\u{301}", "2"))
      } == .duplicateField(field: "metadata"))
  }
}
