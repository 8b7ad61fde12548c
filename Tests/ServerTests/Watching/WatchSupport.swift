// Calls of WatchTransactions as a test makes them.
//
// Owner: one task.

import TTRPC
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyServer

/// A call of WatchTransactions, and what it has brought so far.
final class WatchCall {
  private let stream: ClientStream
  private(set) var rows: [TallystickV1.Transaction] = []
  /// Of the last message.
  private(set) var nextSequence: Int64 = 0
  private(set) var messageCount = 0

  init(
    _ connection: ClientConnection, from: Int64 = 0, users: [String] = [], actingUser: String? = nil
  ) throws {
    var request = TallystickV1.WatchTransactionsRequest()
    request.fromSequence = from
    request.userIds = users
    let method = Credits.watchTransactions
    stream = try connection.stream(
      .serverStream, method.service, method.method, request.encode(),
      metadata: actingUser.map { [MetadataPair(key: "tally-acting-user", value: $0)] } ?? [])
  }

  var sequences: [Int64] { rows.map(\.sequence) }

  /// Reads a message; false at the end.
  @discardableResult
  func read() async throws -> Bool {
    do {
      guard let payload = try await stream.next() else { return false }
      let message = try TallystickV1.WatchTransactionsResponse.decode(payload)
      messageCount += 1
      rows += message.transactions
      #expect(message.nextSequence >= max(nextSequence, (rows.last?.sequence ?? 0) + 1))
      nextSequence = message.nextSequence
      return true
    } catch let error as CallError { throw Failed(error.status) }
  }

  func read(rows count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    while rows.count < count { try #require(try await read(), sourceLocation: sourceLocation) }
  }

  /// Reads on until it fails.
  func failure() async throws -> Failed {
    do {
      while try await read() { continue }
    } catch let failed as Failed { return failed }
    throw NoFailure()
  }

  func cancel() { stream.cancel() }
}

struct NoFailure: Error {}

extension LiveServer {
  /// A call that is under way.
  func watch(
    from: Int64 = 0, users: [String] = [], actingUser: String? = nil
  ) async throws -> WatchCall {
    let call = try WatchCall(connection, from: from, users: users, actingUser: actingUser)
    try #require(try await call.read())
    return call
  }

  var lastSequence: Int64 { server.engineForTesting.state().ledgerSequence }

  /// Many small consumes of one commit, of users in turn.
  func consumeBatch(_ users: [String], _ count: Int, prefix: String) async throws {
    let response = try await call(Credits.batchConsume) { request in
      request.items = (0..<count).map { index in
        var item = TallystickV1.ConsumeRequest()
        item.userId = users[index % users.count]
        item.amountMicros = 1
        item.idempotencyKey = "\(prefix)-\(index)"
        return item
      }
    }
    for result in response.results {
      guard case .applied = result.result else {
        Issue.record("\(result)")
        return
      }
    }
  }
}
