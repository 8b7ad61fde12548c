// One order explains all that callers of all products saw, from several processes, over kills and failures of
// the store.
//
// TALLY_SEED sets the seed, TALLY_OPERATIONS the number of operations.

import Testing

@testable import TallyModel

extension FaultTests {
  @Suite("Linearizability of all products")
  struct LinearizabilityTests {
    private static let operationsOfARound = 5_000

    /// What callers must come across, or the history proves less than it says.
    private static let expected = [
      "CAP_EXCEEDED", "INSUFFICIENT_CREDITS", "HOLD_SETTLED", "REFUND_EXCEEDS",
      "REVERSAL_EXCEEDS", "PAYMENT_CONFLICT", "RUN_CONFLICT", "QUOTA_EXCEEDED", "VERSION_CONFLICT",
      "VOID_SHORT", "page", "plan", "caps", "settings", "replay", "GetUsage", "ListEvents", "GetPage",
      "GetRun", "BatchGetBalances",
    ]

    @Test("one order explains what callers in several processes see, over kills and failures of the store")
    func judged() async throws {
      let operations = Setting.number("TALLY_OPERATIONS", default: 50_000)
      let seed = UInt64(Setting.number("TALLY_SEED", default: 1))
      var run = try ConcurrentRun(seed: seed, operations: Self.operationsOfARound)
      var violation: String?
      while violation == nil, run.operationCount < operations { violation = try await run.next() }
      if violation == nil { violation = try await run.finish() }
      let summary =
        "\(run.operationCount) operations with seed \(seed), \(run.endCounts), \(run.unknownCount) unknown, "
        + "load \(run.loadTime), judged in \(run.judgeTime): \(run.counts.sorted { $0.key < $1.key })"
      print(summary)
      #expect(violation == nil, "\(violation ?? "")")
      if violation != nil { return }
      for name in Self.expected { #expect(run.counts[name] ?? 0 > 0, "\(name): \(summary)") }
      #expect(run.unknownCount > 0, "\(summary)")
    }

    @Test("a server that answers before its commit, and dies, is found out")
    func canary() async throws {
      var run = try ConcurrentRun(seed: 1, operations: 600, fault: "answers-before-commit")
      var violation: String?
      for _ in 0..<12 where violation == nil { violation = try await run.next() }
      #expect(violation != nil, "\(run.operationCount) operations, \(run.counts)")
    }
  }
}
