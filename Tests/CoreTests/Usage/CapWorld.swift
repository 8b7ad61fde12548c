// One user who has plenty, and what tests of caps do to it.
//
// Values, owned by the test.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

extension Cap {
  static func money(_ id: String, _ window: CapWindow, _ limit: Int64?) -> Cap {
    Cap(id: id, CapSubject(.money, window), limit: limit)
  }
}

/// An engine with one user who has plenty.
struct CapWorld {
  let rig: any EngineRig
  private(set) var now = noon
  private var count = 0

  init(_ engine: EngineUnderTest, at start: Int64 = noon) throws {
    rig = try engine.rig()
    now = start
    rig.setTime(micros: now)
    try must(purchase("u", 1_000_000, "p"))
  }

  mutating func pass(_ micros: Int64) { go(to: now + micros) }

  mutating func go(to micros: Int64) {
    now = micros
    rig.setTime(micros: now)
  }

  @discardableResult
  func must(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) throws -> Outcome {
    let outcome = rig.engine.apply(command)
    #expect(outcome.refusal == nil, sourceLocation: sourceLocation)
    return outcome
  }

  func put(_ caps: [Cap], spender: String = "") throws {
    try must(.admin(.putCaps("u", CapList(spender: spender, caps: caps))))
  }

  mutating func key() -> Idempotency {
    count += 1
    return CoreTests.key("k\(count)")
  }

  /// - Returns: the reason of a refusal.
  mutating func consume(_ micros: Int64, _ spender: String = "") -> String? {
    let it = Command.Consume(
      userId: "u", amountMicros: micros, spender: spender, idempotency: key())
    return rig.engine.apply(.consume(it)).refusal?.reason.rawValue
  }

  mutating func hold(_ micros: Int64, seconds: Int64 = 86_400, _ spender: String = "") throws -> Int64 {
    let it = Command.Reserve(
      userId: "u", amountMicros: micros, ttlMillis: seconds * 1_000, spender: spender, idempotency: key())
    return try must(.reserve(it)).receipt?.hold?.id ?? 0
  }

  func begin(_ runId: String, _ micros: Int64 = 0, model: String = "m", spender: String = "") -> Refusal? {
    let digest = Digest(bytes: [UInt8](repeating: 4, count: 32))
    return rig.engine.apply(
      .usage(
        .begin(
          .init(
            userId: "u", runId: runId, model: model, type: "t", estimateMicros: micros, ttlMillis: 60_000,
            spender: spender, digest: digest)))
    ).refusal
  }

  func finish(_ runId: String, _ cost: Int64, _ status: RunStatus = .succeeded) throws {
    try must(.usage(.finish(.test(runId, cost: cost, status: status))))
  }

  /// By the caps' ids, those of the account or of a spender.
  func used(_ spender: String = "") throws -> [String: Int64] {
    var query = UsageQuery(userIds: ["u"])
    query.capSpenders = [spender]
    let caps = try rig.engine.usages(query).value.first?.caps ?? []
    return Dictionary(uniqueKeysWithValues: caps.map { ($0.cap.id, $0.used) })
  }

  /// Everything is counted, and as the rows come to.
  func end() throws { #expect(try rig.findings() == []) }
}
