// `tally verify` on a file and on a running server.

import Glibc
import TallyProtoJSON
import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Verify command")
struct VerifyTests {
  /// A database that a server has written to and left.
  private func withDatabase(_ body: (String) async throws -> Void) async throws {
    let directory = try Rig.temporaryDirectory()
    let database = "\(directory.path)/db"
    let socket = "\(directory.path)/tally.sock"
    let process = try ChildProcess(
      [Program.path, "serve", "--database", database, "--socket", socket, "--any-file-system"],
      environment: Rig.clean([:]))
    try await eventually("the socket is made") { System.isThere(socket) }
    let environment = ["TALLY_SOCKET": socket]
    #expect(
      try Rig.run(["credits", "purchase", "a", "5", "--payment", "p"], environment: environment).status == 0)
    #expect(try Rig.run(["credits", "reserve", "a", "1"], environment: environment).status == 0)
    #expect(try Rig.run(["credits", "consume", "a", "1.5"], environment: environment).status == 0)
    let served = try Rig.run(["verify", "--file", database])
    #expect(served.status == tally.ExitStatus.busy.rawValue)
    #expect(process.end(signal: SIGTERM) == 0)
    try await body(database)
    try directory.remove()
  }

  @Test("a sound file is proven, a line a check")
  func sound() async throws {
    try await withDatabase { database in
      let result = try Rig.run(["verify", "--file", database])
      #expect(result.status == 0)
      let lines = result.output.split(separator: "\n")
      #expect(lines.count == 8)
      #expect(lines.allSatisfy { $0.hasPrefix("ok ") })
      let figures = lines.map { $0.dropFirst(65) }
      #expect(figures.allSatisfy { $0.hasPrefix("  ") && $0.dropFirst(2).first?.isNumber == true })
      let json = try Rig.run(["verify", "--file", "\(database)/tally.db", "--json"])
      for line in json.output.split(separator: "\n") {
        #expect(try JSON.parse(String(line))["ok"] == .bool(true))
      }
    }
  }

  @Test("a balance that was tampered with is found and named, with status 1")
  func tampered() async throws {
    try await withDatabase { database in
      let script =
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); "
        + "c.execute('update account set posted=posted+1'); c.commit()"
      #expect(try ChildProcess.run(["python3", "-c", script, "\(database)/tally.db"]).status == 0)
      let result = try Rig.run(["verify", "--file", database])
      #expect(result.status == 1)
      #expect(result.output.contains("FAIL  2"))
      #expect(result.output.contains("account 1: posted 3500001"))
      let json = try Rig.run(["verify", "--file", database, "--json"])
      #expect(json.status == 1)
      #expect(json.output.contains(#""ok":false"#))
    }
  }

  @Test("checks that a damaged file stops are not ok, and each finding is a line of its own")
  func damaged() async throws {
    try await withDatabase { database in
      let script =
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); "
        + "p=c.execute(\"select rootpage from sqlite_schema where name='ledger'\").fetchone()[0]; c.close(); "
        + "f=open(sys.argv[1],'r+b'); f.seek((p-1)*4096); f.write(b'\\xff'*100)"
      #expect(try ChildProcess.run(["python3", "-c", script, "\(database)/tally.db"]).status == 0)
      let result = try Rig.run(["verify", "--file", database])
      #expect(result.status == 1)
      let lines = result.output.split(separator: "\n")
      for line in lines where line.hasPrefix("ok ") {
        #expect(!line.contains("  0 examined") || line.contains("pages"), "\(line)")
      }
      for check in 1...4 { #expect(lines.contains { $0.hasPrefix("FAIL  \(check)") }, "\(result.output)") }
      #expect(
        result.output.contains("stopped, and the rest was not examined: database disk image is malformed"))
      #expect(lines.allSatisfy { $0.utf8.count <= 300 && !$0.contains("\\n") }, "\(result.output)")
      let json = try Rig.run(["verify", "--file", database, "--json"])
      for line in json.output.split(separator: "\n") {
        let check = try JSON.parse(String(line))
        if case .number(let number)? = check["check"], let number = Int(number), number <= 4 {
          #expect(check["ok"] == .bool(false), "\(line)")
        }
      }
    }
  }

  @Test(
    "a file where nothing may be written is verified where it is, unless a log stands beside it",
    .enabled(if: geteuid() == 0, "mounting needs root"))
  func readOnlyPlace() async throws {
    try await withDatabase { database in
      // On a disk of its own, in a mount namespace of its own.
      let script = """
        mount -t tmpfs t "$1" && cp "$0/tally.db" "$1/tally.db" && eval "$2" && mount -o remount,ro "$1" &&
        exec "$3" verify --file "$1"
        """
      let place = "\(database)/place"
      #expect(try ChildProcess.run(["mkdir", place]).status == 0)
      func verify(_ prepare: String) throws -> ProcessResult {
        try ChildProcess.run(
          ["unshare", "-m", "sh", "-c", script, database, place, prepare, Program.path],
          environment: Rig.clean([:]))
      }
      let sound = try verify("true")
      #expect(sound.status == 0, "\(sound.error)")
      #expect(sound.output.split(separator: "\n").count == 8)
      let log = try verify("echo more > \"$1/tally.db-wal\"")
      #expect(log.status == tally.ExitStatus.system.rawValue)
      #expect(log.error.hasPrefix("tally: \(place)/tally.db cannot be"), "\(log.error)")
      #expect(try ChildProcess.run(["rmdir", place]).status == 0)
    }
  }

  @Test("a file that is not there, or is no database, has its status")
  func noFile() async throws {
    let directory = try Rig.temporaryDirectory()
    #expect(
      try Rig.run(["verify", "--file", "\(directory.path)/none"]).status
        == tally.ExitStatus.noInput.rawValue)
    #expect(
      try ChildProcess.run(["sh", "-c", "echo no database > \"$0\"", "\(directory.path)/tally.db"]).status
        == 0)
    let foreign = try Rig.run(["verify", "--file", directory.path])
    #expect(foreign.status == tally.ExitStatus.damaged.rawValue)
    #expect(foreign.error == "tally: \(directory.path)/tally.db is not a Tallystick database\n")
    try directory.remove()
  }

  @Test("a running server proves itself while it serves")
  func online() throws {
    let rig = try Rig()
    #expect(try rig.run("credits", "purchase", "a", "5", "--payment", "p").status == 0)
    let result = try rig.run("verify")
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output.split(separator: "\n").count == 8)
    let json = try rig.run("verify", "--json")
    #expect(json.status == 0)
    for line in json.output.split(separator: "\n") {
      #expect(try JSON.parse(String(line))["ok"] == .bool(true))
    }
    #expect(rig.fixture.stop() == 0)
  }
}
