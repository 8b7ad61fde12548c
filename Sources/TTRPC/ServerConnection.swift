// One connection of the server: reads, cuts into frames, starts calls.
//
// Invariants:
// 1. Everything here happens on `queue`, which the thread that polls enters, and nobody else: all others send
//    that thread work. So it finds the queue free, and however many connections end at once, no further
//    thread has to start for them.
// 2. One read a round; everything whole in it is handled, and all replies that are ready leave in one
//    send.
// 3. Nothing here blocks: handlers answer at once or later through the outbox.
// 4. While the connection rests, since too much waits for the peer or for the handler of its only stream, no
//    frame is looked at; what was read already waits in `backlog`.
// 5. `close` happens once; every call that is under way is then told.
//
// Owner: `queue`.

internal import CTallyLinux
internal import Dispatch

final class ServerConnection: Pollable, OutboxOwner, @unchecked Sendable {
  // Unchecked: all mutable fields are confined to `queue`, asserted at the entry of a round.

  private static let writable = UInt32(CLINUX_WRITABLE)
  private static let gone = UInt32(CLINUX_HANG_UP) | UInt32(CLINUX_ERROR)

  let outbox: Outbox
  let queue: DispatchQueue
  private let server: ServerCore
  private let descriptor: Int32
  /// What every call is refused with; the connection closes after the first.
  private let refusal: Status?
  private var parser: FrameParser
  private var streams: StreamTable<Call>
  private var finished: [UInt32] = []
  private var backlog: [UInt8] = []
  private var isOpen = true
  private var isReadEnded = false
  /// The handler of the only stream has to take some of what waits for it first.
  private var isHeld = false
  private var isDraining = false
  private var failure: CloseReason?
  private var heldByteCount = 0
  /// No other socket was ready in this round.
  private var isLoneRound = false
  /// Of the last read.
  private var receivedByteCount = 0
  private var cutFrame: UInt64 = 0
  private var cutSince: UInt64 = 0
  private var idleSince: UInt64 = 0

  init(server: ServerCore, descriptor: Int32, outbox: Outbox, refusal: Status?) {
    self.server = server
    self.descriptor = descriptor
    self.outbox = outbox
    self.refusal = refusal
    queue = DispatchQueue(label: "ttrpc.connection", target: .global())
    parser = FrameParser(maximumLength: server.options.maximumMessageByteCount)
    streams = StreamTable(maximumInFlight: server.options.maximumInFlight)
    super.init()
    outbox.setOwner(self)
  }

  // MARK: Entries

  /// Before the first event.
  func opened() {
    guard refusal != nil || server.options.idleNanoseconds != nil else { return }
    enterSoon {
      self.idleSince = monotonicNanoseconds()
      self.watchTimeouts()
    }
  }

  override func ready(_ events: UInt32, _ scratch: inout [UInt8]) {
    queue.sync { enter(events, &scratch) }
  }

  /// Has the thread that polls do `work` on the queue. Any thread.
  private func enterSoon(_ work: @escaping @Sendable () -> Void) {
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
      self.isDraining = true
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
    guard isOpen else { return }
    isLoneRound = events & Poller.loneEvent != 0
    outbox.beginRound(&finished)
    finishStreams()
    if !backlog.isEmpty && !rests {
      let bytes = backlog
      backlog = []
      consume(bytes.span)
    }
    if backlog.isEmpty && !rests && failure == nil && !isReadEnded {
      receive(&scratch)
    } else if events & Self.gone != 0 {
      failure = failure ?? .peerClosed
    }
    if isReadEnded && events & Self.gone != 0 { failure = failure ?? .peerClosed }
    if events & Self.writable != 0 { outbox.resumed() }
    if !outbox.endRound() { failure = failure ?? outbox.giveUpReason }
    if failure != nil || isReadEnded || isDraining { settle() }
    if parser.isMidFrame || cutSince != 0 { noteCutFrame() }
  }

  private var rests: Bool { outbox.isPaused || isHeld }

  private func receive(_ scratch: inout [UInt8]) {
    switch Socket.receive(descriptor, into: &scratch) {
    case .bytes(let count):
      if server.options.idleNanoseconds != nil { idleSince = monotonicNanoseconds() }
      receivedByteCount = count
      server.counters.bytesReceived(count)
      consume(scratch.span.extracting(0..<count))
    case .end:
      endReading()
    case .wouldBlock:
      break
    case .failed:
      failure = .receiveFailed
    }
  }

  private func consume(_ bytes: Span<UInt8>) {
    // Counted again at the round's end: a frame that is whole by now counts as its call's payload.
    letGoOfHeld()
    do {
      let taken = try parser.consume(bytes) { event, payload in
        switch event {
        case .frame(let header): handle(header, payload)
        case .oversize(let header): handleOversize(header)
        }
        return failure == nil && !rests
      }
      if taken < bytes.count && failure == nil {
        backlog = [UInt8](bytes.extracting(taken..<bytes.count))
      }
    } catch {
      failure = .frameViolation
    }
  }

  private func finishStreams() {
    for id in finished { streams.finish(id) }
    finished.removeAll(keepingCapacity: true)
  }

  /// The peer has shut down its sending side. Calls under way are still answered; streams that wait
  /// for more from it end.
  private func endReading() {
    isReadEnded = true
    outbox.endReading()
    outbox.wakeOnFinish()
    if parser.isMidFrame { failure = .peerClosed }
    for call in streams.openHandles {
      call.connection.cancel(call, Status(.cancelled, "the peer closed its side mid-stream"))
    }
  }

  // MARK: Frames

  private func handle(_ header: FrameHeader, _ payload: Span<UInt8>) {
    switch header.type {
    case FrameType.request: request(header, payload)
    case FrameType.data: data(header, payload)
    // Also a Response, which no client sends.
    default: break
    }
  }

  private func handleOversize(_ header: FrameHeader) {
    switch header.type {
    case FrameType.request:
      if streams.handle(of: header.streamId) != nil { return fail(.duplicateStream) }
      if let refusal {
        refuse(header.streamId, refusal)
        return fail(.notAllowed)
      }
      refuse(header.streamId, server.options.messageTooLarge)
    case FrameType.data:
      switch streams.data(header) {
      // The stream has lost a message: it cannot go on.
      case .deliver(let call, _, _): outbox.cancel(call, server.options.messageTooLarge)
      case .drop: break
      case .refuse: refuse(header.streamId, server.options.messageTooLarge)
      }
    default: break
    }
  }

  private func request(_ header: FrameHeader, _ payload: Span<UInt8>) {
    var admission = streams.admit(header.streamId)
    if admission == .duplicate { return fail(.duplicateStream) }
    if admission == .tooManyInFlight {
      // Calls that were answered earlier in this round are done.
      outbox.takeFinished(&finished)
      finishStreams()
      admission = streams.admit(header.streamId)
    }
    if admission == .evenId {
      return refuse(header.streamId, Status(.invalidArgument, "stream ids are odd"))
    }
    if let refusal {
      refuse(header.streamId, refusal)
      return fail(.notAllowed)
    }
    if admission == .draining { return refuse(header.streamId, server.options.shuttingDown) }
    do {
      let envelope = try RequestEnvelope(payload)
      // What is too late is too late, however full the connection is.
      if admission == .tooManyInFlight && envelope.timeoutNanoseconds >= 0 {
        return refuse(header.streamId, server.options.tooManyInFlight)
      }
      start(header, payload, envelope)
    } catch {
      refuse(header.streamId, Status(.invalidArgument, "malformed request: \(error.reason)"))
    }
  }

  private func start(_ header: FrameHeader, _ bytes: Span<UInt8>, _ envelope: RequestEnvelope) {
    let service = bytes.extracting(envelope.service)
    let method = bytes.extracting(envelope.method)
    guard let entry = server.methods.find(service, method) else {
      let status = server.methods.absence(bytes, service: envelope.service, method: envelope.method)
      return refuse(header.streamId, status)
    }
    if envelope.timeoutNanoseconds < 0 {
      return refuse(header.streamId, Status(.deadlineExceeded, "the deadline passed"), entry)
    }
    let isTimed = entry.observer != nil || envelope.timeoutNanoseconds > 0
    let now = isTimed ? monotonicNanoseconds() : 0
    var deadline: UInt64 = 0
    if envelope.timeoutNanoseconds > 0 { deadline = later(now, by: UInt64(envelope.timeoutNanoseconds)) }
    let call = Call(
      connection: outbox, entry: entry, streamId: header.streamId, deadline: deadline,
      metadata: envelope.metadata, startedNanoseconds: now)
    call.isLone = isLoneRound && receivedByteCount == FrameHeader.byteCount + bytes.count
    if let intercept = server.options.intercept, let status = intercept(CallContext(call: call)) {
      return refuse(header.streamId, status, entry)
    }
    if envelope.payload.count > ByteBudget.countedByteCount {
      guard outbox.budget?.take(envelope.payload.count) ?? true else {
        return refuse(header.streamId, server.options.tooManyBytes, entry)
      }
      call.takenByteCount = envelope.payload.count
    }
    if !envelope.metadata.isEmpty { register(call) }
    server.counters.callStarted()
    entry.observer?.callStarted(CallContext(call: call))
    let payload = [UInt8](bytes.extracting(envelope.payload))
    switch entry.handler {
    case .unary(let handler):
      streams.open(header.streamId, isOpen: false, call)
      handler(CallContext(call: call), payload, UnaryResponder(call: call))
    case .streaming(_, let handler):
      let inbound = InboundBuffer(
        maximumByteCount: server.options.maximumStreamInboundByteCount, budget: outbox.budget)
      call.inbound = inbound
      let isOpen = entry.kind.clientStreams && header.has(FrameFlags.remoteOpen)
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
      refuse(header.streamId, Status(.invalidArgument, "no stream \(header.streamId) is open"))
    case .deliver(let call, let isMessage, let isEnd):
      guard let inbound = call.inbound else { return }
      if isMessage {
        switch inbound.push([UInt8](payload)) {
        case .taken: break
        case .crowded: if !isEnd { hold(call, inbound) }
        case .full:
          outbox.cancel(call, server.options.streamOverflow)
          return
        }
      }
      if isEnd { inbound.end() }
    }
  }

  /// Makes the peer wait until the handler has taken more. Only for a stream that is all that is under way,
  /// since it must hold up nobody else; and not for one that answers as it goes, whose peer may read
  /// nothing before it has sent everything.
  private func hold(_ call: Call, _ inbound: InboundBuffer) {
    guard !call.entry.kind.serverStreams else { return }
    if streams.count > 1 {
      outbox.takeFinished(&finished)
      finishStreams()
    }
    guard streams.count == 1 else { return }
    isHeld = inbound.onRoom { [weak self] in self?.goOnSoon() }
    if isHeld { outbox.holdReading() }
  }

  private func goOnSoon() {
    enterSoon {
      self.isHeld = false
      self.outbox.readOn()
    }
  }

  /// - Parameter entry: the method, where it is known already.
  private func refuse(_ streamId: UInt32, _ status: Status, _ entry: MethodEntry? = nil) {
    server.counters.callRefused()
    entry?.observer?.callRefused(status.code)
    outbox.refuse(streamId, status)
  }

  private func fail(_ reason: CloseReason) {
    failure = failure ?? reason
  }

  // MARK: Ends

  /// Closes the connection when there is a reason to.
  private func settle() {
    guard isOpen else { return }
    if let failure { return closeNow(failure) }
    if let reason = outbox.giveUpReason { return closeNow(reason) }
    guard isReadEnded || isDraining else { return }
    outbox.takeFinished(&finished)
    finishStreams()
    if streams.count == 0 && outbox.isEmpty { closeNow(isDraining ? .shutdown : .peerClosed) }
  }

  private func closeNow(_ reason: CloseReason) {
    dispatchPrecondition(condition: .onQueue(queue))
    guard isOpen else { return }
    isOpen = false
    outbox.close()
    for call in streams.handles { outbox.cancel(call, Outbox.connectionLost) }
    streams = StreamTable(maximumInFlight: 0)
    backlog = []
    letGoOfHeld()
    server.closed(self, reason)
  }

  // MARK: Time-outs

  private func noteCutFrame() {
    guard isOpen else { return }
    // A connection has one cut frame at most, so only the total needs a bound.
    let held = parser.heldByteCount
    if held > ByteBudget.countedByteCount && heldByteCount == 0 {
      guard server.budget.take(held) else { return closeNow(.inboundFull) }
      heldByteCount = held
    }
    if !parser.isMidFrame {
      cutSince = 0
    } else if cutSince == 0 || cutFrame != parser.frameCount {
      cutFrame = parser.frameCount
      cutSince = monotonicNanoseconds()
      outbox.watch(at: later(cutSince, by: server.options.halfFrameNanoseconds))
    }
  }

  private func letGoOfHeld() {
    if heldByteCount > 0 { server.budget.give(heldByteCount) }
    heldByteCount = 0
  }

  /// Closes for what has lasted too long, and sets the watch for what comes next.
  private func watchTimeouts() {
    guard isOpen else { return }
    let now = monotonicNanoseconds()
    var next = UInt64.max
    // A frame that waits because we do not read is not the peer's delay.
    if cutSince != 0 {
      if rests { cutSince = now }
      let due = later(cutSince, by: server.options.halfFrameNanoseconds)
      if due <= now { return closeNow(.halfFrame) }
      next = min(next, due)
    }
    if let stall = outbox.stallStart {
      let due = later(stall, by: server.options.stalledWriteNanoseconds)
      if due <= now { return closeNow(.stalledWrite) }
      next = min(next, due)
    }
    if let limit = refusal == nil ? server.options.idleNanoseconds : server.options.halfFrameNanoseconds {
      if streams.count > 0 {
        outbox.takeFinished(&finished)
        finishStreams()
      }
      if streams.count > 0 { idleSince = now }
      let due = later(idleSince, by: limit)
      if due <= now { return closeNow(refusal == nil ? .idle : .notAllowed) }
      next = min(next, due)
    }
    if next != UInt64.max { outbox.watch(at: next) }
  }
}
