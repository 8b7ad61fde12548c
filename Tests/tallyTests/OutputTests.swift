// What becomes of a command's output that cannot be written.

import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

@Suite("Output")
struct OutputTests {
  /// Runs a command in a shell that redirects its output.
  private func run(_ rig: Rig, _ command: String, _ redirection: String) throws -> ProcessResult {
    try ChildProcess.run(
      ["sh", "-c", "\"$0\" \(command) \(redirection)", Program.path],
      environment: Rig.clean(["TALLY_SOCKET": rig.fixture.socket]))
  }

  @Test("a command whose output cannot be written fails and says so", arguments: [">/dev/full", ">&-"])
  func isNotSwallowed(redirection: String) throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "u1", "10", "--payment", "p1")
    let commands = [
      "credits list u1", "credits balance u1 --json", "verify", "list", "version", "call Health/Check {}",
    ]
    for command in commands {
      let result = try run(rig, command, redirection)
      #expect(result.status == ExitStatus.system.rawValue, "\(command): \(result.error)")
      #expect(result.error.contains("cannot write to standard output"), "\(command)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("what is watched ends once nobody can be told of it")
  func watch() throws {
    let rig = try Rig()
    _ = try rig.output("credits", "purchase", "u1", "10", "--payment", "p1")
    let result = try run(rig, "watch --from 1", ">/dev/full")
    #expect(result.status == ExitStatus.system.rawValue, "\(result.error)")
    #expect(rig.fixture.stop() == 0)
  }

  @Test(
    "a server whose standard input, output and error are closed gives their numbers to no file of its own")
  func closedDescriptors() throws {
    let directory = try Rig.temporaryDirectory()
    let script = """
      "$0" serve --any-file-system --database "$1/data" --socket "$1/s" <&- >&- 2>&- &
      server=$!
      i=0
      while ! "$0" version >/dev/null || ! "$0" credits balance u1 --socket "$1/s" >/dev/null 2>&1; do
        i=$((i + 1)); [ $i -lt 600 ] || break; sleep 0.1
      done
      for i in 0 1 2; do readlink "/proc/$server/fd/$i"; done
      kill $server; wait $server
      """
    let result = try ChildProcess.run(
      ["sh", "-c", script, Program.path, directory.path], environment: Rig.clean([:]))
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output == "/dev/null\n/dev/null\n/dev/null\n")
    try directory.remove()
  }
}
