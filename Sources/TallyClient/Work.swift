// Runs and holds that end with the block of code in which they were begun.
//
// Invariants:
// 1. A run that was not finished is ended without cost, a hold that was not captured is released, however the
//    block is left, by cancellation too.
// 2. If the answer to finish, capture or release was lost, the same request is sent again: it replays.
// 3. An error while ending never hides an error that the block has thrown.
//
// Any thread may use it: the state is behind a lock.

internal import TallyLocking
public import TallyMessages

/// A run or a hold that was begun and is settled once.
final class Work: Sendable {
  typealias Call = @Sendable () async throws(TallyError) -> Void

  private struct State {
    var isOpen = false
    /// The call that was to settle it and may have done so.
    var asked: Call?
  }

  private let state = Lock(State())

  func begin() { state.withLock { $0.isOpen = true } }

  /// Makes the call that settles it.
  func settle<Request: Message, Response: Message>(
    _ client: TallyClient, _ rpc: RPC<Request, Response>, _ request: Request, _ options: CallOptions?
  ) async throws(TallyError) -> Response {
    state.withLock { state in
      state.asked = { () async throws(TallyError) in
        _ = try await client.call(rpc, request, options: options)
      }
    }
    do throws(TallyError) {
      let response = try await client.call(rpc, request, options: options)
      state.withLock { $0 = State() }
      return response
    } catch {
      if error.outcome == .notApplied { state.withLock { $0.asked = nil } }
      throw error
    }
  }

  /// Ends what is open: asks once more what may have settled it, or gives it up.
  /// - Parameters:
  ///   - settled: the reasons for which giving up is refused when somebody else, or time, has settled it.
  func end(settled: Set<String>, givingUp: @escaping Call) async throws(TallyError) {
    let (isOpen, asked) = state.withLock { ($0.isOpen, $0.asked) }
    if !isOpen { return }
    // In a task of its own: that of the block may be cancelled, and this is still to be done.
    let ending = Task { () async -> TallyError? in
      do throws(TallyError) {
        try await (asked ?? givingUp)()
        return nil
      } catch { return error }
    }
    guard let error = await ending.value else { return }
    if asked == nil, settled.contains(error.reason) { return }
    throw error
  }

  /// Runs the block and ends the work after it.
  nonisolated(nonsending) static func run<Result>(
    _ body: () async throws -> Result, end: ((any Error)?) async throws(TallyError) -> Void
  ) async throws -> Result {
    let result: Result
    do { result = try await body() } catch {
      // The error that leaves the block goes first; the server ends what stays open by its time to live.
      do throws(TallyError) { try await end(error) } catch {}
      throw error
    }
    try await end(nil)
    return result
  }
}

/// A run inside of its block.
public final class ActiveRun: Sendable {
  /// The id is also the key: a run that is begun and finished twice under it is charged once.
  public let runId: String
  /// As it was begun; zero is the first.
  public let attempt: Int32
  /// The server's answer: the run, its hold, the balance, and whether it had been begun before.
  public let begun: TallystickV1.BeginRunResponse
  private let client: TallyClient
  private let work: Work

  init(
    _ client: TallyClient, _ work: Work, _ runId: String, _ attempt: Int32,
    _ begun: TallystickV1.BeginRunResponse
  ) {
    self.client = client
    self.work = work
    self.runId = runId
    self.attempt = attempt
    self.begun = begun
  }

  /// Ends the run and charges its cost; without one, the cost by the prices of the user's plan. Calling it
  /// again with the same values replays.
  /// - Parameter fill: sets what was used; the status is SUCCEEDED unless it is set.
  @discardableResult
  public nonisolated(nonsending) func finish(
    options: CallOptions? = nil, _ fill: (inout TallystickV1.FinishRunRequest) -> Void = { _ in }
  ) async throws(TallyError) -> TallystickV1.FinishRunResponse {
    var request = TallystickV1.FinishRunRequest()
    request.status = .succeeded
    fill(&request)
    request.runId = runId
    request.attempt = attempt
    return try await work.settle(client, TallystickV1.UsageService.finishRun, request, options)
  }
}

/// A hold inside of its block.
public final class ActiveHold: Sendable {
  public let holdId: String
  /// The server's answer: the hold, its transaction, the balance, and whether it was replayed.
  public let begun: TallystickV1.ReserveResponse
  private let key: String
  private let client: TallyClient
  private let work: Work

  init(_ client: TallyClient, _ work: Work, _ key: String, _ begun: TallystickV1.ReserveResponse) {
    self.client = client
    self.work = work
    self.key = key
    self.begun = begun
    holdId = begun.hold?.holdId ?? ""
  }

  /// Charges the amount, or all that is held, and releases the rest. With `overage: .draw` it may be more
  /// than is held. Calling it again with the same amount replays.
  @discardableResult
  public func capture(
    _ amountMicros: Int64? = nil, description: String = "",
    overage: TallystickV1.Overage = .unspecified, options: CallOptions? = nil
  ) async throws(TallyError) -> TallystickV1.CaptureResponse {
    var request = TallystickV1.CaptureRequest()
    request.holdId = holdId
    request.amountMicros = amountMicros
    request.description = description
    request.overage = overage
    request.idempotencyKey = "\(key)-capture"
    return try await work.settle(client, TallystickV1.CreditService.capture, request, options)
  }

  /// Releases all of it.
  @discardableResult
  public func release(options: CallOptions? = nil) async throws(TallyError) -> TallystickV1.ReleaseResponse {
    try await work.settle(client, TallystickV1.CreditService.release, releasing, options)
  }

  /// Gives it a new time to live, from now.
  @discardableResult
  public func extend(
    ttlMillis: Int64, options: CallOptions? = nil
  ) async throws(TallyError) -> TallystickV1.ExtendResponse {
    var request = TallystickV1.ExtendRequest()
    request.holdId = holdId
    request.ttlMillis = ttlMillis
    return try await client.call(TallystickV1.CreditService.extend, request, options: options)
  }

  var releasing: TallystickV1.ReleaseRequest {
    var request = TallystickV1.ReleaseRequest()
    request.holdId = holdId
    request.idempotencyKey = "\(key)-release"
    return request
  }
}
