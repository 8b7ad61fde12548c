// Calls that follow what grows at the server, as a test makes them.
//
// Owner: one task.

import TTRPC
import TallyMessages
import TallyTestSupport
import Testing

@testable import TallyServer

typealias WatchCall = FollowingCall<TallystickV1.WatchTransactionsResponse>

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
