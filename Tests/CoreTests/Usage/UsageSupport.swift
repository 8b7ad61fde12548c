// Runs for the tests of usage.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

extension UsageCommand.Begin {
  static func test(_ runId: String, _ userId: String, estimate: Int64 = 0) -> Self {
    Self(
      userId: userId, runId: runId, model: "m", type: "text", estimateMicros: estimate, ttlMillis: 60_000,
      digest: Digest(bytes: [UInt8](repeating: 1, count: 32)))
  }
}

extension UsageCommand.Finish {
  static func test(_ runId: String, cost: Int64, status: RunStatus = .succeeded) -> Self {
    Self(
      runId: runId, end: UsageCommand.End(status: status, costMicros: cost),
      digest: Digest(bytes: [UInt8](repeating: 2, count: 32)))
  }
}

extension UsageCommand.Record {
  static func test(
    _ runId: String, _ userId: String, startedAt: Int64, model: String = "m", type: String = "text",
    end: UsageCommand.End = UsageCommand.End(status: .succeeded, costMicros: 0), spender: String = "",
    tags: [RunTag] = []
  ) -> Self {
    Self(
      userId: userId, runId: runId, model: model, type: type, end: end, startedAtMicros: startedAt,
      spender: spender, tags: tags, digest: Digest(bytes: [UInt8](repeating: 3, count: 32)))
  }
}

extension SQLiteEngine {
  /// Records a succeeded run.
  func record(
    _ runId: String, _ userId: String, startedAt: Int64, cost: Int64 = 0, tokens: Int64 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let refusal = try recordRefusal(runId, userId, startedAt: startedAt, cost: cost, tokens: tokens)
    #expect(refusal == nil, sourceLocation: sourceLocation)
  }

  func recordRefusal(
    _ runId: String, _ userId: String, startedAt: Int64, cost: Int64 = 0, tokens: Int64 = 0
  ) throws -> Refusal? {
    let end = UsageCommand.End(status: .succeeded, inputTokens: tokens, costMicros: cost)
    return try decide(.usage(.record(.test(runId, userId, startedAt: startedAt, end: end)))).refusal
  }

  /// Makes a plan of all users, which declares tags.
  func declare(tags keys: [String]) throws {
    var plan = Plan(id: "tags", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never)
    (plan.tagKeys, plan.isDefault) = (keys, true)
    #expect(try decide(.putPlan(plan)).refusal == nil)
  }

  /// Records runs of three users, four models and two types within the last 35 days, in batches of some: of
  /// spenders and with tags, of which one is declared.
  func recordAtRandom(_ count: Int, before now: Int64, _ random: inout SeededGenerator) throws {
    try declare(tags: ["feature"])
    var commands: [Command] = []
    for index in 0..<count {
      let statuses: [RunStatus] = [.succeeded, .succeeded, .failed, .cancelled]
      let end = UsageCommand.End(
        status: statuses[Int.random(in: 0..<4, using: &random)],
        inputTokens: Int64.random(in: 0...1_000_000, using: &random),
        outputTokens: Int64.random(in: 0...300, using: &random),
        images: Int64.random(in: 0...4, using: &random),
        units: [UnitCount(.cacheRead, 7), UnitCount(.request, Int64.random(in: 1...9, using: &random))]
          .filter { _ in Bool.random(using: &random) },
        costMicros: Int64.random(in: 0...10_000_000, using: &random),
        providerCostMicros: Bool.random(using: &random) ? 0 : Int64.random(in: 0...1_000, using: &random))
      // Half of them just after or before the start of a quarter hour.
      var start = now - Int64.random(in: 0..<35 * 86_400 * second, using: &random)
      if Bool.random(using: &random) {
        start = start / QuarterHour.micros * QuarterHour.micros - Int64.random(in: 0...1, using: &random)
      }
      let tags = [("feature", "f\(Int.random(in: 0..<3, using: &random))"), ("other", "o")]
        .filter { _ in Bool.random(using: &random) }
      commands.append(
        .usage(
          .record(
            .test(
              "run-\(index)", "u\(Int.random(in: 0..<3, using: &random))",
              startedAt: max(start, now - 35 * 86_400 * second),
              model: "model-\(Int.random(in: 0..<4, using: &random))",
              type: ["text", "image"][Int.random(in: 0..<2, using: &random)], end: end,
              spender: ["", "", "m1", "m2"][Int.random(in: 0..<4, using: &random)],
              tags: tags.map { RunTag(key: $0.0, value: $0.1) }))))
    }
    while !commands.isEmpty {
      let batch = commands.prefix(Int.random(in: 1...40, using: &random))
      #expect(try decide(Array(batch)).allSatisfy { $0.refusal == nil })
      commands.removeFirst(batch.count)
    }
  }
}
