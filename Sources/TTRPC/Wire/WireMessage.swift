// All that this library has to know of a message: how to encode it to bytes and decode it from them.

/// A message that can be sent. Any codec will do; its messages conform by an adapter of two lines. For
/// swift-protobuf:
///
///     extension WireMessage where Self: SwiftProtobuf.Message {
///       public init(wireBytes: [UInt8]) throws { try self.init(serializedBytes: wireBytes) }
///       public func wireBytes() throws -> [UInt8] { try serializedBytes() }
///     }
///     extension EchoRequest: WireMessage {}
public protocol WireMessage: Sendable {
  /// Decodes a message. What it throws refuses the call with INVALID_ARGUMENT on a server, unless it is a
  /// `Status`, and fails it with INTERNAL on a client.
  init(wireBytes: [UInt8]) throws
  /// Encodes the message. What it throws fails the call with INTERNAL.
  func wireBytes() throws -> [UInt8]
}

/// Bytes are a message as they are.
extension Array: WireMessage where Element == UInt8 {
  public init(wireBytes: [UInt8]) { self = wireBytes }
  public func wireBytes() -> [UInt8] { self }
}

/// The messages of a call's peer, decoded, in order. For one consumer.
public struct TypedStream<Message: WireMessage>: AsyncSequence, Sendable {
  public typealias Element = Message
  let messages: MessageStream

  /// The next message; nil after the peer's last. Throws as `MessageStream.next` does, and INVALID_ARGUMENT
  /// for bytes that are no such message.
  public func next() async throws(Status) -> Message? {
    guard let bytes = try await messages.next() else { return nil }
    return try decoded(bytes)
  }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  public struct Iterator: AsyncIteratorProtocol {
    let stream: TypedStream

    public mutating func next() async throws(Status) -> Message? { try await stream.next() }
  }
}

/// Takes the messages that a handler sends.
public struct TypedSink<Message: WireMessage>: Sendable {
  let sink: MessageSink

  /// Sends a message; see `MessageSink.send`.
  public func send(_ message: Message) async throws {
    try await sink.send(message.wireBytes())
  }
}

/// A request's message, or INVALID_ARGUMENT.
func decoded<Message: WireMessage>(_ bytes: [UInt8]) throws(Status) -> Message {
  do {
    return try Message(wireBytes: bytes)
  } catch let status as Status {
    throw status
  } catch {
    throw Status(.invalidArgument, "the message does not parse as \(Message.self)")
  }
}
