// Messages survive the way to bytes and back.
import Messages
import Testing

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
