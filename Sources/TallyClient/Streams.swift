// Streams as a client's caller holds them.
//
// Invariants:
// 1. A stream keeps its connection, so that it outlives the client that opened it.
//
// Any thread may use one; at most one task sends on it and one receives from it at a time.

internal import TTRPC
public import TallyMessages

/// A stream of encoded messages. Letting it go gives the call up.
public final class EncodedStream: Sendable {
  private let stream: ClientStream
  private let connection: ClientConnection
  private let sendsMessages: Bool

  init(_ stream: ClientStream, _ connection: ClientConnection, sendsMessages: Bool) {
    self.stream = stream
    self.connection = connection
    self.sendsMessages = sendsMessages
  }

  /// Sends a message; suspends while too much waits for the server, and no longer than the call lasts.
  public func send(_ message: [UInt8]) async throws(TallyError) {
    try TallyClient.checkSize(message)
    do throws(CallError) { try await stream.send(message) } catch { throw told(error) }
  }

  /// Sends a message; false when the server has answered already, and hears no more.
  func sendUnlessEnded(_ message: [UInt8]) async throws(TallyError) -> Bool {
    try TallyClient.checkSize(message)
    do throws(CallError) { try await stream.send(message) } catch {
      if error.status.code == .failedPrecondition { return false }
      throw told(error)
    }
    return true
  }

  /// Tells the server that no more messages come.
  public func finish() { stream.finish() }

  /// The server's next message; nil after its last.
  public func next() async throws(TallyError) -> [UInt8]? {
    do throws(CallError) { return try await stream.next() } catch { throw told(error) }
  }

  /// Gives the call up.
  public func cancel() { stream.cancel() }

  /// Who only reads has changed nothing when he stops waiting.
  private func told(_ error: CallError) -> TallyError {
    var told = TallyError(error)
    if !sendsMessages, told.code != .unavailable { told.outcome = .notApplied }
    return told
  }
}

/// The responses of a server stream, in order. For one consumer; letting it go ends the call.
public struct Responses<Response: Message>: AsyncSequence, Sendable {
  public typealias Element = Response
  public typealias Failure = TallyError

  let stream: EncodedStream

  /// Gives the call up.
  public func cancel() { stream.cancel() }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: EncodedStream

    public mutating func next() async throws(TallyError) -> Response? {
      try await Responses.next(of: stream)
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(TallyError) -> Response? {
      try await Responses.next(of: stream)
    }
  }

  private static func next(of stream: EncodedStream) async throws(TallyError) -> Response? {
    guard let payload = try await stream.next() else { return nil }
    return try TallyClient.decode(payload)
  }
}

/// A stream both ways. For one producer and one consumer; letting it go ends the call.
public struct Duplex<Request: Message, Response: Message>: Sendable {
  let stream: EncodedStream

  /// Sends a message; suspends while too much waits for the server.
  public func send(_ message: Request) async throws(TallyError) { try await stream.send(message.encode()) }

  /// Tells the server that no more messages come.
  public func finish() { stream.finish() }

  /// What comes back, in order.
  public var responses: Responses<Response> { Responses(stream: stream) }

  /// Gives the call up.
  public func cancel() { stream.cancel() }
}
