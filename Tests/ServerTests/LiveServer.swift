// A real server over a real socket for one test: its own directory, its own database.
//
// Invariants:
// 1. Everything is gone when `run` returns.
//
// Owner: the test.

import Foundation
import Logging
import TTRPC
import TallyCore
import TallyMessages
internal import TallySQLiteStore
import TallyTestSupport
import Testing

@testable import TallyServer

/// What a test talks to.
struct LiveServer {
  let server: TallyServer
  let connection: ClientConnection
  let socketPath: String

  /// Runs `body` against a fresh server for testing.
  static func run(
    log: CapturedLog? = nil, configure: (inout TallyServerOptions) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let socketPath = directory.path + "/s"
    var options = TallyServerOptions(
      server: ServerOptions(path: socketPath),
      engine: EngineConfiguration(directory: directory.path + "/db"), version: "test")
    options.engine.allowsAnyFileSystem = true
    // Nothing is written, and no statement runs, behind a test's back.
    options.engine.tickMillis = 3_600_000
    // However busy the machine is, nobody is taken for a peer that stalls.
    options.server.halfFrameNanoseconds = Patience.nanoseconds
    options.server.stalledWriteNanoseconds = Patience.nanoseconds
    options.testing = true
    configure(&options)
    let server = try TallyServer(
      options: options,
      logger: log?.logger ?? Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) { (configuration) throws(StoreError) in try SQLiteEngine.open(configuration) }
    try server.start()
    let connection = try ClientConnection.connect(path: socketPath)
    let live = LiveServer(server: server, connection: connection, socketPath: socketPath)
    do { try await body(live) } catch {
      connection.close()
      try await server.shutdown()
      throw error
    }
    connection.close()
    try await server.shutdown()
  }

  /// Calls a method as a generated client would.
  func call<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, actingUser: String? = nil, metadata: [MetadataPair] = [],
    _ fill: (inout Request) -> Void
  ) async throws -> Response {
    var request = Request()
    fill(&request)
    var pairs = metadata
    if let actingUser { pairs.append(MetadataPair(key: "tally-acting-user", value: actingUser)) }
    do {
      let payload = try await connection.unary(
        rpc.service, rpc.method, request.encode(), timeoutNanoseconds: Patience.nanoseconds, metadata: pairs)
      return try Response.decode(payload)
    } catch let error as CallError { throw Failed(error.status) }
  }

  /// The reason that a call fails with; nil when it succeeds.
  func reason<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, actingUser: String? = nil, _ fill: (inout Request) -> Void
  ) async throws -> String? {
    do {
      _ = try await call(rpc, actingUser: actingUser, fill)
      return nil
    } catch let failed as Failed { return failed.reason }
  }

  @discardableResult
  func purchase(_ userId: String, _ amountMicros: Int64, payment: String, key: String) async throws
    -> TallystickV1.AddPurchaseResponse
  {
    try await call(TallystickV1.CreditService.addPurchase) {
      $0.userId = userId
      $0.amountMicros = amountMicros
      $0.paymentId = payment
      $0.idempotencyKey = key
    }
  }

  @discardableResult
  func consume(_ userId: String, _ amountMicros: Int64, key: String) async throws
    -> TallystickV1.ConsumeResponse
  {
    try await call(TallystickV1.CreditService.consume) {
      $0.userId = userId
      $0.amountMicros = amountMicros
      $0.idempotencyKey = key
    }
  }

  /// The statements that `body` made the engine run, each with its number of runs: BEGIN, COMMIT and the
  /// head's row are among them. `statements(of:).total` is what has to stay fixed whatever the rows.
  func statements(of body: () async throws -> Void) async throws -> [String: Int64] {
    let before = server.engineForTesting.statements.runCounts
    try await body()
    let after = server.engineForTesting.statements.runCounts
    return after.merging(before) { $0 - $1 }.filter { $0.value != 0 }
  }

  func available(_ userId: String) async throws -> Int64 {
    try await call(TallystickV1.CreditService.getBalance) { $0.userId = userId }.balance?.availableMicros
      ?? -1
  }
}

extension [String: Int64] {
  /// Of all runs.
  var total: Int64 { values.reduce(0, +) }
}

/// A call that failed, its detail decoded.
struct Failed: Error, CustomStringConvertible {
  var code: StatusCode
  var message: String
  var reason: String?
  var details: [String: String]

  init(_ status: Status) {
    code = status.code
    message = status.message
    let detail = status.details.first { $0.typeURL == Status.errorInfoTypeURL }
    let info = detail.flatMap { try? TallystickV1.ErrorInfo.decode($0.value) }
    reason = info?.reason
    details = info?.metadata ?? [:]
  }

  var description: String { "\(code) \(reason ?? "-"): \(message) \(details)" }
}

/// A private directory that is removed with all that is in it.
struct TemporaryDirectory {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("tally-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    path = url.path
  }

  func remove() {
    do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record("left behind: \(error)") }
  }
}

extension TallyServer {
  /// For tests of what only this engine has.
  var sqliteEngine: SQLiteEngine { get throws { try #require(engineForTesting as? SQLiteEngine) } }

  /// How often a kept reply was found.
  func replyHits(_ cache: String) -> Int64 { replies.statistics.first { $0.name == cache }?.hits ?? 0 }
}
