// The cases of gRPC's interop list, over ttrpc.

import Testing

@testable import TTRPC

@Suite("Interop")
struct InteropTests {
  let service = ConformanceService.name

  @Test("empty_unary")
  func emptyUnary() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let reply = try await client.unary(service, "Echo", [])
    #expect(reply.isEmpty)
  }

  @Test("client_streaming")
  func clientStreaming() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.clientStream, service, "Sum")
    for number in [27182, 8, 1828, 45904] as [Int64] {
      try await stream.send(Message().with(2, number).encoded)
    }
    stream.finish()
    let reply = try Message(try #require(try await stream.next()))
    #expect(reply.number(1) == 4)
    #expect(reply.number(2) == 74922)
    #expect(try await stream.next() == nil)
  }

  @Test("server_streaming")
  func serverStreaming() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let request = Message().with(1, 4).with(2, 31415).encoded
    let stream = try client.stream(.serverStream, service, "Count", request)
    var numbers: [Int64] = []
    for try await message in stream {
      let reply = try Message(message)
      numbers.append(reply.number(2))
      #expect(reply.bytes(3).count == 31415)
    }
    #expect(numbers == [0, 1, 2, 3])
  }

  @Test("ping_pong")
  func pingPong() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    for number in [31415, 9, 2653, 58979] as [Int64] {
      let message = Message().with(2, number).encoded
      try await stream.send(message)
      #expect(try await stream.next() == message)
    }
    stream.finish()
    #expect(try await stream.next() == nil)
  }

  @Test("status_code_and_message")
  func statusCodeAndMessage() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let request = Message().with(1, 2).with(2, "test status message").encoded
    await #expect(throws: CallError(Status(.unknown, "test status message"))) {
      try await client.unary(service, "Fail", request)
    }
  }
}
