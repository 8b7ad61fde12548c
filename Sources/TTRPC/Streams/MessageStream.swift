// The two ends of a stream as its handler holds them.
//
// Invariants:
// 1. What a peer has sent and nobody has taken is bounded for each stream. A stream that goes over the bound
//    ends, and no other does. Whoever fills a buffer may ask to be told when it has room again, and is always
//    told: when enough was taken, or when the stream has failed.
// 2. One consumer takes the messages; they come in order, then the end or the failure.
//
// The connection's queue and the handler's task share a buffer: its state is behind a lock.

internal import DequeModule
internal import TallyLocking

/// Messages on their way from the connection to whoever takes them.
final class InboundBuffer: Sendable {
  /// What a message costs beside its bytes, so that empty ones are bounded as well.
  static let messageOverheadByteCount = 64

  private enum Phase {
    /// More may come.
    case open
    /// Nothing more comes. After the last message the taker finds the end, or fails with this status.
    case ended(Status?)
    /// The taker fails at once.
    case failed(Status)

    var isOpen: Bool {
      if case .open = self { true } else { false }
    }

    var hasFailed: Bool {
      if case .failed = self { true } else { false }
    }
  }

  private struct State {
    var messages = Deque<[UInt8]>()
    var byteCount = 0
    var takenCount = 0
    var phase = Phase.open
    var waiter: CheckedContinuation<Result<[UInt8]?, Status>, Never>?
    var onRoom: (@Sendable () -> Void)?
  }

  /// What became of a message.
  enum Push: Equatable {
    case taken
    /// Taken, and the buffer is more than half full: what the message costs.
    case crowded(Int)
    /// There is no room for it.
    case full
  }

  private enum Step {
    case done(Result<[UInt8]?, Status>)
    case wait
  }

  let maximumByteCount: Int
  private let budget: ByteBudget?
  private let state = Lock(State())

  /// `budget` is shared with the connection's other calls.
  init(maximumByteCount: Int, budget: ByteBudget? = nil) {
    self.maximumByteCount = maximumByteCount
    self.budget = budget
  }

  deinit {
    let left = state.withLock { $0.byteCount }
    if left > 0 { budget?.give(left) }
  }

  /// Messages that waited here and were taken.
  var takenCount: Int { state.withLock { $0.takenCount } }

  /// Adds a message if there is room for it. One message always fits an empty buffer, but for the budget.
  func push(_ message: [UInt8]) -> Push {
    let (waiter, result) = state.withLock { state -> (Waiter?, Push) in
      if !state.phase.isOpen { return (nil, .taken) }
      if let waiter = state.waiter.take() { return (waiter, .taken) }
      let cost = message.count + Self.messageOverheadByteCount
      guard state.messages.isEmpty || state.byteCount + cost <= maximumByteCount,
        budget?.take(cost) ?? true
      else { return (nil, .full) }
      state.byteCount += cost
      state.messages.append(message)
      return (nil, state.byteCount > maximumByteCount / 2 ? .crowded(cost) : .taken)
    }
    waiter?.resume(returning: .success(message))
    return result
  }

  /// Runs `body` once, when at most a quarter is left to be taken or the stream has failed. False, and
  /// `body` is not kept, when that is so already.
  func onRoom(_ body: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      if state.phase.hasFailed || isRoomy(state) { return false }
      state.onRoom = body
      return true
    }
  }

  /// The peer sends no more.
  func end() {
    let waiter = state.withLock { state -> Waiter? in
      if state.phase.isOpen { state.phase = .ended(nil) }
      return state.waiter.take()
    }
    waiter?.resume(returning: .success(nil))
  }

  /// Messages not yet taken are dropped and the taker fails.
  func fail(_ status: Status) {
    let (waiter, onRoom) = state.withLock { state -> (Waiter?, Room?) in
      if state.phase.hasFailed { return (nil, nil) }
      state.phase = .failed(status)
      state.messages = []
      budget?.give(state.byteCount)
      state.byteCount = 0
      return (state.waiter.take(), takeRoom(&state))
    }
    waiter?.resume(returning: .failure(status))
    onRoom?()
  }

  /// The messages that came before the failure are still handed out, then the taker fails.
  func failAtEnd(_ status: Status) {
    let waiter = state.withLock { state -> Waiter? in
      guard state.phase.isOpen else { return nil }
      state.phase = state.messages.isEmpty ? .failed(status) : .ended(status)
      return state.messages.isEmpty ? state.waiter.take() : nil
    }
    waiter?.resume(returning: .failure(status))
  }

  func next() async throws(Status) -> [UInt8]? {
    let (step, onRoom) = state.withLock { state in (self.step(&state), takeRoom(&state)) }
    onRoom?()
    switch step {
    case .done(let result): return try result.get()
    case .wait: return try await wait()
    }
  }

  /// Apart from `next`, whose frame is small so. A task never gives back the memory of its deepest call, and
  /// many streams take one message and then wait for something else.
  private func wait() async throws(Status) -> [UInt8]? {
    try await withCheckedContinuation { continuation in
      let step = state.withLock { state in
        let step = self.step(&state)
        if case .wait = step { state.waiter = continuation }
        return step
      }
      if case .done(let result) = step { continuation.resume(returning: result) }
    }.get()
  }

  private typealias Waiter = CheckedContinuation<Result<[UInt8]?, Status>, Never>
  private typealias Room = @Sendable () -> Void

  private func isRoomy(_ state: State) -> Bool { state.byteCount <= maximumByteCount / 4 }

  private func takeRoom(_ state: inout State) -> Room? {
    isRoomy(state) ? state.onRoom.take() : nil
  }

  private func step(_ state: inout State) -> Step {
    if case .failed(let status) = state.phase { return .done(.failure(status)) }
    if let message = state.messages.popFirst() {
      let cost = message.count + Self.messageOverheadByteCount
      state.byteCount -= cost
      state.takenCount += 1
      budget?.give(cost)
      // Many streams have one message, and last long.
      if state.messages.isEmpty && !state.phase.isOpen { state.messages = Deque() }
      return .done(.success(message))
    }
    guard case .ended(let status) = state.phase else { return .wait }
    return .done(status.map { .failure($0) } ?? .success(nil))
  }
}

/// The messages of a call's peer, in order. For one consumer.
public struct MessageStream: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = Status

  let buffer: InboundBuffer

  /// The next message; nil after the peer's last. Throws once the call was cancelled, its deadline
  /// passed, its connection was lost, or (on the client) it failed.
  public func next() async throws(Status) -> [UInt8]? {
    try await buffer.next()
  }

  public func makeAsyncIterator() -> Iterator {
    Iterator(buffer: buffer)
  }

  public struct Iterator: AsyncIteratorProtocol {
    let buffer: InboundBuffer

    public mutating func next() async throws(Status) -> [UInt8]? {
      try await buffer.next()
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(Status) -> [UInt8]? {
      try await buffer.next()
    }
  }
}

/// Takes the messages of a call's server side.
public struct MessageSink: Sendable {
  let call: Call
  /// nil for a stream with more than one response.
  let response: Lock<ResponseState>?

  /// Whether the one response of a client stream was given.
  enum ResponseState {
    case none
    case given([UInt8])
  }

  /// Sends a message. Suspends while too much waits for the peer. Throws once the call was cancelled,
  /// its deadline passed, its connection was lost or its task was cancelled, also while it is suspended,
  /// and for a message over the limit.
  public func send(_ message: [UInt8]) async throws(Status) {
    guard let response else {
      if call.connection.isPaused {
        try await call.connection.waitForRoom(of: call, byteCount: message.count)
      }
      try call.connection.data(call, message)
      return
    }
    let isFirst = response.withLock { state in
      guard case .none = state else { return false }
      state = .given(message)
      return true
    }
    if !isFirst { throw Status(.internalError, "a client stream has one response") }
  }

  /// Waits until not too much waits for the peer. Whoever makes large messages asks before he makes one.
  /// While it waits it throws as `send` does; with room it returns, even if the call is over by then.
  public func waitForRoom() async throws(Status) {
    try await call.connection.waitForRoom(of: call, byteCount: 0)
  }

  /// Adds a message of a stream with more than one response to what is sent with its connection's next flush.
  /// For who serves many streams from one thread: it never waits. Throws as `send` does.
  /// - Returns: false, and the message is not taken, while too much waits for the peer.
  public func offer(_ message: [UInt8]) throws(Status) -> Bool {
    if call.connection.isPaused { return false }
    try call.connection.data(call, message, flush: false)
    return true
  }
}
