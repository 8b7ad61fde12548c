// The client against a peer that reads when the test says so, and answers what the test says.

import CTallyLinux
import Dispatch
import Glibc
import TallyLocking
import Testing

@testable import TTRPC

@Suite("Client connection")
struct ClientTests {
  /// More than the socket and the outbox take before calls wait.
  static let stuck = [UInt8](repeating: 1, count: 3 << 20)
  static let timeout: UInt64 = 50_000_000

  private func pair(
    _ change: (inout ClientOptions) -> Void = { _ in }
  ) throws -> (client: ClientConnection, raw: RawClient) {
    var near: Int32 = -1
    var far: Int32 = -1
    try #require(unsafe clinux_socket_pair(&near, &far) == 0)
    var options = ClientOptions()
    // The client's clock is the machine's: a test that is not about it may take as long as it needs.
    options.stalledWriteNanoseconds = patienceNanoseconds
    change(&options)
    return (try ClientConnection(descriptor: near, options: options), RawClient(descriptor: far))
  }

  private static func answer(_ id: UInt32) -> RawFrame { RawFrame(streamId: id, type: FrameType.response) }

  /// A call that the peer does not take, so that what comes after it waits.
  private func block(_ client: ClientConnection) async -> Task<[UInt8], any Error> {
    let call = Task { try await client.unary("s", "stuck", Self.stuck) }
    await eventually("the outbox is full") { client.core.outbox.isPaused }
    return call
  }

  /// The peer reads on: only the call that was stuck has been sent, and the connection serves it and others.
  private func expectUnharmed(
    _ client: ClientConnection, _ raw: RawClient, _ stuck: Task<[UInt8], any Error>
  ) async throws {
    #expect(client.core.outbox.roomWaiterCount == 0)
    let first = try #require(try await raw.frame())
    #expect(first.payload.count > Self.stuck.count)
    async let other = client.unary("s", "other", [])
    let second = try #require(try await raw.frame())
    #expect(second.streamId == first.streamId + 2)
    try await raw.send(Self.answer(first.streamId), Self.answer(second.streamId))
    #expect(try await other == [])
    #expect(try await stuck.value == [])
  }

  @Test("a connection that has given up is closed to whoever calls, before those that wait are told")
  func givenUp() async throws {
    let (client, _) = try pair()
    // The poller, which would close it, does not get to it meanwhile.
    let told = DispatchSemaphore(value: 0)
    client.core.outbox.poller.perform { _ in told.wait() }
    defer { told.signal() }
    client.core.outbox.cutOff()
    let error = Lock<CallError?>(nil)
    _ = client.core.unary(Request("s", "m", [], nil, [])) {
      if case .failure(let failure) = $0 { error.withLock { $0 = failure } }
    }
    #expect(error.withLock { $0?.status.code } == .unavailable)
    #expect(client.isClosed)
  }

  @Test("a deadline holds while nothing more can be sent, and says that nothing was")
  func deadlineWithoutRoom() async throws {
    let (client, raw) = try pair()
    let stuck = await block(client)
    let error = await #expect(throws: CallError.self) {
      try await client.unary("s", "late", [], timeoutNanoseconds: Self.timeout)
    }
    #expect(error?.status.code == .deadlineExceeded)
    #expect(error?.outcomeIsUnknown == false)
    try await expectUnharmed(client, raw, stuck)
  }

  @Test("a cancelled task ends its call while nothing more can be sent")
  func cancellationWithoutRoom() async throws {
    let (client, raw) = try pair()
    let stuck = await block(client)
    let call = Task { try await client.unary("s", "cancelled", []) }
    await eventually("it waits for room") { client.core.outbox.roomWaiterCount == 1 }
    call.cancel()
    let error = await #expect(throws: CallError.self) { try await call.value }
    #expect(error?.status.code == .cancelled)
    #expect(error?.outcomeIsUnknown == false)
    try await expectUnharmed(client, raw, stuck)
  }

  @Test("a task that was cancelled before its call sends nothing")
  func cancelledBefore() async throws {
    let (client, raw) = try pair()
    let call = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await client.unary("s", "cancelled", [])
    }
    call.cancel()
    let error = await #expect(throws: CallError.self) { try await call.value }
    #expect(error?.status.code == .cancelled)
    #expect(error?.outcomeIsUnknown == false)
    client.close()
    #expect(try await raw.frame() == nil)
  }

  @Test("a stream's deadline ends a send that waits for room")
  func sendDeadline() async throws {
    let (client, raw) = try pair()
    let stuck = await block(client)
    let stream = try client.stream(.bidi, "s", "m", timeoutNanoseconds: Self.timeout)
    let error = await #expect(throws: CallError.self) { try await stream.send([1]) }
    #expect(error?.status.code == .deadlineExceeded)
    let first = try #require(try await raw.frame())
    try await raw.send(Self.answer(first.streamId))
    #expect(try await stuck.value == [])
    // The stream's request had gone before, its message never does.
    #expect(try await raw.frame()?.type == FrameType.request)
    stream.finish()
    client.close()
    #expect(try await raw.frame() == nil)
  }

  @Test("a cancelled task ends a send that waits for room, and its stream")
  func sendCancelled() async throws {
    let (client, raw) = try pair()
    let stuck = await block(client)
    let stream = try client.stream(.bidi, "s", "m")
    let sending = Task { try await stream.send([1]) }
    await eventually("it waits for room") { client.core.outbox.roomWaiterCount == 1 }
    sending.cancel()
    let error = await #expect(throws: CallError.self) { try await sending.value }
    #expect(error?.status.code == .cancelled)
    let end = await #expect(throws: CallError.self) { try await stream.next() }
    #expect(end?.status.code == .cancelled)
    let first = try #require(try await raw.frame())
    try await raw.send(Self.answer(first.streamId))
    #expect(try await stuck.value == [])
  }

  @Test("closing ends the calls that wait for room; nothing of them was sent")
  func closeWithoutRoom() async throws {
    let (client, raw) = try pair()
    let stuck = await block(client)
    let call = Task { try await client.unary("s", "waits", []) }
    await eventually("it waits for room") { client.core.outbox.roomWaiterCount == 1 }
    client.close()
    let error = await #expect(throws: CallError.self) { try await call.value }
    #expect(error?.status.code == .unavailable)
    #expect(error?.outcomeIsUnknown == false)
    let unknown = await #expect(throws: CallError.self) { try await stuck.value }
    #expect(unknown?.outcomeIsUnknown == true)
    withExtendedLifetime(raw) {}
  }

  @Test("calls that have waited for room do not fill the outbox past its limit together")
  func waitersTakeTurns() async throws {
    let (client, raw) = try pair {
      $0.outboundPauseByteCount = 100_000
      $0.maximumOutboundByteCount = 1 << 20
    }
    let payload = [UInt8](repeating: 1, count: 200_000)
    let calls = (0..<20).map { _ in Task { try await client.unary("s", "m", payload) } }
    await eventually("most of them wait") { client.core.outbox.roomWaiterCount > 15 }
    for _ in calls {
      let frame = try #require(try await raw.frame())
      try await raw.send(Self.answer(frame.streamId))
    }
    for call in calls { #expect(try await call.value == []) }
  }

  @Test("requests of many threads leave in the order of their ids")
  func order() async throws {
    let (client, raw) = try pair()
    let threads = 8
    let calls = 2_000
    DispatchQueue.global().async {
      DispatchQueue.concurrentPerform(iterations: threads) { _ in
        for _ in 0..<calls { client.unary("s", "m", []) { _ in } }
      }
    }
    var last: UInt32 = 0
    var late = 0
    for _ in 0..<threads * calls {
      let id = try #require(try await raw.frame()).streamId
      if id < last { late += 1 }
      last = max(last, id)
    }
    #expect(late == 0)
    #expect(last == UInt32(2 * threads * calls - 1))
  }

  @Test("a message of a stream on a client stream's answer fails the call at once")
  func dataOnClientStream() async throws {
    let (client, raw) = try pair()
    let stream = try client.stream(.clientStream, "s", "m")
    let id = try #require(try await raw.frame()).streamId
    try await raw.send(.data(id, [1]))
    let error = await #expect(throws: CallError.self) { try await stream.next() }
    #expect(error?.status.code == .internalError)
    #expect(error?.outcomeIsUnknown == true)
  }

  @Test("a server that takes no connections is waited for, or not, as it was said")
  func fullBacklog() throws {
    let path = "/tmp/ttrpc-backlog-\(UInt64.random(in: 0 ... .max))"
    let listener = unsafe clinux_listen_unix(path, 0o600, 0)
    try #require(listener >= 0)
    defer { _ = clinux_close(listener) }
    var open: [ClientConnection] = []
    let error = #expect(throws: SystemError.self) {
      for _ in 0..<1_000 { open.append(try ClientConnection.connect(path: path, waits: false)) }
    }
    #expect(error?.number == EAGAIN)
    #expect(!open.isEmpty)
    _ = unsafe unlink(path)
  }
}
