// The settings of a server, its limits with their defaults, and what it tells others.

/// Settings of a server. Every limit has a name, a unit and a default here.
public struct ServerOptions: Sendable {
  /// Where the socket is made. At most 107 bytes, as is its temporary name beside it; never abstract.
  public var path: String
  /// The socket's file mode; no bit beyond 0660.
  public var socketMode: UInt32 = 0o660
  /// The mode of the socket's directory when the server has to make it.
  public var directoryMode: UInt32 = 0o750
  /// A listening Unix socket that was opened by somebody else (systemd's LISTEN_FDS); `path` is then
  /// neither bound nor removed.
  public var inheritedDescriptor: Int32?
  /// Connections the kernel holds before they are accepted.
  public var backlog: Int32 = 1024
  /// Threads that wait on sockets; connections are dealt out among them. 1 to 64.
  public var pollerCount = 1

  /// The largest payload of a frame, either way: up to 16 MiB - 1.
  public var maximumMessageByteCount = 4 << 20
  /// Connections at once; one more is closed as it comes.
  public var maximumConnections = 4096
  /// Calls under way on one connection.
  public var maximumInFlight = 1024
  /// Bytes waiting to be sent on one connection above which it is not read and its streams wait.
  public var outboundPauseByteCount = 1 << 20
  /// Bytes waiting to be sent on one connection above which it is closed.
  public var maximumOutboundByteCount = 64 << 20
  /// Bytes that arrived on one stream and were not taken by its handler; more ends the stream.
  public var maximumStreamInboundByteCount = 8 << 20
  /// The same for a bulk stream. From half of it on the connection is not read.
  public var maximumBulkInboundByteCount = 1 << 20
  /// Bytes of requests held on one connection: under way, not taken, or cut.
  public var maximumInboundByteCount = 64 << 20
  /// The same for all connections of one uid: half of the total, so that no peer can shut out the others.
  public var maximumPeerInboundByteCount = 256 << 20
  /// The same for all connections together.
  public var maximumTotalInboundByteCount = 512 << 20
  /// Memory for bytes that wait to be sent on all connections together, but for the first 16 KiB of each.
  /// From seven eighths of it on connections are cut off, those whose peers do not read first.
  public var maximumTotalOutboundByteCount = 256 << 20

  /// A frame that takes longer to arrive closes the connection.
  public var halfFrameNanoseconds: UInt64 = 30_000_000_000
  /// A peer that takes no byte of what waits for it for this long is cut off.
  public var stalledWriteNanoseconds: UInt64 = 30_000_000_000
  /// How long a client stream that is all there is on its connection may make its sender wait, from half
  /// of `maximumStreamInboundByteCount` to all of it, before it ends.
  public var streamHoldNanoseconds: UInt64 = 1_000_000_000
  /// A bulk stream of which the handler takes nothing for this long, while its connection is not read, ends.
  public var bulkStallNanoseconds: UInt64 = 30_000_000_000
  /// A stream that is open longer ends with UNAVAILABLE; nil is for ever. ttrpc has no frame by which a
  /// client ends a stream, so a watch that its client has abandoned would last as long as its connection.
  public var maximumStreamNanoseconds: UInt64? = 3_600_000_000_000
  /// A stream on which no message came or went for this long ends with UNAVAILABLE when its connection has
  /// `maximumInFlight` calls and one more comes.
  public var quietStreamNanoseconds: UInt64 = 10_000_000_000
  /// A connection without calls for this long is closed; nil is never.
  public var idleNanoseconds: UInt64?

  /// Who may connect: nil lets the peer in, a status is what each of its calls is refused with.
  public var authorize: (@Sendable (PeerCredentials) -> Status?)?
  /// Whether a new connection is taken up; one that is not is closed at once, whoever it is. nil takes all.
  public var accepts: (@Sendable (PeerCredentials) -> Bool)?
  /// Looks at each call before its handler: nil lets it through. On the connection's queue; must not
  /// block.
  public var intercept: (@Sendable (CallContext) -> Status?)?
  /// The metadata key that makes a call cancellable by `Server.cancel(token:uid:)`.
  public var cancelTokenKey: String?

  /// What calls are refused with while the server drains.
  public var shuttingDown = Status(.unavailable, "the server is shutting down")
  /// What a call over `maximumInFlight` is refused with.
  public var tooManyInFlight = Status(.resourceExhausted, "too many calls in flight on this connection")
  /// What a call is refused with when the bytes held leave no room for it.
  public var tooManyBytes = Status(.resourceExhausted, "too many bytes of requests are held")
  /// What a message over `maximumMessageByteCount` is refused with, or a reply over it fails with.
  public var messageTooLarge = Status(.resourceExhausted, "the message is over the size limit")
  /// What a stream ends with whose handler does not keep up.
  public var streamOverflow = Status(.resourceExhausted, "the stream's messages are not taken in time")
  /// Changes the status of every failure that the server itself decides, those above and all others, so that
  /// it says what clients branch on. It is called on any thread and with locks held, and must not block.
  public var dress: (@Sendable (ServerFailure, Status) -> Status)?

  /// The clock of every limit and deadline here. A test moves its own on by hand.
  public var time = MonotonicTime.machine

  public var hooks = ServerHooks()

  /// - Parameter path: may be empty for a server that does not listen, but is given its connections.
  public init(path: String = "") {
    self.path = path
  }
}

/// What a server tells its log. The closures are called on the server's threads and must not block. They
/// never get payloads or metadata values.
public struct ServerHooks: Sendable {
  public var connectionOpened: @Sendable (UInt64, PeerCredentials) -> Void = { _, _ in }
  /// Comes before the peer can see it.
  public var connectionClosed: @Sendable (UInt64, PeerCredentials, CloseReason) -> Void = { _, _, _ in }
  /// A connection was closed before it could make a call, or may make none.
  public var connectionRefused: @Sendable (PeerCredentials?, RefusalReason) -> Void = { _, _ in }
  /// A handler failed with something that is no status, or let go of a unary call without an answer: the
  /// call's context, the opaque id that the client was given, the error.
  public var handlerFailed: @Sendable (CallContext, String, any Error) -> Void = { _, _, _ in }
  /// The server accepts nothing for a moment, and again as long as it has to, which is not repeated while
  /// somebody waits. It says why by an errno, such as EMFILE; ENOBUFS means that connections were cut off
  /// because too much waited for all peers.
  public var acceptPaused: @Sendable (Int32) -> Void = { _ in }
  /// Who is told of a method's calls, by service and method; asked once for each as the server is made.
  public var observer: @Sendable (_ service: String, _ method: String) -> (any MethodObserver)? = {
    _, _ in nil
  }

  public init() {}
}

/// Is told of the calls of one method, on the server's threads. It must not block.
public protocol MethodObserver: AnyObject, Sendable {
  /// A call reaches its handler. `callEnded` follows, once.
  func callStarted(_ call: CallContext)
  /// A call is answered, or nobody waits for its answer any more. This comes before the answer can reach the
  /// peer and with the connection's lock held, so it should count and do nothing else.
  /// - Returns: whether `callAnswered` is wanted.
  func callEnded(_ call: CallContext, _ code: StatusCode) -> Bool
  /// Follows `callEnded` when the lock is free again: the place to log.
  func callAnswered(_ call: CallContext, _ code: StatusCode)
  /// A call was refused before its handler saw it.
  func callRefused(_ code: StatusCode)
}

/// Why a connection ended.
public enum CloseReason: Sendable, Equatable {
  /// The peer closed it.
  case peerClosed
  /// A header's first byte was not zero.
  case frameViolation
  /// A request came on a stream that was in use.
  case duplicateStream
  /// A frame took longer than the limit to arrive.
  case halfFrame
  /// The peer took no bytes for longer than the limit.
  case stalledWrite
  /// More waited for the peer than the limit, or sending failed.
  case outboundFailed
  /// More waited for all peers together than the limit, and this one read nothing, or had most.
  case outboundFull
  /// No calls for longer than the limit.
  case idle
  /// The peer may not connect; its call was refused.
  case notAllowed
  /// A handler dropped it.
  case dropped
  /// The server was shut down.
  case shutdown
  /// Receiving failed.
  case receiveFailed
}

/// Why a connection was not taken up.
public enum RefusalReason: Sendable, Equatable {
  case tooManyConnections
  case notAllowed
  case noCredentials
  /// `ServerOptions.accepts` said no.
  case notAccepted
}

/// Counts since the server's start, and what is there now.
public struct ServerStatistics: Sendable, Equatable {
  public var connectionsAccepted: UInt64 = 0
  public var connectionsRefused: UInt64 = 0
  public var connectionsOpen: Int = 0
  public var callsStarted: UInt64 = 0
  public var callsRefused: UInt64 = 0
  /// Through all connections, with every frame's header.
  public var bytesReceived: UInt64 = 0
  public var bytesSent: UInt64 = 0
}

extension ServerOptions {
  /// What may wait on one stream of a method.
  func inboundByteCount(of handler: MethodHandler) -> Int {
    if case .bulk = handler { maximumBulkInboundByteCount } else { maximumStreamInboundByteCount }
  }
}
