// The sending side of a connection: what is to be sent waits here until the socket takes it.
//
// Invariants:
// 1. A send never blocks. What the socket does not take waits here, and the poller says when to go on.
// 2. While more than `pauseByteCount` waits here, the connection is not read and its streams wait; when more
//    than `maximumByteCount` waits, the connection is given up.
// 3. During a round (from `beginRound` to `endRound`) replies are collected; its end sends them at once.
// 4. The descriptor is closed under the lock, so nothing is sent to a descriptor that has been given to
//    another file meanwhile.
// 5. A stream's id is in `finished` before its last frame can reach the peer.
// 6. Storage over a few KB is counted against what may wait for all peers together.
//
// Owner: `lock`, which guards all mutable fields; the connection's queue and every replier use it.

internal import CTallyLinux
internal import Synchronization
internal import TallyLocking

/// The sending side of one connection.
public final class Outbox: @unchecked Sendable {
  // Unchecked: the mutable fields are touched with `lock` held.

  /// Storage above this many bytes is given back when the outbox is empty.
  static let keptByteCount = 8 << 10
  /// Bytes sent before the front of the storage is cut off.
  static let compactByteCount = 256 << 10
  /// From this many bytes on, collected replies are counted against the total at once, not only when they are
  /// sent.
  static let collectedByteCount = 64 << 10

  struct Limits: Sendable {
    var maximumMessageByteCount: Int
    var pauseByteCount: Int
    var maximumByteCount: Int
    var stallNanoseconds: UInt64
    /// A client always reads, whatever waits to be sent: a server that is blocked on its own sending would
    /// otherwise never take what waits here.
    var readsWhilePaused = false
    var messageTooLarge: Status
  }

  public let connectionId: UInt64
  public let peer: PeerCredentials
  let limits: Limits
  let poller: Poller
  private let token: UInt64
  /// nil on a client.
  let shared: CallHooks?
  /// Counts the requests of this connection that are held.
  let budget: ByteBudget?
  /// Counts what is held of all connections of the peer.
  let peerBudget: ByteBudget?
  let lock = Mutex()
  /// Read without the lock by the connection's queue between frames.
  private let paused = Atomic<Bool>(false)

  private let descriptor: Int32
  private var state = SendingState.open
  private var reading = ReadingState.reading
  private var pending: [UInt8] = []
  private var sentCount = 0
  /// The poller is to enter the connection once more, whatever the socket does.
  private var isResumeDue = false
  private var interest = UInt32(CLINUX_READABLE)
  var finished: [UInt32] = []
  /// Since when the peer has taken nothing; zero while it takes bytes or there are none. Written with the
  /// lock held.
  private let stalledSince = Atomic<UInt64>(0)
  /// What the storage counts for in the total; written with the lock held.
  private let counted = Atomic<Int>(0)
  private var watch: Timer?
  var roomQueue = RoomQueue()
  var line = WorkLine()
  /// The owner is told of each call that ends outside a round.
  private var wakesOnFinish = false
  private weak var owner: (any OutboxOwner)?

  init(
    descriptor: Int32, connectionId: UInt64, peer: PeerCredentials, limits: Limits, poller: Poller,
    token: UInt64, shared: CallHooks? = nil, budget: ByteBudget? = nil, peerBudget: ByteBudget? = nil
  ) {
    self.descriptor = descriptor
    self.connectionId = connectionId
    self.peer = peer
    self.limits = limits
    self.poller = poller
    self.token = token
    self.shared = shared
    self.budget = budget
    self.peerBudget = peerBudget
  }

  func setOwner(_ owner: any OutboxOwner) {
    lock.withLock { self.owner = owner }
  }

  /// Sends what waits. To be called after replies with `flush: false`, once for each connection.
  public func flush() {
    lock.withLock {
      if state != .corked { send() }
    }
  }

  // MARK: The connection's side

  /// Starts a round and hands over the ids that ended since the last one.
  func beginRound(_ ids: inout [UInt32]) {
    lock.withLock {
      state.cork()
      swap(&ids, &finished)
    }
  }

  /// The ids that ended during this round so far.
  func takeFinished(_ ids: inout [UInt32]) {
    lock.withLock { swap(&ids, &finished) }
  }

  /// Sends what the round has brought; false when nothing more can be sent.
  func endRound() -> Bool {
    lock.withLock {
      state.uncork()
      send()
      return state.isUsable
    }
  }

  /// The poller has entered the connection because it can write or was to go on.
  func resumed() {
    lock.withLock { isResumeDue = false }
  }

  /// Why nothing more can be sent: sending failed, too much waited or a handler dropped the connection.
  var giveUpReason: CloseReason? { lock.withLock { state.giveUpReason } }

  /// Sends what the socket takes of what is ready, and has the connection closed. No further frame of it is
  /// looked at, and no further reply is sent.
  func drop() {
    lock.withLock {
      guard isUsable else { return }
      send()
      paused.store(true, ordering: .relaxed)
      giveUp(.dropped)
    }
  }

  /// Reading must wait until the peer has taken some of what waits here.
  var isPaused: Bool { paused.load(ordering: .relaxed) }

  /// Nothing waits here.
  var isEmpty: Bool { lock.withLock { pending.isEmpty } }

  /// When the peer stopped taking bytes; nil while it takes them or there are none.
  var stallStart: UInt64? {
    let since = stalledSince.load(ordering: .relaxed)
    return since == 0 ? nil : since
  }

  /// The peer has taken no byte of what waits for it for so long.
  func hasTakenNothing(until now: UInt64, for nanoseconds: UInt64) -> Bool {
    stallStart.map { later($0, by: nanoseconds) <= now } ?? false
  }

  /// What the storage counts for in the total.
  var countedByteCount: Int { counted.load(ordering: .relaxed) }

  /// Has the connection closed, as too much waits for all peers together.
  func cutOff() {
    lock.withLock { giveUp(.outboundFull) }
  }

  /// Stops reading until `readOn`, so that the peer's sending stalls in time.
  func holdReading() {
    lock.withLock {
      reading.hold()
      if state != .corked { updateInterest() }
    }
  }

  /// The poller enters the connection again, also for what it has read but not yet looked at.
  func readOn() {
    lock.withLock {
      reading.goOn()
      isResumeDue = true
      updateInterest()
    }
  }

  /// The peer will send no more: its descriptor is not to be read again.
  func endReading() {
    lock.withLock {
      reading.end()
      updateInterest()
    }
  }

  /// From now on the owner is told of each call that ends outside a round.
  func wakeOnFinish() {
    lock.withLock { wakesOnFinish = true }
  }

  /// Runs the owner's `checkTimeouts` at `moment`, or earlier if that is due earlier.
  func watch(at moment: UInt64) {
    lock.withLock { schedule(moment) }
  }

  /// The watch has fired.
  func watchFired() {
    lock.withLock { watch = nil }
  }

  /// Closes the descriptor. On the connection's queue.
  func close() {
    let timer = lock.withLock {
      if state.close() {
        poller.remove(descriptor, token)
        _ = clinux_close(descriptor)
      }
      beginWork()
      pending = []
      sentCount = 0
      finished = []
      stalledSince.store(0, ordering: .relaxed)
      roomQueue.wakeAll()
      countStorage()
      return watch.take()
    }
    if let timer { poller.timers.cancel(timer) }
  }

  // MARK: Frames

  /// Sends a frame that ends no call of this side: refusals, and everything a client sends.
  /// Returns false when the connection is gone.
  @discardableResult
  func frame(
    type: UInt8, streamId: UInt32, flags: UInt8 = 0, _ payload: [UInt8], flush: Bool = true
  ) -> Bool {
    lock.withLock {
      guard isUsable else { return false }
      append(type: type, streamId: streamId, flags: flags, payload)
      afterAppend(flush)
      return true
    }
  }

  /// The envelope of a failure. If it is over the limit its message is left out, then its details.
  func fitting(_ status: Status) -> [UInt8] {
    for status in [status, Status(status.code, details: status.details)] {
      let envelope = ResponseEnvelope.encode(status)
      if envelope.count <= limits.maximumMessageByteCount { return envelope }
    }
    return ResponseEnvelope.encode(Status(status.code))
  }

  /// Refuses a frame on its stream.
  func refuse(_ streamId: UInt32, _ status: Status) {
    frame(type: FrameType.response, streamId: streamId, fitting(status), flush: true)
  }

  // MARK: With the lock held

  var isUsable: Bool { state.isUsable }
  private var pendingCount: Int { pending.count - sentCount }

  func append(_ header: FrameHeader, responsePayload payload: [UInt8], tail: [UInt8]) {
    let payloadByteCount = payload.count + tail.count
    let headByteCount = FrameHeader.byteCount + header.length - payloadByteCount
    // One access of the field for all: each is looked at as the program runs.
    func append(to bytes: inout [UInt8]) {
      bytes.append(addingCapacity: headByteCount) { output in
        header.append(to: &output)
        if header.length > 0 { output.appendFieldHead(2, count: payloadByteCount) }
      }
      bytes.append(contentsOf: payload)
      if !tail.isEmpty { bytes.append(contentsOf: tail) }
    }
    append(to: &pending)
  }

  func append(type: UInt8, streamId: UInt32, flags: UInt8, _ payload: [UInt8]) {
    pending.append(addingCapacity: FrameHeader.byteCount) { output in
      FrameHeader(length: payload.count, streamId: streamId, type: type, flags: flags)
        .append(to: &output)
    }
    pending.append(contentsOf: payload)
  }

  func afterAppend(_ flush: Bool) {
    if flush && state != .corked { send() }
    let count = pendingCount
    if count > Self.collectedByteCount { countStorage() }
    if count > limits.pauseByteCount { pause() }
    if count > limits.maximumByteCount { giveUp(.outboundFailed) }
  }

  private func pause() {
    if isPaused { return }
    paused.store(true, ordering: .relaxed)
    if state != .corked { updateInterest() }
  }

  /// The connection cannot be saved: its owner closes it.
  private func giveUp(_ reason: CloseReason) {
    guard state.giveUp(reason) else { return }
    pending = []
    sentCount = 0
    countStorage()
    beginWork()
    owner?.settleSoon()
  }

  /// Counts the storage, and the messages that wait for room in it, against what may wait for all peers.
  func countStorage() {
    let old = countedByteCount
    let size = pending.capacity + roomQueue.byteCount
    if size <= OutboundBudget.countedByteCount && old == 0 { return }
    let new = size > OutboundBudget.countedByteCount ? size : 0
    guard new != old, let total = shared?.outbound else { return }
    counted.store(new, ordering: .relaxed)
    if total.change(self, from: old, to: new) { giveUp(.outboundFull) }
  }

  func ownerToWake() -> (any OutboxOwner)? {
    wakesOnFinish && state != .corked ? owner : nil
  }

  private func send() {
    if pending.isEmpty || !isUsable {
      if isUsable { updateInterest() }
      return
    }
    sending: while sentCount < pending.count {
      switch Socket.send(descriptor, pending, from: sentCount) {
      case .bytes(let count):
        sentCount += count
        shared?.sentByteCount.wrappingAdd(UInt64(count), ordering: .relaxed)
        stalledSince.store(0, ordering: .relaxed)
      case .wouldBlock:
        break sending
      case .failed:
        giveUp(.outboundFailed)
        return
      }
    }
    if sentCount == pending.count {
      pending.removeAll(keepingCapacity: pending.capacity <= Self.keptByteCount)
      sentCount = 0
      // A connection that ends may have looked before the last reply was sent.
      if wakesOnFinish { owner?.settleSoon() }
    } else {
      if sentCount > Self.compactByteCount && sentCount > pending.count / 2 {
        pending.removeFirst(sentCount)
        sentCount = 0
      }
      if stallStart == nil {
        let now = poller.time.nanoseconds
        stalledSince.store(now, ordering: .relaxed)
        schedule(later(now, by: limits.stallNanoseconds))
      }
    }
    countStorage()
    guard isUsable else { return }
    if pendingCount <= limits.pauseByteCount / 2, isPaused {
      paused.store(false, ordering: .relaxed)
      // The poller enters the connection once more, for what it has read but not yet looked at.
      isResumeDue = true
      wakeRoomWaiters()
      beginWork()
    }
    updateInterest()
  }

  private func updateInterest() {
    if state == .closed { return }
    var wanted: UInt32 = 0
    if reading == .reading && (limits.readsWhilePaused || !isPaused) { wanted |= UInt32(CLINUX_READABLE) }
    if pendingCount > 0 && state != .corked || isResumeDue { wanted |= UInt32(CLINUX_WRITABLE) }
    if wanted == interest { return }
    interest = wanted
    poller.modify(descriptor, token, wanted)
  }

  private func schedule(_ moment: UInt64) {
    if state == .closed { return }
    if let watch {
      if watch.at <= moment { return }
      poller.timers.cancel(watch)
    }
    watch = poller.schedule(at: moment) { [weak owner] in owner?.watchDue() }
  }
}

/// What the calls of all connections of a server share.
final class CallHooks: Sendable {
  let tokens = CancelTokens()
  let sentByteCount = Atomic<UInt64>(0)
  /// For what waits for all peers together.
  let outbound: OutboundBudget
  let handlerFailed: @Sendable (CallContext, String, any Error) -> Void
  let dress: (@Sendable (ServerFailure, Status) -> Status)?

  init(_ options: ServerOptions) {
    outbound = OutboundBudget(limit: options.maximumTotalOutboundByteCount)
    handlerFailed = options.hooks.handlerFailed
    dress = options.dress
  }
}

/// The connection behind an outbox.
protocol OutboxOwner: AnyObject, Sendable {
  /// Something changed that the connection must look at, on its queue, soon. May be called with the
  /// outbox's lock held.
  func settleSoon()
  /// The watch is due; on the poller's thread.
  func watchDue()
}
