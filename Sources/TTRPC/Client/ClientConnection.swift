// A client's connection: many calls at once over one socket.
//
// Invariants:
// 1. A call ends once: with its response, its deadline, its cancellation or the connection's loss,
//    whichever is first.
// 2. Frames of different calls never mix, and a blocked writer never keeps the reader from reading.
// 3. Ids are odd and rise by two, in the order of the frames; after the last one they begin again, and ids in
//    use are passed over.
// 4. A call that waits for room has sent nothing: its deadline and its task's cancellation end it at once,
//    and the connection goes on.
// 5. After `close` every call fails UNAVAILABLE, its outcome unknown if its request may have been sent.
//
// Any thread may use it. Its queue reads; the table of calls is behind a lock.

internal import CTallyLinux
internal import Dispatch
internal import TallyLocking

/// How a call failed on the client.
public struct CallError: Error, Sendable, Equatable, CustomStringConvertible {
  public var status: Status
  /// The server may have carried the call out all the same: its answer was lost, or not waited for.
  public var outcomeIsUnknown: Bool

  public init(_ status: Status, outcomeIsUnknown: Bool = false) {
    self.status = status
    self.outcomeIsUnknown = outcomeIsUnknown
  }

  public var description: String {
    "\(status.code): \(status.message)\(outcomeIsUnknown ? " (outcome unknown)" : "")"
  }
}

/// How a server is told to cancel a call: an ordinary unary method that takes a token.
public struct CancelMethod: Sendable {
  /// The metadata key that carries a call's token.
  public var metadataKey: String
  public var service: String
  public var method: String
  /// Encodes the method's request for a token.
  public var request: @Sendable (String) -> [UInt8]

  public init(
    metadataKey: String, service: String, method: String,
    request: @escaping @Sendable (String) -> [UInt8]
  ) {
    self.metadataKey = metadataKey
    self.service = service
    self.method = method
    self.request = request
  }
}

/// Settings of a client connection.
public struct ClientOptions: Sendable {
  /// The largest payload of a frame, either way: up to 16 MiB - 1.
  public var maximumMessageByteCount = 4 << 20
  /// Bytes waiting to be sent above which callers wait.
  public var outboundPauseByteCount = 1 << 20
  /// Bytes waiting to be sent above which the connection is given up.
  public var maximumOutboundByteCount = 64 << 20
  /// Bytes that arrived on one stream and were not taken; more ends the stream.
  public var maximumStreamInboundByteCount = 8 << 20
  /// A server that takes no byte of what waits for it for this long is given up.
  public var stalledWriteNanoseconds: UInt64 = 30_000_000_000
  /// How much longer than its deadline a call that was sent waits, for the server's own word on whether it
  /// was carried out.
  public var deadlineGraceNanoseconds: UInt64 = 0
  /// Sent when the task of a call that carries a token is cancelled; nil sends nothing.
  public var cancelMethod: CancelMethod?

  public init() {}
}

/// What a call that waits for its answer needs.
enum PendingCall {
  case unary(@Sendable (Result<[UInt8], CallError>) -> Void, Timer?)
  case stream(ClientCall)
}

/// A connection to a server. Any thread may use it, and calls are pipelined. It closes with `close` or with
/// its last reference.
public final class ClientConnection: Sendable {
  let core: ClientCore
  /// For a connection made by `Server.connect`: the server, which ends with its last reference.
  private let server: Server?

  /// Connects to the Unix socket at `path`. While a server takes no connections it waits, for at most five
  /// seconds; unless it `waits` it fails with EAGAIN then.
  public static func connect(
    path: String, options: ClientOptions = ClientOptions(), waits: Bool = true
  ) throws(SystemError) -> ClientConnection {
    let descriptor = unsafe waits ? clinux_connect_unix(path) : clinux_try_connect_unix(path)
    if descriptor < 0 { throw SystemError(number: -descriptor, operation: "connect to \(path)") }
    return try ClientConnection(descriptor: descriptor, options: options)
  }

  /// Takes over a connected Unix stream socket that somebody else made, and owns it from here on, whatever
  /// comes of it.
  public static func adopt(
    _ descriptor: Int32, options: ClientOptions = ClientOptions()
  ) throws(SystemError) -> ClientConnection {
    let code = clinux_adopt_connection(descriptor)
    if code < 0 {
      _ = clinux_close(descriptor)
      throw SystemError(number: -code, operation: "adopt a connection")
    }
    return try ClientConnection(descriptor: descriptor, options: options)
  }

  /// Takes over a connected, non-blocking socket.
  init(
    descriptor: Int32, options: ClientOptions, firstStreamId: UInt32 = 1, server: Server? = nil
  ) throws(SystemError) {
    self.server = server
    core = try ClientCore(descriptor: descriptor, options: options, firstStreamId: firstStreamId)
    try core.start()
  }

  deinit {
    core.close()
  }

  /// Closes the connection; calls under way fail.
  public func close() {
    core.close()
  }

  /// The connection is lost or closed: every further call fails.
  public var isClosed: Bool { core.isClosed }

  /// Makes a call; `completion` is called once, on an arbitrary thread, and must not block.
  public func unary(
    _ service: String, _ method: String, _ payload: [UInt8], timeoutNanoseconds: UInt64? = nil,
    metadata: [MetadataPair] = [],
    completion: @escaping @Sendable (Result<[UInt8], CallError>) -> Void
  ) {
    _ = core.unary(
      Request(service, method, payload, timeoutNanoseconds, metadata), completion: completion)
  }

  /// Makes a call and waits for its answer. When the task is cancelled the call fails CANCELLED; once it was
  /// sent its outcome is unknown then, and the server is told if the call carries a token (see
  /// `ClientOptions`). While too much waits to be sent nothing is sent, and what ends such a call was not
  /// carried out.
  public func unary(
    _ service: String, _ method: String, _ payload: [UInt8], timeoutNanoseconds: UInt64? = nil,
    metadata: [MetadataPair] = []
  ) async throws(CallError) -> [UInt8] {
    let request = Request(service, method, payload, timeoutNanoseconds, metadata)
    while true {
      try await core.waitForRoom(due: request.due)
      if Task.isCancelled { throw ClientCore.cancelled(outcomeIsUnknown: false) }
      if let result = await attempt(request) { return try result.get() }
    }
  }

  /// Nil when others have taken the room meanwhile, and nothing was sent.
  private func attempt(_ request: Request) async -> Result<[UInt8], CallError>? {
    let cancellation = Lock(PendingCancellation())
    let core = core
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let begun = core.unary(request, ifRoom: true) { continuation.resume(returning: $0) }
        switch begun {
        case .begun(let id):
          if cancellation.withLock({ $0.begin(id) }) { core.cancel(id, request.metadata) }
        case .full: continuation.resume(returning: nil)
        case .failed: break
        }
      }
    } onCancel: {
      if let id = cancellation.withLock({ $0.cancel() }) { core.cancel(id, request.metadata) }
    }
  }

  /// Starts a streaming call. `first` is the request of a server stream; of the other kinds it is a
  /// first message, and only if it is not empty.
  public func stream(
    _ kind: MethodKind, _ service: String, _ method: String, _ first: [UInt8] = [],
    timeoutNanoseconds: UInt64? = nil, metadata: [MetadataPair] = []
  ) throws(CallError) -> ClientStream {
    let request = Request(service, method, first, timeoutNanoseconds, metadata)
    return ClientStream(call: try core.stream(kind, request), core: core)
  }
}

/// A request as it goes out.
struct Request: Sendable {
  var service: String
  var method: String
  var payload: [UInt8]
  /// When its deadline passes; nil when there is none.
  var due: UInt64?
  var metadata: [MetadataPair]

  init(
    _ service: String, _ method: String, _ payload: [UInt8], _ timeoutNanoseconds: UInt64?,
    _ metadata: [MetadataPair]
  ) {
    self.service = service
    self.method = method
    self.payload = payload
    due = timeoutNanoseconds.map { later(MonotonicClock.nanoseconds, by: $0) }
    self.metadata = metadata
  }

  /// What is left of the time. Zero would mean no deadline, so one of now goes as the shortest there is.
  private var wireTimeout: Int64 {
    guard let due else { return 0 }
    let now = MonotonicClock.nanoseconds
    return due > now ? Int64(clamping: due - now) : 1
  }

  func encode() -> [UInt8] {
    RequestEnvelope.encode(
      service: service, method: method, payload: payload, timeoutNanoseconds: wireTimeout,
      metadata: metadata)
  }
}

/// A task's cancellation may come before the call has its id.
private struct PendingCancellation {
  var id: UInt32?
  var isCancelled = false

  /// True when the cancellation came first.
  mutating func begin(_ id: UInt32) -> Bool {
    self.id = id
    return isCancelled
  }

  mutating func cancel() -> UInt32? {
    isCancelled = true
    return id
  }
}
