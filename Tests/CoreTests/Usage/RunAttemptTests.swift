// Attempts of runs in the store: what may follow what, what each is charged, and how verification sees it.

internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Run attempts")
struct RunAttemptTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory() }

  /// Attempt 1 has failed, the second was cancelled, and the third has succeeded.
  private func filled() throws -> SQLiteEngine {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", 100, "p"))
    try engine.must(begin("u", "r", 20))
    try engine.must(finish("r", nil, .failed))
    try engine.must(begin("u", "r", 30, attempt: 2))
    try engine.must(finish("r", 4, .cancelled, attempt: 2))
    try engine.must(begin("u", "r", 40, attempt: 3))
    try engine.must(finish("r", 35, attempt: 3))
    return engine
  }

  @Test("each attempt is held and charged for itself, the newest is the run, and all are listed")
  func charged() throws {
    let engine = try filled()
    #expect(try engine.available("u") == 100 - 4 - 35)
    let newest = try engine.run(runId: "r", attempt: nil, actingUserId: nil).value
    #expect(newest.attempt == 3 && newest.chargedMicros == 35 && newest.status == .succeeded)
    #expect(try engine.run(runId: "r", attempt: 2, actingUserId: "u").value.chargedMicros == 4)
    #expect(throws: Refusal.self) { try engine.run(runId: "r", attempt: 4, actingUserId: nil) }
    let listed = try engine.runs(RunFilter(userId: "u", limit: 10)).value.runs
    #expect(listed.map(\.attempt) == [3, 2, 1] && Set(listed.map(\.runId)) == ["r"])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("rows of a run carry its attempt: of its hold, its charge, and what time has released")
  func rows() throws {
    let engine = try filled()
    try engine.must(begin("u", "s", 10, seconds: 1))
    clock.set(wallMicros: noon + 2 * second)
    try engine.must(finish("s", 3))
    let rows = try (1...engine.state().ledgerSequence).map { sequence in
      try engine.transaction(sequence: sequence, actingUserId: nil).value
    }
    #expect(rows.filter { $0.runId == "r" }.map(\.attempt) == [0, 0, 2, 2, 2, 3, 3, 3])
    #expect(rows.filter { $0.runId == "s" }.allSatisfy { $0.attempt == 0 })
    #expect(rows.filter { $0.runId == "s" }.map(\.type) == [.hold, .holdRelease, .apiUsage])
    try engine.close()
  }

  @Test("an attempt begins once the one before has failed or was cancelled, of the same user, without a gap")
  func order() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u", 100, "p"))
    func refused(_ command: UsageCommand) throws -> [String: String] {
      let refusal = try engine.refusal(.usage(command))
      #expect(refusal.reason == .runConflict)
      return refusal.details
    }
    #expect(try refused(begin("u", "r", attempt: 2)) == ["run_id": "r"])
    try engine.must(begin("u", "r", 20, seconds: 1))
    #expect(
      try refused(begin("u", "r", attempt: 2)) == ["run_id": "r", "attempt": "1", "status": "RUNNING"])
    // Its hold is over, and still it has to be finished first.
    clock.set(wallMicros: noon + 2 * second)
    #expect(
      try refused(begin("u", "r", attempt: 2)) == ["run_id": "r", "attempt": "1", "status": "RUNNING"])
    try engine.must(finish("r", 0, .failed))
    #expect(try refused(begin("u", "r", attempt: 3)) == ["run_id": "r", "attempt": "1", "status": "FAILED"])
    // Another user is told nothing.
    #expect(try refused(begin("v", "r", attempt: 2)) == ["run_id": "r"])
    try engine.must(begin("u", "r", 20, attempt: 2))
    #expect(try engine.must(begin("u", "r", 20, attempt: 2)).replayed)
    #expect(try refused(begin("u", "r", 21, attempt: 2, digest: 9)) == ["run_id": "r"])
    // The first still replays, as it is.
    #expect(try engine.must(begin("u", "r", 20, seconds: 1)).run.status == .failed)
    try engine.must(finish("r", 7, attempt: 2))
    #expect(
      try refused(begin("u", "r", attempt: 3)) == ["run_id": "r", "attempt": "2", "status": "SUCCEEDED"])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("attempts of one commit see each other, and quotas count those that run or have succeeded")
  func oneCommit() throws {
    let engine = try open(directory, clock: clock)
    try engine.subscribe(["u"], generations: 1)
    let outcomes = try engine.decide([
      .usage(begin("u", "r")), .usage(begin("u", "r", attempt: 2)), .usage(finish("r", 0, .failed)),
      .usage(begin("u", "r", attempt: 2)), .usage(begin("u", "s")), .usage(finish("r", 0, attempt: 2)),
      .usage(begin("u", "s")), .usage(finish("r", 0, attempt: 2)),
    ])
    #expect(outcomes.map { $0.run?.replayed } == [false, nil, false, false, nil, false, nil, true])
    #expect(
      outcomes.compactMap { $0.refusal?.reason } == [.runConflict, .quotaExceeded, .quotaExceeded])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a refund names an attempt of a run, else its newest")
  func refunded() throws {
    let engine = try filled()
    func refund(_ attempt: Int32, _ key: String) throws -> Int64 {
      try engine.must(
        .refund(
          .init(
            debit: .run("r", attempt: attempt), amountMicros: nil, actingUserId: nil,
            idempotency: CoreTests.key(key), text: FreeText()))
      ).transaction.amountMicros
    }
    #expect(try refund(2, "a") == 4)
    #expect(try refund(0, "b") == 35)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "attempts that do not follow each other are found",
    arguments: [
      ("UPDATE run SET attempt = 4 WHERE attempt = 3", "run row 3: the attempt before it has not failed"),
      (
        "UPDATE run SET status = 2 WHERE attempt = 2",
        "run row 3: the attempt before it has not failed and was not cancelled"
      ),
      ("UPDATE ledger SET attempt = 1 WHERE attempt = 3", "is not of its end"),
    ])
  func damaged(_ sql: String, _ finding: String) throws {
    try filled().close()
    try VerifyTests.expect(finding, of: 4, after: sql, in: directory)
  }
}
