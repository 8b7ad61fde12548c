// What stands around the program: scripts/run, scripts/install, the systemd units, the documents.

import Glibc
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Around the program")
struct InstallTests {
  private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  private static func text(_ path: String) throws -> String {
    try #require(try System.text(ofFile: "\(root)/\(path)", limit: 1 << 20))
  }

  /// scripts/run with the program under test, in directories of the test's own.
  private static func environment(_ directory: String) -> [String: String] {
    Rig.clean([
      "TALLY_BINARY": Program.path, "TALLY_SOCKET": "\(directory)/tally.sock",
      "TALLY_DATABASE": "\(directory)/db", "TALLY_ANY_FILE_SYSTEM": "true",
    ])
  }

  /// What scripts/run prints until its server is told to end.
  private static func said(_ environment: [String: String]) throws -> [String] {
    let process = try ChildProcess(["\(root)/scripts/run"], environment: environment)
    var lines: [String] = []
    while let line = Rig.line(process) {
      lines.append(line)
      if line == "Control-C stops it." { break }
    }
    #expect(process.end(signal: SIGTERM) == 0)
    return lines
  }

  @Test("scripts/run says what to try once its own server accepts calls, and ends with it")
  func run() throws {
    let directory = try Rig.temporaryDirectory()
    let lines = try Self.said(Self.environment(directory.path))
    #expect(lines.contains("Tallystick accepts calls. In a second shell, try:"), "\(lines)")
    #expect(lines.contains { $0.hasSuffix("credits consume alice 1.25") }, "\(lines)")
    #expect(lines.contains("  export TALLY_SOCKET=\(directory.path)/tally.sock"), "\(lines)")
    try directory.remove()
  }

  @Test("scripts/run takes socket and database from the file that TALLY_CONFIG names, as the server does")
  func configuration() throws {
    let directory = try Rig.temporaryDirectory()
    let rig = try Rig()
    var environment = Self.environment(directory.path)
    environment["TALLY_SOCKET"] = ""
    environment["TALLY_DATABASE"] = ""
    environment["TALLY_CONFIG"] = "\(directory.path)/tally.conf"
    // Another setting of which this one's name is the beginning, comments and blanks.
    func write(socket: String) throws {
      let text = """
        # socket = /nowhere
        socket-mode = 0600
          socket\t=  \(socket) \t# where it is
        database=\(directory.path)/db
        """
      let script = "printf '%s\\n' \"$1\" > \"$0\""
      _ = try ChildProcess.run(["sh", "-c", script, "\(directory.path)/tally.conf", text])
    }
    try write(socket: "\(directory.path)/other.sock")
    let lines = try Self.said(environment)
    #expect(lines.contains("  export TALLY_SOCKET=\(directory.path)/other.sock"), "\(lines)")
    #expect(try ChildProcess.run(["test", "-f", "\(directory.path)/db/tally.db"]).status == 0)
    // Beside a server it says so before anything is built.
    try write(socket: rig.fixture.socket)
    let busy = try ChildProcess.run(["\(Self.root)/scripts/run", "--check"], environment: environment)
    #expect(busy.status == tally.ExitStatus.busy.rawValue)
    #expect(busy.error.contains("already accepts calls at \(rig.fixture.socket)"), "\(busy.error)")
    #expect(rig.fixture.stop() == 0)
    try directory.remove()
  }

  @Test("scripts/run beside a running server says so and claims nothing, before a build and after")
  func besideAnother() throws {
    let directory = try Rig.temporaryDirectory()
    let rig = try Rig()
    var environment = Self.environment(directory.path)
    environment["TALLY_SOCKET"] = rig.fixture.socket
    for arguments in [[], ["--check"]] {
      let result = try ChildProcess.run(["\(Self.root)/scripts/run"] + arguments, environment: environment)
      #expect(result.status == tally.ExitStatus.busy.rawValue)
      #expect(!result.output.contains("accepts calls"), "\(result.output)")
      #expect(
        result.error.contains("a server already accepts calls at \(rig.fixture.socket)"), "\(result.error)")
    }
    #expect(rig.fixture.stop() == 0)
    try directory.remove()
  }

  @Test("scripts/run says before a build that the database is in use, or may not be read")
  func database() async throws {
    let directory = try Rig.temporaryDirectory()
    var environment = Self.environment(directory.path)
    let database = "\(directory.path)/db"
    environment["TALLY_DATABASE"] = database
    let process = try ChildProcess(
      [
        Program.path, "serve", "--database", database, "--socket", "\(directory.path)/s", "--any-file-system",
      ],
      environment: Rig.clean([:]))
    try await eventually("the socket is made") { System.isThere("\(directory.path)/s") }
    let check = ["\(Self.root)/scripts/run", "--check"]
    let busy = try ChildProcess.run(check, environment: environment)
    #expect(busy.status == tally.ExitStatus.busy.rawValue, "\(busy.error)")
    #expect(busy.error.contains("another server uses the database in \(database)"), "\(busy.error)")
    #expect(process.end(signal: SIGTERM) == 0)
    #expect(try ChildProcess.run(check, environment: environment).status == 0)
    // As somebody else than the owner.
    if System.userId == 0 {
      let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
      environment["TALLY_SOCKET"] = "/tmp/tally-\(try System.randomHex(byteCount: 8)).sock"
      let denied = try ChildProcess.run(other + check, environment: environment)
      #expect(denied.status == tally.ExitStatus.cannotCreate.rawValue, "\(denied.error)")
      #expect(denied.error.contains("set TALLY_DATABASE to another directory"), "\(denied.error)")
    }
    try directory.remove()
  }

  @Test("make run checks its places before it builds anything")
  func before() throws {
    let makefile = try Self.text("Makefile")
    let rule = try #require(makefile.firstRange(of: "\nrun:"))
    let lines = makefile[rule.upperBound...].split(separator: "\n").prefix(4).map(String.init)
    #expect(lines[0].prefix { $0 != "#" }.allSatisfy { $0 == " " }, "run depends on nothing: \(lines[0])")
    #expect(lines[1] == "\t@scripts/run --check" && lines[2].contains("build"), "\(lines)")
  }

  @Test("scripts/run without a runtime directory takes a place that works, or names the variable")
  func withoutRuntimeDirectory() throws {
    let directory = try Rig.temporaryDirectory()
    var environment = Self.environment(directory.path)
    _ = try ChildProcess.run(["sh", "-c", "echo > \(directory.path)/file"])
    environment["TALLY_SOCKET"] = "\(directory.path)/file/below/tally.sock"
    let refused = try ChildProcess.run(["\(Self.root)/scripts/run", "--check"], environment: environment)
    #expect(refused.status == tally.ExitStatus.cannotCreate.rawValue)
    #expect(refused.error.contains("set TALLY_SOCKET to another path"), "\(refused.error)")
    environment["TALLY_SOCKET"] = ""
    environment["XDG_RUNTIME_DIR"] = ""
    let other = System.userId == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    // Of the build's directory somebody else may make nothing: then the check says so at once.
    let result = try ChildProcess.run(
      other + ["\(Self.root)/scripts/run", "--check"], environment: environment)
    let isRefusedWithAdvice = result.error.contains("set TALLY_SOCKET")
    #expect(result.status == 0 || isRefusedWithAdvice, "\(result.error)")
    #expect(!result.error.contains("/run/tallystick"), "\(result.error)")
    environment["TALLY_DATABASE"] = ""
    environment["HOME"] = ""
    environment["XDG_STATE_HOME"] = ""
    environment["TALLY_SOCKET"] = "\(directory.path)/tally.sock"
    if System.userId != 0 {
      let homeless = try ChildProcess.run(["\(Self.root)/scripts/run", "--check"], environment: environment)
      #expect(homeless.status == tally.ExitStatus.configuration.rawValue)
      #expect(homeless.error.contains("TALLY_DATABASE"), "\(homeless.error)")
    }
    try directory.remove()
  }

  @Test("a release is built with the same command lines whether its output goes to a terminal or a file")
  func colours() throws {
    for path in ["Makefile", "scripts/bench"] {
      for line in try Self.text(path).split(separator: "\n") where line.contains(" build -c release --static")
      {
        #expect(line.contains("--no-color-diagnostics"), "\(path): \(line)")
      }
    }
  }

  @Test("systemd does not restart on statuses of which OPERATIONS says that a restart will not help")
  func restarts() throws {
    let unit = try Self.text("scripts/tallystick.service")
    let line = try #require(unit.split(separator: "\n").first { $0.hasPrefix("RestartPreventExitStatus=") })
    let prevented = Set(line.split(separator: "=")[1].split(separator: " ").map(String.init))
    let useless: [tally.ExitStatus] = [.usage, .damaged, .configuration]
    #expect(prevented == Set(useless.map { "\($0.rawValue)" }))
    let operations = try Self.text("docs/OPERATIONS.md")
    #expect(operations.contains("except 64, 74 and 78, where a restart does not\nhelp"))
    for status in [0, 1, 64, 65, 66, 69, 70, 71, 73, 74, 75, 78, 80, 124] {
      #expect(operations.contains("\n| \(status) | "), "\(status)")
    }
  }

  @Test("the service's user is made by what install puts there, and goes with uninstall")
  func users() throws {
    let directory = try Rig.temporaryDirectory()
    // Beside a build of its own, since there may be no release yet.
    let script = """
      cd "$1" && mkdir -p .build/release scripts docs && cp "$2" .build/release/tally
      cp "$3"/scripts/tally* "$3"/scripts/install scripts/ && cp "$3"/docs/OPERATIONS.md docs/
      scripts/install "$1/pkg" /usr /usr/lib/systemd/system /etc
      cat "$1/pkg/usr/lib/sysusers.d/tallystick.conf"
      scripts/install --remove "$1/pkg" /usr /usr/lib/systemd/system /etc
      find "$1/pkg" -type f
      """
    let result = try ChildProcess.run(["sh", "-ec", script, "sh", directory.path, Program.path, Self.root])
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output.contains("\nu tallystick - "), "\(result.output)")
    #expect(
      result.output.split(separator: "\n").filter { $0.hasPrefix("\(directory.path)/pkg/") } == [
        "\(directory.path)/pkg/etc/tallystick/tally.conf"
      ], "\(result.output)")
    try directory.remove()
  }

  @Test("a document says how to upgrade")
  func upgrading() throws {
    let operations = try Self.text("docs/OPERATIONS.md")
    let start = try #require(operations.firstRange(of: "\n**Upgrading.**"))
    let text = operations[start.upperBound...].prefix(2_000)
    for part in ["systemctl restart", "backup", "78", "back"] { #expect(text.contains(part), "\(part)") }
  }
}
