// Methods and calls with messages in place of bytes.

import TallyLocking
import Testing

@testable import TTRPC

/// A message of one number, as text, so that bytes that are none are easily had.
private struct Number: WireMessage, Equatable {
  struct Malformed: Error {}
  var value: Int

  init(_ value: Int) { self.value = value }

  init(wireBytes: [UInt8]) throws {
    guard let value = Int(String(decoding: wireBytes, as: UTF8.self)) else { throw Malformed() }
    self.value = value
  }

  func wireBytes() -> [UInt8] { [UInt8](String(value).utf8) }
}

@Suite("Typed methods")
struct TypedTests {
  private struct Surprise: Error {}

  private static var registry: ServiceRegistry {
    var registry = ServiceRegistry()
    registry.unary("s", "Double") { (number: Number, _) in
      if number.value == 13 { throw Status(.failedPrecondition, "not thirteen") }
      if number.value == 14 { throw Surprise() }
      return Number(number.value * 2)
    }
    registry.clientStream("s", "Sum") { (numbers: TypedStream<Number>, _) in
      var sum = 0
      for try await number in numbers { sum += number.value }
      return Number(sum)
    }
    registry.serverStream("s", "Count") { (number: Number, sink: TypedSink<Number>, _) in
      for value in 0..<number.value { try await sink.send(Number(value)) }
    }
    registry.bidi("s", "Negate") { (numbers: TypedStream<Number>, sink: TypedSink<Number>, _) in
      for try await number in numbers { try await sink.send(Number(-number.value)) }
    }
    registry.unary("s", "Bytes") { (bytes: [UInt8], _) in bytes.reversed() as [UInt8] }
    return registry
  }

  @Test("an async unary handler takes and gives messages")
  func unary() async throws {
    let host = try TestServer(registry: Self.registry)
    let client = try host.connect()
    let reply: Number = try await client.unary("s", "Double", Number(21))
    #expect(reply == Number(42))
    #expect(try await client.unary("s", "Bytes", [1, 2, 3]) == [3, 2, 1])
  }

  @Test("what an async unary handler throws is the call's status, or INTERNAL")
  func unaryFailures() async throws {
    let host = try TestServer(registry: Self.registry)
    let client = try host.connect()
    let refused = await #expect(throws: CallError.self) {
      let _: Number = try await client.unary("s", "Double", Number(13))
    }
    #expect(refused?.status == Status(.failedPrecondition, "not thirteen"))
    let surprised = await #expect(throws: CallError.self) {
      let _: Number = try await client.unary("s", "Double", Number(14))
    }
    #expect(surprised?.status.code == .internalError)
    #expect(host.handlerFailures.count == 1)
  }

  @Test("bytes that are no message are refused on the server and fail on the client")
  func malformed() async throws {
    let host = try TestServer(registry: Self.registry)
    let client = try host.connect()
    let error = await #expect(throws: CallError.self) {
      _ = try await client.unary("s", "Double", [UInt8]("many".utf8))
    }
    #expect(error?.status == Status(.invalidArgument, "the message does not parse as Number"))
    let reply = await #expect(throws: CallError.self) {
      let _: Number = try await client.unary("s", "Bytes", [UInt8]("x".utf8))
    }
    #expect(reply?.status == Status(.internalError, "the reply does not parse as Number"))
  }

  @Test("typed streams of all three kinds")
  func streams() async throws {
    let host = try TestServer(registry: Self.registry)
    let client = try host.connect()
    let sum = try client.stream(.clientStream, "s", "Sum")
    for value in 1...4 { try await sum.send(Number(value)) }
    sum.finish()
    #expect(try await sum.next(as: Number.self) == Number(10))

    let count = try client.stream(.serverStream, "s", "Count", Number(3).wireBytes())
    var counted: [Int] = []
    while let number = try await count.next(as: Number.self) { counted.append(number.value) }
    #expect(counted == [0, 1, 2])

    let negate = try client.stream(.bidi, "s", "Negate")
    for value in [5, 7] {
      try await negate.send(Number(value))
      #expect(try await negate.next(as: Number.self) == Number(-value))
    }
    negate.finish()
    #expect(try await negate.next(as: Number.self) == nil)
  }

  @Test("an async unary handler is cancelled with its call, which fails with DEADLINE_EXCEEDED")
  func cancelled() async throws {
    let isCancelled = Lock(false)
    var registry = ServiceRegistry()
    registry.unary("s", "Wait") { (_: [UInt8], _) -> [UInt8] in
      while !Task.isCancelled { await Task.yield() }
      isCancelled.withLock { $0 = true }
      try Task.checkCancellation()
      return []
    }
    let host = try TestServer(registry: registry)
    let raw = try host.raw()
    try await raw.send(.request(1, "Wait", timeout: 1, service: "s"))
    let frame = try await host.whileTimePasses(byNanoseconds: 1) { try await raw.frame() }
    #expect(frame?.status?.code == .deadlineExceeded)
    await eventually("the handler has ended") { isCancelled.withLock { $0 } }
    #expect(host.handlerFailures.isEmpty)
  }
}
