// Spenders over a real socket: who of an account a row says has spent.

import TallyCore
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Spenders") struct SpenderTests {
  /// A purchase (row 1), then what three spend: m1, m2 with a hold, and nobody in particular.
  private static func fill(_ live: LiveServer) async throws {
    try await live.purchase("a", 1_000, payment: "p", key: "p")
    let debit = try await live.call(Credits.consume) {
      ($0.userId, $0.amountMicros, $0.spender, $0.idempotencyKey) = ("a", 10, "m1", "k1")
    }.transaction
    let hold = try await live.call(Credits.reserve) {
      ($0.userId, $0.amountMicros, $0.spender, $0.idempotencyKey) = ("a", 50, "m2", "h")
    }.hold
    #expect(debit?.spender == "m1" && hold?.spender == "m2")
    try await live.consume("a", 1, key: "k2")
    _ = try await live.call(Credits.extend) {
      ($0.holdId, $0.ttlMillis, $0.idempotencyKey) = (hold?.holdId ?? "", 86_400_000, "e")
    }
    let captured = try await live.call(Credits.capture) {
      ($0.holdId, $0.amountMicros, $0.idempotencyKey) = (hold?.holdId ?? "", 20, "c")
    }
    #expect(captured.hold?.spender == "m2" && captured.transaction?.spender == "m2")
    _ = try await live.call(Credits.refund) {
      ($0.transactionId, $0.idempotencyKey) = (debit?.transactionId ?? "", "r")
    }
  }

  private static func rows(_ live: LiveServer, of spender: String) async throws -> [Int64] {
    try await live.call(Credits.listTransactions) { ($0.userId, $0.spender) = ("a", spender) }
      .transactions.map(\.sequence).reversed()
  }

  @Test("every row of a debit, a hold and their refund names who spent, and a list may ask for one of them")
  func rows() async throws {
    try await LiveServer.run { live in
      try await Self.fill(live)
      #expect(try await Self.rows(live, of: "m1") == [2, 8])
      #expect(try await Self.rows(live, of: "m2") == [3, 5, 6, 7])
      #expect(try await Self.rows(live, of: "m3") == [])
      let all = try await live.call(Credits.listTransactions) { $0.userId = "a" }.transactions
      #expect(all.filter(\.spender.isEmpty).map(\.sequence) == [4, 1])
    }
  }

  @Test("another spender is another request, and one over the limit is refused")
  func requests() async throws {
    try await LiveServer.run { live in
      try await Self.fill(live)
      let long = String(repeating: "m", count: Limits.spenderByteCount + 1)
      func consume(_ spender: String, key: String) async throws -> String? {
        try await live.reason(Credits.consume) {
          ($0.userId, $0.amountMicros, $0.spender, $0.idempotencyKey) = ("a", 10, spender, key)
        }
      }
      #expect(try await consume("m1", key: "k1") == nil)
      #expect(try await consume("m2", key: "k1") == "IDEMPOTENCY_MISMATCH")
      #expect(try await consume(long, key: "k3") == "INVALID_FIELD")
      #expect(try await consume(String(long.dropLast()), key: "k3") == nil)
      let reserve = try await live.reason(Credits.reserve) {
        ($0.userId, $0.amountMicros, $0.spender, $0.idempotencyKey) = ("a", 10, long, "k4")
      }
      #expect(reserve == "INVALID_FIELD")
      try await live.expect(
        [.text("spender", Limits.spenderByteCount) { $0.spender = $1 }], of: Credits.listTransactions
      ) { $0.userId = "a" }
      try await live.expect(
        [.text("spender", Limits.spenderByteCount) { $0.spender = $1 }], of: Credits.reserve,
        takenWith: "INSUFFICIENT_CREDITS"
      ) { ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("nobody", 1, "k") }
    }
  }

  @Test("a run, its hold and its charge name who began it, also when the charge has no hold")
  func runs() async throws {
    try await LiveServer.run { live in
      try await live.purchase("a", 1_000, payment: "p", key: "p")
      for (run, estimate) in [("r1", 50), ("r2", 0)] {
        let begun = try await live.call(Usages.beginRun) {
          ($0.userId, $0.runId, $0.model, $0.type, $0.spender) = ("a", run, "m", "text", "m1")
          $0.estimateMicros = Int64(estimate)
        }
        #expect(begun.run?.spender == "m1" && begun.hold?.spender == (estimate > 0 ? "m1" : nil))
        let ended = try await live.call(Usages.finishRun) {
          ($0.runId, $0.status, $0.costMicros) = (run, .succeeded, 20)
        }
        #expect(ended.run?.spender == "m1" && ended.transaction?.spender == "m1")
      }
      _ = try await live.call(Usages.recordRun) {
        ($0.userId, $0.runId, $0.model, $0.type, $0.status) = ("a", "r3", "m", "text", .failed)
        $0.spender = "m2"
      }
      #expect(try await Self.rows(live, of: "m1") == [2, 3, 4, 5])
      func listed(_ spender: String) async throws -> [String] {
        try await live.call(Usages.listRuns) { ($0.userId, $0.spender) = ("a", spender) }.runs.map(\.runId)
      }
      #expect(try await listed("m1").sorted() == ["r1", "r2"])
      #expect(try await listed("m2") == ["r3"])
      #expect(try await listed("").count == 3)
    }
  }

  @Test("a run of another spender is another run, and a spender over the limit is refused")
  func runRequests() async throws {
    try await LiveServer.run { live in
      let long = String(repeating: "m", count: Limits.spenderByteCount + 1)
      func begin(_ run: String, _ spender: String) async throws -> String? {
        try await live.reason(Usages.beginRun) {
          ($0.userId, $0.runId, $0.model, $0.type, $0.spender) = ("a", run, "m", "text", spender)
        }
      }
      #expect(try await begin("r1", long) == "INVALID_FIELD")
      #expect(try await begin("r1", "m1") == nil)
      #expect(try await begin("r1", "m1") == nil)
      #expect(try await begin("r1", "m2") == "RUN_CONFLICT")
      let record = try await live.reason(Usages.recordRun) {
        ($0.userId, $0.runId, $0.model, $0.type, $0.status) = ("a", "r3", "m", "text", .failed)
        $0.spender = long
      }
      #expect(record == "INVALID_FIELD")
      #expect(
        try await live.reason(Usages.listRuns) { ($0.userId, $0.spender) = ("a", long) } == "INVALID_FIELD")
    }
  }
}
