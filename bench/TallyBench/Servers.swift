// The systems that are measured: how each is started, with which durable settings, and stopped.
//
// Invariants:
// 1. Each listens on a Unix socket in the run's own directory and keeps its data there.
// 2. Each syncs before it answers a write: SQLite synchronous=FULL, PostgreSQL fsync and
//    synchronous_commit on, Redis appendfsync always.

import Glibc

/// The directories of a run.
struct Places {
  /// The directory of the built programs.
  var build: String
  /// The run's own directory: on the disk that is measured, removed when the run ends.
  var directory: String

  func program(_ name: String) -> String { "\(build)/\(name)" }
  func path(_ name: String) -> String { "\(directory)/\(name)" }
}

/// A system that has been started.
struct RunningServer {
  var subject: Subject
  var target: String
  var socket: String
  var process: ServerProcess
  var stopSignal = SIGTERM

  /// Whether it has users, runs and pages besides balances.
  var hasProduct: Bool { subject == .tally || subject == .postgres }

  func stop() throws(BenchError) {
    try process.stop(signal: stopSignal)
  }
}

struct Launcher {
  var places: Places
  /// A new name for each start, so that no two servers share a socket or a file.
  private var started = 0

  init(places: Places) {
    self.places = places
  }

  private mutating func launch(
    _ subject: Subject, target: String = "ttrpc", name: String, core: Int? = nil,
    _ command: (_ socket: String, _ data: String) -> [String]
  ) throws(BenchError) -> RunningServer {
    started += 1
    let socket = places.path("\(name)-\(started).sock")
    let arguments = command(socket, places.path("\(name)-\(started)"))
    let process = try ServerProcess(
      name, arguments, logPath: places.path("\(name)-\(started).log"), core: core)
    try process.waitForSocket(socket)
    return RunningServer(subject: subject, target: target, socket: socket, process: process)
  }

  /// The program, on a database of its own.
  mutating func tally(testing: Bool = false, core: Int? = nil) throws(BenchError) -> RunningServer {
    let program = places.program("tally")
    return try launch(.tally, name: "tally", core: core) { socket, data in
      Self.tallyCommand(program, socket: socket, data: data) + (testing ? ["--testing"] : [])
    }
  }

  /// The program as tests start it: it chooses its own directory, in memory if it can.
  mutating func tallyForTests() throws(BenchError) -> RunningServer {
    started += 1
    let command = [
      places.program("tally"), "serve", "--ephemeral", "--testing", "--log-level", "warning",
    ]
    let process = try ServerProcess("tally", command, logPath: places.path("tally-\(started).log"))
    return RunningServer(
      subject: .tally, target: "ttrpc", socket: try process.waitForLine(), process: process)
  }

  static func tallyCommand(_ program: String, socket: String, data: String) -> [String] {
    [program, "serve", "--database", data, "--socket", socket, "--log-level", "warning"]
  }

  mutating func floorEcho(core: Int? = nil) throws(BenchError) -> RunningServer {
    let program = places.program("CTallyFloorEcho")
    return try launch(.floor, name: "floor-echo", core: core) { socket, _ in [program, socket] }
  }

  mutating func floorConsume() throws(BenchError) -> RunningServer {
    let program = places.program("CTallyFloorConsume")
    return try launch(.floor, name: "floor-consume") { socket, data in
      [program, "--database", data + ".db", "--socket", socket]
    }
  }

  /// One of the Go echo servers.
  mutating func goEcho(_ subject: Subject, core: Int? = nil) throws(BenchError) -> RunningServer {
    let name = subject == .goGRPC ? "peer-grpc" : "peer-ttrpc"
    let program = places.program(name)
    let target = subject == .goGRPC ? "grpc" : "ttrpc"
    return try launch(subject, target: target, name: name, core: core) { socket, _ in [program, socket] }
  }

  mutating func redis() throws(BenchError) -> RunningServer {
    let directory = places.path("redis")
    try SystemCall.makeDirectory(directory)
    return try launch(.redis, target: "redis", name: "redis-server") { socket, _ in
      [
        "redis-server", "--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "",
        "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0",
      ]
    }
  }

  /// Vacuums PostgreSQL after a bulk load, and has it collect statistics.
  static func analyze(_ server: RunningServer) throws(BenchError) {
    let directory = server.socket.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    try Tool.run([
      "psql", "--quiet", "--host", directory.joined(separator: "/"), "--username", "postgres", "--command",
      "VACUUM ANALYZE",
    ])
  }

  /// A cluster of its own. PostgreSQL refuses to run as root, so root lends it the user `postgres`.
  mutating func postgres() throws(BenchError) -> RunningServer {
    started += 1
    let programs = "/usr/lib/postgresql/15/bin"
    let directory = places.path("postgres-\(started)")
    let user: String? = getuid() == 0 ? "postgres" : nil
    try SystemCall.makeDirectory(directory)
    if let user { try Tool.run(["chown", user, directory]) }
    let data = "\(directory)/data"
    try Tool.run(
      [
        "\(programs)/initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync",
        "--encoding", "UTF8", "--locale", "C",
      ], user: user)
    let settings = [
      "listen_addresses=", "unix_socket_directories=\(directory)", "max_connections=200", "fsync=on",
      "synchronous_commit=on", "shared_buffers=512MB", "max_wal_size=16GB", "checkpoint_timeout=1h",
      "jit=off",
    ]
    let process = try ServerProcess(
      "postgres", ["\(programs)/postgres", "-D", data] + settings.flatMap { ["-c", $0] },
      logPath: directory + ".log", user: user)
    let socket = "\(directory)/.s.PGSQL.5432"
    try process.waitForSocket(socket)
    while (try? Tool.run(["\(programs)/pg_isready", "--quiet", "--host", directory])) == nil {
      guard SystemCall.isRunning(process.pid) else { throw BenchError("postgres ended as it started") }
      SystemCall.pause(millis: 50)
    }
    return RunningServer(
      subject: .postgres, target: "postgres", socket: socket, process: process, stopSignal: SIGINT)
  }
}
