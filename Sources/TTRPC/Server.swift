// The server: listener, pollers, connections, and their end.
//
// Invariants:
// 1. A connection is in the table from its acceptance to its close.
// 2. After `shutdown` has returned no handler is called and no descriptor of ours is open.
// 3. The threads are those of the pollers, whatever the number of connections: a shutdown starts none.
//
// Shared: the table and the state have locks of their own.

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

  func closed(_ connection: ServerConnection, _ reason: CloseReason) {
    let id = connection.outbox.connectionId
    let emptied = table.withLock { table -> CheckedContinuation<Void, Never>? in
      table.connections[id] = nil
      guard table.connections.isEmpty else { return nil }
      let waiter = table.emptied
      table.emptied = nil
      return waiter
    }
    peerBudgets.leave(connection.outbox.peer.uid)
    options.hooks.connectionClosed(id, connection.outbox.peer, reason)
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

/// Serves a registry's services on a Unix socket.
public final class Server: Sendable {
  private struct Running {
    var listener: Listener
    var pollers: [Poller]
  }

  /// Threads of each poller that take its turn while another leads. One is enough: writes come one after the
  /// other, and a lone one that meets another goes with it.
  static let standbyCount = 1

  private let core: ServerCore
  private let running = Lock<Running?>(nil)

  public var options: ServerOptions { core.options }
  /// Bytes of requests held, but for small ones.
  var heldByteCount: Int { core.budget.usedByteCount }
  /// Memory for what waits for peers, but for small storage.
  var waitingByteCount: Int { core.callHooks.outbound.usedByteCount }

  public init(options: ServerOptions, registry: ServiceRegistry) {
    core = ServerCore(options: options, registry: registry)
  }

  /// Begins to listen; returns once connections are accepted. To be called once.
  public func start() throws(ListenError) {
    var pollers: [Poller] = []
    let listener: Listener
    do {
      for _ in 0..<max(1, min(64, core.options.pollerCount)) {
        pollers.append(try Poller(time: core.options.time))
      }
    } catch {
      throw .system(error)
    }
    let all = pollers
    let core = core
    listener = try Listener(options: core.options, poller: all[0]) { descriptor in
      core.accept(descriptor, all)
    }
    core.callHooks.outbound.tell(listener)
    do throws(SystemError) {
      try listener.start()
      for (index, poller) in all.enumerated() {
        try poller.start(name: "ttrpc-poll-\(index)", standbyCount: Self.standbyCount)
      }
    } catch {
      core.callHooks.outbound.tell(nil)
      listener.abandon()
      for poller in all { poller.stop() }
      throw .system(error)
    }
    running.withLock { $0 = Running(listener: listener, pollers: all) }
  }

  /// Cancels the calls that carry this token and were made by this uid; how many were told.
  public func cancel(token: String, uid: UInt32) -> Int {
    core.callHooks.tokens.cancel(TokenKey(uid: uid, token: token))
  }

  /// Stops accepting, refuses new calls, lets those under way end for `drainNanoseconds` at most, closes
  /// every connection and returns when all are closed.
  public func shutdown(drainNanoseconds: UInt64) async {
    let taken = running.withLock { running in
      let taken = running
      running = nil
      return taken
    }
    guard let taken else { return }
    core.table.withLock { $0.isStopping = true }
    core.callHooks.outbound.tell(nil)
    await taken.listener.stop()
    for connection in core.connections { connection.drain() }
    let core = core
    let end = taken.pollers[0].schedule(at: later(core.options.time.nanoseconds, by: drainNanoseconds)) {
      for connection in core.connections { connection.close(.shutdown) }
    }
    await core.waitUntilEmpty()
    taken.pollers[0].timers.cancel(end)
    for poller in taken.pollers { poller.stop() }
  }

  public var statistics: ServerStatistics {
    var statistics = core.table.withLock { table in
      ServerStatistics(
        connectionsAccepted: table.accepted, connectionsRefused: table.refused,
        connectionsOpen: table.connections.count)
    }
    statistics.callsStarted = core.counters.started.load(ordering: .relaxed)
    statistics.callsRefused = core.counters.refused.load(ordering: .relaxed)
    statistics.bytesReceived = core.counters.received.load(ordering: .relaxed)
    statistics.bytesSent = core.callHooks.sentByteCount.load(ordering: .relaxed)
    return statistics
  }
}
