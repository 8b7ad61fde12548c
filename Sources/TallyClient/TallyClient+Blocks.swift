// The block forms: a run or a hold that ends with a block of code.
//
// Work.swift says what ends when.

public import TallyMessages

extension TallyClient {
  /// What the server takes of a run's error, in bytes.
  static let longestErrorByteCount = 1_024

  /// Begins a run, runs the block, and ends the run with it: without cost, unless it was finished there.
  ///
  ///     var begin = TallystickV1.BeginRunRequest()
  ///     begin.userId = "alice"
  ///     begin.model = "gpt-x"
  ///     begin.type = "text"
  ///     begin.estimateMicros = 500_000
  ///     try await tally.withRun(begin) { run in
  ///       let answer = try await askTheModel(prompt)
  ///       try await run.finish { $0.outputTokens = answer.tokens }
  ///     }
  ///
  /// If the block throws an error, the run is recorded as failed; if the task is cancelled or the block
  /// returns without a finish, the run is recorded as cancelled. A request without a run id gets a fresh one.
  @discardableResult
  public nonisolated(nonsending) func withRun<Result>(
    _ begin: TallystickV1.BeginRunRequest, options: CallOptions? = nil,
    _ body: (ActiveRun) async throws -> Result
  ) async throws -> Result {
    var begin = begin
    if begin.runId.isEmpty { begin.runId = IdempotencyKey.next() }
    let (runId, attempt, work) = (begin.runId, begin.attempt, Work())
    let givingUp = { (error: (any Error)?) -> Work.Call in
      let request = Self.givingUp(runId, attempt, error)
      return { () async throws(TallyError) in
        _ = try await self.call(TallystickV1.UsageService.finishRun, request, options: options)
      }
    }
    let settled: Set = ["RUN_CONFLICT", "RUN_NOT_FOUND"]
    let begun: TallystickV1.BeginRunResponse
    do throws(TallyError) {
      begun = try await call(TallystickV1.UsageService.beginRun, begin, options: options)
    } catch {
      if error.outcome == .unknown {
        work.begin()
        // The error of the beginning goes first.
        do throws(TallyError) { try await work.end(settled: settled, givingUp: givingUp(error)) } catch {}
      }
      throw error
    }
    work.begin()
    return try await Work.run {
      try await body(ActiveRun(self, work, runId, attempt, begun))
    } end: { error throws(TallyError) in
      try await work.end(settled: settled, givingUp: givingUp(error))
    }
  }

  private static func givingUp(
    _ runId: String, _ attempt: Int32, _ error: (any Error)?
  ) -> TallystickV1.FinishRunRequest {
    var request = TallystickV1.FinishRunRequest()
    request.runId = runId
    request.attempt = attempt
    let isCancelled = Task.isCancelled || error is CancellationError
    request.status = error == nil || isCancelled ? .cancelled : .failed
    request.costMicros = 0
    var words = error.map { "\(type(of: $0)): \($0)" } ?? "left without a finish"
    words.removeAll { $0 == "\0" }
    while words.utf8.count > longestErrorByteCount { words.removeLast() }
    request.error = words
    return request
  }

  /// Reserves a hold, runs the block, and releases the hold after it, unless it was captured there. A job
  /// that names an idempotency key and is done twice holds and captures once.
  @discardableResult
  public nonisolated(nonsending) func withHold<Result>(
    _ reserve: TallystickV1.ReserveRequest, options: CallOptions? = nil,
    _ body: (ActiveHold) async throws -> Result
  ) async throws -> Result {
    var reserve = reserve
    if reserve.idempotencyKey.isEmpty { reserve.idempotencyKey = IdempotencyKey.next() }
    let (request, work) = (reserve, Work())
    // The last reason when it is asked for again, and was not held the first time.
    let settled: Set = ["HOLD_EXPIRED", "HOLD_SETTLED", "INSUFFICIENT_CREDITS"]
    let reserving = { @Sendable () async throws(TallyError) -> ActiveHold in
      let begun = try await self.call(TallystickV1.CreditService.reserve, request, options: options)
      return ActiveHold(self, work, request.idempotencyKey, begun)
    }
    let hold: ActiveHold
    do throws(TallyError) { hold = try await reserving() } catch {
      if error.outcome == .unknown {
        work.begin()
        // Found by its key, and given back; the error of the beginning goes first.
        do throws(TallyError) {
          try await work.end(settled: settled) { () async throws(TallyError) in
            let held = try await reserving()
            _ = try await self.call(
              TallystickV1.CreditService.release, held.releasing, options: options)
          }
        } catch {}
      }
      throw error
    }
    work.begin()
    return try await Work.run {
      try await body(hold)
    } end: { _ throws(TallyError) in
      try await work.end(settled: settled) { () async throws(TallyError) in
        _ = try await self.call(TallystickV1.CreditService.release, hold.releasing, options: options)
      }
    }
  }
}
