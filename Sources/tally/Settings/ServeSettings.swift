// The settings of `tally serve`: their names, bounds and defaults, and the values they resolve to.
// docs/OPERATIONS.md lists them.

internal import TallyProtoJSON

/// A uid or gid that may connect, and its role.
struct Allowance: Equatable {
  var id: UInt32
  var role: String
}

struct ServeSettings: Equatable {
  /// Empty where no place is known; that is refused unless the server is ephemeral.
  var database = Locations.database ?? ""
  var socket = Locations.socket
  var socketMode: UInt32 = 0o660
  var isEphemeral = false
  var isTesting = false
  var allowedUids: [Allowance] = []
  var allowedGids: [Allowance] = []
  var readers: Int64 = 2
  var pollers: Int64 = 1
  var logFormat = LogFormat.human
  var logLevel = "info"
  /// Zero is never.
  var slowQueryMillis: Int64 = 100
  /// Zero is never.
  var slowCallMillis: Int64 = 1_000
  var maxConnections: Int64 = 4_096
  var maxInFlight: Int64 = 1_024
  var maxMessageBytes: Int64 = 4 << 20
  var maxOutboundBytes: Int64 = 64 << 20
  var maxTotalOutboundBytes: Int64 = 256 << 20
  var halfFrameSeconds: Int64 = 30
  var stalledWriteSeconds: Int64 = 30
  /// Zero is never.
  var idleSeconds: Int64 = 0
  /// Zero is never.
  var maxStreamSeconds: Int64 = 3_600
  var maxLogBytes: Int64 = 16 << 30
  var allowsAnyFileSystem = false
  var allowsClockBehindLedger = false
  var acceptsLogDamage = false
  var watchesInput = false

  static let roles = ["readonly", "service", "admin"]
  static let logLevels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
  private static let seconds: SettingKind = .integer(1...3_600, unit: "seconds")
  private static let orNever: SettingKind = .integer(0...86_400, unit: "seconds")

  /// Every setting, by its name.
  enum Key: String, CaseIterable {
    case database
    case socket
    case socketMode = "socket-mode"
    case ephemeral
    case testing
    case allowUid = "allow-uid"
    case allowGid = "allow-gid"
    case readers
    case pollers
    case logFormat = "log-format"
    case logLevel = "log-level"
    case slowQueryMillis = "slow-query-millis"
    case slowCallMillis = "slow-call-millis"
    case maxConnections = "max-connections"
    case maxInFlight = "max-in-flight"
    case maxMessageBytes = "max-message-bytes"
    case maxOutboundBytes = "max-outbound-bytes"
    case maxTotalOutboundBytes = "max-total-outbound-bytes"
    case halfFrameSeconds = "half-frame-seconds"
    case stalledWriteSeconds = "stalled-write-seconds"
    case idleSeconds = "idle-seconds"
    case maxStreamSeconds = "max-stream-seconds"
    case maxLogBytes = "max-log-bytes"
    case anyFileSystem = "any-file-system"
    case clockBehindLedger = "clock-behind-ledger"
    case acceptLogDamage = "accept-log-damage"
    case lifelineStdin = "lifeline-stdin"

    var setting: Setting { Setting(name: rawValue, kind: kind) }

    private var kind: SettingKind {
      switch self {
      case .database, .socket, .socketMode: .text
      case .ephemeral, .testing, .anyFileSystem, .clockBehindLedger, .acceptLogDamage,
        .lifelineStdin:
        .flag
      case .allowUid, .allowGid: .list
      case .readers: .integer(1...64, unit: "connections")
      case .pollers: .integer(1...64, unit: "threads")
      case .logFormat: .choice(LogFormat.allCases.map(\.rawValue))
      case .logLevel: .choice(ServeSettings.logLevels)
      case .slowQueryMillis, .slowCallMillis: .integer(0...3_600_000, unit: "milliseconds")
      case .maxConnections: .integer(1...65_536, unit: "connections")
      case .maxInFlight: .integer(1...65_536, unit: "calls")
      case .maxMessageBytes: .integer(1_024...16_777_215, unit: "bytes")
      case .maxOutboundBytes: .integer(16_777_216...1_073_741_824, unit: "bytes")
      case .maxTotalOutboundBytes: .integer(33_554_432...68_719_476_736, unit: "bytes")
      case .halfFrameSeconds, .stalledWriteSeconds: ServeSettings.seconds
      case .idleSeconds, .maxStreamSeconds: ServeSettings.orNever
      case .maxLogBytes: .integer(134_217_728...1_099_511_627_776, unit: "bytes")
      }
    }
  }

  static let known = Key.allCases.map(\.setting)

  /// - Throws: a `Failure` that names the source of the first invalid value.
  init(_ settings: Settings) throws(Failure) {
    func integer(_ key: Key, _ value: inout Int64) throws(Failure) {
      if let found = try settings.integer(key.setting) { value = found }
    }
    if let path = settings.text(Key.database.setting) { database = path }
    if let path = settings.text(Key.socket.setting) { socket = path }
    socketMode = try Self.mode(settings.find(Key.socketMode.setting)) ?? socketMode
    isEphemeral = try settings.flag(Key.ephemeral.setting)
    isTesting = try settings.flag(Key.testing.setting)
    allowsAnyFileSystem = try settings.flag(Key.anyFileSystem.setting)
    allowsClockBehindLedger = try settings.flag(Key.clockBehindLedger.setting)
    acceptsLogDamage = try settings.flag(Key.acceptLogDamage.setting)
    watchesInput = try settings.flag(Key.lifelineStdin.setting)
    allowedUids = try Self.allowances(settings.list(Key.allowUid.setting), "user", System.userId)
    allowedGids = try Self.allowances(settings.list(Key.allowGid.setting), "group", System.groupId)
    if let name = try settings.choice(Key.logFormat.setting), let format = LogFormat(rawValue: name) {
      logFormat = format
    }
    if let level = try settings.choice(Key.logLevel.setting) { logLevel = level }
    try integer(.slowQueryMillis, &slowQueryMillis)
    try integer(.slowCallMillis, &slowCallMillis)
    try integer(.readers, &readers)
    try integer(.pollers, &pollers)
    try integer(.maxConnections, &maxConnections)
    try integer(.maxInFlight, &maxInFlight)
    try integer(.maxMessageBytes, &maxMessageBytes)
    try integer(.maxOutboundBytes, &maxOutboundBytes)
    try integer(.maxTotalOutboundBytes, &maxTotalOutboundBytes)
    try integer(.halfFrameSeconds, &halfFrameSeconds)
    try integer(.stalledWriteSeconds, &stalledWriteSeconds)
    try integer(.idleSeconds, &idleSeconds)
    try integer(.maxStreamSeconds, &maxStreamSeconds)
    try integer(.maxLogBytes, &maxLogBytes)
    if isTesting && !isEphemeral {
      guard settings.text(Key.database.setting) != nil else {
        let advice = "name that database with --database, or add --ephemeral"
        throw Failure(.usage, "--testing lets clients reset the database, so \(advice)")
      }
    }
    try requirePlaces(settings)
  }

  private func requirePlaces(_ settings: Settings) throws(Failure) {
    if isEphemeral {
      // The environment and the file may name places for other servers; a flag is meant for this one.
      for key in [Key.socket, .database] where settings.find(key.setting)?.status == .usage {
        throw Failure(
          .usage,
          "--\(key.rawValue) cannot be combined with --ephemeral, which serves from a private directory and "
            + "prints the path of its socket")
      }
      return
    }
    if database.isEmpty {
      throw Failure(
        .configuration,
        "no place for the database: HOME is not set; set HOME or XDG_STATE_HOME, or name a directory with "
          + "--database")
    }
    if let found = settings.find(Key.socket.setting), let advice = SocketPath.advice(socket) {
      throw Failure(found.status, "\(found.origin): \(JSON.quoted(socket)) is not a path; \(advice)")
    }
  }

  /// `ID` or `ID:ROLE`, where the id is a number or a name; the role is `service` when it is left out.
  private static func allowances(
    _ found: Settings.Found?, _ kind: String, _ named: (String) -> UInt32?
  ) throws(Failure) -> [Allowance] {
    guard let found else { return [] }
    var allowances: [Allowance] = []
    for value in found.values {
      let parts = value.split(separator: ":", omittingEmptySubsequences: false)
      let role = parts.count == 2 ? String(parts[1]) : "service"
      let name = parts.first.map(String.init) ?? ""
      guard parts.count <= 2, !name.isEmpty, name != "\(UInt32.max)", roles.contains(role) else {
        let form = "ID or ID:ROLE with a role of \(roles.joined(separator: ", "))"
        throw Failure(found.status, "\(found.origin): \(JSON.quoted(value)) is not \(form)")
      }
      guard let id = UInt32(name) ?? named(name) else {
        let problem = "there is no \(kind) named \(JSON.quoted(name)) on this system"
        throw Failure(found.status, "\(found.origin): \(problem)")
      }
      allowances.append(Allowance(id: id, role: role))
    }
    return allowances
  }

  /// An octal mode that gives no access to others.
  private static func mode(_ found: Settings.Found?) throws(Failure) -> UInt32? {
    guard let found, let text = found.values.last else { return nil }
    guard let mode = UInt32(text, radix: 8), mode & ~0o660 == 0, mode & 0o600 == 0o600 else {
      throw Failure(
        found.status, "\(found.origin): \(JSON.quoted(text)) is not one of 0600, 0620, 0640, 0660")
    }
    return mode
  }
}

/// Where the socket and the database are by default.
enum Locations {
  /// In the user's runtime directory, else the system's.
  static var socket: String {
    let base = System.environment("XDG_RUNTIME_DIR") ?? "/run"
    return "\(base)/tallystick/tally.sock"
  }

  /// For root in the system's state directory, else the user's; nil for a user without a home.
  static var database: String? { database(userId: System.userId, environment: System.environment) }

  static func database(userId: UInt32, environment: (String) -> String?) -> String? {
    if userId == 0 { return "/var/lib/tallystick" }
    if let state = environment("XDG_STATE_HOME") { return "\(state)/tallystick" }
    return environment("HOME").map { "\($0)/.local/state/tallystick" }
  }

  /// The directory that a path stands in.
  static func parent(_ path: String) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let joined = parts.joined(separator: "/")
    return joined.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : joined
  }
}
