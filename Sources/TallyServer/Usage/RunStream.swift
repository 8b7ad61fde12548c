// StreamRuns: any number of runs, to the writer in bounded batches.
//
// Invariants:
// 1. At most two batches are held: one that the writer has and one that is being gathered. Meanwhile what
//    arrives waits in the stream's own bounded buffer, and then the connection is not read.
// 2. The reply comes when every run is durable or refused. A run that is refused is counted and does not end
//    the stream; what cannot be read, or names another user than the acting one, does. The first that were
//    refused are named, in their order, as many as fit into the reply.
// 3. A batch for which the writer's queue is full is submitted again until the call ends: nothing of it was
//    tried.
// 4. A stream that ends early answers its status. Batches that the writer had by then stay: the same stream
//    sent again replays them.
//
// Owner: the stream's task.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct RunStream {
  typealias RPCs = TallystickV1.UsageService

  private let services: Services
  private let context: CallContext
  /// What a run is to the writer, or why it does not get there; in the order of arrival.
  private enum Item {
    case command(UsageCommand.Record)
    case refused(Refusal)
  }
  private struct UnderWay {
    /// Of the batch's first run.
    var firstIndex: Int64
    /// Of each run: why it did not get to the writer, if so.
    var refusals: [Refusal?]
    var outcomes: Task<[Outcome<RunReceipt>], Never>?
  }

  private var batch: [Item] = []
  private var batchByteCount = 0
  private var underWay: UnderWay?
  /// Of the refused runs that the reply names.
  private var failureByteCount = 0
  private var response = TallystickV1.StreamRunsResponse()

  /// A failure's tag and length in the reply, and the reply's own numbers at their longest.
  private static let failureOverheadByteCount = 6
  private static let countsByteCount = 80
  /// Between two attempts to get a batch into the writer's queue.
  private static let shortestPauseNanoseconds: UInt64 = 1_000_000
  private static let longestPauseNanoseconds: UInt64 = 100_000_000

  static func binding(_ services: Services) -> Binding {
    (
      RPCs.streamRuns.method,
      .bulk { context, inbound, outbound in
        let caller = try services.admitStream(context, isWrite: true)
        try caller.require(.service)
        var stream = RunStream(services: services, context: context)
        for try await payload in inbound {
          let request = try decode(TallystickV1.RecordRunRequest.self, payload)
          try await stream.take(request, caller, byteCount: payload.count)
        }
        try await outbound.send(try await stream.finish().encode())
      }
    )
  }

  private init(services: Services, context: CallContext) {
    self.services = services
    self.context = context
  }

  private mutating func take(
    _ request: TallystickV1.RecordRunRequest, _ caller: Caller, byteCount: Int
  ) async throws(Status) {
    response.received += 1
    let item: Item
    do throws(Refusal) { item = .command(try RunRequests.record(request).command) } catch {
      item = .refused(error)
    }
    if case .command = item { try caller.mayTouch(userId: request.userId) }
    batch.append(item)
    batchByteCount += byteCount
    if batch.count >= Limits.runStreamBatchCount || batchByteCount >= Limits.runStreamBatchByteCount {
      try await submit()
    }
  }

  private mutating func finish() async throws(Status) -> TallystickV1.StreamRunsResponse {
    if !batch.isEmpty { try await submit() }
    try await settle()
    return response
  }

  /// Hands the batch to the writer, once it is through with the one before.
  private mutating func submit() async throws(Status) {
    try await settle()
    var commands: [UsageCommand.Record] = []
    var refusals: [Refusal?] = []
    for item in batch {
      switch item {
      case .command(let command):
        commands.append(command)
        refusals.append(nil)
      case .refused(let refusal): refusals.append(refusal)
      }
    }
    underWay = UnderWay(
      firstIndex: response.received - Int64(batch.count), refusals: refusals,
      outcomes: commands.isEmpty ? nil : outcomes(of: commands))
    batch.removeAll(keepingCapacity: true)
    batchByteCount = 0
  }

  private func outcomes(of commands: [UsageCommand.Record]) -> Task<[Outcome<RunReceipt>], Never> {
    let (services, context, byteCount) = (services, context, batchByteCount)
    return Task {
      var pauseNanoseconds = Self.shortestPauseNanoseconds
      while true {
        let submission = services.submission(
          commands, sharer: Services.sharer(context), context, byteCount: byteCount)
        let outcomes = await withCheckedContinuation { continuation in
          services.engine.submit(
            Work(submission: submission, group: nil) { continuation.resume(returning: $0) })
        }
        guard case .failure(let refusal) = outcomes.first, refusal.reason == .queueFull,
          !context.isCancelled
        else { return outcomes }
        do { try await Task.sleep(nanoseconds: pauseNanoseconds) } catch { return outcomes }
        pauseNanoseconds = min(2 * pauseNanoseconds, Self.longestPauseNanoseconds)
      }
    }
  }

  /// Counts what became of the batch that the writer has.
  /// - Throws: what all its runs were refused with, because none was tried.
  private mutating func settle() async throws(Status) {
    guard let batch = underWay else { return }
    underWay = nil
    var outcomes = (await batch.outcomes?.value ?? [])[...]
    for (place, refusal) in batch.refusals.enumerated() {
      let index = batch.firstIndex + Int64(place)
      if let refusal {
        fail(index, refusal)
      } else if let outcome = outcomes.popFirst() {
        try count(outcome, index)
      }
    }
  }

  private mutating func count(_ outcome: Outcome<RunReceipt>, _ index: Int64) throws(Status) {
    switch outcome {
    case .success(let receipt):
      if receipt.replayed { response.replayed += 1 } else { response.recorded += 1 }
      response.commitSequence = max(response.commitSequence, receipt.commit.sequence)
    case .failure(let refusal):
      if refusal.concernsWholeSubmission { throw Status(refusal) }
      response.commitSequence = max(response.commitSequence, refusal.commit?.sequence ?? 0)
      fail(index, refusal)
    }
  }

  private mutating func fail(_ index: Int64, _ refusal: Refusal) {
    response.failed += 1
    guard response.failures.count < Limits.runStreamFailureCount else { return }
    var failure = TallystickV1.StreamRunsFailure()
    failure.index = index
    failure.error = TallystickV1.ItemError(refusal)
    failureByteCount += failure.encode().count + Self.failureOverheadByteCount
    guard failureByteCount + Self.countsByteCount <= services.maximumReplyByteCount else { return }
    response.failures.append(failure)
  }
}
