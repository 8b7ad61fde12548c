// The engine's time: it goes on, whatever the wall clock does.

import Testing

@testable import TallyCore
@testable import TallySQLiteStore

@Suite("Effective time") struct TimeTests {
  private static let settings: Command = {
    var settings = UserSettings(userId: "u1")
    settings.email = "u1@example.org"
    return .admin(.putSettings(settings))
  }()

  @Test("time that was told to a read does not go back when the wall clock does")
  func reads() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    try engine.must(promo("u1", 100, "k", expiresAt: noon + 10 * second))
    clock.set(wallMicros: noon + 20 * second)
    // Memory first, then the file.
    #expect(try engine.available("u1") == 0)
    clock.set(wallMicros: noon)
    #expect(engine.cachedBalance(userId: "u1")?.value.availableMicros == 0)
    #expect(try engine.balances(userIds: ["u1", "u2"]).value.map(\.availableMicros) == [0, 0])
    #expect(try engine.users(UserFilter(limit: 10)).value.users.map(\.balance.availableMicros) == [0])
    #expect(engine.nowMicros() == noon + 20 * second)
    #expect(try engine.refusal(consume("u1", 1, "late")).reason == .insufficientCredits)
    try engine.close()
  }

  @Test("a hold that a refusal called expired stays so when the wall clock goes back")
  func refusals() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 100, "p"))
    let hold = try #require(try engine.must(reserve("u1", 10, "r", seconds: 60)).hold)
    clock.set(wallMicros: noon + 61 * second)
    #expect(try engine.refusal(capture(hold.id, 5, "c")).reason == .holdExpired)
    clock.set(wallMicros: noon)
    #expect(try engine.refusal(capture(hold.id, 5, "c")).reason == .holdExpired)
    try engine.close()
  }

  @Test("a commit without a ledger row carries time on: runs, pages, settings, plans, media, limits")
  func commits() throws {
    let commands: [(String, Command)] = [
      ("settings", Self.settings), ("plan", .putPlan(plan("pro", 100))),
      ("run", .usage(.record(.test("r1", "u1", startedAt: noon)))),
      ("limit", .admin(.setRateLimit(RateLimit(.everyUser, perSecond: 5, burst: 5)))),
      (
        "media",
        .page(.createMedia(Media(mediaId: "m", userId: "u1", url: "https://x/m", source: .upload)))
      ),
      (
        "page",
        .page(
          .create(
            .init(
              userId: "u1", pageId: "p", content: PageContent(title: "t"), author: "",
              maximumReplyByteCount: 1 << 20)))
      ),
    ]
    for (name, command) in commands {
      let directory = try TemporaryDirectory(inMemory: true)
      let clock = TestClock(wallMicros: noon)
      var engine = try open(directory, clock: clock)
      try engine.must(purchase("u1", 100, "p"))
      clock.set(wallMicros: noon + 1_000 * second)
      let outcome = try engine.decide(command)
      #expect(outcome.refusal == nil, "\(name): \(outcome)")
      clock.set(wallMicros: noon)
      #expect(engine.nowMicros() == noon + 1_000 * second, "\(name)")
      // The ledger's own last time is what a harness may set the clock back to.
      #expect(engine.state().lastTimeMicros == noon, "\(name)")
      try engine.close()
      // A start goes on from there as well.
      engine = try open(directory, clock: clock)
      #expect(engine.nowMicros() == noon + 1_000 * second, "\(name), after a restart")
      #expect(try engine.must(consume("u1", 1, "k")).transaction.atMicros == noon + 1_000 * second)
      try engine.close()
    }
  }

  @Test("a run does not end before it began when the wall clock goes back")
  func runs() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    let began = try #require(try engine.decide(.usage(.begin(.test("r", "u1", estimate: 0)))).run?.run)
    clock.set(wallMicros: noon - 1_800 * second)
    let ended = try #require(try engine.decide(.usage(.finish(.test("r", cost: 0)))).run?.run)
    #expect(try #require(ended.finishedAtMicros) >= began.startedAtMicros)
    try engine.close()
  }

  @Test("a start refuses when any commit, not only a row's, leads the wall clock by more than an hour")
  func starts() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    try open(directory, clock: clock).close()
    let engine = try open(directory, clock: clock)
    _ = try engine.decide(Self.settings)
    try engine.close()
    clock.set(wallMicros: noon - SQLiteEngine.maximumLeadMicros - 1)
    #expect { try open(directory, clock: clock) } throws: { ($0 as? StoreError)?.code == .clockBehindLedger }
  }

  @Test("a clock before 1970 or beyond the year 9999 counts as the end that it passed")
  func extremes() throws {
    for (wall, now) in [
      (Int64.min, 0), (-1, 0), (Int64.max, SystemClock.latestMicros),
      (SystemClock.latestMicros + 1, SystemClock.latestMicros),
    ] {
      let directory = try TemporaryDirectory(inMemory: true)
      let engine = try open(directory, clock: TestClock(wallMicros: wall))
      #expect(engine.nowMicros() == now)
      try engine.must(purchase("u1", 100, "p"))
      let hold = try #require(try engine.must(reserve("u1", 10, "r")).hold)
      try engine.must(extend(hold.id, "e"))
      try engine.must(capture(hold.id, 5, "c"))
      #expect(try engine.available("u1") == 95)
      #expect(try engine.usages(UsageQuery(userIds: ["u1"])).value.count == 1)
      #expect(try engine.decide(.usage(.record(.test("r1", "u1", startedAt: now)))).refusal == nil)
      try engine.close()
    }
  }

  @Test("a file whose numbers are beyond all counting is damaged, and does not end the process")
  func damagedCounts() throws {
    for change in [
      "UPDATE meta SET ledger_sequence = 9223372036854775807",
      "UPDATE meta SET last_at = 9223372036854775807",
      "UPDATE meta SET commit_sequence = 9223372036854775807",
      "UPDATE meta SET committed_at = -1, last_at = -1",
    ] {
      let directory = try TemporaryDirectory(inMemory: true)
      try open(directory).close()
      try directory.connection().execute(change)
      #expect(throws: StoreError.self, "\(change)") { try open(directory).close() }
    }
    for change in [
      "UPDATE account SET version = 9223372036854775807",
      // Two lots of the greatest amount each.
      """
      UPDATE account SET lots = x'020132ffffffffffffffff7fffffffffffffffff7f00000232ffffffffffffffff7f\
      ffffffffffffffff7f0000'
      """,
    ] {
      let directory = try TemporaryDirectory(inMemory: true)
      let engine = try open(directory)
      try engine.must(purchase("u1", 100, "p"))
      try engine.close()
      try directory.connection().execute(change)
      let again = try open(directory)
      #expect(throws: Refusal.self, "\(change)") { try again.balance(userId: "u1") }
      #expect(try again.decide(consume("u1", 1, "k")).refusal?.reason == .corrupt)
      #expect(try again.decide(purchase("u2", 1, "k")).receipt != nil)
      try again.close()
    }
  }
}
