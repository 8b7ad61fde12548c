// Calls of every method of every service, valid, half valid and wrong, on several connections at once.
//
// Invariants:
// 1. Each unary call is answered once; no answer says that the server has failed, and each that is well is a
//    message of the method's type.
// 2. The same seed makes the same calls, as far as the server's replies are the same.
//
// Owner: the test.

import TallyMessages
import TallyProtoJSON
import TallyTestSupport
import Testing

@testable import TTRPC

/// A method, as calls are made to it.
struct CalledMethod {
  var service: String
  var name: String
  var kind: RPCKind
  var request: String
  var response: String

  var fullName: String { "\(service)/\(name)" }

  static let all: [CalledMethod] = EmbeddedDescriptors.services.flatMap { service in
    service.methods.map {
      CalledMethod(
        service: service.name, name: $0.name, kind: $0.kind, request: $0.request, response: $0.response)
    }
  }

  /// Makes others fail, so it is called at a time of its own.
  static let injectFailure = "tallystick.testing.v1.TestControl/InjectFailure"
  static let unary = all.filter { $0.kind == .unary && $0.fullName != injectFailure }
  static let streams = all.filter { $0.kind != .unary }
  static let requests = all.map(\.request)

  static func named(_ fullName: String) throws -> CalledMethod {
    try #require(all.first { $0.fullName == fullName })
  }
}

/// A connection, with the calls on it that are not answered yet.
private struct Caller {
  let peer: Intruder
  var nextStream: UInt32 = 1
  var waiting: [UInt32: CalledMethod] = [:]
}

struct CallSequence {
  let daemon: Daemon
  var maker: MessageMaker
  private(set) var callCount = 0
  private(set) var wellCount = 0
  /// Full names of the methods that have succeeded.
  private(set) var succeeded: Set<String> = []
  /// What was answered, with how often.
  private(set) var reasons: [String: Int] = [:]
  /// What is not as promised.
  private(set) var violations: [String] = []
  /// The last calls and answers, the newest last.
  private(set) var recent: [String] = []
  private var callers: [Caller] = []

  private static let connectionCount = 4
  private static let recentCount = 60
  /// Only a server that has failed, or whose disk has, answers with one of them.
  private static let failures: Set<String> = [
    "INTERNAL", "internalError", "CORRUPT", "OUTCOME_UNKNOWN", "dataLoss", "unknown",
  ]
  /// Of the conformance service, whose calls may be told to sleep.
  private static let timeoutNanoseconds: Int64 = 20_000_000

  init(daemon: Daemon, seed: UInt64) throws {
    self.daemon = daemon
    maker = try MessageMaker(seed: seed)
  }

  var summary: String {
    let answers = reasons.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }
    return
      "\(callCount) calls, \(wellCount) well, \(succeeded.count) of \(CalledMethod.unary.count) methods; "
      + answers.joined(separator: ", ")
  }

  /// Rounds of calls on new connections, among them peers that send what is no call; in the end a failure is
  /// injected, calls meet it, and it is cleared.
  mutating func run(rounds: Int) async throws {
    callers = try (0..<Self.connectionCount).map { _ in Caller(peer: try Intruder(daemon.workplace.socket)) }
    for _ in 0..<rounds where violations.isEmpty {
      for index in callers.indices {
        for _ in 0..<Int.random(in: 1...6, using: &maker.random) { try await callAny(index) }
      }
      if maker.chance(30) { try await sendStream() }
      if maker.chance(10) { try vandalize() }
      for index in callers.indices { try await collect(index) }
    }
    try await injectFailure()
    callers = []
  }

  // MARK: unary calls

  private mutating func callAny(_ index: Int) async throws {
    let method = CalledMethod.unary[Int(maker.random.next() % UInt64(CalledMethod.unary.count))]
    // An empty database leaves little to do.
    if method.name == "Reset" && !maker.chance(5) { return }
    let dice = maker.random.next() % 10
    // Wrong bytes might happen to set a limit for all peers of the test, which are of one uid.
    let mayBeWrong = method.name != "SetRateLimit"
    try await call(method, dice < 6 ? .valid : dice < 9 || !mayBeWrong ? .halfValid : .wrong, on: index)
  }

  private mutating func call(_ method: CalledMethod, _ intent: CallIntent, on index: Int) async throws {
    let payload = try maker.make(method.request, intent, otherTypes: CalledMethod.requests)
    let stream = callers[index].nextStream
    callers[index].nextStream += 2
    callers[index].waiting[stream] = method
    callCount += 1
    note("\(index).\(stream) \(intent) \(method.fullName) \(hex(payload))")
    let envelope = RequestEnvelope.encode(
      service: method.service, method: method.name, payload: payload,
      timeoutNanoseconds: method.service.hasSuffix("Conformance") ? Self.timeoutNanoseconds : 0,
      metadata: metadata())
    try await callers[index].peer.send(
      Intruder.header(length: envelope.count, stream: stream, type: FrameType.request) + envelope,
      reading: true)
  }

  private mutating func metadata() -> [MetadataPair] {
    guard maker.chance(15) else { return [] }
    let user = maker.known.text("user_id", &maker.random) ?? "u0"
    let pair = MetadataPair(key: "tally-acting-user", value: maker.chance(80) ? user : "nobody")
    return maker.chance(90) ? [pair] : [pair, pair, MetadataPair(key: "traceparent", value: "00-1-2-3")]
  }

  /// Waits until all calls of a connection are answered.
  private mutating func collect(_ index: Int) async throws {
    let peer = callers[index].peer
    while !callers[index].waiting.isEmpty {
      try await eventually("answers to \(callers[index].waiting.values.map(\.fullName))") {
        peer.receive()
        return peer.isClosed || peer.hasFrame
      }
      for frame in peer.takeFrames() {
        guard let method = callers[index].waiting.removeValue(forKey: frame.stream) else {
          violations.append("a frame on stream \(frame.stream), which is not waited for")
          continue
        }
        try judge(method, frame.payload, "\(index).\(frame.stream)")
      }
      if peer.isClosed && !callers[index].waiting.isEmpty {
        violations.append("the connection ended with \(callers[index].waiting.count) calls under way")
        return
      }
    }
  }

  private mutating func judge(_ method: CalledMethod, _ payload: [UInt8], _ place: String) throws {
    let response = try ResponseEnvelope(payload.span)
    if response.status != nil {
      let reason = try Intruder.reason(payload) ?? "none"
      reasons[reason, default: 0] += 1
      note("  \(place) \(reason) \(try Intruder.details(payload))")
      // It answers whatever it is told to.
      if Self.failures.contains(reason) && method.name != "Fail" {
        violations.append("\(method.fullName) was answered \(reason)")
      }
      return
    }
    wellCount += 1
    succeeded.insert(method.fullName)
    note("  \(place) well")
    let reply = Array(payload[response.payload])
    do throws(WireError) {
      _ = try MessageDecoder(pool: maker.pool).decode(reply, as: method.response)
      try maker.known.learn(reply[...], method.response, maker.pool)
    } catch { violations.append("\(method.fullName) answered what is no \(method.response): \(error)") }
  }

  private mutating func note(_ line: String) {
    recent.append(line)
    if recent.count > Self.recentCount { recent.removeFirst() }
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.prefix(120).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      + (bytes.count > 120 ? "... (\(bytes.count) bytes)" : "")
  }

  // MARK: streams, and what is no call

  /// Begins a stream on a connection of its own, sends some messages, and leaves at some moment.
  private mutating func sendStream() async throws {
    let peer = try Intruder(daemon.workplace.socket)
    let method = CalledMethod.streams[Int(maker.random.next() % UInt64(CalledMethod.streams.count))]
    let clientStreams = method.kind == .clientStream || method.kind == .bidirectional
    let intent: CallIntent = maker.chance(70) ? .valid : maker.chance(70) ? .halfValid : .wrong
    let message = try maker.make(method.request, intent, otherTypes: CalledMethod.requests)
    note("stream \(intent) \(method.fullName) \(hex(message))")
    let envelope = RequestEnvelope.encode(
      service: method.service, method: method.name, payload: clientStreams ? [] : message,
      timeoutNanoseconds: 0, metadata: metadata())
    var bytes = frame(
      envelope, FrameType.request, clientStreams ? FrameFlags.remoteOpen : FrameFlags.remoteClosed)
    if clientStreams {
      for _ in 0..<Int.random(in: 0...4, using: &maker.random) {
        let intent: CallIntent = maker.chance(80) ? .valid : .wrong
        bytes += frame(
          try maker.make(method.request, intent, otherTypes: CalledMethod.requests), FrameType.data, 0)
      }
      if maker.chance(60) { bytes += frame([], FrameType.data, FrameFlags.remoteClosed | FrameFlags.noData) }
    }
    try await peer.send(bytes, reading: true)
    callCount += 1
    guard maker.chance(50) else { return }
    // Whatever comes first: the server has begun by then.
    let isQuiet = method.name.hasPrefix("Watch") || clientStreams
    if !isQuiet {
      try await eventually("something of \(method.fullName)") {
        peer.receive()
        return peer.isClosed || peer.hasFrame
      }
    }
  }

  private func frame(_ payload: [UInt8], _ type: UInt8, _ flags: UInt8) -> [UInt8] {
    Intruder.header(length: payload.count, stream: 1, type: type).dropLast() + [flags] + payload
  }

  /// Sends noise, a frame that is cut, or a call with its envelope spoiled, and leaves.
  private mutating func vandalize() throws {
    let peer = try Intruder(daemon.workplace.socket)
    var bytes = maker.randomBytes(upTo: 300)
    if maker.chance(70) {
      let flags = UInt8(truncatingIfNeeded: maker.random.next())
      bytes = frame(bytes, UInt8(maker.random.next() % 5), flags)
      if maker.chance(30) { bytes.removeLast(min(bytes.count, 3)) }
    }
    _ = peer.sendSome(bytes[...])
    peer.receive()
  }

  // MARK: failures

  private mutating func injectFailure() async throws {
    guard violations.isEmpty else { return }
    try await call(try .named(CalledMethod.injectFailure), maker.chance(70) ? .valid : .halfValid, on: 0)
    try await collect(0)
    // They may be answered by anything, or by nothing.
    callers.append(Caller(peer: try Intruder(daemon.workplace.socket)))
    let last = callers.count - 1
    for _ in 0..<6 where !callers[last].peer.isClosed { try await callAny(last) }
    callers.removeLast()
    try await call(try .named("tallystick.testing.v1.TestControl/ClearFailures"), .valid, on: 0)
    try await collect(0)
  }
}
