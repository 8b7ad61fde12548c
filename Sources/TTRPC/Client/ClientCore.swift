// What a client's connection is made of: socket, parser, table of calls.
//
// Invariants:
// 1. A call leaves the table exactly once; who took it out ends it.
// 2. Completions run without the lock.
//
// Owner: `queue`, for parser and descriptor; the table is behind a lock.

internal import CTallyLinux
internal import Dispatch
internal import TallyLocking

final class ClientCore: Pollable, OutboxOwner, @unchecked Sendable {
  // Unchecked: parser and state are confined to `queue`; the table has its lock.

  private struct Table {
    var calls: [UInt32: PendingCall] = [:]
    var nextId: UInt32
    var isClosed = false

    /// Puts a call in the table under a new id; nil when the connection is closed.
    mutating func add(_ call: PendingCall) -> UInt32? {
      if isClosed { return nil }
      while calls[nextId] != nil { nextId &+= 2 }
      let id = nextId
      nextId &+= 2
      calls[id] = call
      return id
    }
  }

  /// One thread waits for the answers of all client connections of the process.
  private static let sharedPoller: Result<Poller, SystemError> = {
    do throws(SystemError) {
      let poller = try Poller()
      try poller.start(name: "ttrpc-client")
      return .success(poller)
    } catch {
      return .failure(error)
    }
  }()

  let outbox: Outbox
  let options: ClientOptions
  private let poller: Poller
  private let token: UInt64
  private let descriptor: Int32
  /// It has a target so that many connections that close at once do not start a thread each.
  private let queue = DispatchQueue(label: "ttrpc.client", target: .global())
  private let table: Lock<Table>
  private var parser: FrameParser
  private var isOpen = true

  init(descriptor: Int32, options: ClientOptions, firstStreamId: UInt32) throws(SystemError) {
    do {
      poller = try Self.sharedPoller.get()
    } catch {
      _ = clinux_close(descriptor)
      throw error
    }
    token = poller.newToken()
    self.descriptor = descriptor
    self.options = options
    parser = FrameParser(maximumLength: options.maximumMessageByteCount)
    table = Lock(Table(nextId: firstStreamId))
    outbox = Outbox(
      descriptor: descriptor, connectionId: token,
      peer: Socket.peer(descriptor) ?? PeerCredentials(pid: 0, uid: .max, gid: .max),
      limits: Outbox.Limits(
        maximumMessageByteCount: min(options.maximumMessageByteCount, FrameHeader.maximumLength),
        pauseByteCount: options.outboundPauseByteCount,
        maximumByteCount: options.maximumOutboundByteCount,
        stallNanoseconds: options.stalledWriteNanoseconds,
        readsWhilePaused: true,
        messageTooLarge: Status(.resourceExhausted, "the message is over the size limit")),
      poller: poller, token: token)
    super.init()
    outbox.setOwner(self)
  }

  func start() throws(SystemError) {
    do throws(SystemError) {
      try poller.add(descriptor, token, UInt32(CLINUX_READABLE), self)
    } catch {
      close()
      throw error
    }
  }

  var isClosed: Bool { table.withLock { $0.isClosed } }

  func close() {
    table.withLock { $0.isClosed = true }
    queue.async { self.closeNow() }
  }

  // MARK: Calls

  /// What became of a unary call that was to begin.
  enum Begun {
    case begun(UInt32)
    /// It waits for room; nothing was sent, and its completion is not called.
    case full
    /// It has failed already, and its completion was called.
    case failed
  }

  /// Starts a unary call; if it is so asked, only while there is room.
  func unary(
    _ request: Request, ifRoom: Bool = false,
    completion: @escaping @Sendable (Result<[UInt8], CallError>) -> Void
  ) -> Begun {
    let envelope = request.encode()
    if envelope.count > outbox.limits.maximumMessageByteCount {
      completion(.failure(CallError(outbox.limits.messageTooLarge)))
      return .failed
    }
    var id: UInt32 = 0
    let sent = outbox.request(flags: 0, envelope, ifRoom: ifRoom) {
      let new = table.withLock { $0.add(.unary(completion, nil)) }
      if let new { id = new }
      return new
    }
    switch sent {
    case .sent:
      if let due = request.due { armTimer(id, due) }
      return .begun(id)
    case .full: return .full
    case .gone:
      completion(.failure(gone()))
      return .failed
    }
  }

  func stream(_ kind: MethodKind, _ request: Request) throws(CallError) -> ClientCall {
    let envelope = request.encode()
    if envelope.count > outbox.limits.maximumMessageByteCount {
      throw CallError(outbox.limits.messageTooLarge)
    }
    let call = ClientCall(
      kind: kind, metadata: request.metadata,
      inbound: InboundBuffer(maximumByteCount: options.maximumStreamInboundByteCount))
    let flags = kind.clientStreams ? FrameFlags.remoteOpen : FrameFlags.remoteClosed
    let sent = outbox.request(flags: flags, envelope, ifRoom: false) {
      let id = table.withLock { $0.add(.stream(call)) }
      if let id { call.begin(id) }
      return id
    }
    guard case .sent = sent else { throw gone() }
    if let due = request.due { armTimer(call.id, due) }
    return call
  }

  /// Waits until there is room for a call that has not begun. Throws when its deadline passes or its task is
  /// cancelled before: then nothing was sent.
  func waitForRoom(due: UInt64?) async throws(CallError) {
    if !outbox.isPaused { return }
    let waiter = RoomWaiter()
    let timer = due.map { poller.schedule(at: $0) { waiter.end(.late) } }
    let end = await outbox.waitForRoom(waiter)
    if let timer { poller.timers.cancel(timer) }
    switch end {
    case .room, .callEnded: return
    case .late: throw CallError(Status(.deadlineExceeded, "the call was not sent in time"))
    case .cancelled: throw Self.cancelled(outcomeIsUnknown: false)
    }
  }

  private func armTimer(_ id: UInt32, _ due: UInt64) {
    let timer = poller.schedule(at: later(due, by: options.deadlineGraceNanoseconds)) { [weak self] in
      let error = CallError(
        Status(.deadlineExceeded, "the deadline passed"), outcomeIsUnknown: true)
      self?.fail(id, error)
    }
    let isPending = table.withLock { table in
      switch table.calls[id] {
      case .unary(let completion, _): table.calls[id] = .unary(completion, timer)
      case .stream(let call): call.setTimer(timer)
      case nil: return false
      }
      return true
    }
    if !isPending { poller.timers.cancel(timer) }
  }

  /// Gives a call up, and tells the server if it can be told.
  func cancel(_ id: UInt32, _ metadata: [MetadataPair]) {
    if fail(id, Self.cancelled(outcomeIsUnknown: true)) { tellServer(metadata) }
  }

  /// Has the server end a call that was given up, if the call carries a token.
  private func tellServer(_ metadata: [MetadataPair]) {
    guard let method = options.cancelMethod,
      let token = metadata.first(where: { $0.key == method.metadataKey })?.value
    else { return }
    let request = Request(method.service, method.method, method.request(token), nil, [])
    // Whether it came in time makes no difference to the caller, who has gone.
    _ = unary(request) { _ in }
  }

  /// Ends a call that still waits; false when it does not.
  @discardableResult
  func fail(_ id: UInt32, _ error: CallError) -> Bool {
    guard let call = take(id) else { return false }
    end(call, .failure(error))
    return true
  }

  private func take(_ id: UInt32) -> PendingCall? {
    table.withLock { $0.calls.removeValue(forKey: id) }
  }

  private func end(_ call: PendingCall, _ result: Result<[UInt8], CallError>) {
    switch call {
    case .unary(let completion, let timer):
      if let timer { poller.timers.cancel(timer) }
      completion(result)
    case .stream(let stream):
      if let timer = stream.takeTimer() { poller.timers.cancel(timer) }
      stream.end(result)
    }
  }

  static func cancelled(outcomeIsUnknown: Bool) -> CallError {
    CallError(Status(.cancelled, "the call was cancelled"), outcomeIsUnknown: outcomeIsUnknown)
  }

  static func lost(outcomeIsUnknown: Bool) -> CallError {
    CallError(Status(.unavailable, "the connection is closed"), outcomeIsUnknown: outcomeIsUnknown)
  }

  /// The error of a call that was never sent. Its caller sees the connection closed, although calls that wait
  /// for answers are told a moment later.
  private func gone() -> CallError {
    table.withLock { $0.isClosed = true }
    return Self.lost(outcomeIsUnknown: false)
  }

  // MARK: Reading

  override func ready(_ events: UInt32, _ scratch: inout [UInt8]) {
    queue.sync {
      guard isOpen else { return }
      if events & UInt32(CLINUX_WRITABLE) != 0 { outbox.resumed() }
      switch Socket.receive(descriptor, into: &scratch) {
      case .bytes(let count): consume(scratch.span.extracting(0..<count))
      case .wouldBlock: break
      case .end, .failed: closeNow()
      }
      if isOpen { outbox.flush() }
    }
  }

  private func consume(_ bytes: Span<UInt8>) {
    do {
      _ = try parser.consume(bytes) { event, payload in
        switch event {
        case .frame(let header): handle(header, payload)
        case .oversize(let header):
          fail(header.streamId, CallError(outbox.limits.messageTooLarge, outcomeIsUnknown: true))
        }
        return true
      }
    } catch {
      closeNow()
    }
  }

  private func handle(_ header: FrameHeader, _ payload: Span<UInt8>) {
    switch header.type {
    case FrameType.response:
      guard let call = take(header.streamId) else { return }
      end(call, Self.decode(payload))
    case FrameType.data:
      data(header, payload)
    default: break
    }
  }

  private static func decode(_ payload: Span<UInt8>) -> Result<[UInt8], CallError> {
    do {
      let envelope = try ResponseEnvelope(payload)
      if let status = envelope.status { return .failure(CallError(status)) }
      return .success([UInt8](payload.extracting(envelope.payload)))
    } catch {
      let status = Status(.internalError, "malformed response: \(error.reason)")
      return .failure(CallError(status, outcomeIsUnknown: true))
    }
  }

  private func data(_ header: FrameHeader, _ payload: Span<UInt8>) {
    let call = table.withLock { $0.calls[header.streamId] }
    guard let call else { return }
    guard case .stream(let stream) = call, stream.kind.serverStreams else {
      // Waiting on would be for an answer that the server does not think it owes.
      let status = Status(.internalError, "the server answered a call of one response like a stream")
      fail(header.streamId, CallError(status, outcomeIsUnknown: true))
      return
    }
    if !header.has(FrameFlags.noData) || header.length > 0 {
      if stream.inbound.push([UInt8](payload)) == .full {
        let status = Status(.resourceExhausted, "the stream's messages are not taken in time")
        if fail(header.streamId, CallError(status, outcomeIsUnknown: true)) { tellServer(stream.metadata) }
        return
      }
    }
    if header.has(FrameFlags.remoteClosed), let call = take(header.streamId) { end(call, .success([])) }
  }

  // MARK: Ends

  func settleSoon() {
    queue.async {
      if self.outbox.giveUpReason != nil { self.closeNow() }
    }
  }

  func watchDue() {
    queue.sync {
      outbox.watchFired()
      guard isOpen, let stall = outbox.stallStart else { return }
      let due = later(stall, by: options.stalledWriteNanoseconds)
      if due <= MonotonicClock.nanoseconds { return closeNow() }
      outbox.watch(at: due)
    }
  }

  private func closeNow() {
    dispatchPrecondition(condition: .onQueue(queue))
    guard isOpen else { return }
    isOpen = false
    let calls = table.withLock { table in
      table.isClosed = true
      let calls = table.calls
      table.calls = [:]
      return calls
    }
    outbox.close()
    for call in calls.values { end(call, .failure(Self.lost(outcomeIsUnknown: true))) }
  }
}
