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
