// The server: listener, pollers, connections, and their end.
//
// Invariants:
// 1. After `shutdown` has returned no handler is called and no descriptor of ours is open.
// 2. The threads are those of the pollers, whatever the number of connections: a shutdown starts none.
// 3. A server that listens serves until its shutdown. One that does not listen ends with its last reference
//    at the latest; each connection that it made holds a reference.
//
// Any thread may use it: the state is behind a lock.

internal import CTallyLinux
internal import Glibc
internal import TallyLocking

/// Serves a registry's services: on a Unix socket, to connections that it is given, or both.
public final class Server: Sendable {
  private struct Running {
    var pollers: [Poller]
    var listener: Listener?
  }

  private enum Life {
    case new
    case running(Running)
    case stopped
  }

  /// Threads of each poller that take its turn while another leads. One is enough: writes come one after the
  /// other, and a lone one that meets another goes with it.
  static let standbyCount = 1

  private let core: ServerCore
  private let life = Lock(Life.new)

  public var options: ServerOptions { core.options }
  /// Bytes of requests held, but for small ones.
  var heldByteCount: Int { core.budget.usedByteCount }
  /// Memory for what waits for peers, but for small storage.
  var waitingByteCount: Int { core.callHooks.outbound.usedByteCount }

  /// - Parameter options: without a path for a server that is not to listen.
  public init(options: ServerOptions = ServerOptions(), registry: ServiceRegistry) {
    core = ServerCore(options: options, registry: registry)
  }

  deinit {
    guard case .running(let running) = life.withLock({ $0 }), running.listener == nil else { return }
    let (core, pollers) = (core, running.pollers)
    core.table.withLock { $0.isStopping = true }
    // Behind what was adopted and not yet taken up.
    pollers[0].perform { _ in
      for connection in core.connections { connection.close(.shutdown) }
      for poller in pollers { poller.stop() }
    }
  }

  /// Finds out whether a server with these options could listen, before anything else is prepared for it. It
  /// makes the socket's directory if it is missing, as `start` does.
  public static func check(_ options: ServerOptions) throws(ListenError) {
    if options.inheritedDescriptor == nil { _ = try Listener.prepare(options) }
  }

  /// Begins to listen; returns once connections are accepted. To be called once.
  public func start() throws(ListenError) {
    let pollers: [Poller]
    do { pollers = try poll() } catch { throw .system(error) }
    let core = core
    let listener = try Listener(options: core.options, poller: pollers[0]) { descriptor in
      core.accept(descriptor, pollers)
    }
    core.callHooks.outbound.tell(listener)
    do throws(SystemError) {
      try listener.start()
    } catch {
      core.callHooks.outbound.tell(nil)
      listener.abandon()
      throw .system(error)
    }
    life.withLock { $0 = .running(Running(pollers: pollers, listener: listener)) }
  }

  /// Takes up a connected Unix stream socket as if it had been accepted, and owns it from here on, whatever
  /// comes of it. The server need not listen.
  public func adopt(_ descriptor: Int32) throws(SystemError) {
    do throws(SystemError) {
      let code = clinux_adopt_connection(descriptor)
      if code < 0 { throw SystemError(number: -code, operation: "adopt a connection") }
      let pollers = try poll()
      let isRunning = life.withLock { [core] life in
        guard case .running = life else { return false }
        // With the lock held: a shutdown comes behind it.
        pollers[0].perform { _ in core.accept(descriptor, pollers) }
        return true
      }
      if !isRunning { throw Self.wasShutDown }
    } catch {
      _ = clinux_close(descriptor)
      throw error
    }
  }

  /// A client of this server over a pair of sockets: without a path and a listener, and with everything else
  /// as it is for a client from outside. The server need not listen.
  public func connect(
    options: ClientOptions = ClientOptions()
  ) throws(SystemError) -> ClientConnection {
    var (near, far): (Int32, Int32) = (-1, -1)
    let code = unsafe clinux_socket_pair(&near, &far)
    if code < 0 { throw SystemError(number: -code, operation: "socketpair") }
    do throws(SystemError) { try adopt(far) } catch {
      _ = clinux_close(near)
      throw error
    }
    return try ClientConnection(descriptor: near, options: options, server: self)
  }

  private static let wasShutDown = SystemError(
    number: ESHUTDOWN, operation: "use a server that was shut down")

  /// The pollers, which start with who needs them first.
  private func poll() throws(SystemError) -> [Poller] {
    try life.withLock { life throws(SystemError) in
      switch life {
      case .running(let running): return running.pollers
      case .stopped: throw Self.wasShutDown
      case .new: break
      }
      var pollers: [Poller] = []
      for _ in 0..<max(1, min(64, core.options.pollerCount)) {
        pollers.append(try Poller(time: core.options.time))
      }
      do throws(SystemError) {
        for (index, poller) in pollers.enumerated() {
          try poller.start(name: "ttrpc-poll-\(index)", standbyCount: Self.standbyCount)
        }
      } catch {
        for poller in pollers { poller.stop() }
        throw error
      }
      life = .running(Running(pollers: pollers))
      return pollers
    }
  }

  /// Cancels the calls that carry this token and were made by this uid; how many were told.
  public func cancel(token: String, uid: UInt32) -> Int {
    core.callHooks.tokens.cancel(TokenKey(uid: uid, token: token))
  }

  /// Stops accepting, refuses new calls, lets those under way end for `drainNanoseconds` at most, closes
  /// every connection and returns when all are closed.
  public func shutdown(drainNanoseconds: UInt64) async {
    let life = life.withLock { life in
      defer { life = .stopped }
      return life
    }
    guard case .running(let running) = life else { return }
    core.table.withLock { $0.isStopping = true }
    core.callHooks.outbound.tell(nil)
    if let listener = running.listener {
      await listener.stop()
    } else {
      // What was adopted before is taken up, or turned away.
      await withCheckedContinuation { done in running.pollers[0].perform { _ in done.resume() } }
    }
    for connection in core.connections { connection.drain() }
    let core = core
    let end = running.pollers[0].schedule(at: later(core.options.time.nanoseconds, by: drainNanoseconds)) {
      for connection in core.connections { connection.close(.shutdown) }
    }
    await core.waitUntilEmpty()
    running.pollers[0].timers.cancel(end)
    for poller in running.pollers { poller.stop() }
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
