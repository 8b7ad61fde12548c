// A commit that fails in a way that leaves its outcome open: the callers are told so, the process ends with
// its documented status, and after a restart a retry with the same key happens once.

import Testing

extension FaultTests {
  @Suite("Store faults")
  struct StoreFaultTests {
    /// docs/OPERATIONS.md: the last commit's outcome is unknown; start again at once.
    static let outcomeUnknownStatus: Int32 = 80

    /// Runs load until the server ends, then proves all with a server that has no fault.
    static func ride(_ options: DaemonOptions, break fault: (Daemon) throws -> Void = { _ in }) async throws
      -> Oracle
    {
      var run = try KillRun(seed: 4, accountCount: 500)
      run.options = options
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

    @Test("a write that the system refuses at COMMIT ends the server; retries happen once")
    func refusedWrite() async throws {
      // The limit on file sizes stands in for a failing disk: the next frame of the log cannot be written.
      let oracle = try await Self.ride(DaemonOptions(prelude: "trap '' XFSZ")) { daemon in
        let limiting = try Child(
          ["prlimit", "--pid", "\(daemon.child.pid)", "--fsize=4096"], log: daemon.workplace.log)
        try #require(limiting.end(0) == 0)
      }
      #expect(oracle.settledCounts.notApplied > 0)
    }

    @Test("a sync that fails at COMMIT ends the server; retries happen once")
    func failedSync() async throws {
      let oracle = try await Self.ride(.faulty("failed-sync", count: 60))
      #expect(oracle.settledCounts.notApplied > 0)
    }

    @Test("an error after a commit that is durable ends the server; retries find it")
    func failedAfterCommit() async throws {
      let oracle = try await Self.ride(.faulty("failed-after-commit", count: 60))
      #expect(oracle.settledCounts.applied > 0)
    }
  }
}
