// A real server on a real socket for one test, and raw clients to it.
//
// Owned by the test.

import Glibc
import TallyLocking
import Testing

@testable import TTRPC

/// How long a test waits for what must happen, on however busy a machine. Says nothing about speed.
let patienceNanoseconds: UInt64 = 300_000_000_000

/// Waits until `condition` holds; the test fails if it never does.
func eventually(
  _ what: Comment, _ condition: () async -> Bool,
  sourceLocation: SourceLocation = #_sourceLocation
) async {
  let limit = MonotonicClock.nanoseconds + patienceNanoseconds
  while MonotonicClock.nanoseconds < limit {
    if await condition() { return }
    try? await Task.sleep(for: .milliseconds(2))
  }
  Issue.record(what, sourceLocation: sourceLocation)
}

/// Serves the conformance service in a directory of its own until the test ends. Its time is the test's: no
/// limit and no deadline of the server passes by itself, however slow the machine is.
final class TestServer: Sendable {
  let server: Server
  let path: String
  let time = ManualTime()
  private let directory: String
  private let closes = Lock<[CloseReason]>([])
  private let cancelled = Lock(0)
  private let failures = Lock<[(id: String, error: String)]>([])

  init(
    registry: ServiceRegistry? = nil, _ change: (inout ServerOptions) -> Void = { _ in }
  ) throws {
    directory = "/tmp/ttrpc-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    path = directory + "/socket"
    var options = ServerOptions(path: path)
    options.cancelTokenKey = "tally-cancel-token"
    options.time = .manual(time)
    let (closes, failures, cancelled) = (closes, failures, cancelled)
    options.hooks.connectionClosed = { _, _, reason in closes.withLock { $0.append(reason) } }
    options.hooks.handlerFailed = { _, id, error in
      failures.withLock { $0.append((id, "\(error)")) }
    }
    change(&options)
    let box = Lock<Server?>(nil)
    let services =
      registry
      ?? ConformanceService.registry { token, uid in
        let count = box.withLock { $0 }?.cancel(token: token, uid: uid) ?? 0
        cancelled.withLock { $0 += count }
        return count
      }
    let server = Server(options: options, registry: services)
    self.server = server
    try server.start()
    box.withLock { $0 = server }
  }

  deinit {
    let (server, directory, path) = (server, directory, path)
    Task {
      await server.shutdown(drainNanoseconds: 0)
      _ = unsafe unlink(path)
      _ = unsafe rmdir(directory)
    }
  }

  /// Calls that were told by Control.Cancel.
  var cancelledCount: Int { cancelled.withLock { $0 } }
  var closeReasons: [CloseReason] { closes.withLock { $0 } }
  var handlerFailures: [(id: String, error: String)] { failures.withLock { $0 } }

  /// Runs `body` while the server's time passes in steps.
  func whileTimePasses<Result>(
    byNanoseconds step: UInt64, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
  ) async throws -> Result {
    let time = time
    let passing = Task {
      while !Task.isCancelled {
        time.advance(byNanoseconds: step)
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    defer { passing.cancel() }
    return try await body()
  }

  func connect(_ options: ClientOptions = ClientOptions()) throws -> ClientConnection {
    try ClientConnection.connect(path: path, options: options)
  }

  func raw() throws -> RawClient { try RawClient(path: path) }
}
