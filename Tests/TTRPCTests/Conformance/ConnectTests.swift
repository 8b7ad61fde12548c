// The themes of Connect's conformance suite, over ttrpc.

import Testing

@testable import TTRPC

@Suite("Connect themes")
struct ConnectTests {
  let service = ConformanceService.name

  @Test("a server stream with no responses")
  func noResponses() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.serverStream, service, "Count")
    #expect(try await stream.next() == nil)
  }

  @Test("half-duplex: all requests, then all responses")
  func halfDuplex() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let stream = try client.stream(.bidi, service, "Chat")
    let messages = (0..<100).map { Message().with(2, Int64($0)).encoded }
    for message in messages { try await stream.send(message) }
    stream.finish()
    var replies: [[UInt8]] = []
    for try await reply in stream { replies.append(reply) }
    #expect(replies == messages)
  }

  @Test("every code on a unary call", arguments: StatusCode.allCases.filter { $0 != .ok })
  func unaryCodes(code: StatusCode) async throws {
    let host = try TestServer()
    let client = try host.connect()
    let request = Message().with(1, Int64(code.rawValue)).with(2, "why").with(3, bytes: [1, 2])
    let status = Status(code, "why", details: [StatusDetail(typeURL: "test/detail", value: [1, 2])])
    await #expect(throws: CallError(status)) {
      try await client.unary(service, "Fail", request.encoded)
    }
  }

  @Test("every code on a stream, after responses", arguments: StatusCode.allCases.filter { $0 != .ok })
  func streamCodes(code: StatusCode) async throws {
    let host = try TestServer()
    let client = try host.connect()
    let failure = Message().with(1, Int64(code.rawValue)).with(2, "why").with(3, bytes: [1, 2])
    let request = Message().with(1, 2).with(3, message: failure).encoded
    let stream = try client.stream(.serverStream, service, "Count", request)
    #expect(try await stream.next() != nil)
    #expect(try await stream.next() != nil)
    let status = Status(code, "why", details: [StatusDetail(typeURL: "test/detail", value: [1, 2])])
    await #expect(throws: CallError(status)) { try await stream.next() }
  }

  @Test("a Unicode error message")
  func unicodeMessage() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let message = "fejl æøå, ошибка, エラー, \u{1F4A5}"
    await #expect(throws: CallError(Status(.aborted, message))) {
      try await client.unary(service, "Fail", Message().with(1, 10).with(2, message).encoded)
    }
  }

  @Test("deadline propagation")
  func deadline() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let bytes = try await client.unary(service, "Inspect", [], timeoutNanoseconds: 60_000_000_000)
    // What is left of it when the request is sent.
    #expect((1...60_000_000_000).contains(try Message(bytes).number(2)))
    #expect(try Message(try await client.unary(service, "Inspect", [])).number(2) == 0)
  }

  @Test("the deadline of a stream ends it on the server")
  func streamDeadline() async throws {
    let host = try TestServer()
    let raw = try host.raw()
    try await raw.send(.request(1, "Chat", flags: FrameFlags.remoteOpen, timeout: 20_000_000))
    let end = try await host.whileTimePasses(byNanoseconds: 1_000_000) { try await raw.frame() }
    #expect(end?.status?.code == .deadlineExceeded)
  }

  @Test("duplicate metadata keeps its order")
  func duplicateMetadata() async throws {
    let host = try TestServer()
    let client = try host.connect()
    let pairs = ["b", "a", "b", ""].map { MetadataPair(key: "k", value: $0) }
    let reply = try Message(try await client.unary(service, "Inspect", [], metadata: pairs))
    let values = try reply.all(1).map { try Message($0).text(2) }
    #expect(values == ["b", "a", "b", ""])
  }

  /// The payload that makes an Echo request's frame `size` bytes.
  func payload(_ size: Int) -> [UInt8] {
    let empty = RequestEnvelope.encode(
      service: service, method: "Echo", payload: [], timeoutNanoseconds: 0, metadata: [])
    var count = size - empty.count
    while fieldByteCount(count) + empty.count > size { count -= 1 }
    return [UInt8](repeating: 1, count: count)
  }

  @Test("size equal to the limit")
  func sizeAtLimit() async throws {
    let host = try TestServer { $0.maximumMessageByteCount = 10_000 }
    let client = try host.connect()
    let payload = payload(10_000)
    #expect(try await client.unary(service, "Echo", payload) == payload)
  }

  @Test("size over the limit, first and later request")
  func sizeOverLimit() async throws {
    let host = try TestServer { $0.maximumMessageByteCount = 10_000 }
    let client = try host.connect()
    for payload in [payload(10_001), [1], payload(10_001), [2]] {
      if payload.count == 1 {
        #expect(try await client.unary(service, "Echo", payload) == payload)
        continue
      }
      let error = await #expect(throws: CallError.self) {
        try await client.unary(service, "Echo", payload)
      }
      #expect(error?.status.code == .resourceExhausted)
      #expect(error?.outcomeIsUnknown == false)
    }
  }

  @Test("a request over the client's own limit is not sent")
  func clientLimit() async throws {
    let host = try TestServer()
    var options = ClientOptions()
    options.maximumMessageByteCount = 1000
    let client = try host.connect(options)
    let error = await #expect(throws: CallError.self) {
      try await client.unary(service, "Echo", [UInt8](repeating: 1, count: 1000))
    }
    #expect(error?.status.code == .resourceExhausted)
    #expect(host.server.statistics.callsStarted == 0)
  }

  @Test("a response over the limit fails with RESOURCE_EXHAUSTED")
  func responseOverLimit() async throws {
    var registry = ServiceRegistry()
    registry.add(
      service: "s",
      methods: [
        "Big": .unary { _, payload, responder in
          responder.succeed([UInt8](repeating: 1, count: payload.isEmpty ? 997 : 998))
        },
        "BigStream": .streaming(.serverStream) { _, _, sink in
          try await sink.send([UInt8](repeating: 1, count: 1000))
          try await sink.send([UInt8](repeating: 1, count: 1001))
        },
      ])
    let host = try TestServer(registry: registry) { $0.maximumMessageByteCount = 1000 }
    let client = try host.connect()
    #expect(try await client.unary("s", "Big", []).count == 997)
    let error = await #expect(throws: CallError.self) { try await client.unary("s", "Big", [1]) }
    #expect(error?.status.code == .resourceExhausted)
    let stream = try client.stream(.serverStream, "s", "BigStream")
    #expect(try await stream.next()?.count == 1000)
    let failure = await #expect(throws: CallError.self) { try await stream.next() }
    #expect(failure?.status.code == .resourceExhausted)
  }
}
