// A client of bytes: sends what no proper client would, and reads frame by frame.
//
// Owned by the test.

import CTallyLinux
import Glibc
import TallyLocking
import Testing

@testable import TTRPC

struct RawFrame: Equatable, Sendable {
  var streamId: UInt32
  var type: UInt8
  var flags: UInt8 = 0
  var payload: [UInt8] = []

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: FrameHeader.byteCount) { output in
      FrameHeader(length: payload.count, streamId: streamId, type: type, flags: flags)
        .append(to: &output)
    }
    return bytes + payload
  }

  static func request(
    _ streamId: UInt32, _ method: String, _ payload: [UInt8] = [], flags: UInt8 = 0,
    timeout: Int64 = 0, metadata: [MetadataPair] = [], service: String = ConformanceService.name
  ) -> RawFrame {
    let envelope = RequestEnvelope.encode(
      service: service, method: method, payload: payload, timeoutNanoseconds: timeout,
      metadata: metadata)
    return RawFrame(streamId: streamId, type: FrameType.request, flags: flags, payload: envelope)
  }

  static func data(_ streamId: UInt32, _ payload: [UInt8], flags: UInt8 = 0) -> RawFrame {
    RawFrame(streamId: streamId, type: FrameType.data, flags: flags, payload: payload)
  }

  static func close(_ streamId: UInt32) -> RawFrame {
    RawFrame(
      streamId: streamId, type: FrameType.data, flags: FrameFlags.remoteClosed | FrameFlags.noData)
  }

  /// The status of a Response; nil when it is well or no Response.
  var status: Status? {
    guard type == FrameType.response else { return nil }
    do {
      return try ResponseEnvelope(payload.span).status
    } catch {
      Issue.record("a response does not parse: \(error)")
      return nil
    }
  }

  /// The payload inside a Response.
  var message: [UInt8]? {
    guard type == FrameType.response, let envelope = try? ResponseEnvelope(payload.span),
      envelope.status == nil
    else { return nil }
    return Array(payload[envelope.payload])
  }
}

enum RawError: Error {
  case connect(Int32)
  case send(Int32)
  case timedOut
}

final class RawClient {
  private(set) var descriptor: Int32
  private var received: [UInt8] = []

  init(path: String) throws {
    descriptor = unsafe clinux_connect_unix(path)
    if descriptor < 0 { throw RawError.connect(-descriptor) }
  }

  /// Takes over a connected, non-blocking socket.
  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit { close() }

  func close() {
    if descriptor >= 0 { _ = clinux_close(descriptor) }
    descriptor = -1
  }

  /// Hands the descriptor over to somebody else.
  func release() -> Int32 {
    defer { descriptor = -1 }
    return descriptor
  }

  func shutdownWriting() { _ = clinux_shutdown_write(descriptor) }

  /// Sends all bytes; waits while the server does not take them.
  func send(_ bytes: [UInt8]) async throws {
    var offset = 0
    let limit = MonotonicClock.nanoseconds + patienceNanoseconds
    while offset < bytes.count {
      switch Socket.send(descriptor, bytes, from: offset) {
      case .bytes(let count): offset += count
      case .wouldBlock:
        if MonotonicClock.nanoseconds > limit { throw RawError.timedOut }
        try await Task.sleep(for: .milliseconds(1))
      case .failed(let number): throw RawError.send(number)
      }
    }
  }

  func send(_ frames: RawFrame...) async throws {
    try await send(frames.flatMap(\.bytes))
  }

  /// The next frame; nil when the server has closed the connection.
  func frame() async throws -> RawFrame? {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let limit = MonotonicClock.nanoseconds + patienceNanoseconds
    while true {
      if let frame = takeFrame() { return frame }
      switch Socket.receive(descriptor, into: &buffer) {
      case .bytes(let count): received.append(contentsOf: buffer[0..<count])
      case .end, .failed: return nil
      case .wouldBlock:
        if MonotonicClock.nanoseconds > limit { throw RawError.timedOut }
        try await Task.sleep(for: .milliseconds(1))
      }
    }
  }

  func frames(_ count: Int) async throws -> [RawFrame] {
    var frames: [RawFrame] = []
    while frames.count < count, let frame = try await frame() { frames.append(frame) }
    return frames
  }

  private func takeFrame() -> RawFrame? {
    guard received.count >= FrameHeader.byteCount else { return nil }
    let header = FrameHeader(received.span, at: 0)
    let end = FrameHeader.byteCount + header.length
    guard received.count >= end else { return nil }
    let payload = Array(received[FrameHeader.byteCount..<end])
    received.removeFirst(end)
    return RawFrame(
      streamId: header.streamId, type: header.type, flags: header.flags, payload: payload)
  }
}
