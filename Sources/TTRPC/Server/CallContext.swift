// One call as its handler sees it.
//
// Invariants:
// 1. A call is answered once: the first answer counts, later ones are dropped. When nobody is left who could
//    answer a unary call, the library answers it INTERNAL.
// 2. A call's handler is told of its cancellation at most once, and never after the answer.
//
// Owner of the mutable fields: the lock of the call's outbox.

internal import Synchronization

/// A call, for as long as anybody works on it.
final class Call: @unchecked Sendable {
  // Unchecked: see the note above; everything else is constant.
  let connection: Outbox
  let entry: MethodEntry
  let streamId: UInt32
  /// On the server's clock; zero when the call has no deadline.
  let deadline: UInt64
  let metadata: [MetadataPair]
  /// Zero when nobody observes the method.
  let startedNanoseconds: UInt64
  /// Where Data of a stream goes; set before the call is shared, and read by the connection's queue.
  var inbound: InboundBuffer?
  /// Bytes to give back to the budget with the answer; set before the call is shared.
  var takenByteCount = 0
  /// The server had nothing else to do when it arrived; set before the call is shared.
  var isLone = false
  /// Of a stream: when a message last came or went.
  let lastActive = Atomic<UInt64>(0)
  /// Set once, with the outbox's lock held.
  let answered = Atomic(false)
  /// Guarded by the outbox's lock; made only for calls whose cancellation somebody wants to hear of.
  var cancellation: Cancellation?

  var isAnswered: Bool { answered.load(ordering: .relaxed) }

  init(
    connection: Outbox, entry: MethodEntry, streamId: UInt32, deadline: UInt64,
    metadata: [MetadataPair], startedNanoseconds: UInt64
  ) {
    self.connection = connection
    self.entry = entry
    self.streamId = streamId
    self.deadline = deadline
    self.metadata = metadata
    self.startedNanoseconds = startedNanoseconds
  }
}

/// What a call has so that its handler can be told when nobody waits for it any more. It is an object, so
/// that the common call, which has none, carries one empty reference.
final class Cancellation {
  /// Why the call was cancelled; nil until it is.
  var status: Status?
  private var firstHandler: Handler?
  private var otherHandlers: [Handler] = []
  var timer: Timer?
  var lifetime: Timer?
  /// The call's entry among the cancel tokens, to be removed with its answer.
  var token: TokenKey?

  typealias Handler = @Sendable (Status) -> Void

  init(status: Status? = nil) {
    self.status = status
  }

  /// Most calls that have a handler have one: it needs no array.
  func add(_ handler: @escaping Handler) {
    if firstHandler == nil { firstHandler = handler } else { otherHandlers.append(handler) }
  }

  /// The handlers, in the order in which they were added. None is left.
  func takeHandlers() -> [Handler] {
    guard let first = firstHandler.take() else { return [] }
    defer { otherHandlers = [] }
    return [first] + otherHandlers
  }
}

/// A call as its handler sees it. Cheap to copy.
public struct CallContext: Sendable {
  let call: Call

  public var service: String { call.entry.service }
  public var method: String { call.entry.method }
  public var kind: MethodKind { call.entry.kind }
  public var streamId: UInt32 { call.streamId }
  /// The server had nothing else to do when it arrived: no other connection was ready, and no other frame
  /// came with it.
  public var isLone: Bool { call.isLone }
  /// Counts from 1 in each server; for logs.
  public var connectionId: UInt64 { call.connection.connectionId }
  public var peer: PeerCredentials { call.connection.peer }
  /// As sent: keys may repeat.
  public var metadata: [MetadataPair] { call.metadata }
  /// When the client stops waiting, by the server's clock; nil when it waits for ever.
  public var deadlineNanoseconds: UInt64? { call.deadline == 0 ? nil : call.deadline }
  /// The server's clock: CLOCK_MONOTONIC unless the server was given another.
  public var nowNanoseconds: UInt64 { call.connection.poller.time.nanoseconds }
  /// When it arrived, by the server's clock; zero when nobody observes its method.
  public var startedNanoseconds: UInt64 { call.startedNanoseconds }
  /// Where the replies of this connection go; a batch of replies ends with its `flush()`.
  public var connection: Outbox { call.connection }

  /// The first value of a metadata key.
  public func metadata(_ key: String) -> String? {
    call.metadata.first { $0.key == key }?.value
  }

  /// The call's token, when it can be cancelled by one.
  public var cancelToken: String? {
    // It is metadata: most calls need no lock to know that they have none.
    call.metadata.isEmpty ? nil : call.connection.cancelToken(call)
  }

  /// The call was cancelled, its connection is gone, or (of a stream) its deadline is past.
  public var isCancelled: Bool { call.connection.isCancelled(call) }

  /// Runs `handler` when the call is cancelled, its connection is lost or its deadline passes before the
  /// answer: at most once, on an arbitrary thread, and at once if it has happened already. `handler` gets the
  /// status to fail with and must not block. This alone does not answer a unary call. As long as `handler`
  /// holds the responder, the library takes it that somebody may still answer: hold it weakly if nobody else
  /// does.
  public func onCancel(_ handler: @escaping @Sendable (Status) -> Void) {
    call.connection.onCancel(call, handler)
  }

  /// Ends a stream with a status, whatever its handler is waiting for: its task is cancelled. Any thread may
  /// do so.
  public func end(_ status: Status) { call.connection.cancel(call, status) }

  /// Does `work` on the calling thread, once the handler has returned and another thread waits on the
  /// sockets. This is for a lone call that has to wait, for the disk say: it is spared the time in which
  /// another thread wakes up. `work` answers through the responder, with a flush. Only the handler itself may
  /// ask, and once.
  /// - Returns: false when the call is not lone, the calling thread is not the one that reads from the
  ///   sockets, or no other would do so in its place; `work` is then not done.
  public func lead(_ work: @escaping @Sendable () -> Void) -> Bool {
    call.isLone && call.connection.poller.lead(work)
  }

  /// Closes the call's connection. Replies that are ready are sent; the peer gets nothing else, this call's
  /// answer included. Any thread may do so, also before the handler returns.
  public func dropConnection() { call.connection.drop() }
}

/// Answers a unary call, from any thread; the first answer counts. When its last reference goes and nothing
/// was answered, the handler has forgotten the call, which is then answered INTERNAL.
public final class UnaryResponder: Sendable {
  let call: Call
  /// What gets the answer in the peer's place, if anything does.
  private let diversion: Diversion?

  init(call: Call) {
    self.call = call
    diversion = nil
  }

  /// For running a handler on behalf of a call without answering that call: `take` gets the handler's first
  /// answer, on whatever thread it gives it, and must not block.
  public init(of context: CallContext, diverted take: @escaping @Sendable (Result<[UInt8], Status>) -> Void) {
    call = context.call
    diversion = Diversion(take)
  }

  deinit {
    if let diversion {
      if !diversion.isAnswered { diversion.answer(.failure(call.connection.forgotten(call))) }
    } else if !call.isAnswered {
      call.connection.fail(call, call.connection.forgotten(call), flush: true)
    }
  }

  /// Answers with an encoded message. With `flush: false` it stays in the outbox until the
  /// connection's next flush.
  /// - Parameter tail: the message's last bytes, for a message whose other bytes are kept and answer many
  ///   calls.
  public func succeed(_ payload: [UInt8], tail: [UInt8] = [], flush: Bool = true) {
    if let diversion { return diversion.answer(.success(payload + tail)) }
    call.connection.answer(call, payload, tail: tail, flush: flush)
  }

  public func fail(_ status: Status, flush: Bool = true) {
    if let diversion { return diversion.answer(.failure(status)) }
    call.connection.fail(call, status, flush: flush)
  }

  /// Answers INTERNAL with an opaque id; the log hook is handed the id and the error.
  public func fail(unexpected error: any Error, flush: Bool = true) {
    fail(call.connection.unexpected(call, error), flush: flush)
  }
}

/// The handler of a unary call let go of its responder without an answer.
struct MissingAnswer: Error, CustomStringConvertible {
  var description: String { "the handler did not answer" }
}

/// Takes the first answer of a handler, and no other.
private final class Diversion: Sendable {
  private let take: @Sendable (Result<[UInt8], Status>) -> Void
  private let isTaken = Atomic(false)

  init(_ take: @escaping @Sendable (Result<[UInt8], Status>) -> Void) {
    self.take = take
  }

  var isAnswered: Bool { isTaken.load(ordering: .acquiring) }

  func answer(_ result: Result<[UInt8], Status>) {
    if !isTaken.exchange(true, ordering: .acquiringAndReleasing) { take(result) }
  }
}
