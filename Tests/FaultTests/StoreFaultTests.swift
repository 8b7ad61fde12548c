// A commit that fails in a way that leaves its outcome open: the callers are told so, the process ends with
// its documented status, and after a restart a retry with the same key happens once.

import Testing

extension FaultTests {
  @Suite("Store faults")
  struct StoreFaultTests {
    /// docs/OPERATIONS.md: the last commit's outcome is unknown; start again at once.
    static let outcomeUnknownStatus: Int32 = 80

    /// Runs load until the server ends, then proves all with a server that has no fault.
    static func ride(
      _ options: (Workplace) throws -> DaemonOptions, break fault: (Daemon) throws -> Void = { _ in }
    ) async throws -> Oracle {
      var run = try KillRun(seed: 4, accountCount: 500)
      run.options = try options(run.workplace)
      let daemon = try await run.start()
      await run.workload.fund(run.oracle, daemon)
      try fault(daemon)
      await run.workload.run(run.oracle, daemon, round: 0)
      let status = try await daemon.child.waitForEnd()
      #expect(status == outcomeUnknownStatus, "\(Files.text(run.workplace.log).suffix(2_000))")
      #expect(run.oracle.count("OUTCOME_UNKNOWN") > 0, "\(run.oracle.summary)")
      run.options = DaemonOptions()
      try await run.finish()
      #expect(run.oracle.violations == [], "\(run.oracle.summary)")
      return run.oracle
    }

    @Test(
      "a write that fails at COMMIT ends the server; retries happen once",
      .enabled(if: !Programs.isSanitized, "a sanitizer has to come first"))
    func failedWrite() async throws {
      func trigger(_ workplace: Workplace) -> String { "\(workplace.path)/trigger" }
      let oracle = try await Self.ride {
        let fault = try #require(StoreEndTests.Fault.all.first { $0.name == "write" })
        return fault.options($0, trigger: trigger($0))
      } break: {
        try Files.make(trigger($0.workplace))
      }
      #expect(oracle.settledCounts.notApplied > 0)
    }

    @Test("a sync that fails at COMMIT ends the server; retries happen once")
    func failedSync() async throws {
      let oracle = try await Self.ride { _ in .faulty("failed-sync", count: 60) }
      #expect(oracle.settledCounts.notApplied > 0)
    }

    @Test("an error after a commit that is durable ends the server; retries find it")
    func failedAfterCommit() async throws {
      let oracle = try await Self.ride { _ in .faulty("failed-after-commit", count: 60) }
      #expect(oracle.settledCounts.applied > 0)
    }
  }
}
