// How calls end: answers, failures and cancellations, all under the lock of the call's outbox.
//
// Invariants:
// 1. `end` succeeds once a call; only who ended it may write its last frame.
// 2. Timers, tokens and handlers are let go, and handlers run, without the lock.
// 3. An observer has counted a call before its answer can reach the peer.
//
// Shared: see Outbox.swift.

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
    lock.lock()
    guard let end = end(call, .ok) else {
      lock.unlock()
      return
    }
    if isUsable {
      finished.append(call.streamId)
      append(header, responsePayload: payload, tail: tail)
      afterAppend(flush)
    }
    let owner = ownerToWake()
    lock.unlock()
    retire(call, end, .ok)
    owner?.settleSoon()
  }

  func fail(_ call: Call, _ status: Status, flush: Bool) {
    finish(call, type: FrameType.response, flags: 0, fitting(status), status.code, flush: flush)
  }

  /// Ends a stream well: Data with nothing in it.
  func finishStream(_ call: Call) {
    finish(
      call, type: FrameType.data, flags: FrameFlags.remoteClosed | FrameFlags.noData, [], .ok, flush: true)
  }

  /// One message of a stream.
  func data(_ call: Call, _ payload: [UInt8]) throws(Status) {
    if payload.count > limits.maximumMessageByteCount { throw limits.messageTooLarge }
    lock.lock()
    defer { lock.unlock() }
    if let status = endOfSending(call) { throw status }
    call.lastActive.store(poller.time.nanoseconds, ordering: .relaxed)
    append(type: FrameType.data, streamId: call.streamId, flags: 0, payload)
    afterAppend(true)
  }

  private func finish(
    _ call: Call, type: UInt8, flags: UInt8, _ payload: [UInt8], _ code: StatusCode, flush: Bool
  ) {
    lock.lock()
    guard let end = end(call, code) else {
      lock.unlock()
      return
    }
    if isUsable {
      finished.append(call.streamId)
      append(type: type, streamId: call.streamId, flags: flags, payload)
      afterAppend(flush)
    }
    let owner = ownerToWake()
    lock.unlock()
    retire(call, end, code)
    owner?.settleSoon()
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
    lock.lock()
    defer { lock.unlock() }
    return call.cancellation?.status != nil || !isUsable
  }

  func cancelToken(_ call: Call) -> String? {
    lock.lock()
    defer { lock.unlock() }
    return call.cancellation?.token?.token
  }

  func setToken(_ call: Call, _ token: TokenKey) {
    lock.lock()
    if call.cancellation == nil { call.cancellation = Cancellation() }
    call.cancellation?.token = token
    lock.unlock()
  }

  func onCancel(_ call: Call, _ handler: @escaping @Sendable (Status) -> Void) {
    lock.lock()
    if call.isAnswered {
      lock.unlock()
      return
    }
    if let status = call.cancellation?.status ?? (isUsable ? nil : connectionLost) {
      lock.unlock()
      handler(status)
      return
    }
    if call.cancellation == nil { call.cancellation = Cancellation() }
    call.cancellation?.handlers.append(handler)
    if call.deadline != 0, call.cancellation?.timer == nil {
      call.cancellation?.timer = poller.schedule(at: call.deadline) { [weak self] in
        if let self { cancel(call, deadlinePassed) }
      }
    }
    lock.unlock()
  }

  /// Ends a call that lasts longer.
  func limitLifetime(_ call: Call, nanoseconds: UInt64) {
    lock.lock()
    defer { lock.unlock() }
    if call.isAnswered || !isUsable { return }
    let seconds = nanoseconds / 1_000_000_000
    let end = later(poller.time.nanoseconds, by: nanoseconds)
    call.cancellation?.lifetime = poller.schedule(at: end) { [weak self] in
      guard let self else { return }
      let message = "the stream reached its maximum lifetime"
      cancel(call, status(.streamLifetime, .unavailable, message, ["limit_seconds": String(seconds)]))
    }
  }

  /// Tells a call that nobody waits for it; false when it has ended or was told before.
  @discardableResult
  func cancel(_ call: Call, _ status: Status) -> Bool {
    lock.lock()
    if call.isAnswered || call.cancellation?.status != nil {
      lock.unlock()
      return false
    }
    if call.cancellation == nil { call.cancellation = Cancellation() }
    call.cancellation?.status = status
    let handlers = call.cancellation?.handlers ?? []
    call.cancellation?.handlers = []
    let timer = call.cancellation?.timer
    call.cancellation?.timer = nil
    wakeRoomWaiters(of: call)
    lock.unlock()
    if let timer { poller.timers.cancel(timer) }
    for handler in handlers { handler(status) }
    return true
  }

  /// What a handler's error that is no status leaves as. That its task was cancelled is no failure of a call
  /// that was cancelled itself, or whose deadline or connection is gone: nobody waits for it.
  func unexpected(_ call: Call, _ error: any Error) -> Status {
    if error is CancellationError, let status = cancellationStatus(call) { return status }
    return failed(call, error, "internal error")
  }

  /// What a unary call leaves as whose handler will never answer. One that let go of a call that was
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
    lock.lock()
    defer { lock.unlock() }
    return call.cancellation?.status ?? (isUsable ? nil : connectionLost)
  }
}
