// `tally serve`: the flags, and the life of a server from the first check to the last file removed.
//
// Invariants:
// 1. The file creation mask and the signals are set before any thread starts.
// 2. Nothing is printed on standard output but, when ephemeral, one line of JSON once calls are accepted.
// 3. An ephemeral server's directory is removed on every way out of `run` but a kill; then the next
//    ephemeral start sweeps it.
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
      Each flag is also a variable of the environment (--max-in-flight is TALLY_MAX_IN_FLIGHT) and a line \
      of the configuration file (max-in-flight = 512). A flag wins over the environment, that over the \
      file. docs/OPERATIONS.md lists all with their defaults.

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

/// Flags by the name of their setting; those that are not given are left out.
private typealias Given = [String: [String]]

private func given(_ pairs: [(ServeSettings.Key, String?)]) -> Given {
  Dictionary(uniqueKeysWithValues: pairs.compactMap { key, value in value.map { (key.rawValue, [$0]) } })
}

struct PlaceFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp("A file of `name = value` lines.", valueName: "file"), completion: .file())
  var config: String?
  @Option(
    help: ArgumentHelp("The directory of the database.", valueName: "directory"), completion: .directory)
  var database: String?
  @Option(help: ArgumentHelp("The path of the socket.", valueName: "path"), completion: .file())
  var socket: String?
  @Option(
    help: ArgumentHelp("The socket's mode: 0600, 0620, 0640 or 0660.", valueName: "octal"),
    completion: .list(["0600", "0620", "0640", "0660"]))
  var socketMode: String?
  @Flag(help: "Serve from a private directory that goes with this process or its parent.")
  var ephemeral = false
  @Flag(help: "Let clients drive the clock and reset the database.") var testing = false
  @Flag(help: "End when standard input does.") var lifelineStdin = false
  @Flag(help: "Serve from a network or memory file system, which may lose what was acknowledged.")
  var anyFileSystem = false
  @Flag(help: "Start although the ledger leads the clock by more than an hour.")
  var clockBehindLedger = false
  @Flag(help: "Start although the log is damaged, without the commits that lie behind the damage.")
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
      "Let a user in, by name or number, as readonly, service (the default) or admin; may be repeated.",
      valueName: "user[:role]"))
  var allowUid: [String] = []
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("The same by primary group.", valueName: "group[:role]"))
  var allowGid: [String] = []

  var values: [String: [String]] {
    [ServeSettings.Key.allowUid.rawValue: allowUid, ServeSettings.Key.allowGid.rawValue: allowGid]
  }
}

struct LimitFlags: ParsableArguments {
  @Option(help: ArgumentHelp("Connections to the database that read.", valueName: "count"))
  var readers: String?
  @Option(help: ArgumentHelp("Threads that wait on sockets.", valueName: "count")) var pollers: String?
  @Option(help: ArgumentHelp("Connections at once.", valueName: "count")) var maxConnections: String?
  @Option(help: ArgumentHelp("Calls under way on one connection.", valueName: "count"))
  var maxInFlight: String?
  @Option(help: ArgumentHelp("The largest message, either way.", valueName: "bytes"))
  var maxMessageBytes: String?
  @Option(help: ArgumentHelp("What may wait to be sent on one connection.", valueName: "bytes"))
  var maxOutboundBytes: String?
  @Option(help: ArgumentHelp("Memory for what waits to be sent on all connections.", valueName: "bytes"))
  var maxTotalOutboundBytes: String?
  @Option(help: ArgumentHelp("How long a frame may take to arrive.", valueName: "seconds"))
  var halfFrameSeconds: String?
  @Option(help: ArgumentHelp("How long a peer may take no byte of what waits.", valueName: "seconds"))
  var stalledWriteSeconds: String?
  @Option(help: ArgumentHelp("Close a connection without calls; 0 is never.", valueName: "seconds"))
  var idleSeconds: String?
  @Option(help: ArgumentHelp("End a stream that is older; 0 is never.", valueName: "seconds"))
  var maxStreamSeconds: String?
  @Option(
    help: ArgumentHelp(
      "The write-ahead log at which writes stop, while somebody else reads an old snapshot.",
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
    help: ArgumentHelp("human or json.", valueName: "format"),
    completion: .list(LogFormat.allCases.map(\.rawValue)))
  var logFormat: String?
  @Option(
    help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"),
    completion: .list(ServeSettings.logLevels))
  var logLevel: String?
  @Option(
    help: ArgumentHelp("Log a statement that takes longer, with its plan; 0 is never.", valueName: "millis"))
  var slowQueryMillis: String?
  @Option(help: ArgumentHelp("Log a call that takes longer; 0 is never.", valueName: "millis"))
  var slowCallMillis: String?

  var values: [String: [String]] {
    given([
      (.logFormat, logFormat), (.logLevel, logLevel), (.slowQueryMillis, slowQueryMillis),
      (.slowCallMillis, slowCallMillis),
    ])
  }
}
