// Calls with messages in place of bytes.

extension ClientConnection {
  /// Makes a unary call and waits for its reply.
  public func unary<Request: WireMessage, Reply: WireMessage>(
    _ service: String, _ method: String, _ request: Request, as reply: Reply.Type = Reply.self,
    timeoutNanoseconds: UInt64? = nil, metadata: [MetadataPair] = []
  ) async throws -> Reply {
    let payload = try request.wireBytes()
    let bytes: [UInt8] = try await unary(
      service, method, payload, timeoutNanoseconds: timeoutNanoseconds, metadata: metadata)
    return try Self.reply(bytes)
  }

  /// A reply's message; INTERNAL when the bytes are none.
  static func reply<Reply: WireMessage>(_ bytes: [UInt8]) throws(CallError) -> Reply {
    do {
      return try Reply(wireBytes: bytes)
    } catch {
      let status = Status(.internalError, "the reply does not parse as \(Reply.self)")
      throw CallError(status, outcomeIsUnknown: true)
    }
  }
}

extension ClientStream {
  /// Sends a message; see `send(_:)` of bytes.
  public func send(_ message: some WireMessage) async throws {
    let bytes = try message.wireBytes()
    try await send(bytes)
  }

  /// The server's next message; nil after its last.
  public func next<Reply: WireMessage>(as reply: Reply.Type) async throws(CallError) -> Reply? {
    guard let bytes = try await next() else { return nil }
    return try ClientConnection.reply(bytes)
  }
}
