// The cases of gRPC's interop list, over ttrpc. Health's Check and Watch are the services' own.

import Testing

@testable import TTRPC

@Suite("Interop")
struct InteropTests {
  let service = ConformanceService.name

  @Test("empty_unary")
  func emptyUnary() async throws {
    let host = try TestServer()
    let client = try host.connect()
    #expect(try await client.unary(service, "Echo", []).isEmpty)
  }

  @Test("large_unary")
  func largeUnary() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let payload = [UInt8](repeating: 5, count: 314_159)
    #expect(try await client.unary(service, "Echo", payload) == payload)
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
    var numbers: [Int64] = []
    for try await message in try client.stream(.serverStream, service, "Count", request) {
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

  @Test("empty_stream")
  func emptyStream() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    stream.finish()
    #expect(try await stream.next() == nil)
  }

  @Test("custom_metadata, the request's half")
  func customMetadata() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let pairs = [
      MetadataPair(key: "x-grpc-test-echo-initial", value: "test_initial_metadata_value"),
      MetadataPair(key: "x-é", value: "日本"),
    ]
    let reply = try Message(try await client.unary(service, "Inspect", [], metadata: pairs))
    let seen = try reply.all(1).map { bytes in
      let pair = try Message(bytes)
      return MetadataPair(key: pair.text(1), value: pair.text(2))
    }
    #expect(seen == pairs)
  }

  @Test("status_code_and_message")
  func statusCodeAndMessage() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let request = Message().with(1, 2).with(2, "test status message")
    let expected = CallError(Status(.unknown, "test status message"))
    await #expect(throws: expected) {
      try await client.unary(service, "Fail", request.encoded)
    }
    let stream = try client.stream(
      .serverStream, service, "Count", Message().with(3, message: request).encoded)
    await #expect(throws: expected) { try await stream.next() }
  }

  @Test("special_status_message")
  func specialStatusMessage() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    await #expect(throws: CallError(Status(.unknown, message))) {
      try await client.unary(service, "Fail", Message().with(1, 2).with(2, message).encoded)
    }
  }

  @Test("unimplemented_method")
  func unimplementedMethod() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let error = await #expect(throws: CallError.self) {
      try await client.unary(service, "UnimplementedCall", [])
    }
    #expect(error?.status.code == .unimplemented)
    #expect(error?.status.message.contains("UnimplementedCall") == true)
  }

  @Test("unimplemented_service")
  func unimplementedService() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let error = await #expect(throws: CallError.self) {
      try await client.unary("grpc.testing.UnimplementedService", "UnimplementedCall", [])
    }
    #expect(error?.status.code == .unimplemented)
    #expect(error?.status.message.contains("grpc.testing.UnimplementedService") == true)
  }

  @Test("cancel_after_begin")
  func cancelAfterBegin() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.clientStream, service, "Sum")
    stream.cancel()
    let error = await #expect(throws: CallError.self) { try await stream.next() }
    #expect(error?.status.code == .cancelled)
    #expect(try await client.unary(service, "Echo", [1]) == [1])
  }

  @Test("cancel_after_first_response")
  func cancelAfterFirstResponse() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    try await stream.send([1])
    #expect(try await stream.next() == [1])
    stream.cancel()
    let error = await #expect(throws: CallError.self) { try await stream.next() }
    #expect(error?.status.code == .cancelled)
  }

  @Test("timeout_on_sleeping_server")
  func timeoutOnSleepingServer() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let request = Message().with(1, 3_600_000).encoded
    let error = await #expect(throws: CallError.self) {
      try await client.unary(service, "Sleep", request, timeoutNanoseconds: 20_000_000)
    }
    #expect(error?.status.code == .deadlineExceeded)
  }

  @Test("concurrent_large_unary")
  func concurrentLargeUnary() async throws {
    let host = try TestServer()
    let client = try host.connect()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<64 {
        group.addTask {
          let payload = [UInt8](repeating: UInt8(index), count: 1 << 20)
          let reply = try await client.unary(ConformanceService.name, "EchoLater", payload)
          #expect(reply == payload)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("rpc_soak")
  func rpcSoak() async throws {
    let host = try TestServer()
    let client = try host.connect()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<8 {
        group.addTask {
          for index in 0..<500 {
            let payload = Message().with(2, Int64(caller * 1000 + index)).encoded
            let reply = try await client.unary(ConformanceService.name, "Echo", payload)
            #expect(reply == payload)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(host.server.statistics.callsStarted == 4000)
  }

  @Test("channel_soak")
  func channelSoak() async throws {
    let host = try TestServer()
    for index in 0..<300 {
      let client = try host.connect()
      let payload = Message().with(2, Int64(index)).encoded
      #expect(try await client.unary(service, "Echo", payload) == payload)
      client.close()
    }
    await eventually("every connection is let go") { host.server.statistics.connectionsOpen == 0 }
    #expect(host.server.statistics.connectionsAccepted == 300)
  }
}
