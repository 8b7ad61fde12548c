// Runs a server from its start to its end, and tells the caller and the service manager where it stands.
//
// Invariants:
// 1. Readiness (the line of an ephemeral server, READY=1) is announced only once calls are accepted.
// 2. After a commit whose outcome is unknown nothing is closed or checkpointed: the process ends, and
//    recovery at the next start finds out whether it was applied.
//
// Owner: the main thread; the engine's failure arrives through the supervisor.

internal import Logging
internal import TTRPC
internal import TallyCore
internal import TallyLocking
internal import TallyProtoJSON
internal import TallySQLiteStore
internal import TallyServer

struct ServerLife {
  /// How long to wait after a failure, so that replies that report it are sent.
  static let farewellNanoseconds: UInt64 = 100_000_000

  /// How long an ephemeral server waits for unfinished calls. Its client is gone, or told it to stop.
  static let ephemeralDrainNanoseconds: UInt64 = 500_000_000

  /// Descriptors that a server needs beside its connections: files, polling, and a reserve.
  static let ownDescriptorCount: Int64 = 96

  /// Threads that a server needs beside those of its settings and of the processors: the main thread, the
  /// log's, the writer's, three that watch what was committed, one for each queue that waits (files,
  /// verification, long reads, the harness and its fixtures), and two of Dispatch's, for its events and to
  /// start others.
  static let ownThreadCount = 13

  private let settings: ServeSettings
  private let directory: EphemeralDirectory?
  private let supervisor: Supervisor
  private let logger: Logger
  private let log: LogWriter
  private let failure = Lock<StoreError?>(nil)

  init(
    _ settings: ServeSettings, directory: EphemeralDirectory?, _ supervisor: Supervisor, _ logger: Logger,
    _ log: LogWriter
  ) {
    self.settings = settings
    self.directory = directory
    self.supervisor = supervisor
    self.logger = logger
    self.log = log
  }

  private var socket: String { directory.map { "\($0.path)/tally.sock" } ?? settings.socket }
  private var database: String { directory.map { "\($0.path)/db" } ?? settings.database }

  /// Returns when the server has ended in order.
  func run() throws {
    let listening = try serverOptions()
    // A start that cannot listen leaves no new database behind. Where there is a database, it comes first:
    // that another daemon uses it says more than that its socket is in use.
    if !System.isThere("\(database)/\(VerifyCommand.databaseName)") {
      do throws(ListenError) { try Server.check(listening) } catch { throw refused(listening, error) }
    }
    try checkThreads()
    let options = try options(listening)
    try checkDescriptors(connectionCount: Int64(options.server.maximumConnections))
    let server: TallyServer
    do throws(StoreError) {
      server = try TallyServer(options: options, logger: logger) { (configuration) throws(StoreError) in
        try SQLiteEngine.open(configuration)
      }
    } catch {
      throw Failure(error.exitStatus, error.description + (error.advice.map { "; \($0)" } ?? ""))
    }
    do throws(ListenError) { try server.start() } catch {
      // Nothing was served, so it does not matter whether closing fails as well.
      try? waitFor { try await server.shutdown() }
      throw refused(listening, error)
    }
    announce(options)
    let reason = waitForEnd()
    logger.notice("shutting down", metadata: ["reason": "\(reason)"])
    notify("STOPPING=1")
    let drain = directory == nil ? TallyServer.drainNanoseconds : Self.ephemeralDrainNanoseconds
    do { try waitFor { try await server.shutdown(drainNanoseconds: drain) } } catch let error as StoreError {
      throw Failure(error.exitStatus, error.description)
    }
    logger.notice("ended")
  }

  /// A server that can start no further thread would come to a stand, and not even end: Dispatch waits for
  /// each that it wants.
  private func checkThreads() throws {
    let pollers = 2 * Int(settings.pollers)
    let needed = Self.ownThreadCount + pollers + Int(settings.readers) + System.processorCount
    let threads = try System.threads(upTo: needed)
    if threads < needed {
      throw Failure(
        .system,
        "the server needs \(needed) threads, but may have only \(threads): "
          + "raise the limit of tasks (systemd's TasksMax, --pids-limit of a container, ulimit -u)")
    }
  }

  private func checkDescriptors(connectionCount: Int64) throws {
    let descriptors = try System.raiseDescriptorLimit()
    if descriptors <= Self.ownDescriptorCount {
      throw Failure(
        .system,
        "the server needs \(Self.ownDescriptorCount) descriptors beside its connections, but may have only "
          + "\(descriptors) in all: raise the limit (systemd's LimitNOFILE, ulimit -n)")
    }
    if descriptors < connectionCount + Self.ownDescriptorCount {
      logger.warning(
        "the descriptor limit is below --max-connections: new connections wait when it is reached",
        metadata: ["descriptors": "\(descriptors)", "connections": "\(connectionCount)"])
    }
  }

  private func refused(_ options: ServerOptions, _ error: ListenError) -> Failure {
    let advice = "--socket names another path, which clients then need in TALLY_SOCKET or --socket"
    return Failure(.cannotCreate, "cannot listen on \(options.path): \(error); \(advice)")
  }

  private func options(_ listening: ServerOptions) throws -> TallyServerOptions {
    var options = TallyServerOptions(
      server: listening, engine: try engineOptions(), version: tallyVersion)
    options.allowList = AllowList(
      uids: Self.roles(settings.allowedUids), gids: Self.roles(settings.allowedGids))
    options.ephemeral = settings.isEphemeral
    options.testing = settings.isTesting
    options.slowCallMillis = Int(settings.slowCallMillis)
    return options
  }

  private func serverOptions() throws -> ServerOptions {
    var options = ServerOptions(path: socket)
    options.socketMode = settings.socketMode
    options.pollerCount = Int(settings.pollers)
    options.maximumConnections = Int(settings.maxConnections)
    options.maximumInFlight = Int(settings.maxInFlight)
    options.maximumMessageByteCount = Int(settings.maxMessageBytes)
    options.maximumOutboundByteCount = Int(settings.maxOutboundBytes)
    options.maximumTotalOutboundByteCount = Int(settings.maxTotalOutboundBytes)
    options.halfFrameNanoseconds = Self.nanoseconds(settings.halfFrameSeconds)
    options.stalledWriteNanoseconds = Self.nanoseconds(settings.stalledWriteSeconds)
    if settings.idleSeconds > 0 { options.idleNanoseconds = Self.nanoseconds(settings.idleSeconds) }
    options.maximumStreamNanoseconds =
      settings.maxStreamSeconds > 0 ? Self.nanoseconds(settings.maxStreamSeconds) : nil
    let listeners = directory == nil ? ServiceManager.listeners : []
    guard listeners.count <= 1 else {
      throw Failure(
        .configuration,
        "the service manager passes \(listeners.count) sockets, but tally serves from only one")
    }
    options.inheritedDescriptor = listeners.first
    return options
  }

  private func engineOptions() throws(Failure) -> EngineConfiguration {
    if directory == nil {
      do throws(SystemError) { try System.makeDirectory(Locations.parent(database), mode: 0o755) } catch {
        throw Failure(.cannotCreate, "\(error); --database takes another directory")
      }
    }
    let supervisor = supervisor
    let failure = failure
    var configuration = EngineConfiguration(
      directory: database,
      onFatal: { error in
        failure.withLock { $0 = $0 ?? error }
        supervisor.fail()
      })
    configuration.readerCount = Int(settings.readers)
    configuration.logLimitBytes = settings.maxLogBytes
    configuration.slowStatementMillis = Int(settings.slowQueryMillis)
    configuration.allowsAnyFileSystem = settings.allowsAnyFileSystem || directory != nil
    configuration.allowsClockBehindLedger = settings.allowsClockBehindLedger
    configuration.acceptsLogDamage = settings.acceptsLogDamage
    let logger = logger
    configuration.onLogLoss = { loss in logger.warning("\(loss)") }
    return configuration
  }

  private func announce(_ options: TallyServerOptions) {
    let socket = options.server.inheritedDescriptor.flatMap(System.path(ofSocket:)) ?? options.server.path
    logger.notice(
      "serving",
      metadata: [
        "socket": "\(socket)", "database": "\(database)", "version": "\(tallyVersion)",
        "pid": "\(System.processId)",
      ])
    notify("READY=1\nSTATUS=serving")
    guard directory != nil else { return }
    let line = JSON.object([
      .init("socket", .string(options.server.path)), .init("pid", .integer(System.processId)),
      .init("version", .string(tallyVersion)),
    ])
    do throws(SystemError) { try System.tryOutput(line.compact + "\n") } catch {
      logger.warning("the parent cannot be told", metadata: ["error": "\(error)"])
    }
  }

  /// Notifies the service manager, if there is one. If that fails, the server goes on.
  private func notify(_ text: String) {
    do throws(SystemError) { try ServiceManager.notify(text) } catch {
      logger.warning("the service manager cannot be told", metadata: ["error": "\(error)"])
    }
  }

  /// Waits until the server has to end, and returns why.
  private func waitForEnd() -> String {
    let watchdog = ServiceManager.watchdogMilliseconds
    while true {
      switch supervisor.wait(milliseconds: watchdog ?? -1) {
      case .signal(let number): return "signal \(number)"
      case .parentEnded: return "the parent process ended"
      case .inputEnded: return "standard input ended"
      case .tick: if watchdog != nil { notify("WATCHDOG=1") }
      case .failed:
        endAfterFailure()
      }
    }
  }

  /// Ends the process without closing anything: SQLite would checkpoint as it closes.
  private func endAfterFailure() -> Never {
    let error = failure.withLock { $0 } ?? StoreError(.outcomeUnknown, "the store failed")
    logger.critical("the store cannot go on", metadata: ["error": "\(error)"])
    System.sleep(nanoseconds: Self.farewellNanoseconds)
    do throws(SystemError) { try directory?.remove() } catch {
      logger.error("cannot clean up", metadata: ["error": "\(error)"])
    }
    log.end()
    System.endAtOnce(error.exitStatus.rawValue)
  }

  private static func nanoseconds(_ seconds: Int64) -> UInt64 { UInt64(seconds) * 1_000_000_000 }

  private static func roles(_ allowances: [Allowance]) -> [UInt32: Role] {
    var roles: [UInt32: Role] = [:]
    for allowance in allowances {
      guard let role = Role(rawValue: allowance.role) else { continue }
      roles[allowance.id] = max(role, roles[allowance.id] ?? role)
    }
    return roles
  }
}
