// The promise that matters most: whatever moment the process dies at, what was acknowledged is there once,
// and nothing is there that nobody asked for.

import Testing

extension FaultTests {
  @Suite("Kill")
  struct KillTests {
    /// TALLY_KILLS, TALLY_WRITES (acknowledged ones, at least) and TALLY_SEED choose a longer or another run.
    @Test("64 callers on 10,000 accounts lose nothing while the server is killed again and again")
    func killedUnderLoad() async throws {
      let target = Setting.number("TALLY_KILLS", default: 30)
      let writes = Setting.number("TALLY_WRITES", default: 0)
      let seed = UInt64(Setting.number("TALLY_SEED", default: 1))
      var run = try KillRun(seed: seed, accountCount: 10_000)
      while (run.kills < target || run.oracle.acknowledgedCount < writes) && run.oracle.violations.isEmpty {
        try await run.round()
      }
      try await run.finish()
      let summary = "\(run.kills) kills with seed \(seed): \(run.oracle.summary)"
      print(summary)
      #expect(run.oracle.violations == [], "\(summary)")
      // The load was one: more than what the accounts began with.
      let funding = 10_000 + Workload.busyAccountCount
      #expect(run.oracle.acknowledgedCount >= funding + 100 * target, "\(summary)")
      // A run of this length, on however slow a machine, has its callers in each other's way.
      if target >= 30 {
        for reason in [
          "INSUFFICIENT_CREDITS", "HOLD_SETTLED", "RUN_CONFLICT", "VERSION_CONFLICT", "QUOTA_EXCEEDED",
          "PAYMENT_DUE", "REFUND_EXCEEDS", "REVERSAL_EXCEEDS", "REVERSAL_SHORT", "VOID_SHORT",
        ] {
          #expect(run.oracle.count(reason) > 0, "\(reason): \(summary)")
        }
      }
      #expect(run.workplace.databaseFiles.isSubset(of: ["tally.db", "daemon.lock"]))
    }
  }
}
