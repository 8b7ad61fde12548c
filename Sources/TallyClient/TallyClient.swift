// The Swift client: typed calls over one connection that comes back when it is lost.
//
// Invariants:
// 1. There is at most one connection at a time; calls share it and are pipelined.
// 2. A retry sends the same bytes, so the same key, and only if the caller's policy says so.
// 3. A deadline covers all attempts and the waiting in between.
//
// Any thread: the connection stands behind a lock.

public import TTRPC
internal import TallyLocking
public import TallyMessages

/// A client of one Tallystick server.
///
///     let tally = TallyClient()
///     var request = TallystickV1.ConsumeRequest()
///     request.userId = "alice"
///     request.amountMicros = 250_000
///     request.idempotencyKey = IdempotencyKey.next()
///     let reply = try await tally.call(TallystickV1.CreditService.consume, request)
public final class TallyClient: Sendable {
  /// The metadata key that names the acting user.
  public static let actingUserMetadataKey = "tally-acting-user"
  /// The metadata key that makes a call cancellable.
  public static let cancelTokenMetadataKey = "tally-cancel-token"

  /// The places of the socket, tried in this order.
  public let sockets: [String]
  /// For calls that bring none of their own.
  public let defaults: CallOptions
  private let transport: ClientOptions
  private let connection = Lock<ClientConnection?>(nil)

  /// Connects with the first call.
  /// - Parameters:
  ///   - socket: its path; nil looks where `SocketLocation` says.
  ///   - defaults: how calls are made that say nothing else.
  public init(socket: String? = nil, defaults: CallOptions = CallOptions()) {
    sockets = socket.map { [$0] } ?? SocketLocation.candidates
    self.defaults = defaults
    var transport = ClientOptions()
    transport.cancelMethod = CancelMethod(
      metadataKey: Self.cancelTokenMetadataKey, service: TallystickV1.Control.cancel.service,
      method: TallystickV1.Control.cancel.method,
      request: { token in
        var request = TallystickV1.CancelRequest()
        request.token = token
        return request.encode()
      })
    self.transport = transport
  }

  /// Closes the connection; calls under way fail. A later call connects again.
  public func close() {
    let open = connection.withLock { connection in
      let open = connection
      connection = nil
      return open
    }
    open?.close()
  }

  /// Makes a call of one request and one response.
  public func call<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request, options: CallOptions? = nil
  ) async throws(TallyError) -> Response {
    let payload = try await call(
      service: rpc.service, method: rpc.method, payload: request.encode(), options: options)
    do throws(DecodeError) { return try Response.decode(payload) } catch {
      throw TallyError.unreadable(error)
    }
  }

  /// Makes a call of one request and any number of responses. It is not retried: what has arrived
  /// cannot be taken back.
  public func stream<Request: Message, Response: Message>(
    _ rpc: RPC<Request, Response>, _ request: Request, options: CallOptions? = nil
  ) throws(TallyError) -> Responses<Response> {
    Responses(
      stream: try openStream(
        .serverStream, service: rpc.service, method: rpc.method, first: request.encode(), options: options))
  }

  /// Opens a stream of encoded messages, of whatever kind, for callers that know types only at run time.
  public func openStream(
    _ kind: MethodKind, service: String, method: String, first: [UInt8] = [], options: CallOptions? = nil
  ) throws(TallyError) -> EncodedStream {
    let options = options ?? defaults
    let connection = try connected()
    do throws(CallError) {
      let stream = try connection.stream(
        kind, service, method, first, timeoutNanoseconds: options.timeout.map(\.nanosecondsRoundedUp),
        metadata: Self.metadata(options))
      return EncodedStream(stream, connection)
    } catch { throw connection.failure(error) }
  }

  /// Makes a call with encoded messages.
  public func call(
    service: String, method: String, payload: [UInt8], options: CallOptions? = nil
  ) async throws(TallyError) -> [UInt8] {
    let options = options ?? defaults
    let start = ContinuousClock.now
    var attempt = 1
    while true {
      let left = options.timeout.map { $0 - start.duration(to: .now) }
      let failure: TallyError
      do throws(TallyError) {
        return try await connected().unary(
          service, method, payload, left.map(\.nanosecondsRoundedUp), Self.metadata(options))
      } catch { failure = error }
      attempt += 1
      let delay = options.retry.delay(beforeAttempt: attempt)
      guard failure.code == .unavailable, attempt <= options.retry.maximumAttempts,
        left.map({ $0 > delay }) ?? true
      else { throw failure }
      do { try await Task.sleep(for: delay) } catch { throw failure }
    }
  }

  /// The connection that is there, or a new one.
  private func connected() throws(TallyError) -> ClientConnection {
    try connection.withLock { current throws(TallyError) in
      if let open = current, !open.isClosed { return open }
      var failure: SystemError?
      for path in sockets {
        do throws(SystemError) {
          let new = try ClientConnection.connect(path: path, options: transport)
          current = new
          return new
        } catch { failure = failure ?? error }
      }
      let why = failure.map { "\($0)" } ?? "no socket to connect to"
      throw TallyError(.unavailable, reason: "NOT_CONNECTED", "cannot reach the server: \(why)")
    }
  }

  private static func metadata(_ options: CallOptions) -> [MetadataPair] {
    var pairs = options.metadata.sorted { $0.key < $1.key }.map { MetadataPair(key: $0, value: $1) }
    pairs += options.repeatedMetadata
    if let user = options.actingUserId {
      pairs.append(MetadataPair(key: actingUserMetadataKey, value: user))
    }
    return pairs
  }
}

extension ClientConnection {
  fileprivate func unary(
    _ service: String, _ method: String, _ payload: [UInt8], _ timeoutNanoseconds: UInt64?,
    _ metadata: [MetadataPair]
  ) async throws(TallyError) -> [UInt8] {
    do throws(CallError) {
      return try await unary(
        service, method, payload, timeoutNanoseconds: timeoutNanoseconds, metadata: metadata)
    } catch { throw failure(error) }
  }

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
