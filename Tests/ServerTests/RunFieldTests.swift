// Runs over a real socket: each field at its border, the counts that a request may give twice, attempts, and
// who may begin none.

import TTRPC
import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Fields and attempts of runs") struct RunFieldTests {
  private typealias Begin = Border<TallystickV1.BeginRunRequest>
  private typealias Finish = Border<TallystickV1.FinishRunRequest>
  private typealias Record = Border<TallystickV1.RecordRunRequest>

  private static let units = 0...Limits.runUnitCount
  private static let costs = 0...Limits.runCostMicros

  private static func unit(
    _ unitClass: TallystickV1.UnitClass, _ count: Int64
  ) -> TallystickV1.UnitCount {
    var unit = TallystickV1.UnitCount()
    (unit.unitClass, unit.count) = (unitClass, count)
    return unit
  }

  private static func tags(_ count: Int) -> [String: String] {
    Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", "v") })
  }

  // MARK: borders

  @Test("fields of BeginRun are taken at their limits, and refused one beyond with field and limit")
  func begin() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await live.purchase("u1", Limits.amountMicros, payment: "p", key: "k")
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .required("run_id", Limits.runIdByteCount) { $0.runId = $1 },
          .required("model", Limits.modelByteCount) { $0.model = $1 },
          .required("type", Limits.runTypeByteCount) { $0.type = $1 },
          .amount("estimate_micros", 0...Limits.amountMicros) { $0.estimateMicros = $1 },
          .number("ttl_millis", 1...Limits.holdTtlMillis, below: -1) { $0.ttlMillis = $1 },
          .atLeast("attempt", 0) { $0.attempt = Int32($1) },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
          .elements("tags", RunLimits.tagCount) { $0.tags = Self.tags($1) },
          .required("tags.key", Limits.tagKeyByteCount) { $0.tags = [$1: "v"] },
          .required("tags.value", Limits.tagValueByteCount) { $0.tags = ["k": $1] },
        ] as [Begin], of: Runs.beginRun
      ) {
        ($0.userId, $0.runId, $0.model, $0.type) = ("u1", rig.fresh("run"), "m", "text")
      }
    }
  }

  @Test("fields of FinishRun and GetRun come before whether there is the run, each up to its limit")
  func finish() async throws {
    try await LiveServer.run { live in
      try await live.expect(
        [
          .required("run_id", Limits.runIdByteCount) { $0.runId = $1 },
          .number("input_tokens", Self.units) { $0.inputTokens = $1 },
          .number("output_tokens", Self.units) { $0.outputTokens = $1 },
          .number("images", Self.units) { $0.images = $1 },
          .number("units[0].count", Self.units) { $0.units = [Self.unit(.second, $1)] },
          .number("prompt_tokens", Self.units) { $0.promptTokens = $1 },
          .number("completion_tokens", Self.units) { $0.completionTokens = $1 },
          .amount("cost_micros", Self.costs) { $0.costMicros = $1 },
          .amount("provider_cost_micros", Self.costs) { $0.providerCostMicros = $1 },
          .text("error", Limits.runErrorByteCount) { $0.error = $1 },
          .atLeast("attempt", 0) { $0.attempt = Int32($1) },
        ] as [Finish], of: Runs.finishRun, takenWith: "RUN_NOT_FOUND"
      ) {
        ($0.runId, $0.status) = ("none", .failed)
      }
      try await live.expect(
        [
          .required("run_id", Limits.runIdByteCount) { $0.runId = $1 },
          .atLeast("attempt", 0) { $0.attempt = Int32($1) },
        ], of: Runs.getRun, takenWith: "RUN_NOT_FOUND"
      ) { $0.runId = "none" }
    }
  }

  @Test("fields of RecordRun are taken at their limits, and refused one beyond with field and limit")
  func record() async throws {
    try await LiveServer.run { live in
      let rig = MethodRig(live)
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .required("run_id", Limits.runIdByteCount) { $0.runId = $1 },
          .required("model", Limits.modelByteCount) { $0.model = $1 },
          .required("type", Limits.runTypeByteCount) { $0.type = $1 },
          .number("input_tokens", Self.units) { $0.inputTokens = $1 },
          .number("output_tokens", Self.units) { $0.outputTokens = $1 },
          .number("images", Self.units) { $0.images = $1 },
          .number("units[0].count", Self.units) { $0.units = [Self.unit(.audioInput, $1)] },
          .number("prompt_tokens", Self.units) { $0.promptTokens = $1 },
          .number("completion_tokens", Self.units) { $0.completionTokens = $1 },
          .amount("cost_micros", Self.costs) { $0.costMicros = $1 },
          .amount("provider_cost_micros", Self.costs) { $0.providerCostMicros = $1 },
          .text("error", Limits.runErrorByteCount) { $0.error = $1 },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
          .elements("tags", RunLimits.tagCount) { $0.tags = Self.tags($1) },
          .required("tags.key", Limits.tagKeyByteCount) { $0.tags = [$1: "v"] },
          .required("tags.value", Limits.tagValueByteCount) { $0.tags = ["k": $1] },
        ] as [Record], of: Runs.recordRun
      ) { $0 = .sample(rig.fresh("run")) }
      let late = try await live.failure {
        try await live.record("late") { $0.startedAtMicros = Limits.timeMicros + 1 }
      }
      #expect(late?.details["field"] == "started_at_micros")
      #expect(late?.details["limit"] == String(Limits.timeMicros))
    }
  }

  @Test("a run of a batch is refused for a field by its place and the field")
  func batch() async throws {
    try await LiveServer.run { (live) async throws in
      func field(_ spoil: (inout TallystickV1.RecordRunRequest) -> Void) async throws -> String {
        var run = TallystickV1.RecordRunRequest.sample("r")
        spoil(&run)
        let results = try await live.call(Runs.recordRuns) { $0.runs = [.sample("good"), run] }.results
        #expect(results.first?.error == nil && results.count == 2)
        let info = results.last?.error?.info
        return "\(info?.reason ?? "taken") \(info?.metadata["field"] ?? "") \(info?.metadata["limit"] ?? "")"
      }
      let long = String(repeating: "x", count: 256)
      #expect(try await field { $0.spender = long } == "INVALID_FIELD runs[1].spender 255")
      #expect(try await field { $0.tags = [long: "v"] } == "INVALID_FIELD runs[1].tags.key 64")
      #expect(try await field { $0.tags = ["k": long] } == "INVALID_FIELD runs[1].tags.value 128")
      #expect(try await field { $0.tags = Self.tags(9) } == "INVALID_FIELD runs[1].tags 8")
      #expect(
        try await field { $0.units = [Self.unit(.reasoning, -1)] }
          == "INVALID_FIELD runs[1].units[0].count 1000000000000")
      #expect(
        try await field { $0.providerCostMicros = Limits.runCostMicros + 1 }
          == "INVALID_AMOUNT runs[1].provider_cost_micros 1000000000000")
    }
  }

  @Test("fields of ListRuns are taken at their limits, and refused one beyond with field and limit")
  func list() async throws {
    try await LiveServer.run { live in
      try await live.expect(
        [
          .required("user_id", Limits.userIdByteCount) { $0.userId = $1 },
          .text("model", Limits.modelByteCount) { $0.model = $1 },
          .text("type", Limits.runTypeByteCount) { $0.type = $1 },
          .text("spender", Limits.spenderByteCount) { $0.spender = $1 },
          .number("from_micros", 1...Limits.timeMicros) { $0.fromMicros = $1 },
          .number("to_micros", 1...Limits.timeMicros) { $0.toMicros = $1 },
          .number("limit", 0...Int64(Limits.pageRowCount)) { $0.limit = Int32($1) },
        ], of: Runs.listRuns
      ) { $0.userId = "u1" }
      for status in [TallystickV1.RunStatus.unspecified, .unrecognized(9)] {
        let failed = try await live.failure(Runs.listRuns) {
          ($0.userId, $0.statuses) = ("u1", [.running, status])
        }
        #expect(failed?.reason == "INVALID_FIELD" && failed?.details["field"] == "statuses[1]")
      }
    }
  }

  // MARK: counts

  @Test("a class is given once, and a total agrees with its parts, whichever of them are given")
  func counts() async throws {
    try await LiveServer.run { (live) async throws in
      let rig = MethodRig(live)
      func answer(_ fill: (inout TallystickV1.RecordRunRequest) -> Void) async throws -> String {
        do {
          let run = try await live.record(rig.fresh("run"), fill).run
          return "\(run?.inputTokens ?? -1) in, \(run?.outputTokens ?? -1) out"
        } catch let failed as Failed { return "\(failed.reason ?? "") \(failed.details["field"] ?? "")" }
      }
      let cached = [Self.unit(.cacheRead, 3), Self.unit(.cacheWrite, 2), Self.unit(.audioInput, 1)]
      #expect(try await answer { ($0.promptTokens, $0.units) = (6, cached) } == "0 in, 0 out")
      #expect(
        try await answer { ($0.promptTokens, $0.units) = (5, cached) } == "INVALID_FIELD prompt_tokens")
      #expect(
        try await answer { ($0.promptTokens, $0.units, $0.inputTokens) = (10, cached, 4) } == "4 in, 0 out")
      #expect(
        try await answer { ($0.promptTokens, $0.units, $0.inputTokens) = (10, cached, 5) }
          == "INVALID_FIELD prompt_tokens")
      let thought = [Self.unit(.reasoning, 3), Self.unit(.audioOutput, 1)]
      #expect(try await answer { ($0.completionTokens, $0.units) = (9, thought) } == "0 in, 5 out")
      #expect(
        try await answer { ($0.completionTokens, $0.units) = (3, thought) }
          == "INVALID_FIELD completion_tokens")
      #expect(
        try await answer { ($0.completionTokens, $0.units, $0.outputTokens) = (9, thought, 6) }
          == "INVALID_FIELD completion_tokens")
      #expect(
        try await answer { $0.units = [Self.unit(.second, 1), Self.unit(.second, 1)] }
          == "INVALID_FIELD units[1].unit_class")
      #expect(
        try await answer { ($0.inputTokens, $0.units) = (1, [Self.unit(.input, 1)]) }
          == "INVALID_FIELD units[0].unit_class")
      for unitClass in [TallystickV1.UnitClass.unspecified, .unrecognized(12)] {
        #expect(
          try await answer { $0.units = [Self.unit(unitClass, 1)] } == "INVALID_FIELD units[0].unit_class")
      }
      // By its class as good as by its field.
      #expect(try await answer { $0.units = [Self.unit(.input, 7), Self.unit(.output, 2)] } == "7 in, 2 out")
    }
  }

  // MARK: attempts

  @Test("an attempt is told what it waits for, each is read by its number, and each end replays")
  func attempts() async throws {
    try await LiveServer.run { live in
      let none = try await live.failure { try await live.begin("r", 0) { $0.attempt = 2 } }
      #expect(none?.reason == "RUN_CONFLICT" && none?.details["attempt"] == nil)
      try await live.begin("r", 0)
      let running = try await live.failure { try await live.begin("r", 0) { $0.attempt = 2 } }
      #expect(running?.reason == "RUN_CONFLICT" && running?.code == .alreadyExists)
      #expect(running?.details["attempt"] == "1" && running?.details["status"] == "RUNNING")
      let failed = try await live.finish("r", cost: nil, status: .failed)
      // Another user learns nothing of it, and cannot go on with it.
      let foreign = try await live.failure { try await live.begin("r", 0, user: "u2") { $0.attempt = 2 } }
      #expect(foreign?.reason == "RUN_CONFLICT" && foreign?.details["status"] == nil)
      try await live.begin("r", 0) { $0.attempt = 2 }
      #expect(try await live.begin("r", 0) { $0.attempt = 2 }.replayed)
      #expect(try await live.begin("r", 0).run?.status == .failed)
      let again = try await live.finish("r", cost: nil, status: .failed)
      #expect(again.replayed && again.run == failed.run)
      let acting = try await live.failure {
        try await live.finish("r", cost: 0, actingUser: "u2") { $0.attempt = 2 }
      }
      #expect(acting?.reason == "RUN_NOT_FOUND")
      let ended = try await live.finish("r", cost: 0) { $0.attempt = 2 }
      #expect(ended.run?.attempt == 2)
      func read(_ attempt: Int32) async throws -> TallystickV1.Run? {
        try await live.call(Runs.getRun) { ($0.runId, $0.attempt) = ("r", attempt) }.run
      }
      #expect(try await read(0) == ended.run)
      #expect(try await read(1) == failed.run)
      #expect(try await read(2) == ended.run)
      #expect(try await live.failure { _ = try await read(3) }?.reason == "RUN_NOT_FOUND")
      let after = try await live.failure { try await live.begin("r", 0) { $0.attempt = 3 } }
      #expect(after?.details["attempt"] == "2" && after?.details["status"] == "SUCCEEDED")
    }
  }

  // MARK: who may not

  @Test("who is suspended begins nothing, and what was begun is finished all the same")
  func suspended() async throws {
    try await LiveServer.run { live in
      try await live.begin("r1", 0)
      _ = try await live.putSettings("u1") { $0.state = .suspended }
      let failed = try await live.failure { try await live.begin("r2", 0) }
      #expect(failed?.reason == "USER_SUSPENDED" && failed?.code == .failedPrecondition)
      #expect(try await live.begin("r1", 0).replayed)
      #expect(try await live.finish("r1", cost: 0).run?.status == .succeeded)
      #expect(try await live.record("r3").replayed == false)
      let advice = try await live.quota("u1", .generations)
      #expect(!advice.allowed && advice.reason == "USER_SUSPENDED")
      _ = try await live.putSettings("u1") { $0.state = .active }
      #expect(try await live.begin("r2", 0).replayed == false)
    }
  }

  @Test("who owes begins nothing while the plan blocks, and is told how much")
  func owing() async throws {
    try await LiveServer.run { live in
      try await live.subscribe("u1") { $0.onShort = .block }
      try await live.begin("r1", 0)
      try await live.finish("r1", cost: 7)
      let failed = try await live.failure { try await live.begin("r2", 0) }
      #expect(failed?.reason == "PAYMENT_DUE" && failed?.details["owed_micros"] == "7")
      try await live.purchase("u1", 7, payment: "p", key: "k")
      #expect(try await live.begin("r2", 0).replayed == false)
    }
  }

  @Test("a user has so many holds open and no more; a run that holds nothing needs none")
  func holds() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 10_000, payment: "p", key: "k")
      for number in 0..<Hold.maximumOpenHolds { try await live.begin("r\(number)", 1) }
      let failed = try await live.failure { try await live.begin("more", 1) }
      #expect(failed?.reason == "HOLD_LIMIT" && failed?.details["limit"] == String(Hold.maximumOpenHolds))
      #expect(try await live.begin("free", 0).replayed == false)
      try await live.finish("r0", cost: 1)
      #expect(try await live.begin("more", 1).replayed == false)
    }
  }
}
