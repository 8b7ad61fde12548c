// What UsageService reads of runs: queries from requests, and replies from what the engine answers.
//
// Invariants:
// 1. A page holds at most `limit` runs and never outgrows the largest message; it holds at least one run if
//    there is one.
// 2. A cursor is bound to the request it came from.

internal import TallyCore
internal import TallyMessages

enum RunQueries {
  private typealias RPCs = TallystickV1.UsageService

  /// A run by its id, for a call that acts for a user or for nobody.
  struct RunQuery {
    var runId: String
    /// nil for the newest.
    var attempt: Int32?
    var actingUserId: String?
  }

  static func parse(_ request: TallystickV1.GetRunRequest, _ caller: Caller) throws(Refusal) -> RunQuery {
    try RunRequests.runId(request.runId)
    try Fields.attempt(request.attempt)
    return RunQuery(
      runId: request.runId, attempt: request.attempt == 0 ? nil : request.attempt,
      actingUserId: caller.actingUserId)
  }

  static func run(
    _ query: RunQuery, _ engine: any ProductEngine
  ) throws(Refusal) -> TallystickV1.GetRunResponse {
    let snapshot = try engine.run(
      runId: query.runId, attempt: query.attempt, actingUserId: query.actingUserId)
    var response = TallystickV1.GetRunResponse()
    response.run = TallystickV1.Run(snapshot.value)
    response.commitSequence = snapshot.commitSequence
    return response
  }

  typealias RunsQuery = ListQuery<TallystickV1.ListRunsRequest, RunFilter>

  static func parse(_ request: TallystickV1.ListRunsRequest) throws(Refusal) -> RunsQuery {
    try Fields.required(request.userId, "user_id", atMost: Limits.userIdByteCount)
    var filter = RunFilter(userId: request.userId, limit: try Fields.pageSize(request.limit))
    for (index, status) in request.statuses.enumerated() {
      guard let status = RunStatus(rawValue: status.rawValue) else {
        throw invalidField("statuses[\(index)]", "is not a run status")
      }
      if !filter.statuses.contains(status) { filter.statuses.append(status) }
    }
    try Fields.optional(request.model, "model", atMost: Limits.modelByteCount)
    try Fields.optional(request.type, "type", atMost: Limits.runTypeByteCount)
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    try Fields.time(request.fromMicros, "from_micros")
    try Fields.time(request.toMicros, "to_micros")
    filter.model = request.model
    filter.type = request.type
    filter.spender = request.spender
    filter.fromMicros = request.fromMicros
    filter.toMicros = request.toMicros
    let numbers = try Cursor.decode(RPCs.listRuns, request, count: 2)
    filter.before = numbers.map { RunPlace(startedAtMicros: $0[0], id: $0[1]) }
    return ListQuery(request, filter)
  }

  static func runs(
    _ query: RunsQuery, _ engine: any ProductEngine, largest: Int
  ) throws(Refusal) -> TallystickV1.ListRunsResponse {
    let snapshot = try engine.runs(query.filter)
    var response = TallystickV1.ListRunsResponse()
    response.commitSequence = snapshot.commitSequence
    let runs = snapshot.value.runs
    let cut = CreditQueries.cut(runs, largest: largest, size: size)
    response.runs = runs.prefix(cut).map(TallystickV1.Run.init)
    if let before = cut < runs.count ? runs[cut - 1].place : snapshot.value.nextBefore {
      response.nextCursor = Cursor.encode(
        before: [before.startedAtMicros, before.id], RPCs.listRuns, query.request)
    }
    return response
  }

  /// An upper bound of the run's encoded size: every number counts as the longest of its type.
  private static func size(_ run: Run) -> Int {
    // Eleven classes in both lists, of at most sixteen bytes each.
    640 + (run.planId?.utf8.count ?? 0) + run.runId.utf8.count + run.userId.utf8.count + run.model.utf8.count
      + run.type.utf8.count + run.spender.utf8.count
      + run.error.utf8.count
      + run.tags.reduce(0) { $0 + 16 + $1.key.utf8.count + $1.value.utf8.count }
  }
}
