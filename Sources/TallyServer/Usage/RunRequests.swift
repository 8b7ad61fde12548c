// UsageService's requests about runs as commands.
//
// Invariants:
// 1. There is one function for each request, and it checks every field that the command takes.
// 2. A run's digest is of the request as it was sent, before defaults are filled in. An item of a batch or a
//    stream has the digest of the same request sent alone.

internal import TallyCore
internal import TallyMessages

enum RunRequests {
  private typealias RPCs = TallystickV1.UsageService

  /// Made once: a stream asks for it with each run.
  private static let recordMethod = RPCs.recordRun.name

  static func begin(_ request: TallystickV1.BeginRunRequest, _ digest: Digest) throws(Refusal) -> Prepared<
    UsageCommand.Begin
  > {
    try identity(request.userId, request.runId, request.model, request.type, FieldPath())
    try notNegative(request.estimateMicros, "estimate_micros")
    if request.ttlMillis != 0 { try Fields.ttl(request.ttlMillis, "ttl_millis") }
    try Fields.attempt(request.attempt)
    try Fields.optional(request.spender, "spender", atMost: Limits.spenderByteCount)
    return Prepared(
      command: UsageCommand.Begin(
        userId: request.userId, runId: request.runId, attempt: max(request.attempt, 1),
        model: request.model, type: request.type, estimateMicros: request.estimateMicros,
        ttlMillis: request.ttlMillis == 0 ? Limits.defaultHoldTtlMillis : request.ttlMillis,
        spender: request.spender, tags: try tags(request.tags, FieldPath()), digest: digest),
      userId: request.userId)
  }

  static func finish(
    _ request: TallystickV1.FinishRunRequest, _ digest: Digest, actingUserId: String?
  ) throws(Refusal) -> Prepared<UsageCommand.Finish> {
    try runId(request.runId)
    let units = try RunUnits(
      inputTokens: request.inputTokens, outputTokens: request.outputTokens, images: request.images,
      units: request.units, promptTokens: request.promptTokens, completionTokens: request.completionTokens,
      FieldPath())
    let end = try end(
      status: request.status, units, costMicros: request.costMicros,
      providerCostMicros: request.providerCostMicros, error: request.error, FieldPath())
    try Fields.attempt(request.attempt)
    return Prepared(
      command: UsageCommand.Finish(
        runId: request.runId, attempt: max(request.attempt, 1), end: end, actingUserId: actingUserId,
        digest: digest))
  }

  static func record(
    _ request: TallystickV1.RecordRunRequest, _ path: FieldPath = FieldPath()
  ) throws(Refusal) -> Prepared<UsageCommand.Record> {
    try identity(request.userId, request.runId, request.model, request.type, path)
    let units = try RunUnits(
      inputTokens: request.inputTokens, outputTokens: request.outputTokens, images: request.images,
      units: request.units, promptTokens: request.promptTokens, completionTokens: request.completionTokens,
      path)
    let end = try end(
      status: request.status, units, costMicros: request.costMicros,
      providerCostMicros: request.providerCostMicros, error: request.error, path)
    try Fields.time(request.startedAtMicros, path("started_at_micros"))
    try Fields.optional(request.spender, path("spender"), atMost: Limits.spenderByteCount)
    return Prepared(
      command: UsageCommand.Record(
        userId: request.userId, runId: request.runId, model: request.model, type: request.type, end: end,
        startedAtMicros: request.startedAtMicros, spender: request.spender,
        tags: try tags(request.tags, path),
        digest: RequestDigest.make(method: recordMethod, request)),
      userId: request.userId)
  }

  static func runId(_ runId: String) throws(Refusal) {
    try Fields.required(runId, "run_id", atMost: Limits.runIdByteCount)
  }

  private static func identity(
    _ userId: String, _ runId: String, _ model: String, _ type: String, _ path: FieldPath
  ) throws(Refusal) {
    try Fields.required(userId, path("user_id"), atMost: Limits.userIdByteCount)
    try Fields.required(runId, path("run_id"), atMost: Limits.runIdByteCount)
    try Fields.required(model, path("model"), atMost: Limits.modelByteCount)
    try Fields.required(type, path("type"), atMost: Limits.runTypeByteCount)
  }

  private static func end(
    status: TallystickV1.RunStatus, _ units: RunUnits, costMicros: Int64?, providerCostMicros: Int64,
    error: String, _ path: FieldPath
  ) throws(Refusal) -> UsageCommand.End {
    guard let status = RunStatus(rawValue: status.rawValue), status != .running else {
      throw invalidField(path("status"), "must be SUCCEEDED, FAILED or CANCELLED")
    }
    if let costMicros { try cost(costMicros, path("cost_micros")) }
    try cost(providerCostMicros, path("provider_cost_micros"))
    try Fields.optional(error, path("error"), atMost: Limits.runErrorByteCount)
    return UsageCommand.End(
      status: status, inputTokens: units.inputTokens, outputTokens: units.outputTokens, images: units.images,
      units: units.others, costMicros: costMicros, providerCostMicros: providerCostMicros, error: error)
  }

  /// In the order of their keys.
  private static func tags(_ tags: [String: String], _ path: FieldPath) throws(Refusal) -> [RunTag] {
    if tags.isEmpty { return [] }
    if tags.count > RunLimits.tagCount {
      throw invalidField(
        path("tags"), "has \(tags.count) entries; the limit is \(RunLimits.tagCount)",
        limit: Int64(RunLimits.tagCount))
    }
    for (key, value) in tags {
      try Fields.required(key, path("tags.key"), atMost: Limits.tagKeyByteCount)
      try Fields.required(value, path("tags.value"), atMost: Limits.tagValueByteCount)
    }
    return tags.map { RunTag(key: $0.key, value: $0.value) }.sorted { ExactText($0.key) < ExactText($1.key) }
  }

  private static func cost(_ amountMicros: Int64, _ field: String) throws(Refusal) {
    try notNegative(amountMicros, field)
    if amountMicros > Limits.runCostMicros {
      throw invalidAmount(
        field, "is beyond the limit of \(Limits.runCostMicros)", limit: Limits.runCostMicros)
    }
  }

  private static func notNegative(_ amountMicros: Int64, _ field: String) throws(Refusal) {
    if amountMicros < 0 { throw invalidAmount(field, "must not be negative") }
    try Fields.magnitude(amountMicros, field)
  }
}
