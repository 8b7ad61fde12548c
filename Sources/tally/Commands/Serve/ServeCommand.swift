// `tally serve`: its options, and what is set up before a server starts and taken down after it.
//
// Invariants:
// 1. The file creation mask and the signals are set before any thread starts.
// 2. Nothing is printed on standard output, except one line of JSON by an ephemeral server once it accepts
//    calls.
// 3. The directory of an ephemeral server is removed however `run` ends. After a kill, the next ephemeral
//    start removes it.
//
// Owner: the main thread.

internal import ArgumentParser
internal import Glibc
internal import Logging
internal import TTRPC
internal import TallyCore
internal import TallyServer

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves from an embedded database, in the foreground.",
    discussion: """
      Each option can also be set by an environment variable (TALLY_MAX_IN_FLIGHT for --max-in-flight) or \
      by a line of the configuration file (max-in-flight = 512). An option overrides the environment, and \
      the environment overrides the file. docs/OPERATIONS.md explains every setting.

      Examples:
        tally serve
        tally serve --database ./data --socket ./tally.sock --allow-uid web:service
        tally serve --ephemeral --testing
      """)

  @OptionGroup(title: "Places and modes") var places: PlaceFlags
  @OptionGroup(title: "Who may connect") var peers: PeerFlags
  @OptionGroup(title: "Limits") var limits: LimitFlags
  @OptionGroup(title: "Log") var log: LogFlags

  func run() throws {
    let settings = try resolve()
    System.setFileCreationMask(0o027)
    System.tuneAllocator()
    let supervisor = try Supervisor(
      watchesParent: settings.isEphemeral, watchesInput: settings.watchesInput)
    let format = settings.logFormat
    let level = Logger.Level(rawValue: settings.logLevel) ?? .info
    let log = try LogWriter { leftOut in
      LineLogHandler.line(
        format, atMicros: System.nowMicros, level: "\(Logger.Level.warning)", label: "tally",
        message: "lines were left out, since standard error took none",
        pairs: [("lines_left_out", "\(leftOut)")])
    }
    defer { log.end() }
    LoggingSystem.bootstrap { label in
      LineLogHandler(label: label, format: format, level: level) { log.write($0) }
    }
    let logger = Logger(label: "tally")
    guard settings.isEphemeral else {
      return try ServerLife(settings, directory: nil, supervisor, logger, log).run()
    }
    let directory = try EphemeralDirectory()
    let outcome = Result { try ServerLife(settings, directory: directory, supervisor, logger, log).run() }
    try directory.remove()
    try outcome.get()
  }

  private func resolve() throws(Failure) -> ServeSettings {
    let path = places.config ?? System.environment("TALLY_CONFIG")
    let file = try path.map { path throws(Failure) in
      try ConfigurationFile.read(path, known: ServeSettings.known)
    }
    let flags = places.values.merging(peers.values) { $1 }.merging(limits.values) { $1 }
      .merging(log.values) { $1 }
    return try ServeSettings(Settings(flags: flags, environment: System.environment, file: file))
  }
}

/// The flags that were given, by the names of their settings.
private typealias Given = [String: [String]]

private func given(_ pairs: [(ServeSettings.Key, String?)]) -> Given {
  Dictionary(uniqueKeysWithValues: pairs.compactMap { key, value in value.map { (key.rawValue, [$0]) } })
}

struct PlaceFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp("Read settings from this file of `name = value` lines.", valueName: "file"),
    completion: .file())
  var config: String?
  @Option(
    help: ArgumentHelp("The directory of the database.", valueName: "directory"), completion: .directory)
  var database: String?
  @Option(help: ArgumentHelp("The path of the socket.", valueName: "path"), completion: .file())
  var socket: String?
  @Option(
    help: ArgumentHelp("The socket's mode: 0600, 0620, 0640 or 0660. (default: 0660)", valueName: "octal"),
    completion: .list(["0600", "0620", "0640", "0660"]))
  var socketMode: String?
  @Flag(help: "Serve from a private directory that is removed when this process or its parent ends.")
  var ephemeral = false
  @Flag(help: "Let clients set the clock and reset the database.") var testing = false
  @Flag(help: "Stop when standard input is closed.") var lifelineStdin = false
  @Flag(help: "Allow a network or memory file system, which may lose acknowledged writes.")
  var anyFileSystem = false
  @Flag(help: "Start even if the ledger is more than an hour ahead of the clock.")
  var clockBehindLedger = false
  @Flag(help: "Start even if the write-ahead log is damaged, dropping the commits after the damage.")
  var acceptLogDamage = false

  var values: [String: [String]] {
    given([
      (.database, database), (.socket, socket), (.socketMode, socketMode),
      (.ephemeral, ephemeral ? "true" : nil), (.testing, testing ? "true" : nil),
      (.lifelineStdin, lifelineStdin ? "true" : nil), (.anyFileSystem, anyFileSystem ? "true" : nil),
      (.clockBehindLedger, clockBehindLedger ? "true" : nil),
      (.acceptLogDamage, acceptLogDamage ? "true" : nil),
    ])
  }
}

struct PeerFlags: ParsableArguments {
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Let a user in, by name or number, as readonly, service (default) or admin. Repeatable.",
      valueName: "user[:role]"))
  var allowUid: [String] = []
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Let users in by their primary group. Repeatable.", valueName: "group[:role]"))
  var allowGid: [String] = []

  var values: [String: [String]] {
    [ServeSettings.Key.allowUid.rawValue: allowUid, ServeSettings.Key.allowGid.rawValue: allowGid]
  }
}

struct LimitFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Database connections for reads: 1 to 64. (default: 2)", valueName: "count"))
  var readers: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads that wait on sockets: 1 to 64. (default: 1)", valueName: "count"))
  var pollers: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The most client connections at a time. (default: 4096)", valueName: "count"))
  var maxConnections: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The most unfinished calls on a connection. (default: 1024)", valueName: "count"))
  var maxInFlight: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The largest message, in either direction. (default: 4194304)", valueName: "bytes"))
  var maxMessageBytes: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most bytes waiting to be sent on a connection. (default: 67108864)", valueName: "bytes"))
  var maxOutboundBytes: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The most bytes waiting to be sent in all. (default: 268435456)", valueName: "bytes"))
  var maxTotalOutboundBytes: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The longest time for one frame to arrive. (default: 30)", valueName: "seconds"))
  var halfFrameSeconds: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The longest time that a peer may accept no data. (default: 30)", valueName: "seconds")
  )
  var stalledWriteSeconds: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Close a connection that has made no call for this long; 0 is never. (default: 0)", valueName: "seconds"
    ))
  var idleSeconds: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "End a stream that has lasted this long; 0 is never. (default: 3600)", valueName: "seconds"))
  var maxStreamSeconds: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Stop writes if an outside reader makes the write-ahead log grow to this size. (default: 17179869184)",
      valueName: "bytes"))
  var maxLogBytes: String?

  var values: [String: [String]] {
    given([
      (.readers, readers), (.pollers, pollers), (.maxConnections, maxConnections),
      (.maxInFlight, maxInFlight), (.maxMessageBytes, maxMessageBytes),
      (.maxOutboundBytes, maxOutboundBytes), (.maxTotalOutboundBytes, maxTotalOutboundBytes),
      (.halfFrameSeconds, halfFrameSeconds),
      (.stalledWriteSeconds, stalledWriteSeconds), (.idleSeconds, idleSeconds),
      (.maxStreamSeconds, maxStreamSeconds), (.maxLogBytes, maxLogBytes),
    ])
  }
}

struct LogFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp("human or json. (default: human)", valueName: "format"),
    completion: .list(LogFormat.allCases.map(\.rawValue)))
  var logFormat: String?
  @Option(
    help: ArgumentHelp(
      "trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"),
    completion: .list(ServeSettings.logLevels))
  var logLevel: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Log SQL statements that take longer, with their plan; 0 is never. (default: 100)",
      valueName: "millis"))
  var slowQueryMillis: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Log calls that take longer; 0 is never. (default: 1000)", valueName: "millis"))
  var slowCallMillis: String?

  var values: [String: [String]] {
    given([
      (.logFormat, logFormat), (.logLevel, logLevel), (.slowQueryMillis, slowQueryMillis),
      (.slowCallMillis, slowCallMillis),
    ])
  }
}
