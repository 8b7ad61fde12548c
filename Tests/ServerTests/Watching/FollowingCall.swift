// A call that follows what grows at the server, as a test makes it.
//
// Owner: one task.

import TTRPC
import TallyClient
import TallyMessages
import Testing

/// A call of a method that never ends, and what it has brought so far.
final class FollowingCall<Response: WatchMessage> {
  private let stream: ClientStream
  private(set) var rows: [Response.Row] = []
  /// Of the last message.
  private(set) var nextSequence: Int64 = 0
  private(set) var messageCount = 0

  init(
    _ connection: ClientConnection, from: Int64 = 0, users: [String] = [], actingUser: String? = nil
  ) throws {
    stream = try connection.stream(
      .serverStream, Response.rpc.service, Response.rpc.method, Response.request(from: from, users: users),
      metadata: actingUser.map { [MetadataPair(key: "tally-acting-user", value: $0)] } ?? [])
  }

  var sequences: [Int64] { rows.map(Response.number) }

  /// Reads a message; false at the end.
  @discardableResult
  func read() async throws -> Bool {
    do {
      guard let payload = try await stream.next() else { return false }
      let message = try Response.decode(payload)
      messageCount += 1
      rows += message.rows
      #expect(message.following >= max(nextSequence, (rows.last.map(Response.number) ?? 0) + 1))
      nextSequence = message.following
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
