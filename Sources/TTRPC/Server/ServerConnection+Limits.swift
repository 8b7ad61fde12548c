// What a connection does about what lasts too long or grows too large: slow handlers, half frames, silent
// streams, peers that do not read.
//
// Invariants:
// 1. A stream or frame that is too large or too slow is ended or dropped by itself. The connection closes
//    only when all of it is concerned: the peer takes nothing, a frame never ends, or no call is made.
//
// Owner: the connection's queue.

extension ServerConnection {
  /// How long to wait before looking again for a stream that could make room, when there was none.
  static let displacementPauseNanoseconds: UInt64 = 100_000_000

  // MARK: A stream whose handler does not keep up

  /// Makes the sender wait, so that the handler can catch up. This is done only for a stream that is the one
  /// call on its connection, and not for one that answers as it goes: its peer may read nothing before it has
  /// sent everything.
  func hold(_ call: Call, _ inbound: InboundBuffer, _ byteCount: Int) {
    if case .bulk = call.entry.handler { return waitForRoom(call, inbound) }
    guard !call.entry.kind.serverStreams else { return }
    if streams.count > 1 { takeFinished() }
    guard streams.count == 1, !state.isHeld else { return }
    let now = now
    let rest = pace.rest(
      afterByteCount: byteCount, bufferByteCount: inbound.maximumByteCount, requestCount: requestCount,
      now: now)
    guard let rest, inbound.onRoom({ [weak self] in self?.hasRoomSoon() }) else { return }
    outbox.holdReading()
    state.hold(outbox.poller.schedule(at: later(now, by: rest)) { [weak self] in self?.goOnSoon() })
  }

  /// Reads nothing until the handler has made room. If it takes nothing for long, the stream ends.
  private func waitForRoom(_ call: Call, _ inbound: InboundBuffer) {
    guard !state.isHeld, inbound.onRoom({ [weak self] in self?.goOnSoon() }) else { return }
    outbox.holdReading()
    state.hold(stallTimer(call, inbound, takenCount: inbound.takenCount))
  }

  private func stallTimer(_ call: Call, _ inbound: InboundBuffer, takenCount: Int) -> Timer {
    let due = later(now, by: server.options.bulkStallNanoseconds)
    return outbox.poller.schedule(at: due) { [weak self] in
      self?.stallDue(call, inbound, takenCount: takenCount)
    }
  }

  private func stallDue(_ call: Call, _ inbound: InboundBuffer, takenCount: Int) {
    enterSoon {
      // The hold ended and perhaps another began, whose timer comes later.
      guard self.endHold() else { return }
      let count = inbound.takenCount
      if count > takenCount {
        self.state.hold(self.stallTimer(call, inbound, takenCount: count))
      } else {
        self.outbox.cancel(call, self.streamOverflow(inbound))
        self.outbox.readOn()
      }
    }
  }

  private func hasRoomSoon() {
    enterSoon {
      self.pace.hasRoom()
      self.goOn()
    }
  }

  private func goOnSoon() {
    enterSoon { self.goOn() }
  }

  private func goOn() {
    if endHold() { outbox.readOn() }
  }

  /// Returns false when there was no hold.
  @discardableResult
  func endHold() -> Bool {
    guard let timer = state.endHold() else { return false }
    outbox.poller.timers.cancel(timer)
    return true
  }

  func streamOverflow(_ inbound: InboundBuffer) -> Status {
    server.callHooks.status(
      .streamOverflow, server.options.streamOverflow, ["limit": String(inbound.maximumByteCount)])
  }

  // MARK: Calls in flight

  var tooManyBytes: Status {
    server.callHooks.status(.tooManyBytes, server.options.tooManyBytes)
  }

  /// Ends the stream that has been silent longest, if it was silent long enough; returns false when there is
  /// none. A client cannot end a stream, so those that it has abandoned would fill its connection for ever.
  func displaceQuietStream() -> Bool {
    let now = now
    if now < nextDisplacement { return false }
    let quiet = streams.handles.filter { call in
      guard call.entry.handler.kind != .unary else { return false }
      let lastActive = call.lastActive.load(ordering: .relaxed)
      return later(lastActive, by: server.options.quietStreamNanoseconds) <= now
    }
    let oldest = quiet.min {
      $0.lastActive.load(ordering: .relaxed) < $1.lastActive.load(ordering: .relaxed)
    }
    guard let oldest else {
      nextDisplacement = later(now, by: Self.displacementPauseNanoseconds)
      return false
    }
    let message = "the stream was silent and made room for another call on its connection"
    outbox.cancel(oldest, outbox.status(.streamDisplaced, .unavailable, message))
    takeFinished()
    return true
  }

  // MARK: Half frames

  /// Notes which frame the round has left cut, or that none is cut any more.
  func noteCutFrame() {
    guard state.isOpen else { return }
    let held = parser.heldByteCount
    if held > ByteBudget.countedByteCount {
      heldByteCount = held
      if !server.cutFrames.hold(self, frame: parser.frameCount, byteCount: held) { dropCutFrame() }
    } else if heldByteCount > 0 {
      letGoOfHeld()
    }
    if !parser.isMidFrame {
      cutFrame = nil
    } else if cutFrame?.number != parser.frameCount {
      let now = now
      cutFrame = (number: parser.frameCount, since: now)
      outbox.watch(at: later(now, by: server.options.halfFrameNanoseconds))
    }
  }

  func letGoOfHeld() {
    if heldByteCount > 0 { server.cutFrames.release(self) }
    heldByteCount = 0
  }

  /// Drops the frame to make room for others, unless it is whole by now. Any thread may ask.
  func giveWay(frame: UInt64) {
    enterSoon {
      guard self.state.isOpen, self.parser.frameCount == frame, self.heldByteCount > 0 else { return }
      self.dropCutFrame()
    }
  }

  private func dropCutFrame() {
    heldByteCount = 0
    if let header = parser.dropCutFrame() { handleDropped(header, tooManyBytes) }
    settle()
  }

  // MARK: Time-outs

  /// Closes the connection if something has lasted too long, else sets the watch for what is due next.
  func watchTimeouts() {
    guard state.isOpen else { return }
    let now = now
    var next = UInt64.max
    // A frame that waits because we do not read is not the peer's delay.
    if let cutFrame {
      if rests { self.cutFrame?.since = now }
      let due = later(rests ? now : cutFrame.since, by: server.options.halfFrameNanoseconds)
      if due <= now { return closeNow(.halfFrame) }
      next = min(next, due)
    }
    if let stall = outbox.stallStart {
      let due = later(stall, by: server.options.stalledWriteNanoseconds)
      if due <= now { return closeNow(.stalledWrite) }
      next = min(next, due)
    }
    if let limit = refusal == nil ? server.options.idleNanoseconds : server.options.halfFrameNanoseconds {
      if streams.count > 0 { takeFinished() }
      if streams.count > 0 { idleSince = now }
      let due = later(idleSince, by: limit)
      if due <= now { return closeNow(refusal == nil ? .idle : .notAllowed) }
      next = min(next, due)
    }
    if next != UInt64.max { outbox.watch(at: next) }
  }
}
