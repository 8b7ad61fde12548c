// One connection of the server: reads, cuts into frames, starts calls.
//
// Invariants:
// 1. Everything here happens on `queue`, and only the thread that polls enters it; all other threads send
//    that thread work. So it always finds the queue free, and no further thread has to start, however many
//    connections end at once.
// 2. A round reads once, handles every whole frame of what it has read, and sends all replies that are ready
//    at once. It reads its share of the poller's round, and the rest of a cut frame, whose bytes cost little.
// 3. Nothing here blocks: handlers answer at once, or later through the outbox.
// 4. The connection rests while too much waits for the peer, for the handler of a bulk stream, or, for a
//    bounded time, for the handler of its only stream. No frame is looked at then; what was read already
//    waits in `backlog`.
// 5. The connection closes once; why is noted before the peer can see it. Every call that is under way is
//    then told.
//
// Owner: `queue`.

internal import CTallyLinux
internal import Dispatch

final class ServerConnection: Pollable, OutboxOwner, @unchecked Sendable {
  // Unchecked: all mutable fields are confined to `queue`, asserted at the entry of a round.

  private static let writable = UInt32(CLINUX_WRITABLE)
  /// Calls under way on a connection that are not counted against the bytes held.
  private static let freeCallCount = 16
  /// Calls beyond those are counted in groups of this size. Each counts as much as the largest call that is
  /// not counted by itself, and 1 KiB for what the server keeps beside it.
  private static let coverCallCount = 16
  private static let coverByteCount = coverCallCount * (ByteBudget.countedByteCount + (1 << 10))
  private static let gone = UInt32(CLINUX_HANG_UP) | UInt32(CLINUX_ERROR)

  let outbox: Outbox
  let queue: DispatchQueue
  let server: ServerCore
  private let descriptor: Int32
  /// The status that every call is refused with, if the peer may not connect; the connection closes after the
  /// first.
  let refusal: Status?
  var parser: FrameParser
  var streams: StreamTable<Call>
  private var finished: [UInt32] = []
  private var backlog: [UInt8] = [] {
    didSet {
      outbox.peerBudget?.give(oldValue.count)
      outbox.peerBudget?.charge(backlog.count)
    }
  }
  var state = ConnectionState<Timer>()
  var pace: StreamPace
  /// How many requests have come.
  private(set) var requestCount: UInt64 = 0
  /// The bytes of the cut frame, as far as they are counted.
  var heldByteCount = 0
  /// How many calls may be under way before more of them are counted against the bytes held.
  private var coveredCallCount = ServerConnection.freeCallCount
  /// Before this moment no stream is looked for that could make room.
  var nextDisplacement: UInt64 = 0
  /// No other socket was ready in this round.
  private var isLoneRound = false
  /// What the last read has brought.
  private var receivedByteCount = 0
  /// The frame that the last round has left cut: its number, and since when the rest of it is awaited.
  var cutFrame: (number: UInt64, since: UInt64)?
  var idleSince: UInt64 = 0

  init(server: ServerCore, descriptor: Int32, outbox: Outbox, refusal: Status?) {
    self.server = server
    self.descriptor = descriptor
    self.outbox = outbox
    self.refusal = refusal
    queue = DispatchQueue(label: "ttrpc.connection", target: .global())
    parser = FrameParser(maximumLength: server.options.maximumMessageByteCount)
    streams = StreamTable(maximumInFlight: server.options.maximumInFlight)
    pace = StreamPace(holdNanoseconds: server.options.streamHoldNanoseconds)
    super.init()
    outbox.setOwner(self)
  }

  var now: UInt64 { server.options.time.nanoseconds }

  // MARK: Entries

  /// Before the first event.
  func opened() {
    guard refusal != nil || server.options.idleNanoseconds != nil else { return }
    enterSoon {
      self.idleSince = self.now
      self.watchTimeouts()
    }
  }

  override func ready(_ events: UInt32, _ scratch: inout [UInt8]) {
    queue.sync { enter(events, &scratch) }
  }

  /// Has the thread that polls do `work` on the queue. Any thread.
  func enterSoon(_ work: @escaping @Sendable () -> Void) {
    outbox.poller.perform { _ in self.queue.sync(execute: work) }
  }

  func settleSoon() {
    enterSoon { self.settle() }
  }

  func watchDue() {
    queue.sync {
      outbox.watchFired()
      settle()
      watchTimeouts()
    }
  }

  /// Takes no new calls, and closes once those under way are done and sent.
  func drain() {
    enterSoon {
      self.state.drain()
      self.streams.isDraining = true
      self.outbox.wakeOnFinish()
      self.settle()
    }
  }

  func close(_ reason: CloseReason) {
    enterSoon { self.closeNow(reason) }
  }

  // MARK: A round

  private func enter(_ events: UInt32, _ scratch: inout [UInt8]) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard state.isOpen else { return }
    isLoneRound = events & Poller.loneEvent != 0
    outbox.beginRound(&finished)
    finishStreams()
    if !backlog.isEmpty && !rests {
      let bytes = backlog
      backlog = []
      consume(bytes.span)
    }
    let isGone = events & Self.gone != 0
    if backlog.isEmpty && !outbox.isPaused && state.reads {
      receive(&scratch)
    } else if isGone {
      fail(.peerClosed)
    }
    if state.isEnded && isGone { fail(.peerClosed) }
    if events & Self.writable != 0 { outbox.resumed() }
    if !outbox.endRound(), let reason = outbox.giveUpReason { fail(reason) }
    if state.isEnding { settle() }
    if parser.isMidFrame || cutFrame != nil { noteCutFrame() }
  }

  var rests: Bool { outbox.isPaused || state.isHeld }

  private func receive(_ scratch: inout [UInt8]) {
    let limit = max(outbox.poller.shareByteCount, parser.missingByteCount)
    switch Socket.receive(descriptor, into: &scratch, atMost: limit) {
    case .bytes(let count):
      if server.options.idleNanoseconds != nil { idleSince = now }
      receivedByteCount = count
      server.counters.bytesReceived(count)
      consume(scratch.span.extracting(0..<count))
    case .end:
      endReading()
    case .wouldBlock:
      break
    case .failed:
      fail(.receiveFailed)
    }
  }

  private func consume(_ bytes: Span<UInt8>) {
    do {
      let taken = try parser.consume(bytes) { event, payload in
        switch event {
        case .frame(let header): handle(header, payload)
        case .oversize(let header): handleDropped(header, messageTooLarge)
        }
        return !state.hasFailed && !rests
      }
      if taken < bytes.count && !state.hasFailed {
        backlog = [UInt8](bytes.extracting(taken..<bytes.count))
      }
    } catch {
      fail(.frameViolation)
    }
  }

  private func finishStreams() {
    for id in finished { streams.finish(id) }
    finished.removeAll(keepingCapacity: true)
    if coveredCallCount > Self.freeCallCount { uncoverCalls() }
  }

  /// Takes note of calls that were answered earlier in this round.
  func takeFinished() {
    outbox.takeFinished(&finished)
    finishStreams()
  }

  /// The peer has shut down its sending side. Calls under way are still answered; streams that wait
  /// for more from it end.
  private func endReading() {
    state.endIntake()
    outbox.endReading()
    outbox.wakeOnFinish()
    if parser.isMidFrame { fail(.peerClosed) }
    for call in streams.openHandles {
      outbox.cancel(call, outbox.status(.cancelled, .cancelled, "the peer closed its side mid-stream"))
    }
  }

  // MARK: Frames

  private func handle(_ header: FrameHeader, _ payload: Span<UInt8>) {
    // A frame that is whole by now counts as its call's payload.
    if heldByteCount > 0 { letGoOfHeld() }
    switch header.type {
    case FrameType.request: request(header, payload)
    case FrameType.data: data(header, payload)
    // Also a Response, which no client sends.
    default: break
    }
  }

  private var messageTooLarge: Status {
    outbox.shared?.status(
      .requestTooLarge, server.options.messageTooLarge,
      ["limit": String(server.options.maximumMessageByteCount)]) ?? server.options.messageTooLarge
  }

  /// A frame whose body is dropped as it arrives.
  func handleDropped(_ header: FrameHeader, _ status: Status) {
    switch header.type {
    case FrameType.request:
      if streams.handle(of: header.streamId) != nil { return fail(.duplicateStream) }
      if let refusal {
        refuse(header.streamId, refusal)
        return fail(.notAllowed)
      }
      refuse(header.streamId, status)
    case FrameType.data:
      switch streams.data(header) {
      // The stream has lost a message: it cannot go on.
      case .deliver(let call, _, _): outbox.cancel(call, status)
      case .drop: break
      case .refuse: refuse(header.streamId, status)
      }
    default: break
    }
  }

  private func request(_ header: FrameHeader, _ payload: Span<UInt8>) {
    requestCount &+= 1
    var admission = streams.admit(header.streamId)
    if admission == .duplicate { return fail(.duplicateStream) }
    if admission == .tooManyInFlight {
      takeFinished()
      admission = streams.admit(header.streamId)
    }
    if admission == .evenId {
      let status = outbox.status(.evenStreamId, .invalidArgument, "stream ids are odd")
      return refuse(header.streamId, status)
    }
    if let refusal {
      refuse(header.streamId, refusal)
      return fail(.notAllowed)
    }
    if admission == .draining { return refuse(header.streamId, .shuttingDown, server.options.shuttingDown) }
    if admission == .tooManyInFlight && displaceQuietStream() { admission = streams.admit(header.streamId) }
    do {
      let envelope = try RequestEnvelope(payload)
      // What is too late is too late, however full the connection is.
      if admission == .tooManyInFlight && envelope.timeoutNanoseconds >= 0 {
        let limit = String(server.options.maximumInFlight)
        return refuse(
          header.streamId, .tooManyInFlight, server.options.tooManyInFlight, ["limit": limit])
      }
      start(header, payload, envelope)
    } catch {
      let status = Status(.invalidArgument, "malformed request: \(error.reason)")
      refuse(header.streamId, .malformedRequest, status)
    }
  }

  private func start(_ header: FrameHeader, _ bytes: Span<UInt8>, _ envelope: consuming RequestEnvelope) {
    let service = bytes.extracting(envelope.service)
    let method = bytes.extracting(envelope.method)
    guard let entry = server.methods.find(service, method) else {
      let absence = server.methods.absence(bytes, service: envelope.service, method: envelope.method)
      return refuse(header.streamId, absence.kind, absence.status)
    }
    if envelope.timeoutNanoseconds < 0 {
      return refuse(header.streamId, outbox.deadlinePassed, entry)
    }
    let isTimed = entry.observer != nil || envelope.timeoutNanoseconds > 0
    let now = isTimed ? self.now : 0
    var deadline: UInt64 = 0
    if envelope.timeoutNanoseconds > 0 { deadline = later(now, by: UInt64(envelope.timeoutNanoseconds)) }
    let call = Call(
      connection: outbox, entry: entry, streamId: header.streamId, deadline: deadline,
      metadata: envelope.metadata, startedNanoseconds: now)
    call.isLone = isLoneRound && receivedByteCount == FrameHeader.byteCount + bytes.count
    if let intercept = server.options.intercept, let status = intercept(CallContext(call: call)) {
      return refuse(header.streamId, status, entry)
    }
    guard coverCall(bytes.count) else {
      return refuse(header.streamId, tooManyBytes, entry)
    }
    if bytes.count > ByteBudget.countedByteCount { call.takenByteCount = bytes.count }
    if !envelope.metadata.isEmpty { register(call) }
    server.counters.callStarted()
    entry.observer?.callStarted(CallContext(call: call))
    let payload = [UInt8](bytes.extracting(envelope.payload))
    switch entry.handler {
    case .unary(let handler):
      streams.open(header.streamId, isOpen: false, call)
      handler(CallContext(call: call), payload, UnaryResponder(call: call))
    case .streaming(_, let handler), .bulk(let handler):
      let inbound = InboundBuffer(
        maximumByteCount: server.options.inboundByteCount(of: entry.handler), budget: outbox.budget)
      call.inbound = inbound
      call.lastActive.store(self.now, ordering: .relaxed)
      let isOpen = entry.kind.clientStreams && header.has(FrameFlags.remoteOpen)
      if isOpen && streams.count == 0 { pace.begin(requestCount: requestCount) }
      if !entry.kind.clientStreams || !payload.isEmpty { _ = inbound.push(payload) }
      if !isOpen { inbound.end() }
      streams.open(header.streamId, isOpen: isOpen, call)
      StreamRunner.start(call, inbound, handler, lifetime: server.options.maximumStreamNanoseconds)
    }
  }

  private func register(_ call: Call) {
    guard let key = server.options.cancelTokenKey,
      let token = call.metadata.first(where: { $0.key == key })?.value, !token.isEmpty
    else { return }
    let tokenKey = TokenKey(uid: outbox.peer.uid, token: token)
    outbox.setToken(call, tokenKey)
    server.callHooks.tokens.add(tokenKey, call)
  }

  private func data(_ header: FrameHeader, _ payload: Span<UInt8>) {
    switch streams.data(header) {
    case .drop: break
    case .refuse:
      let status = outbox.status(
        .unknownStream, .invalidArgument, "no stream \(header.streamId) is open",
        ["stream_id": String(header.streamId)])
      refuse(header.streamId, status)
    case .deliver(let call, let isMessage, let isEnd):
      guard let inbound = call.inbound else { return }
      if isMessage {
        call.lastActive.store(now, ordering: .relaxed)
        switch inbound.push([UInt8](payload)) {
        case .taken: break
        case .crowded(let byteCount): if !isEnd { hold(call, inbound, byteCount) }
        case .full:
          outbox.cancel(call, streamOverflow(inbound))
          return
        }
      }
      if isEnd { inbound.end() }
    }
  }

  private func refuse(
    _ streamId: UInt32, _ kind: ServerFailure.Kind, _ status: Status, _ facts: [String: String] = [:]
  ) {
    refuse(streamId, server.callHooks.status(kind, status, facts))
  }

  /// Counts a request against the bytes held; returns false when there is no room for it. Small requests are
  /// counted in groups, and the first few of a connection not at all, so that counting costs the common call
  /// nothing.
  private func coverCall(_ byteCount: Int) -> Bool {
    if streams.count >= coveredCallCount { takeFinished() }
    if streams.count >= coveredCallCount {
      guard outbox.budget?.take(Self.coverByteCount) ?? true else { return false }
      coveredCallCount += Self.coverCallCount
    }
    return byteCount <= ByteBudget.countedByteCount || outbox.budget?.take(byteCount) ?? true
  }

  private func uncoverCalls() {
    while coveredCallCount > Self.freeCallCount, coveredCallCount - 2 * Self.coverCallCount >= streams.count {
      coveredCallCount -= Self.coverCallCount
      outbox.budget?.give(Self.coverByteCount)
    }
  }

  /// - Parameter entry: the method, where it is known already.
  private func refuse(_ streamId: UInt32, _ status: Status, _ entry: MethodEntry? = nil) {
    server.counters.callRefused()
    entry?.observer?.callRefused(status.code)
    outbox.refuse(streamId, status)
  }

  private func fail(_ reason: CloseReason) { state.fail(reason) }

  // MARK: Ends

  /// Closes the connection when there is a reason to.
  func settle() {
    guard state.isOpen else { return }
    if let reason = outbox.giveUpReason { fail(reason) }
    guard state.isEnding else { return }
    takeFinished()
    let isIdle = streams.count == 0 && outbox.isEmpty
    if let reason = state.closeReason(isIdle: isIdle) { closeNow(reason) }
  }

  func closeNow(_ reason: CloseReason) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard state.close() else { return }
    server.closing(self, reason)
    outbox.close()
    let lost = outbox.connectionLost
    for call in streams.handles { outbox.cancel(call, lost) }
    streams = StreamTable(maximumInFlight: 0)
    uncoverCalls()
    backlog = []
    letGoOfHeld()
    endHold()
    server.closed(self)
  }
}
