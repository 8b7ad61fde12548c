// The oracle is worth its name only if it sees a broken promise. So it is run against servers that break one.

import Glibc
import Testing

extension FaultTests {
  @Suite("Canary")
  struct CanaryTests {
    @Test(
      "a server that answers before the commit is found out, whatever it is asked for",
      arguments: [Workload.Weights.even, .runs, .pages, .settings, .back])
    func answersBeforeCommit(weights: Workload.Weights) async throws {
      // The server dies between the replies of a commit and the commit itself.
      var run = try KillRun(seed: 2, accountCount: 256)
      run.workload.weights = weights
      run.options = .faulty("answers-before-commit", count: 150)
      run.loadMicros = 60_000_000...60_000_000
      // Not every death comes after a reply has left: on a busy machine many do not.
      var rounds = 0
      while run.oracle.violations.isEmpty && rounds < 40 {
        try await run.round()
        _ = try await run.start()
        rounds += 1
      }
      #expect(run.oracle.violations != [], "\(rounds) rounds: \(run.oracle.summary)")
    }

    @Test("a server that answers after the commit passes the same run")
    func control() async throws {
      var run = try KillRun(seed: 2, accountCount: 256)
      run.options = .faulty("killed-before-commit", count: 150)
      run.loadMicros = 60_000_000...60_000_000
      for _ in 0..<3 { try await run.round() }
      let daemon = try await run.start()
      daemon.kill()
      run.oracle.checkHistory()
      #expect(run.oracle.violations == [], "\(run.oracle.summary)")
    }

    @Test("a database that does not sync every commit is not served")
    func notDurable() async throws {
      let workplace = try Workplace()
      // A database that has been served well is not served with less.
      try await Daemon.start(workplace).stop()
      let daemon = try Daemon.launch(workplace, .faulty("synchronous-normal"))
      let status = try await daemon.child.waitForEnd()
      #expect(status == 70)
      #expect(Files.text(workplace.log).contains("synchronous 1"))
    }
  }
}
