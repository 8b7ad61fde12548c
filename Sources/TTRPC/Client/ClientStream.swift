// A streaming call as its client holds it.
//
// Invariants:
// 1. Messages arrive in order, then the end or the error.
// 2. After `finish`, and after the call's end, nothing more is sent.
//
// Any thread may use it: the state and the inbound buffer each have a lock.

internal import TallyLocking

/// The state of a streaming call.
final class ClientCall: Sendable {
  private struct State {
    var id: UInt32 = 0
    var timer: Timer?
    var isFinished: Bool
    var error: CallError?
    var isEnded = false
    /// A message that waits for room.
    var sender: RoomWaiter?
  }

  let kind: MethodKind
  let metadata: [MetadataPair]
  let inbound: InboundBuffer
  private let state: Lock<State>

  init(kind: MethodKind, metadata: [MetadataPair], inbound: InboundBuffer) {
    self.kind = kind
    self.metadata = metadata
    self.inbound = inbound
    state = Lock(State(isFinished: !kind.clientStreams))
  }

  var id: UInt32 { state.withLock { $0.id } }
  var isEnded: Bool { state.withLock { $0.isEnded } }
  var error: CallError? { state.withLock { $0.error } }

  func begin(_ id: UInt32) { state.withLock { $0.id = id } }
  func setTimer(_ timer: Timer) { state.withLock { $0.timer = timer } }

  func takeTimer() -> Timer? {
    state.withLock { state in
      let timer = state.timer
      state.timer = nil
      return timer
    }
  }

  /// Marks the client's half closed; false when it was.
  func finish() -> Bool {
    state.withLock { state in
      if state.isFinished || state.isEnded { return false }
      state.isFinished = true
      return true
    }
  }

  /// Whether a message may be sent.
  func checkSend() throws(CallError) {
    try state.withLock { state throws(CallError) in
      if let error = state.error { throw error }
      if state.isFinished || state.isEnded {
        throw CallError(Status(.failedPrecondition, "the stream takes no more messages"))
      }
    }
  }

  /// Has a message's wait for room end with the call; at once when the call has ended.
  func endWithCall(_ waiter: RoomWaiter?) {
    let isEnded = state.withLock { state in
      state.sender = waiter
      return state.isEnded
    }
    if isEnded { waiter?.end(.callEnded) }
  }

  /// The call has ended: with a client stream's response or a server's end of stream.
  func end(_ result: Result<[UInt8], CallError>) {
    switch result {
    case .success(let response):
      markEnded(nil)
      // A server that ends a stream with an empty Response means its end.
      if !kind.serverStreams || !response.isEmpty { _ = inbound.push(response) }
      inbound.end()
    case .failure(let error):
      markEnded(error)
      inbound.failAtEnd(error.status)
    }
  }

  private func markEnded(_ error: CallError?) {
    let sender = state.withLock { state in
      state.isEnded = true
      state.error = error
      let sender = state.sender
      state.sender = nil
      return sender
    }
    sender?.end(.callEnded)
  }
}

/// A streaming call. `send` and `finish` for one producer, `next` for one consumer. Letting it go
/// cancels the call if it has not ended.
public final class ClientStream: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = CallError

  let call: ClientCall
  private let core: ClientCore

  init(call: ClientCall, core: ClientCore) {
    self.call = call
    self.core = core
  }

  deinit {
    cancel()
  }

  /// Sends a message; suspends while too much waits for the server, and no longer than the call lasts. When
  /// the task is cancelled meanwhile the call is given up.
  public func send(_ message: [UInt8]) async throws(CallError) {
    if message.count > core.outbox.limits.maximumMessageByteCount {
      throw CallError(core.outbox.limits.messageTooLarge)
    }
    while true {
      try await waitForRoom()
      try call.checkSend()
      switch core.outbox.message(call.id, message) {
      case .sent: return
      case .full: continue
      case .gone: throw ClientCore.lost(outcomeIsUnknown: true)
      }
    }
  }

  private func waitForRoom() async throws(CallError) {
    if !core.outbox.isPaused { return }
    let waiter = RoomWaiter()
    call.endWithCall(waiter)
    defer { call.endWithCall(nil) }
    if case .cancelled = await core.outbox.waitForRoom(waiter) {
      cancel()
      throw call.error ?? ClientCore.cancelled(outcomeIsUnknown: true)
    }
  }

  /// Tells the server that no more messages come.
  public func finish() {
    guard call.finish() else { return }
    core.outbox.frame(
      type: FrameType.data, streamId: call.id, flags: FrameFlags.remoteClosed | FrameFlags.noData, [])
  }

  /// The server's next message; nil after its last. A client stream has one: its response.
  public func next() async throws(CallError) -> [UInt8]? {
    do {
      return try await withTaskCancellationHandler {
        await result(of: call.inbound)
      } onCancel: {
        cancel()
      }.get()
    } catch {
      throw call.error ?? CallError(error)
    }
  }

  private func result(of inbound: InboundBuffer) async -> Result<[UInt8]?, Status> {
    do {
      return .success(try await inbound.next())
    } catch {
      return .failure(error)
    }
  }

  /// Gives the call up.
  public func cancel() {
    if !call.isEnded { core.cancel(call.id, call.metadata) }
  }

  public func makeAsyncIterator() -> Iterator {
    Iterator(stream: self)
  }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: ClientStream

    public mutating func next() async throws(CallError) -> [UInt8]? {
      try await stream.next()
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(CallError) -> [UInt8]? {
      try await stream.next()
    }
  }
}
