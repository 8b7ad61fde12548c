// A server in a process of its own, and the clients of a test.
//
// Invariants:
// 1. `start` returns once the server accepts calls.
//
// Owner: the test.

import Glibc
import TTRPC
import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

/// How a server is started.
struct DaemonOptions: Sendable {
  var program = Programs.tally
  /// After `serve --database D --socket S`.
  var flags: [String] = []
  /// Shell commands before the server takes the shell's place.
  var prelude = ""

  init(flags: [String] = [], prelude: String = "") {
    self.flags = flags
    self.prelude = prelude
  }

  /// The server with a fault built in.
  static func faulty(_ fault: String, count: Int = 0) -> DaemonOptions {
    var options = DaemonOptions()
    options.program = Programs.faultyServer
    options.flags = [fault, "\(count)"]
    return options
  }

  /// The same on a clock that stands still; the fault comes about once there is a file.
  static func faulty(_ fault: String, wallMicros: Int64, trigger: String) -> DaemonOptions {
    var options = faulty(fault)
    options.flags += ["\(wallMicros)", trigger]
    return options
  }
}

struct Daemon: Sendable {
  let child: Child
  let workplace: Workplace

  /// Starts a server without waiting for it.
  static func launch(_ workplace: Workplace, _ options: DaemonOptions = DaemonOptions()) throws -> Daemon {
    let places =
      options.program == Programs.faultyServer
      ? [workplace.database, workplace.socket]
      : ["serve", "--database", workplace.database, "--socket", workplace.socket, "--log-level", "error"]
    let child = try Child(
      [options.program] + places + options.flags, log: workplace.log, prelude: options.prelude)
    return Daemon(child: child, workplace: workplace)
  }

  static func start(
    _ workplace: Workplace, _ options: DaemonOptions = DaemonOptions(),
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Daemon {
    let daemon = try launch(workplace, options)
    try await eventually("a server at \(workplace.socket)", sourceLocation: sourceLocation) {
      let status = daemon.child.status
      try #require(
        status == nil, "the server ended with \(status ?? 0): \(Files.text(workplace.log).suffix(2_000))",
        sourceLocation: sourceLocation)
      return await daemon.isServing()
    }
    return daemon
  }

  func isServing() async -> Bool {
    let client = TallyClient(socket: workplace.socket, defaults: CallOptions(retry: .never))
    defer { client.close() }
    let info = try? await client.call(TallystickV1.AdminService.getServerInfo, .init())
    return info?.pid == child.pid
  }

  func client(timeout: Duration? = Patience.duration) -> TallyClient {
    TallyClient(
      socket: workplace.socket,
      defaults: CallOptions(timeout: timeout ?? CallOptions.longestTimeout, retry: .never))
  }

  /// Ends in good order.
  func stop(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    child.signal(SIGTERM)
    let status = try await child.waitForEnd(sourceLocation: sourceLocation)
    #expect(status == 0, "\(Files.text(workplace.log).suffix(2_000))", sourceLocation: sourceLocation)
  }

  func kill() { child.end(SIGKILL) }

  /// `tally verify` on the running server.
  func verify(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await workplace.verify(["--socket", workplace.socket], sourceLocation: sourceLocation)
  }
}

extension Workplace {
  /// `tally verify` on the file, which nobody serves.
  func verifyFile(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await verify(["--file", database], sourceLocation: sourceLocation)
  }

  fileprivate func verify(_ flags: [String], sourceLocation: SourceLocation) async throws {
    let child = try Child([Programs.tally, "verify"] + flags, log: log)
    let output = child.outputText()
    let status = try await child.waitForEnd(sourceLocation: sourceLocation)
    #expect(
      status == 0, "tally verify: \(output) \(Files.text(log).suffix(2_000))", sourceLocation: sourceLocation)
  }
}
