// What the connections of a server share, and how each is taken up.
//
// Invariants:
// 1. A connection is in the table from its acceptance to its close.
//
// Owner: the first poller's thread takes connections up; the table is behind a lock.

internal import CTallyLinux
internal import Synchronization
internal import TallyLocking

/// What the connections of a server share.
final class ServerCore: Sendable {
  final class Counters: Sendable {
    let started = Atomic<UInt64>(0)
    let refused = Atomic<UInt64>(0)
    let received = Atomic<UInt64>(0)

    func callStarted() { started.wrappingAdd(1, ordering: .relaxed) }
    func callRefused() { refused.wrappingAdd(1, ordering: .relaxed) }
    func bytesReceived(_ count: Int) { received.wrappingAdd(UInt64(count), ordering: .relaxed) }
  }

  struct Table {
    var connections: [UInt64: ServerConnection] = [:]
    var accepted: UInt64 = 0
    var refused: UInt64 = 0
    var isStopping = false
    var emptied: CheckedContinuation<Void, Never>?
  }

  let options: ServerOptions
  let methods: MethodTable
  let callHooks: CallHooks
  let counters = Counters()
  let budget: ByteBudget
  let peerBudgets: PeerBudgets
  let cutFrames: CutFrames
  let table = Lock(Table())

  init(options: ServerOptions, registry: ServiceRegistry) {
    self.options = options
    methods = registry.table(observer: options.hooks.observer)
    budget = ByteBudget(limit: options.maximumTotalInboundByteCount)
    peerBudgets = PeerBudgets(total: budget, limit: options.maximumPeerInboundByteCount)
    cutFrames = CutFrames(
      totalByteCount: options.maximumTotalInboundByteCount,
      peerByteCount: options.maximumPeerInboundByteCount)
    callHooks = CallHooks(options)
  }

  /// Takes up a connection; its first events come from `poller`.
  func accept(_ descriptor: Int32, _ pollers: [Poller]) {
    guard let peer = Socket.peer(descriptor) else {
      return turnAway(descriptor, nil, .noCredentials)
    }
    if let accepts = options.accepts, !accepts(peer) {
      return turnAway(descriptor, peer, .notAccepted)
    }
    let refusal = options.authorize?(peer)
    let id = table.withLock { table -> UInt64? in
      if table.isStopping || table.connections.count >= options.maximumConnections { return nil }
      table.accepted += 1
      return table.accepted
    }
    guard let id else { return turnAway(descriptor, peer, .tooManyConnections) }
    let poller = pollers[Int(id % UInt64(pollers.count))]
    let token = poller.newToken()
    let peerBudget = peerBudgets.join(peer.uid)
    let outbox = Outbox(
      descriptor: descriptor, connectionId: id, peer: peer,
      limits: Outbox.Limits(
        maximumMessageByteCount: min(options.maximumMessageByteCount, FrameHeader.maximumLength),
        pauseByteCount: options.outboundPauseByteCount,
        maximumByteCount: options.maximumOutboundByteCount,
        stallNanoseconds: options.stalledWriteNanoseconds,
        messageTooLarge: callHooks.status(
          .replyTooLarge, options.messageTooLarge, ["limit": String(options.maximumMessageByteCount)])),
      poller: poller, token: token, shared: callHooks,
      budget: ByteBudget(limit: options.maximumInboundByteCount, parent: peerBudget),
      peerBudget: peerBudget)
    let connection = ServerConnection(
      server: self, descriptor: descriptor, outbox: outbox, refusal: refusal)
    let isStopping = table.withLock { table in
      table.connections[id] = connection
      return table.isStopping
    }
    options.hooks.connectionOpened(id, peer)
    if refusal != nil { options.hooks.connectionRefused(peer, .notAllowed) }
    connection.opened()
    do throws(SystemError) {
      try poller.add(descriptor, token, UInt32(CLINUX_READABLE), connection)
    } catch {
      connection.close(.receiveFailed)
    }
    if isStopping { connection.close(.shutdown) }
  }

  private func turnAway(_ descriptor: Int32, _ peer: PeerCredentials?, _ reason: RefusalReason) {
    _ = clinux_close(descriptor)
    table.withLock { $0.refused += 1 }
    options.hooks.connectionRefused(peer, reason)
  }

  /// Before the peer can see that the connection ends: whoever looks then finds it noted.
  func closing(_ connection: ServerConnection, _ reason: CloseReason) {
    options.hooks.connectionClosed(connection.outbox.connectionId, connection.outbox.peer, reason)
  }

  func closed(_ connection: ServerConnection) {
    let id = connection.outbox.connectionId
    let emptied = table.withLock { table -> CheckedContinuation<Void, Never>? in
      table.connections[id] = nil
      guard table.connections.isEmpty else { return nil }
      let waiter = table.emptied
      table.emptied = nil
      return waiter
    }
    peerBudgets.leave(connection.outbox.peer.uid)
    emptied?.resume()
  }

  var connections: [ServerConnection] {
    table.withLock { Array($0.connections.values) }
  }

  func waitUntilEmpty() async {
    await withCheckedContinuation { continuation in
      let isEmpty = table.withLock { table in
        if table.connections.isEmpty { return true }
        table.emptied = continuation
        return false
      }
      if isEmpty { continuation.resume() }
    }
  }
}
