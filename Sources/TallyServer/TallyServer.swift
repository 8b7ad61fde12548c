// The server: it opens the engine, binds the services to it, and serves them over ttrpc until it is shut
// down.
//
// Invariants:
// 1. The engine is open, recovered and durable before the socket accepts a call.
// 2. Shutdown first refuses new calls, then lets those under way end, then closes the engine.
// 3. The log has no payloads, and no metadata values but the ids of a well-formed trace.
//
// Owner: whoever runs the program; start and shutdown are called once each.

public import Logging
public import TTRPC
public import TallyCore
internal import TallyLocking
internal import TallyMessages

/// The settings of a server.
public struct TallyServerOptions: Sendable {
  /// Where the socket is, and the connections' limits. Who may connect, the reasons and the log hooks
  /// are set by the server.
  public var server: ServerOptions
  /// Where the database is. When testing, the clock is replaced by one that TestControl drives.
  public var engine: EngineConfiguration
  public var allowList = AllowList()
  public var version: String
  public var ephemeral = false
  /// Serves TestControl and Conformance. TestControl can make calls, connections and commits fail.
  public var testing = false
  /// A unary call that takes longer is logged; with zero none is. The engine has a setting for statements.
  public var slowCallMillis = 1_000

  public init(server: ServerOptions, engine: EngineConfiguration, version: String) {
    self.server = server
    self.engine = engine
    self.version = version
  }
}

public final class TallyServer: Sendable {
  /// Metadata that makes a call cancellable through Control.Cancel.
  public static let cancelTokenMetadataKey = "tally-cancel-token"
  /// How long shutdown waits for calls under way.
  public static let drainNanoseconds: UInt64 = 10_000_000_000

  private let engine: any ServedEngine
  private let server: Server
  private let logger: Logger
  private let health: HealthService
  /// Who follows the ledger.
  let watch: LedgerWatch
  /// Who follows the events.
  let eventWatch: LedgerWatch
  /// Of the changes of pages.
  let pageWatch: LedgerWatch
  private let late = Late()
  /// nil unless the server is for testing.
  let harness: Harness?

  /// Opens the database; the socket is bound by `start`.
  /// - Parameter open: makes the engine. It gets the options' configuration, to which the server has added
  ///   its observers.
  public init(
    options: TallyServerOptions, logger: Logger,
    open: (EngineConfiguration) throws(StoreError) -> any ServedEngine
  ) throws(StoreError) {
    var configuration = options.engine
    harness = options.testing ? Harness() : nil
    harness?.prepare(&configuration)
    let limiter = RateLimiter(clock: harness?.clock)
    configuration.onRateLimits = { limiter.apply($0) }
    configuration.onModeChange = { [weak late] in late?.tellHealth() }
    let slowLog = SlowLog(logger: logger)
    configuration.onSlowStatement = slowLog.statement
    configuration.onEvent = { StoreLog.write($0, to: logger) }
    let replies = ReplyCaches()
    self.replies = replies
    configuration.observer = replies
    let maximumReplyByteCount = options.server.maximumMessageByteCount - TallyServer.envelopeByteCount
    watch = LedgerWatch(maximumMessageByteCount: maximumReplyByteCount)
    configuration.ledgerObserver = watch
    eventWatch = LedgerWatch(maximumMessageByteCount: maximumReplyByteCount)
    configuration.eventObserver = WatchFeed(watch: eventWatch)
    pageWatch = LedgerWatch(maximumMessageByteCount: maximumReplyByteCount)
    configuration.pageObserver = WatchFeed(watch: pageWatch)
    let engine = try open(configuration)
    self.engine = engine
    watch.setNames { (rows) throws(Refusal) in try engine.named(rows) }
    self.logger = logger

    let services = Services(
      engine: engine, replies: replies, allowList: options.allowList,
      lanes: ReadLanes(count: engine.readerCount),
      limiter: limiter, watch: watch, eventWatch: eventWatch, pageWatch: pageWatch,
      maximumReplyByteCount: maximumReplyByteCount)
    let facts = ServerFacts(
      version: options.version, startedAtMicros: engine.nowMicros(),
      sqliteVersion: engine.libraryVersion, readerPoolSize: engine.readerCount,
      ephemeral: options.ephemeral, testing: options.testing,
      connectionLimits: TallyServer.limits(options.server))
    let calls = CallMetrics(
      slowNanoseconds: options.slowCallMillis > 0 ? UInt64(options.slowCallMillis) * 1_000_000 : nil,
      slowLog: slowLog)
    let registry = Registry(
      services: services, facts: facts, engine: engine,
      catalogue: MetricCatalogue(
        version: options.version, startedAtMicros: facts.startedAtMicros, calls: calls, engine: engine,
        replies: replies, limiter: limiter, watches: [watch, eventWatch, pageWatch],
        connections: { [late] in late.server.withLock { $0 }?.statistics }),
      harness: harness,
      cancel: { [late] token, uid in late.server.withLock { $0 }?.cancel(token: token, uid: uid) ?? 0 }
    ).make()
    health = registry.health
    var connections = TallyServer.connectionOptions(options, calls: calls, logger: logger)
    if let failures = harness?.failures { connections.accepts = { _ in failures.acceptsConnection() } }
    server = Server(options: connections, registry: registry.services)
    late.server.withLock { [server] in $0 = server }
    late.health.withLock { [health, engine] in $0 = (health, engine) }
    late.tellHealth()
  }

  /// Binds the socket and accepts calls.
  public func start() throws(ListenError) {
    try server.start()
  }

  /// Refuses new calls, lets those under way end, makes a full checkpoint and closes the database.
  public func shutdown(
    drainNanoseconds: UInt64 = TallyServer.drainNanoseconds
  ) async throws(StoreError) {
    health.shutDown()
    watch.shutDown()
    eventWatch.shutDown()
    pageWatch.shutDown()
    harness?.close()
    await server.shutdown(drainNanoseconds: drainNanoseconds)
    try engine.close()
  }

  let replies: ReplyCaches
  /// For tests that make the engine fail.
  var engineForTesting: any ServedEngine { engine }
  /// The number of streams that watch the server's health.
  var healthWatcherCount: Int { health.watcherCount }

  public var statistics: ServerStatistics { server.statistics }

  /// The most bytes that the envelope adds to a reply: the tags and lengths of its two fields, and some
  /// slack.
  private static let envelopeByteCount = 64

  private static func limits(_ server: ServerOptions) -> [(name: String, value: Int64, unit: String)] {
    [
      ("message", Int64(server.maximumMessageByteCount), "bytes"),
      ("connections", Int64(server.maximumConnections), "connections"),
      ("in_flight", Int64(server.maximumInFlight), "calls"),
      ("outbound", Int64(server.maximumOutboundByteCount), "bytes"),
      ("half_frame", Int64(server.halfFrameNanoseconds / 1_000_000), "millis"),
      ("stalled_write", Int64(server.stalledWriteNanoseconds / 1_000_000), "millis"),
    ]
  }

  private static func connectionOptions(
    _ options: TallyServerOptions, calls: CallMetrics, logger: Logger
  ) -> ServerOptions {
    var server = options.server
    let allowList = options.allowList
    server.authorize = { peer in
      allowList.role(of: peer) == nil
        ? Status(.peerNotAllowed, "uid \(peer.uid) may not call this server") : nil
    }
    server.cancelTokenKey = TallyServer.cancelTokenMetadataKey
    server.tooManyInFlight.message =
      "more than \(server.maximumInFlight) calls in flight on this connection"
    server.messageTooLarge.message = "the message is larger than \(server.maximumMessageByteCount) bytes"
    server.dress = { failure, status in
      Status(code: status.code, status.message, reason: failure.kind.reason, details: failure.facts)
    }
    server.hooks = hooks(calls, logger)
    return server
  }

  private static func hooks(_ calls: CallMetrics, _ logger: Logger) -> ServerHooks {
    var hooks = ServerHooks()
    hooks.observer = { service, method in calls.observer(service: service, method: method) }
    hooks.connectionOpened = { id, peer in
      calls.connectionOpened(peer)
      logger.debug("connection opened", metadata: peer.logMetadata(id))
    }
    hooks.connectionClosed = { id, peer, reason in
      calls.connectionClosed(peer)
      var metadata = peer.logMetadata(id)
      metadata["reason"] = "\(reason)"
      let level: Logger.Level = reason == .peerClosed || reason == .shutdown ? .debug : .warning
      logger.log(level: level, "connection closed", metadata: metadata)
    }
    hooks.connectionRefused = { peer, reason in
      var metadata = peer?.logMetadata(nil) ?? [:]
      metadata["reason"] = "\(reason)"
      logger.warning("connection refused", metadata: metadata)
    }
    hooks.handlerFailed = { context, id, error in
      var metadata = context.logMetadata
      metadata["error_id"] = "\(id)"
      metadata["error"] = "\(error)"
      logger.error("a handler failed", metadata: metadata)
    }
    hooks.acceptPaused = { errno in
      logger.warning("accepting rests for a moment", metadata: ["errno": "\(errno)"])
    }
    return hooks
  }
}

/// References that are set after the values that need them are made: the registry needs the server to cancel
/// calls, the server needs the registry, and the engine reports its mode to the health service.
private final class Late: Sendable {
  let server = Lock<Server?>(nil)
  let health = Lock<(service: HealthService, engine: any ServedEngine)?>(nil)

  /// Sets the health by the engine's mode. If the mode has changed meanwhile, it is set again, so that of two
  /// threads that do this at once none leaves an old mode behind.
  func tellHealth() {
    guard let (service, engine) = health.withLock({ $0 }) else { return }
    var mode = engine.state().mode
    while true {
      service.set(mode == .serving ? .serving : .notServing)
      let now = engine.state().mode
      if now == mode { return }
      mode = now
    }
  }
}
