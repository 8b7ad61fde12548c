// How calls end: answers, failures and cancellations, all under the lock of the call's outbox.
//
// Invariants:
// 1. `end` succeeds once for a call, and only its caller may write the call's last frame.
// 2. Timers, tokens and handlers are released, and handlers run, without the lock.
// 3. An observer has counted a call before its answer can reach the peer.
//
// Owner: the outbox's lock, see Outbox.swift.

extension Outbox {
  func answer(_ call: Call, _ payload: [UInt8], tail: [UInt8], flush: Bool) {
    let payloadByteCount = payload.count + tail.count
    let byteCount = payloadByteCount == 0 ? 0 : fieldByteCount(payloadByteCount)
    if byteCount > limits.maximumMessageByteCount {
      fail(call, limits.messageTooLarge, flush: flush)
      return
    }
    let header = FrameHeader(
      length: byteCount, streamId: call.streamId, type: FrameType.response, flags: 0)
    finish(call, .ok, flush: flush) { append(header, responsePayload: payload, tail: tail) }
  }

  func fail(_ call: Call, _ status: Status, flush: Bool) {
    let envelope = fitting(status)
    finish(call, status.code, flush: flush) {
      append(type: FrameType.response, streamId: call.streamId, flags: 0, envelope)
    }
  }

  /// Ends a stream well: Data with nothing in it.
  func finishStream(_ call: Call) {
    finish(call, .ok, flush: true) {
      append(
        type: FrameType.data, streamId: call.streamId, flags: FrameFlags.remoteClosed | FrameFlags.noData, [])
    }
  }

  /// One message of a stream.
  func data(_ call: Call, _ payload: [UInt8], flush: Bool = true) throws(Status) {
    if payload.count > limits.maximumMessageByteCount { throw limits.messageTooLarge }
    try lock.withLock { () throws(Status) in
      if let status = endOfSending(call) { throw status }
      call.lastActive.store(poller.time.nanoseconds, ordering: .relaxed)
      append(type: FrameType.data, streamId: call.streamId, flags: 0, payload)
      afterAppend(flush)
    }
  }

  /// Ends a call; `append` adds its last frame. Inlined for the sake of the common answer.
  @inline(__always)
  private func finish(_ call: Call, _ code: StatusCode, flush: Bool, _ append: () -> Void) {
    let finished = lock.withLock { () -> (end: End, owner: (any OutboxOwner)?)? in
      guard let end = end(call, code) else { return nil }
      if isUsable {
        self.finished.append(call.streamId)
        append()
        afterAppend(flush)
      }
      return (end, ownerToWake())
    }
    guard let finished else { return }
    retire(call, finished.end, code)
    finished.owner?.settleSoon()
  }

  // MARK: Cancellation

  /// The end of a call, what is left of its cancellation, and who wants to hear of it.
  private struct End {
    var cancellation: Cancellation?
    var observer: (any MethodObserver)?
  }

  /// Marks a call answered, with the lock held; nil when it was before.
  private func end(_ call: Call, _ code: StatusCode) -> End? {
    if call.isAnswered { return nil }
    call.answered.store(true, ordering: .relaxed)
    var end = End()
    if let observer = call.entry.observer, observer.callEnded(CallContext(call: call), code) {
      end.observer = observer
    }
    guard let cancellation = call.cancellation else { return end }
    call.cancellation = Cancellation(status: cancellation.status)
    end.cancellation = cancellation
    return end
  }

  private func retire(_ call: Call, _ end: End, _ code: StatusCode) {
    end.observer?.callAnswered(CallContext(call: call), code)
    if call.takenByteCount > 0 { budget?.give(call.takenByteCount) }
    guard let cancellation = end.cancellation else { return }
    if let lifetime = cancellation.lifetime { poller.timers.cancel(lifetime) }
    if let timer = cancellation.timer { poller.timers.cancel(timer) }
    if let token = cancellation.token { shared?.tokens.remove(token, call) }
  }

  func isCancelled(_ call: Call) -> Bool {
    lock.withLock { call.cancellation?.status != nil || !isUsable }
  }

  func cancelToken(_ call: Call) -> String? {
    lock.withLock { call.cancellation?.token?.token }
  }

  func setToken(_ call: Call, _ token: TokenKey) {
    lock.withLock { cancellation(of: call).token = token }
  }

  /// With the lock held.
  private func cancellation(of call: Call) -> Cancellation {
    if let cancellation = call.cancellation { return cancellation }
    let cancellation = Cancellation()
    call.cancellation = cancellation
    return cancellation
  }

  func onCancel(_ call: Call, _ handler: @escaping @Sendable (Status) -> Void) {
    let status = lock.withLock { () -> Status? in
      if call.isAnswered { return nil }
      if let status = call.cancellation?.status ?? (isUsable ? nil : connectionLost) { return status }
      let cancellation = cancellation(of: call)
      cancellation.add(handler)
      if call.deadline != 0, cancellation.timer == nil {
        cancellation.timer = poller.schedule(at: call.deadline) { [weak self] in
          if let self { cancel(call, deadlinePassed) }
        }
      }
      return nil
    }
    if let status { handler(status) }
  }

  /// Ends a call that lasts longer.
  func limitLifetime(_ call: Call, nanoseconds: UInt64) {
    lock.withLock {
      if call.isAnswered || !isUsable { return }
      let seconds = nanoseconds / 1_000_000_000
      let end = later(poller.time.nanoseconds, by: nanoseconds)
      call.cancellation?.lifetime = poller.schedule(at: end) { [weak self] in
        guard let self else { return }
        let message = "the stream reached its maximum lifetime"
        cancel(call, status(.streamLifetime, .unavailable, message, ["limit_seconds": String(seconds)]))
      }
    }
  }

  /// Tells a call that nobody waits for it; false when it has ended or was told before.
  @discardableResult
  func cancel(_ call: Call, _ status: Status) -> Bool {
    typealias Told = (handlers: [Cancellation.Handler], timer: Timer?)
    let told = lock.withLock { () -> Told? in
      if call.isAnswered || call.cancellation?.status != nil { return nil }
      let cancellation = cancellation(of: call)
      cancellation.status = status
      wakeRoomWaiters(of: call)
      return (cancellation.takeHandlers(), cancellation.timer.take())
    }
    guard let told else { return false }
    if let timer = told.timer { poller.timers.cancel(timer) }
    for handler in told.handlers { handler(status) }
    return true
  }

  /// The status for a handler's error that is no status. A handler whose task was cancelled has not failed
  /// when the call itself was cancelled, or its deadline or connection is gone: nobody waits for it.
  func unexpected(_ call: Call, _ error: any Error) -> Status {
    if error is CancellationError, let status = cancellationStatus(call) { return status }
    return failed(call, error, "internal error")
  }

  /// The status for a unary call whose handler will never answer. A handler that drops a call which was
  /// cancelled, or whose connection is gone, has not failed.
  func forgotten(_ call: Call) -> Status {
    cancellationStatus(call) ?? failed(call, MissingAnswer(), "the handler did not answer; internal error")
  }

  private func failed(_ call: Call, _ error: any Error, _ message: String) -> Status {
    let id = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    shared?.handlerFailed(CallContext(call: call), id, error)
    return status(.internalError, .internalError, "\(message) \(id)", ["error_id": id])
  }

  /// Why nobody waits for the call any more.
  func cancellationStatus(_ call: Call) -> Status? {
    lock.withLock { call.cancellation?.status ?? (isUsable ? nil : connectionLost) }
  }
}
