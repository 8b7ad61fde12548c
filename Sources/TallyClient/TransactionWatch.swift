// The ledger, the events and the changes of pages as they grow, for whoever follows them: a stream of rows
// that goes on by itself where it was cut.
//
// Invariants:
// 1. Rows come once and in order: another call begins where the one before said, after the last row that was
//    handed out.
// 2. It ends only by an error that another call would meet as well, or when nothing came for as long as its
//    policy allows.

internal import TTRPC
public import TallyMessages

/// A message of a stream that goes on for ever.
public protocol WatchMessage: Message {
  associatedtype Row: Sendable
  static var rpc: (service: String, method: String) { get }
  static func request(from: Int64, users: [String]) -> [UInt8]
  static func number(of row: Row) -> Int64
  var rows: [Row] { get }
  /// Where another call goes on after this message.
  var following: Int64 { get }
}

extension TallystickV1.WatchTransactionsResponse: WatchMessage {
  public static var rpc: (service: String, method: String) {
    let rpc = TallystickV1.CreditService.watchTransactions
    return (rpc.service, rpc.method)
  }

  public static func request(from: Int64, users: [String]) -> [UInt8] {
    var request = TallystickV1.WatchTransactionsRequest()
    (request.fromSequence, request.userIds) = (from, users)
    return request.encode()
  }

  public static func number(of row: TallystickV1.Transaction) -> Int64 { row.sequence }
  public var rows: [TallystickV1.Transaction] { transactions }
  public var following: Int64 { nextSequence }
}

extension TallystickV1.WatchEventsResponse: WatchMessage {
  public static var rpc: (service: String, method: String) {
    let rpc = TallystickV1.UsageService.watchEvents
    return (rpc.service, rpc.method)
  }

  public static func request(from: Int64, users: [String]) -> [UInt8] {
    var request = TallystickV1.WatchEventsRequest()
    (request.fromEventId, request.userIds) = (from, users)
    return request.encode()
  }

  public static func number(of row: TallystickV1.Event) -> Int64 { row.eventId }
  public var rows: [TallystickV1.Event] { events }
  public var following: Int64 { nextEventId }
}

extension TallystickV1.WatchPagesResponse: WatchMessage {
  public static var rpc: (service: String, method: String) {
    let rpc = TallystickV1.PageService.watchPages
    return (rpc.service, rpc.method)
  }

  public static func request(from: Int64, users: [String]) -> [UInt8] {
    var request = TallystickV1.WatchPagesRequest()
    (request.fromUpdate, request.userIds) = (from, users)
    return request.encode()
  }

  public static func number(of row: TallystickV1.PageUpdate) -> Int64 { row.updateNumber }
  public var rows: [TallystickV1.PageUpdate] { updates }
  public var following: Int64 { nextUpdate }
}

/// Rows of the ledger as they are committed, without end. Each iteration begins anew.
public typealias TransactionWatch = Watch<TallystickV1.WatchTransactionsResponse>

/// Events as they are committed, without end. Each iteration begins anew.
public typealias EventWatch = Watch<TallystickV1.WatchEventsResponse>

/// Changes of pages as they are committed, without end. Each iteration begins anew.
public typealias PageWatch = Watch<TallystickV1.WatchPagesResponse>

/// What grows at the server, without end. Each iteration begins anew.
public struct Watch<Response: WatchMessage>: AsyncSequence, Sendable {
  public typealias Element = Response.Row
  public typealias Failure = TallyError

  let client: TallyClient
  let from: Int64
  let users: [String]
  let options: CallOptions
  let resumption: RetryPolicy

  public func makeAsyncIterator() -> Iterator { Iterator(self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let watch: Watch
    private let deadline: ContinuousClock.Instant?
    private var stream: EncodedStream?
    private var rows: ArraySlice<Response.Row> = []
    /// Where to go on after `rows`; zero until the server has said where the watch begins.
    private var following: Int64
    private var hasBegun = false
    /// Since the first failure after the last message; nil while all is well.
    private var attempts: Attempts?

    init(_ watch: Watch) {
      self.watch = watch
      deadline = watch.options.timeout.map { .now + Swift.min($0, CallOptions.longestTimeout) }
      following = watch.from
    }

    /// The `from` of a later watch that is to go on after the last row that came. Zero before it is known.
    public var nextSequence: Int64 { rows.first.map(Response.number) ?? following }

    /// Waits until the server has said where the watch begins. `next` does so too.
    public mutating func begin(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(TallyError) {
      while !hasBegun { try await read(isolation: actor) }
    }

    /// The next row. It is never nil, since a watch has no end.
    public mutating func next() async throws(TallyError) -> Response.Row? {
      try await next(isolation: nil)
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(TallyError) -> Response.Row? {
      while rows.isEmpty { try await read(isolation: actor) }
      return rows.removeFirst()
    }

    /// Takes a message, of another call if the one before was cut.
    private mutating func read(isolation actor: isolated (any Actor)?) async throws(TallyError) {
      let failure: TallyError
      do throws(TallyError) {
        let stream = try await opened(isolation: actor)
        if let payload = try await stream.next() {
          let message: Response = try TallyClient.decode(payload)
          rows = message.rows[...]
          following = message.following
          hasBegun = true
          attempts = nil
          return
        }
        failure = TallyError(.unavailable, reason: "STREAM_ENDED", "the server ended the stream")
      } catch { failure = error }
      stream = nil
      if Self.isBehind(failure) { return }
      var attempts =
        attempts
        ?? Attempts(timeout: nil, policy: hasBegun ? watch.resumption : watch.options.retry)
      try await attempts.wait(after: failure, isRepeatable: true)
      self.attempts = attempts
    }

    private mutating func opened(
      isolation actor: isolated (any Actor)?
    ) async throws(TallyError) -> EncodedStream {
      if let stream { return stream }
      var options = watch.options
      // How often it is tried is decided here.
      options.retry = .never
      if let deadline {
        let left = ContinuousClock.now.duration(to: deadline)
        if left <= .zero { throw Attempts.unsent }
        options.timeout = left
      }
      let request = Response.request(from: following, users: watch.users)
      let stream = try await watch.client.openStream(
        .serverStream, service: Response.rpc.service, method: Response.rpc.method, first: request,
        options: options)
      self.stream = stream
      return stream
    }

    /// The rows came faster than they were taken: too many wait at the server, or here.
    private static func isBehind(_ failure: TallyError) -> Bool {
      failure.reason == "LAGGED" || failure.code == .resourceExhausted && failure.reason.isEmpty
    }
  }
}

extension TallyClient {
  /// Follows the ledger.
  /// - Parameters:
  ///   - from: the sequence of the first row; zero for the next row that is committed.
  ///   - users: whose rows; all users' when empty.
  ///   - options: of the calls. `retry` holds until the watch has begun.
  ///   - resumption: how long and how often it is tried to go on after the connection was lost.
  public func watchTransactions(
    from: Int64 = 0, users: [String] = [], options: CallOptions? = nil, resumption: RetryPolicy = .standard
  ) -> TransactionWatch {
    TransactionWatch(
      client: self, from: from, users: users, options: options ?? defaults, resumption: resumption)
  }

  /// Follows the events. `nextSequence` of an iteration is the id of the event that comes next.
  /// - Parameters:
  ///   - from: the id of the first event; zero for the next one that is committed.
  ///   - users: whose events; all users' when empty.
  ///   - options: of the calls. `retry` holds until the watch has begun.
  ///   - resumption: how long and how often it is tried to go on after the connection was lost.
  public func watchEvents(
    from: Int64 = 0, users: [String] = [], options: CallOptions? = nil, resumption: RetryPolicy = .standard
  ) -> EventWatch {
    EventWatch(client: self, from: from, users: users, options: options ?? defaults, resumption: resumption)
  }

  /// Follows the changes of pages: each page that has changed since `from` comes once, by its last change,
  /// and then each change. `nextSequence` of an iteration is the number of the change that comes next.
  /// - Parameters:
  ///   - from: the number of the first change; zero for the next one that is committed, 1 for all pages.
  ///   - users: whose pages; all users' when empty.
  ///   - options: of the calls. `retry` holds until the watch has begun.
  ///   - resumption: how long and how often it is tried to go on after the connection was lost.
  public func watchPages(
    from: Int64 = 0, users: [String] = [], options: CallOptions? = nil, resumption: RetryPolicy = .standard
  ) -> PageWatch {
    PageWatch(client: self, from: from, users: users, options: options ?? defaults, resumption: resumption)
  }
}
