// StreamRuns: any number of runs, to the writer in bounded batches.
//
// Invariants:
// 1. At most two batches are held: one that the writer has and one that is being gathered. Meanwhile what
//    arrives waits in the stream's own bounded buffer.
// 2. The reply comes when every run is durable or refused. A run that is refused is counted and does not
//    end the stream; what cannot be read, or names another user than the acting one, does.
// 3. A stream that ends early answers its status. Batches that the writer had by then stay: the same stream
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
  private var batch: [(index: Int64, command: Command)] = []
  private var batchByteCount = 0
  private var underWay: (indexes: [Int64], outcomes: Task<[Outcome], Never>)?
  private var response = TallystickV1.StreamRunsResponse()

  static func binding(_ services: Services) -> Binding {
    (
      RPCs.streamRuns.method,
      .streaming(.clientStream) { context, inbound, outbound in
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
    let index = response.received
    response.received += 1
    do throws(Refusal) {
      let prepared = try RunRequests.record(request)
      batch.append((index, prepared.command))
    } catch {
      return fail(index, error)
    }
    try caller.mayTouch(userId: request.userId)
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
    let submission = services.submission(
      batch.map(\.command), userId: nil, context, byteCount: batchByteCount)
    let engine = services.engine
    let outcomes = Task {
      await withCheckedContinuation { continuation in
        engine.submit(submission, group: nil) { continuation.resume(returning: $0) }
      }
    }
    underWay = (batch.map(\.index), outcomes)
    batch.removeAll(keepingCapacity: true)
    batchByteCount = 0
  }

  /// Counts what became of the batch that the writer has.
  /// - Throws: what all its runs were refused with, because none was tried.
  private mutating func settle() async throws(Status) {
    guard let (indexes, outcomes) = underWay else { return }
    underWay = nil
    for (index, outcome) in zip(indexes, await outcomes.value) {
      switch outcome {
      case .usage(.run(let receipt)):
        if receipt.replayed { response.replayed += 1 } else { response.recorded += 1 }
        response.commitSequence = max(response.commitSequence, receipt.commit.sequence)
      case .refused(let refusal):
        if refusal.concernsWholeSubmission { throw Status(refusal) }
        response.commitSequence = max(response.commitSequence, refusal.commit?.sequence ?? 0)
        fail(index, refusal)
      case .applied, .planStored, .page, .admin:
        throw Status(Refusal(.corrupt, "the engine answered something else to a command of runs"))
      }
    }
  }

  private mutating func fail(_ index: Int64, _ refusal: Refusal) {
    response.failed += 1
    guard response.failures.count < Limits.runStreamFailureCount else { return }
    var failure = TallystickV1.StreamRunsFailure()
    failure.index = index
    failure.error = TallystickV1.ItemError(refusal)
    response.failures.append(failure)
  }
}
