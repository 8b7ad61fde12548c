// The Swift client: typed calls over one connection that comes back when it is lost.
//
// Invariants:
// 1. Calls share one connection, also those of the views that `acting` and `adding` make, and are pipelined.
// 2. A request has its idempotency keys before its first attempt, and every attempt has the same bytes.
// 3. A deadline covers all attempts and the waiting in between.
// 4. An attempt that may have been applied is repeated only where that is harmless.
//
// Any thread may use it.

internal import TTRPC
internal import TallyLocking
public import TallyMessages

/// A client of one Tallystick server.
///
///     let tally = TallyClient()
///     var request = TallystickV1.ConsumeRequest()
///     request.userId = "alice"
///     request.amountMicros = 250_000
///     request.idempotencyKey = "job-17"
///     let reply = try await tally.call(TallystickV1.CreditService.consume, request)
public final class TallyClient: Sendable {
  /// The metadata key that names the acting user.
  public static let actingUserMetadataKey = "tally-acting-user"
  /// The metadata key that makes a call cancellable.
  public static let cancelTokenMetadataKey = "tally-cancel-token"
  /// The longest message, in bytes: what a frame holds, less room for its envelope. The server's own limit is
  /// lower, and its answer the same.
  public static let longestMessageByteCount = longestFrameByteCount - 64 << 10
  static let longestFrameByteCount = 16 << 20 - 1
  /// What one stream keeps of what is not read; more ends the stream.
  static let longestBacklogByteCount = 16 << 20
  /// How much longer than its deadline a call waits for the server to say whether it was applied.
  static let deadlineGraceNanoseconds: UInt64 = 50_000_000

  /// For calls that bring none of their own.
  public let defaults: CallOptions
  private let channel: Channel

  /// Connects with the first call.
  /// - Parameters:
  ///   - socket: its path; nil looks where `SocketLocation` says.
  ///   - defaults: the options of calls that bring none of their own.
  public convenience init(socket: String? = nil, defaults: CallOptions = CallOptions()) {
    let sockets = socket.map { [$0] } ?? SocketLocation.candidates
    self.init(Channel(sockets: sockets, transport: Self.transport), defaults)
  }

  private init(_ channel: Channel, _ defaults: CallOptions) {
    self.channel = channel
    self.defaults = defaults
  }

  private static var transport: ClientOptions {
    var transport = ClientOptions()
    transport.maximumMessageByteCount = longestFrameByteCount
    transport.maximumStreamInboundByteCount = longestBacklogByteCount
    transport.deadlineGraceNanoseconds = deadlineGraceNanoseconds
    transport.cancelMethod = CancelMethod(
      metadataKey: cancelTokenMetadataKey, service: TallystickV1.Control.cancel.service,
      method: TallystickV1.Control.cancel.method,
      request: { token in
        var request = TallystickV1.CancelRequest()
        request.token = token
        return request.encode()
      })
    return transport
  }

  /// The places of the socket, tried in this order.
  public var sockets: [String] { channel.sockets }

  /// The same connection; calls touch this user's rows only.
  public func acting(as userId: String) -> TallyClient {
    var options = defaults
    options.actingUserId = userId
    return TallyClient(channel, options)
  }

  /// The same connection; calls carry these metadata, in place of earlier ones of their names.
  public func adding(metadata: [String: String]) -> TallyClient {
    var options = defaults
    for (name, value) in metadata { options.metadata[name.lowercased()] = value }
    return TallyClient(channel, options)
  }

  /// Closes the connection, also for every view of this client; calls under way fail, and are not tried
  /// again. A later call connects again.
  public func close() { channel.close() }

  // MARK: Calls

  /// Makes a call of one request and one response. Idempotency keys that are empty are filled in.
  public func call<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request, options: CallOptions? = nil
  ) async throws(TallyError) -> Response {
    var request = request
    rpc.fillKeys(&request, IdempotencyKey.next)
    let payload = try await call(
      service: rpc.service, method: rpc.method, payload: request.encode(),
      isRepeatable: rpc.isRepeatable(request), options: options)
    return try Self.decode(payload)
  }

  /// Makes a call with encoded messages, as they are.
  /// - Parameter isRepeatable: it may be made again although it may have been applied.
  public func call(
    service: String, method: String, payload: [UInt8], isRepeatable: Bool = false, options: CallOptions? = nil
  ) async throws(TallyError) -> [UInt8] {
    let options = options ?? defaults
    try Self.checkSize(payload)
    let metadata = Self.metadata(options)
    let closeCount = channel.closeCount
    var attempts = Attempts(timeout: options.timeout ?? CallOptions.defaultTimeout, policy: options.retry)
    while true {
      let failure: TallyError
      do throws(TallyError) {
        return try await attempt(service, method, payload, metadata, attempts)
      } catch { failure = attempts.told(error) }
      if channel.closeCount != closeCount { throw failure }
      try await attempts.wait(after: failure, isRepeatable: isRepeatable)
    }
  }

  private func attempt(
    _ service: String, _ method: String, _ payload: [UInt8], _ metadata: [MetadataPair], _ attempts: Attempts
  ) async throws(TallyError) -> [UInt8] {
    var isFirst = true
    while true {
      let connection = try await channel.connection(until: attempts.deadline)
      let timeout = try attempts.remaining()?.nanosecondsRoundedUp
      do throws(CallError) {
        return try await connection.unary(
          service, method, payload, timeoutNanoseconds: timeout, metadata: metadata)
      } catch {
        // It may have ended long ago, which nobody noticed who did not use it.
        if isFirst, error.status.code == .unavailable, !error.outcomeIsUnknown, connection.isClosed {
          isFirst = false
          continue
        }
        throw connection.failure(error)
      }
    }
  }

  // MARK: Streams

  /// Makes a call of one request and any number of responses. Only connecting is tried again: what has
  /// arrived cannot be taken back.
  public func stream<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request, options: CallOptions? = nil
  ) async throws(TallyError) -> Responses<Response> {
    var request = request
    rpc.fillKeys(&request, IdempotencyKey.next)
    return Responses(
      stream: try await openStream(
        .serverStream, service: rpc.service, method: rpc.method, first: request.encode(), options: options))
  }

  /// Makes a call with any number of requests and responses: messages can be sent and read at the same time.
  public func duplex<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, options: CallOptions? = nil
  ) async throws(TallyError) -> Duplex<Request, Response> {
    Duplex(
      stream: try await openStream(.bidi, service: rpc.service, method: rpc.method, options: options))
  }

  /// Sends the requests and waits for the one response. Only connecting is tried again: the requests come
  /// once, and of those that were sent before a failure some may have been applied.
  public func call<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, sending requests: some Sequence<Request>, options: CallOptions? = nil
  ) async throws(TallyError) -> Response {
    let stream = try await openStream(
      .clientStream, service: rpc.service, method: rpc.method, options: options)
    do throws(TallyError) {
      for request in requests where try await !stream.sendUnlessEnded(request.encode()) { break }
      return try await Self.response(of: stream)
    } catch { throw error.inDoubt }
  }

  /// Does the same for requests that come one by one, each in its own time.
  public func call<Request: Message, Response: Message, Requests: AsyncSequence>(
    _ rpc: RPC<Request, Response>, sending requests: Requests, options: CallOptions? = nil
  ) async throws -> Response where Requests.Element == Request {
    let stream = try await openStream(
      .clientStream, service: rpc.service, method: rpc.method, options: options)
    do {
      for try await request in requests where try await !stream.sendUnlessEnded(request.encode()) { break }
      return try await Self.response(of: stream)
    } catch let error as TallyError { throw error.inDoubt }
  }

  private static func response<Response: Message>(
    of stream: EncodedStream
  ) async throws(TallyError) -> Response {
    stream.finish()
    guard let payload = try await stream.next() else {
      throw TallyError(.internalError, reason: "", "the stream ended without its response")
    }
    return try decode(payload)
  }

  /// Opens a stream of encoded messages, of whatever kind, for callers that know types only at run time.
  public func openStream(
    _ kind: MethodKind, service: String, method: String, first: [UInt8] = [], options: CallOptions? = nil
  ) async throws(TallyError) -> EncodedStream {
    let options = options ?? defaults
    try Self.checkSize(first)
    let metadata = Self.metadata(options)
    let closeCount = channel.closeCount
    var attempts = Attempts(timeout: options.timeout, policy: options.retry)
    while true {
      let failure: TallyError
      do throws(TallyError) {
        let connection = try await channel.connection(until: attempts.deadline)
        let timeout = try attempts.remaining()?.nanosecondsRoundedUp
        do throws(CallError) {
          let stream = try connection.stream(
            kind, service, method, first, timeoutNanoseconds: timeout, metadata: metadata)
          return EncodedStream(stream, connection, sendsMessages: kind != .serverStream)
        } catch { throw connection.failure(error) }
      } catch { failure = error }
      if channel.closeCount != closeCount { throw failure }
      try await attempts.wait(after: failure, isRepeatable: false)
    }
  }

  // MARK: Messages

  static func decode<Response: Message>(_ payload: [UInt8]) throws(TallyError) -> Response {
    do throws(DecodeError) { return try Response.decode(payload) } catch {
      throw TallyError.unreadable(error)
    }
  }

  static func checkSize(_ message: [UInt8]) throws(TallyError) {
    if message.count <= longestMessageByteCount { return }
    throw TallyError(
      .resourceExhausted, reason: "MESSAGE_TOO_LARGE", "the request is too large",
      details: ["limit": "\(longestMessageByteCount)"])
  }

  private static func metadata(_ options: CallOptions) -> [MetadataPair] {
    let named = options.metadata.sorted { $0.key < $1.key }
    var pairs = named.map { MetadataPair(key: $0.lowercased(), value: $1) }
    pairs += options.repeatedMetadata
    if let user = options.actingUserId {
      pairs.append(MetadataPair(key: actingUserMetadataKey, value: user))
    }
    if options.metadata[cancelTokenMetadataKey] == nil {
      pairs.append(MetadataPair(key: cancelTokenMetadataKey, value: CallToken.next()))
    }
    return pairs
  }
}

/// Tokens by which calls can be cancelled, of which no two of this machine are the same.
private enum CallToken {
  private static let prefix = String(UInt64.random(in: 0 ... .max), radix: 36)
  private static let number = Lock<UInt64>(0)

  static func next() -> String {
    let number = number.withLock { number in
      number &+= 1
      return number
    }
    return "\(prefix)-\(String(number, radix: 36))"
  }
}

extension ClientConnection {
  /// A call that a connection refused because it had just been lost was never sent.
  fileprivate func failure(_ error: CallError) -> TallyError {
    var failure = TallyError(error)
    if failure.code == .unavailable, failure.reason.isEmpty, isClosed { failure.reason = "NOT_CONNECTED" }
    return failure
  }
}

extension Duration {
  /// At least 1: zero would mean no deadline.
  var nanosecondsRoundedUp: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 1 }
    let (whole, overflows) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    if overflows { return UInt64(Int64.max) }
    return Swift.max(1, whole &+ UInt64(attoseconds + 999_999_999) / 1_000_000_000)
  }
}
