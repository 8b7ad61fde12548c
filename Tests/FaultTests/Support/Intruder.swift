// A peer that sends whatever it likes and reads only when it likes.
//
// Invariants:
// 1. Its socket is closed with the value.
//
// Owner: one task.

import CTallyLinux
import Glibc
import TallyMessages
import TallyTestSupport
import Testing

@testable import TTRPC

final class Intruder {
  private let descriptor: Int32
  private var received: [UInt8] = []
  /// The server has closed the connection.
  private(set) var isClosed = false

  init(_ path: String) throws {
    descriptor = unsafe clinux_connect_unix(path)
    try #require(descriptor >= 0, "cannot connect: \(descriptor)")
  }

  deinit { clinux_close(descriptor) }

  /// A unary call's frame.
  static func call(_ stream: UInt32, _ service: String, _ method: String, _ payload: [UInt8]) -> [UInt8] {
    let envelope = RequestEnvelope.encode(
      service: service, method: method, payload: payload, timeoutNanoseconds: 0, metadata: [])
    return header(length: envelope.count, stream: stream, type: FrameType.request) + envelope
  }

  static func call<Request: Message, Response: Message>(
    _ stream: UInt32, _ rpc: RPC<Request, Response>, _ payload: [UInt8]
  ) -> [UInt8] {
    call(stream, rpc.service, rpc.method, payload)
  }

  static func header(length: Int, stream: UInt32, type: UInt8) -> [UInt8] {
    var bytes: [UInt8] = []
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: stream >> shift)) }
    return bytes + [type, 0]
  }

  /// Sends what the socket takes now.
  /// - Returns: how many bytes that was.
  func sendSome(_ bytes: ArraySlice<UInt8>) -> Int {
    let sent = unsafe bytes.withUnsafeBytes { unsafe clinux_send(descriptor, $0.baseAddress, $0.count) }
    if sent < 0 && sent != -Int(EAGAIN) { isClosed = true }
    return max(0, sent)
  }

  /// Sends all, reading meanwhile if asked to.
  func send(_ bytes: [UInt8], reading: Bool = false) async throws {
    var rest = bytes[...]
    try await eventually("the server takes \(bytes.count) bytes") {
      while !rest.isEmpty && !isClosed {
        let count = sendSome(rest)
        if count == 0 { break }
        rest = rest.dropFirst(count)
      }
      if reading { receive() }
      return rest.isEmpty || isClosed
    }
  }

  /// Takes what has arrived, or so much of it.
  func receive(atMost limit: Int = .max) {
    var chunk = [UInt8](repeating: 0, count: min(limit, 1 << 16))
    var rest = limit
    while !isClosed && rest > 0 {
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe clinux_receive(descriptor, $0.baseAddress, min($0.count, rest))
      }
      if count == -Int(EAGAIN) { return }
      if count <= 0 { isClosed = true } else { received += chunk[..<count] }
      rest -= max(0, count)
    }
  }

  /// The server has closed the connection, whatever is left to be received.
  var isHungUp: Bool {
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return unsafe poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLHUP) != 0
  }

  /// Whether a whole frame has arrived.
  var hasFrame: Bool {
    received.count >= 10 && received.count >= 10 + received[..<4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// Whole frames that have arrived, taken out.
  func takeFrames() -> [(stream: UInt32, type: UInt8, payload: [UInt8])] {
    var frames: [(stream: UInt32, type: UInt8, payload: [UInt8])] = []
    var start = 0
    while received.count - start >= 10 {
      let length = received[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      guard received.count - start >= 10 + length else { break }
      let stream = received[start + 4..<start + 8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      frames.append((stream, received[start + 8], Array(received[start + 10..<start + 10 + length])))
      start += 10 + length
    }
    received.removeFirst(start)
    return frames
  }

  /// Waits for so many responses. Of each: the reason, or the code's name without one; nil when it is well.
  func answers(_ count: Int) async throws -> [String?] {
    var answers: [String?] = []
    try await eventually("\(count) answers") {
      receive()
      for frame in takeFrames() { answers.append(try Self.reason(frame.payload)) }
      try #require(!isClosed || answers.count >= count, "closed after \(answers.count) answers")
      return answers.count >= count
    }
    return answers
  }

  static func reason(_ payload: [UInt8]) throws -> String? {
    guard let status = try ResponseEnvelope(payload.span).status, status.code != .ok else { return nil }
    return try info(status)?.reason ?? "\(status.code)"
  }

  /// What a failure says beside its reason.
  static func details(_ payload: [UInt8]) throws -> [String: String] {
    guard let status = try ResponseEnvelope(payload.span).status else { return [:] }
    return try info(status)?.metadata ?? [:]
  }

  private static func info(_ status: Status) throws -> TallystickV1.ErrorInfo? {
    let detail = status.details.first { $0.typeURL.hasSuffix("tallystick.v1.ErrorInfo") }
    return try detail.map { try TallystickV1.ErrorInfo.decode($0.value) }
  }

  func waitUntilClosed() async throws {
    try await eventually("the server closes the connection") {
      receive()
      return isClosed
    }
  }
}
