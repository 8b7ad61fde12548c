// `tally serve` by running it: how it starts, what it prints, how it ends, what it leaves behind.

import Glibc
import TallyClient
import TallyMessages
import TallyProtoJSON
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Serve")
struct ServeTests {
  private static func isThere(_ path: String) -> Bool { System.isThere(path) }

  @Test("an ephemeral server prints one line of JSON once it accepts calls")
  func oneLine() async throws {
    let process = try ChildProcess([Program.path, "serve", "--ephemeral"], environment: Rig.clean([:]))
    let line = try #require(Rig.line(process))
    let json = try JSON.parse(line)
    #expect(json["pid"] == .integer(process.pid))
    #expect(json["version"] == .string(tallyVersion))
    guard case .string(let socket)? = json["socket"] else {
      Issue.record("no socket in \(line)")
      return
    }
    let client = TallyClient(socket: socket, defaults: CallOptions(timeout: Patience.duration))
    let info = try await client.call(
      TallystickV1.AdminService.getServerInfo, TallystickV1.GetServerInfoRequest())
    #expect(info.ephemeral)
    #expect(!info.testing)
    #expect(info.pid == process.pid)
    client.close()
    process.send(signal: SIGTERM)
    let (rest, _) = process.readToEnd()
    #expect(rest == "")
    #expect(process.wait() == 0)
    #expect(!Self.isThere(Locations.parent(socket)))
  }

  @Test("it leaves nothing behind when told to end", arguments: [SIGTERM, SIGINT, SIGHUP])
  func signals(signal: Int32) throws {
    let process = try ChildProcess([Program.path, "serve", "--ephemeral"], environment: Rig.clean([:]))
    let line = try #require(Rig.line(process))
    guard case .string(let socket)? = try JSON.parse(line)["socket"] else { return }
    #expect(Self.isThere(socket))
    #expect(process.end(signal: signal) == 0)
    #expect(!Self.isThere(Locations.parent(socket)))
  }

  @Test("a log that reaches the process's limit of a file's size is a full disk, and no end")
  func fileSizeLimit() async throws {
    let directory = try Rig.temporaryDirectory()
    let socket = directory.path + "/s"
    // In blocks of 512 bytes.
    let process = try ChildProcess(
      [
        "sh", "-c", "ulimit -f 4000; exec \"$@\"", "sh", Program.path, "serve", "--any-file-system",
        "--database",
        directory.path + "/data", "--socket", socket,
      ], environment: Rig.clean([:]))
    let client = TallyClient(socket: socket, defaults: CallOptions(timeout: Patience.duration))
    try await eventually("it serves") { System.isThere(socket) }
    var refusal: TallyError?
    var count: Int64 = 0
    while refusal == nil, count < 2_000 {
      var request = TallystickV1.GrantPromoRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = ("u\(count)", 1, "k")
      request.metadata = Dictionary(
        uniqueKeysWithValues: (0..<30).map { ("m\($0)", String(repeating: "x", count: 500)) })
      do {
        _ = try await client.call(TallystickV1.CreditService.grantPromo, request)
        count += 1
      } catch { refusal = error }
    }
    #expect(refusal?.reason == "DISK_FULL")
    var last = TallystickV1.GetBalanceRequest()
    last.userId = "u\(count - 1)"
    let balance = try await client.call(TallystickV1.CreditService.getBalance, last).balance
    #expect(balance?.availableMicros == 1)
    client.close()
    #expect(process.end(signal: SIGTERM) == 0)
    #expect(try Rig.run(["verify", "--file", directory.path + "/data"]).status == 0)
    try directory.remove()
  }

  @Test("a start with too few descriptors for any connection is refused, and says how many it needs")
  func fewDescriptors() throws {
    let directory = try Rig.temporaryDirectory()
    func serve(_ limit: String) throws -> ProcessResult {
      try ChildProcess.run(
        [
          "sh", "-c", "ulimit -n \(limit); exec \"$@\"", "sh", Program.path, "serve", "--any-file-system",
          "--database", directory.path + "/data", "--socket", directory.path + "/s",
        ], environment: Rig.clean([:]))
    }
    for limit in ["40", "96"] {
      let result = try serve(limit)
      #expect(result.status == 71)
      #expect(result.error.contains("needs 96 descriptors") && result.error.contains("only \(limit)"))
    }
    #expect(!System.isThere(directory.path + "/data"))
    try directory.remove()
  }

  @Test("it ends and leaves nothing behind when its parent is killed")
  func parentKilled() async throws {
    let shell = try ChildProcess(
      ["sh", "-c", "\"$0\" serve --ephemeral & wait", Program.path], environment: Rig.clean([:]))
    let line = try #require(Rig.line(shell))
    let json = try JSON.parse(line)
    guard case .string(let socket)? = json["socket"], case .number(let text)? = json["pid"],
      let pid = Int32(text)
    else { return }
    #expect(pid != shell.pid)
    #expect(shell.end(signal: SIGKILL) == 128 + SIGKILL)
    try await eventually("the server ends with its parent") { !Self.isThere(Locations.parent(socket)) }
    try await eventually("the process is gone") { !ChildProcess.exists(pid) }
  }

  @Test("the end of its standard input ends it, if that was asked for")
  func lifeline() async throws {
    let fixture = try TallyFixture.start()
    let socket = fixture.socket
    let pid = fixture.pid
    #expect(Self.isThere(socket))
    fixture.closeLifeline()
    try await eventually("the server ends with its lifeline") { !Self.isThere(Locations.parent(socket)) }
    #expect(fixture.stop() == 0)
    #expect(!ChildProcess.exists(pid))
  }

  /// The process and its directory.
  private static func startEphemeral(_ variables: [String: String]) throws -> (ChildProcess, String) {
    let process = try ChildProcess([Program.path, "serve", "--ephemeral"], environment: Rig.clean(variables))
    let line = try #require(Rig.line(process))
    guard case .string(let socket)? = try JSON.parse(line)["socket"] else { throw Failure(.software, line) }
    return (process, Locations.parent(socket))
  }

  @Test("a runtime directory that is not there is passed over")
  func runtimeDirectory() throws {
    let base = try Rig.temporaryDirectory()
    let variables = ["XDG_RUNTIME_DIR": "\(base.path)/gone", "TMPDIR": base.path]
    let (process, directory) = try Self.startEphemeral(variables)
    #expect(directory.hasPrefix("\(base.path)/tallystick-"))
    #expect(process.end(signal: SIGTERM) == 0)
    try base.remove()
  }

  @Test("what a killed server leaves behind goes with the next ephemeral start, and nothing else does")
  func sweep() throws {
    let base = try Rig.temporaryDirectory()
    let variables = ["XDG_RUNTIME_DIR": base.path]
    let (killed, left) = try Self.startEphemeral(variables)
    let (living, kept) = try Self.startEphemeral(variables)
    #expect(killed.end(signal: SIGKILL) == 128 + SIGKILL)
    #expect(Self.isThere(left))
    let (third, _) = try Self.startEphemeral(variables)
    #expect(!Self.isThere(left))
    #expect(Self.isThere(kept))
    #expect(living.end(signal: SIGTERM) == 0)
    #expect(third.end(signal: SIGTERM) == 0)
    #expect(!Self.isThere(Locations.parent(kept)))
    try base.remove()
  }

  @Test("a served database keeps what was acknowledged over a restart")
  func restart() async throws {
    let directory = try Rig.temporaryDirectory()
    let database = "\(directory.path)/state/db"
    let socket = "\(directory.path)/run/tally.sock"
    let arguments = [
      Program.path, "serve", "--database", database, "--socket", socket, "--any-file-system",
    ]
    for round in 1...2 as ClosedRange<Int64> {
      let process = try ChildProcess(arguments, environment: Rig.clean([:]))
      try await eventually("the socket is made") { Self.isThere(socket) }
      let client = TallyClient(socket: socket, defaults: CallOptions(timeout: Patience.duration))
      var request = TallystickV1.AddPurchaseRequest()
      request.userId = "alice"
      request.amountMicros = 1_000_000
      request.paymentId = "payment-\(round)"
      request.idempotencyKey = "key-\(round)"
      let reply = try await client.call(TallystickV1.CreditService.addPurchase, request)
      #expect(reply.balance?.availableMicros == round * 1_000_000)
      client.close()
      #expect(process.end(signal: SIGTERM) == 0)
      #expect(!Self.isThere(socket))
    }
    try directory.remove()
  }

  @Test("a directory that is removed under a server ends its writes, and the server says so")
  func removedDirectory() async throws {
    let directory = try Rig.temporaryDirectory()
    let database = "\(directory.path)/db"
    let socket = "\(directory.path)/tally.sock"
    let process = try ChildProcess(
      [Program.path, "serve", "--database", database, "--socket", socket, "--any-file-system"],
      environment: Rig.clean([:]))
    try await eventually("the socket is made") { Self.isThere(socket) }
    let environment = ["TALLY_SOCKET": socket]
    let purchase = ["credits", "purchase", "a", "5", "--payment"]
    #expect(try Rig.run(purchase + ["p"], environment: environment).status == 0)
    #expect(try ChildProcess.run(["rm", "-r", database]).status == 0)
    let client = TallyClient(socket: socket)
    try await eventually("the loss is noticed") {
      try Rig.run(["call", "grpc.health.v1.Health/Check", "{}"], environment: environment).output
        .contains("NOT_SERVING")
    }
    let refused = try Rig.run(purchase + ["q"], environment: environment)
    #expect(refused.status == tally.ExitStatus.refused.rawValue)
    #expect(refused.error.contains("CORRUPT") && refused.error.contains("removed"), "\(refused.error)")
    // Reads go on from what is open.
    var request = TallystickV1.GetBalanceRequest()
    request.userId = "a"
    let balance = try await client.call(TallystickV1.CreditService.getBalance, request)
    #expect(balance.balance?.availableMicros == 5_000_000)
    client.close()
    process.send(signal: SIGTERM)
    let (_, log) = process.readToEnd()
    #expect(process.wait() == tally.ExitStatus.damaged.rawValue)
    // When it was noticed, and once more at the end.
    let said = log.split(separator: "\n").filter { $0.contains("DATA_LOSS") && $0.contains(database) }
    #expect(said.count >= 2 && said[0].contains("the database's files are lost"), "\(log)")
    #expect(!Self.isThere(database))
    try directory.remove()
  }

  @Test("what is no ledger, and a ledger under another name, is refused with its path and what to do")
  func foreignFiles() throws {
    let directory = try Rig.temporaryDirectory()
    let database = "\(directory.path)/db"
    let place = ["--database", database, "--socket", "\(directory.path)/s", "--any-file-system"]
    func shell(_ script: String) throws {
      #expect(try ChildProcess.run(["sh", "-c", script, database]).status == 0)
    }
    try shell("mkdir -m 700 $0 && echo no database > $0/tally.db")
    let garbage = try Rig.refusedStart(place)
    #expect(garbage.status == tally.ExitStatus.damaged.rawValue)
    #expect(garbage.error == "tally: \(database)/tally.db is not a Tallystick database\n")
    try shell(
      "rm $0/tally.db && python3 -c 'import sqlite3,sys; c=sqlite3.connect(sys.argv[1]+\"/backup.db\"); "
        + "c.execute(\"create table t(x)\"); c.commit()' $0")
    let backup = try Rig.refusedStart(place)
    #expect(backup.status == tally.ExitStatus.cannotCreate.rawValue)
    #expect(
      backup.error.contains("holds the database backup.db but no tally.db: rename it"), "\(backup.error)")
    #expect(!Self.isThere("\(database)/tally.db"))
    try directory.remove()
  }

  @Test("a start that cannot listen leaves no database behind")
  func refusedSocket() throws {
    let directory = try Rig.temporaryDirectory()
    let database = "\(directory.path)/state/db"
    let rig = try Rig()
    #expect(try ChildProcess.run(["sh", "-c", "echo > \(directory.path)/file"]).status == 0)
    for (socket, problem) in [
      (rig.fixture.socket, "another server is listening there"),
      ("\(directory.path)/file", "which is not a socket"),
      ("\(directory.path)/file/below/s", "Not a directory"),
      ("\(directory.path)/\(String(repeating: "x", count: 120))", "is longer than"),
    ] {
      let refused = try Rig.refusedStart(["--database", database, "--socket", socket, "--any-file-system"])
      #expect(refused.status == tally.ExitStatus.cannotCreate.rawValue, "\(socket): \(refused.error)")
      #expect(refused.error.contains(problem), "\(socket): \(refused.error)")
      #expect(!Self.isThere(Locations.parent(database)), "\(socket)")
    }
    #expect(rig.fixture.stop() == 0)
    try directory.remove()
  }

  @Test("a database that was copied without its log is refused, and not served as an empty ledger")
  func copiedWithoutLog() async throws {
    let directory = try Rig.temporaryDirectory()
    let (database, copy) = ("\(directory.path)/db", "\(directory.path)/copy")
    let socket = "\(directory.path)/tally.sock"
    let process = try ChildProcess(
      [Program.path, "serve", "--database", database, "--socket", socket, "--any-file-system"],
      environment: Rig.clean([:]))
    try await eventually("the socket is made") { Self.isThere(socket) }
    #expect(
      try Rig.run(
        ["credits", "purchase", "a", "5", "--payment", "p"], environment: ["TALLY_SOCKET": socket]
      ).status == 0)
    let script = "mkdir -m 700 $1 && cp $0/tally.db $1"
    #expect(try ChildProcess.run(["sh", "-c", script, database, copy]).status == 0)
    #expect(process.end(signal: SIGTERM) == 0)
    let refused = try Rig.refusedStart([
      "--database", copy, "--socket", "\(directory.path)/b.sock", "--any-file-system",
    ])
    #expect(refused.status == tally.ExitStatus.damaged.rawValue)
    for part in ["\(copy)/tally.db", "tally.db-wal is missing", "backup"] {
      #expect(refused.error.contains(part), "\(refused.error)")
    }
    // Refused again: the first refusal has not made the log that is missing.
    let again = try Rig.refusedStart([
      "--database", copy, "--socket", "\(directory.path)/b.sock", "--any-file-system",
    ])
    #expect(again.status == tally.ExitStatus.damaged.rawValue, "\(again.error)")
    let verified = try Rig.run(["verify", "--file", copy])
    #expect(verified.error.contains("tally.db-wal has to be copied with it"), "\(verified.error)")
    try directory.remove()
  }

  @Test("the start says by its status what is wrong")
  func statuses() async throws {
    let directory = try Rig.temporaryDirectory()
    func serve(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ProcessResult {
      try Rig.refusedStart(arguments, environment: environment)
    }
    #expect(try serve(["--readers", "0"]).status == tally.ExitStatus.usage.rawValue)
    #expect(try serve(["--no-such-flag"]).status == tally.ExitStatus.usage.rawValue)
    #expect(try serve([], ["TALLY_READERS": "many"]).status == tally.ExitStatus.configuration.rawValue)
    #expect(
      try serve(["--config", "\(directory.path)/none"]).status == tally.ExitStatus.configuration.rawValue)
    #expect(try serve(["--testing"]).status == tally.ExitStatus.usage.rawValue)
    let long = "\(directory.path)/\(String(repeating: "x", count: 120)).sock"
    let database = "\(directory.path)/db"
    #expect(
      try serve(["--database", database, "--socket", long, "--any-file-system"]).status
        == tally.ExitStatus.cannotCreate.rawValue)
    #expect(try serve(["--database", "/proc/none/db"]).status != 0)
    let process = try ChildProcess(
      [
        Program.path, "serve", "--database", database, "--socket", "\(directory.path)/a.sock",
        "--any-file-system",
      ], environment: Rig.clean([:]))
    try await eventually("the socket is made") { Self.isThere("\(directory.path)/a.sock") }
    let second = try serve([
      "--database", database, "--socket", "\(directory.path)/b.sock", "--any-file-system",
    ])
    #expect(second.status == tally.ExitStatus.busy.rawValue)
    #expect(second.error.contains(database) && second.error.contains("--database"), "\(second.error)")
    #expect(process.end(signal: SIGTERM) == 0)
    try directory.remove()
  }

  @Test("flags win over the environment, that over the file, as the server tells")
  func precedence() async throws {
    let directory = try Rig.temporaryDirectory()
    let file = "\(directory.path)/tally.conf"
    #expect(
      try ChildProcess.run([
        "sh", "-c", "printf 'readers = 3\\nmax-in-flight = 7\\nmax-connections = 9\\n' > \"$0\"", file,
      ])
      .status == 0)
    let process = try ChildProcess(
      [Program.path, "serve", "--ephemeral", "--config", file, "--readers", "5"],
      environment: Rig.clean(["TALLY_READERS": "4", "TALLY_MAX_IN_FLIGHT": "8"]))
    let line = try #require(Rig.line(process))
    guard case .string(let socket)? = try JSON.parse(line)["socket"] else { return }
    let client = TallyClient(socket: socket, defaults: CallOptions(timeout: Patience.duration))
    let info = try await client.call(
      TallystickV1.AdminService.getServerInfo, TallystickV1.GetServerInfoRequest())
    #expect(info.readerPoolSize == 5)
    #expect(info.limits.first { $0.name == "in_flight" }?.value == 8)
    #expect(info.limits.first { $0.name == "connections" }?.value == 9)
    client.close()
    #expect(process.end(signal: SIGTERM) == 0)
    try directory.remove()
  }

  @Test("the log is one JSON object a line, if that was asked for")
  func jsonLog() throws {
    let process = try ChildProcess(
      [Program.path, "serve", "--ephemeral", "--log-format", "json", "--log-level", "debug"],
      environment: Rig.clean([:]))
    _ = try #require(Rig.line(process))
    process.send(signal: SIGTERM)
    let (_, error) = process.readToEnd()
    let lines = error.split(separator: "\n")
    #expect(lines.count >= 3)
    for line in lines { #expect(throws: Never.self) { try JSON.parse(String(line)) } }
  }

  @Test("a service manager is told when it is ready and when it ends")
  func notify() async throws {
    let directory = try Rig.temporaryDirectory()
    let path = "\(directory.path)/notify"
    let listener = try NotifySocket(path: path)
    let process = try ChildProcess(
      [Program.path, "serve", "--ephemeral"],
      environment: Rig.clean(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "20000"]))
    #expect(listener.next()?.hasPrefix("READY=1") == true)
    #expect(listener.next() == "WATCHDOG=1")
    process.send(signal: SIGTERM)
    var last = listener.next()
    while last == "WATCHDOG=1" { last = listener.next() }
    #expect(last == "STOPPING=1")
    #expect(process.wait() == 0)
    try directory.remove()
  }

  @Test("a socket that the service manager opened is served, and left in place")
  func activation() async throws {
    let directory = try Rig.temporaryDirectory()
    let socket = "\(directory.path)/activated.sock"
    let script = """
      import os, socket, sys
      listener = socket.socket(socket.AF_UNIX)
      listener.bind(sys.argv[1])
      listener.listen()
      os.dup2(listener.fileno(), 3)
      os.set_inheritable(3, True)
      os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
      os.execv(sys.argv[2], sys.argv[2:])
      """
    let process = try ChildProcess(
      [
        "python3", "-c", script, socket, Program.path, "serve", "--database", "\(directory.path)/db",
        "--socket", "\(directory.path)/other.sock", "--any-file-system",
      ], environment: Rig.clean([:]))
    try await eventually("the socket is served") {
      try Rig.run(["list", "--socket", socket]).status == 0
    }
    process.send(signal: SIGTERM)
    let (_, log) = process.readToEnd()
    #expect(process.wait() == 0)
    // The one that is served, and not the one that would have been made.
    #expect(log.contains(" socket=\(socket) ") && !log.contains("other.sock"), "\(log)")
    #expect(System.isThere(socket))
    #expect(!System.isThere("\(directory.path)/other.sock"))
    try directory.remove()
  }

  @Test("the installed configuration file is one, with every line of it in use")
  func sampleConfiguration() throws {
    let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let sample = try #require(try System.text(ofFile: "/\(path)/scripts/tally.conf", limit: 65_536))
    let all = sample.split(separator: "\n").map { line in
      line.contains(" = ") ? String(line.drop { $0 == "#" }) : String(line)
    }
    let file = try ConfigurationFile(
      path: "tally.conf", text: all.joined(separator: "\n"), known: ServeSettings.known)
    let settings = try ServeSettings(Settings(flags: [:], environment: { _ in nil }, file: file))
    var defaults = try ServeSettings(Settings(flags: [:], environment: { _ in nil }, file: nil))
    defaults.allowedUids = [Allowance(id: 1001, role: "service")]
    defaults.allowedGids = [Allowance(id: 1001, role: "readonly")]
    #expect(settings == defaults)
  }
}
