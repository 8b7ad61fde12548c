// Runs the program that was built beside the tests.

import TallyTestSupport
import TallyTesting
import Testing

@testable import tally

/// A fixture of the program, and the program's commands against it.
struct Rig {
  let fixture: TallyFixture

  init(_ arguments: [String] = []) throws {
    fixture = try TallyFixture.start(arguments: arguments)
  }

  func run(_ arguments: String...) throws -> ProcessResult {
    try Rig.run(arguments, environment: ["TALLY_SOCKET": fixture.socket])
  }

  /// What a command prints that is to succeed.
  func output(_ arguments: String..., at place: SourceLocation = #_sourceLocation) throws -> String {
    let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": fixture.socket])
    #expect(result.status == 0, "\(arguments): \(result.error)", sourceLocation: place)
    return result.output
  }

  /// What a command that is to be refused says on standard error.
  func refusal(
    _ arguments: String..., status: tally.ExitStatus = .refused, at place: SourceLocation = #_sourceLocation
  ) throws -> String {
    let result = try Rig.run(arguments, environment: ["TALLY_SOCKET": fixture.socket])
    #expect(result.status == status.rawValue, "\(arguments): \(result.error)", sourceLocation: place)
    #expect(result.output == "", sourceLocation: place)
    return result.error
  }

  /// Stops the clock at noon of Tuesday 2030-01-15, so that outputs are the same each time.
  func stopClock() async throws {
    try await fixture.setClock(micros: try #require(Timestamp.parse("2030-01-15T12:00:00Z")))
  }

  /// The program with these arguments, and with no setting from the environment but those given.
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> ProcessResult {
    try ChildProcess.run([Program.path] + arguments, environment: Self.clean(environment))
  }

  /// A start of a server that is due to be refused; one that is not ends at once, since its input is empty.
  static func refusedStart(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> ProcessResult {
    try run(["serve", "--lifeline-stdin"] + arguments, environment: environment)
  }

  static func clean(_ environment: [String: String]) -> [String: String] {
    ["TALLY_SOCKET": "", "TALLY_CONFIG": "", "NOTIFY_SOCKET": ""].merging(environment) { $1 }
  }

  /// A directory of the test's own, removed by `remove`.
  static func temporaryDirectory() throws -> EphemeralDirectory {
    try EphemeralDirectory(base: "/tmp/tally-tests-\(System.userId)-\(try System.randomHex(byteCount: 8))")
  }

  /// The line that a server prints once it accepts calls, or any other; nil when the output ends before it.
  static func line(_ process: ChildProcess) -> String? {
    process.readLine(timeoutMilliseconds: Patience.milliseconds)
  }
}
