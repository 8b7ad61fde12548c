// What has expired, written off in slices, and the limit of open holds.

internal import TallyLocking
internal import TallyTestSupport
import Testing

@testable import TallyCore
@testable import TallySQLiteStore

@Suite("Settling in slices") struct SettlingTests {
  /// Rows of one commit that nobody is held up for longer by: a slice, and the command's own.
  private static let most = EngineConfiguration.defaultSettledRows + 1

  /// How many rows the fullest commit has.
  private func largestCommit(_ engine: SQLiteEngine, _ users: [String]) throws -> Int {
    var counts: [Int64: Int] = [:]
    for user in users {
      var filter = TransactionFilter(userId: user, limit: 1_000)
      filter.types = [.holdRelease, .expiry]
      while true {
        let page = try engine.transactions(filter).value
        for row in page.rows { counts[row.commit.sequence, default: 0] += 1 }
        guard let before = page.nextBefore else { break }
        filter.beforeSequence = before
      }
    }
    return counts.values.max() ?? 0
  }

  private func holds(_ engine: SQLiteEngine, _ user: String, _ count: Int) throws {
    try engine.must(purchase(user, 1_000_000, "p"))
    let made = try engine.decide((0..<count).map { reserve(user, 1, "r\($0)", seconds: 60 + Int64($0 % 7)) })
    #expect(made.allSatisfy { $0.receipt != nil })
  }

  @Test("another user's write waits for a slice of what has expired of one user, not for all of it")
  func oneUser() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    // The writer stands still inside one command until both of the others wait.
    let gate = Monitor(false)
    var faults = EngineFaults()
    faults.afterWriting { (command) throws(StoreFault) in
      guard case .addPurchase(let purchase) = command, purchase.userId == "gate" else { return }
      _ = gate.wait(until: { $0 }, then: { _ in })
    }
    let engine = try open(directory, clock: clock, faults: faults)
    try holds(engine, "many", 1_000)
    try engine.must(purchase("other", 100, "p"))
    clock.set(wallMicros: noon + 1_000 * second)
    // Told at once, before anything is written off.
    #expect(try engine.balance(userId: "many").value.heldMicros == 0)

    let gated = Slot<Outcome>()
    func send(_ command: Command, _ userId: String, _ slot: Slot<Outcome>) {
      engine.submit(
        Submission(commands: [command], sharer: userId, byteCount: 100), group: nil
      ) { outcomes in if let outcome = outcomes.first { slot.put(outcome) } }
    }
    send(purchase("gate", 1, "gate"), "gate", gated)
    try waitUntil { engine.pendingCount == 0 }
    let (many, other) = (Slot<Outcome>(), Slot<Outcome>())
    send(consume("many", 1, "c"), "many", many)
    send(consume("other", 1, "c"), "other", other)
    gate.withLock { $0 = true }
    gate.broadcast()
    let before = try #require(try gated.wait().receipt).transaction.sequence
    let charged = try #require(try many.wait().receipt)
    #expect(charged.balance.heldMicros == 0 && charged.balance.availableMicros == 999_999)
    let quick = try #require(try other.wait().receipt)
    #expect(quick.transaction.sequence <= before + Int64(Self.most))
    #expect(charged.transaction.sequence > before + 1_000)
    #expect(try largestCommit(engine, ["many"]) <= Self.most)
    #expect(try engine.must(consume("many", 1, "c")).replayed)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("what has expired of many users is written off in slices too, and their commands come in time")
  func manyUsers() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    let users = (0..<60).map { "u\($0)" }
    for user in users { try holds(engine, user, 20) }
    clock.set(wallMicros: noon + 1_000 * second)
    // One batch of them all, and each by itself.
    let batch = Slot<[Outcome]>()
    engine.submit(
      Submission(commands: users.map { consume($0, 1, "batch") }, sharer: "", byteCount: 100), group: nil
    ) { batch.put($0) }
    let slots = users.map { _ in Slot<Outcome>() }
    for (user, slot) in zip(users, slots) {
      engine.submit(
        Submission(commands: [consume(user, 1, "alone")], sharer: user, byteCount: 100), group: nil
      ) { outcomes in if let outcome = outcomes.first { slot.put(outcome) } }
    }
    #expect(try batch.wait().allSatisfy { $0.receipt != nil })
    for slot in slots { #expect(try slot.wait().receipt != nil) }
    #expect(try largestCommit(engine, users) <= Self.most)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a batch over more users with expired credit than a commit has rows is decided, and holds up nobody")
  func fullBatch() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    // One row each, and one user more than a commit takes.
    let users = (0...EngineConfiguration.defaultSettledRows).map { "u\($0)" }
    let grants = users + ["other"]
    #expect(
      try engine.decide(grants.map { promo($0, 1, "x", expiresAt: noon + second) }).allSatisfy {
        $0.receipt != nil
      })
    clock.set(wallMicros: noon + 1_000 * second)
    let (batch, other) = (Slot<[Outcome]>(), Slot<[Outcome]>())
    engine.submit(
      Submission(commands: users.map { purchase($0, 5, "p-\($0)") }, sharer: "", byteCount: 100), group: nil
    ) { batch.put($0) }
    engine.submit(
      Submission(commands: [purchase("other", 5, "p-other")], sharer: "other", byteCount: 100), group: nil
    ) { other.put($0) }
    #expect(try other.wait().allSatisfy { $0.receipt != nil })
    #expect(try batch.wait().allSatisfy { $0.receipt?.balance.availableMicros == 5 })
    #expect(try largestCommit(engine, users) <= Self.most)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("the sweep writes off a slice a commit, of holds and of lots")
  func sweeps() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    let engine = try open(directory, clock: clock)
    let users = (0..<4).map { "u\($0)" }
    for user in users {
      try holds(engine, user, 100)
      let promos = (0..<150).map { promo(user, 1, "x\($0)", expiresAt: noon + Int64($0 + 1) * second) }
      #expect(try engine.decide(promos).allSatisfy { $0.receipt != nil })
    }
    clock.set(wallMicros: noon + 1_000 * second)
    try engine.sweep()
    #expect(try largestCommit(engine, users) <= Self.most)
    for user in users {
      let holds = try engine.holds(HoldFilter(userId: user, limit: 1_000)).value.rows
      #expect(holds.allSatisfy { $0.state == .expired })
      #expect(try engine.balance(userId: user).value.postedMicros == 1_000_000)
    }
    let sequence = engine.state().ledgerSequence
    try engine.sweep()
    #expect(engine.state().ledgerSequence == sequence)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("slices write the same rows as all at once, in the same order")
  func slices() throws {
    var random = SeededGenerator(seed: 15)
    for _ in 0..<200 {
      var account = Account(id: 1, userId: "u", version: 1, head: 100)
      var holds: [Hold] = []
      for id in Int64(1)...6 {
        let amount = Int64.random(in: 20...60, using: &random)
        account.lots.append(
          Lot(
            id: id, priority: 10, amountMicros: amount, remainingMicros: amount,
            expiresAtMicros: id == 6 ? nil : Int64.random(in: 1...100, using: &random)))
        account.postedMicros += amount
      }
      for id in Int64(10)...16 {
        let lot = Int.random(in: 0..<6, using: &random)
        let amount = min(account.lots[lot].unpinnedMicros, Int64.random(in: 1...9, using: &random))
        guard amount > 0 else { continue }
        account.lots[lot].pinnedMicros += amount
        account.heldMicros += amount
        account.openHoldCount += 1
        holds.append(
          Hold(
            id: id, userId: "u", amountMicros: amount, createdAtMicros: 0,
            expiresAtMicros: Int64.random(in: 1...100, using: &random), runId: "",
            pins: [LotAllocation(lotId: account.lots[lot].id, amountMicros: amount)]))
      }
      holds.sort { ($0.expiresAtMicros, $0.id) < ($1.expiresAtMicros, $1.id) }
      let context = DecisionContext(nowMicros: 100, nextSequence: 101, account: account, expiredHolds: holds)
      let whole = try #require(try Rules.sweep(context))
      var rows: [Entry] = []
      var (next, rest) = (account, holds)
      for _ in 0..<100 {
        let some = Array(rest.prefix(2))
        let slice = SettlingSlice(rowCount: 3, hasAllHolds: some.count == rest.count)
        let context = DecisionContext(
          nowMicros: 100, nextSequence: 101 + Int64(rows.count), account: next, expiredHolds: some)
        guard let change = try Rules.sweep(context, within: slice) else { break }
        rows += change.entries
        next = change.account
        rest.removeAll { hold in change.holds.contains { $0.id == hold.id } }
      }
      #expect(rest.isEmpty)
      #expect(rows == whole.entries)
      #expect(next == whole.account)
    }
  }

  @Test("a user has 1,024 open holds at most; one that was settled or has expired makes room")
  func limit() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock(wallMicros: noon)
    var engine = try open(directory, clock: clock)
    let limit = Hold.maximumOpenHolds
    #expect(limit == 1_024)
    try engine.must(purchase("u1", 1_000_000, "p"))
    let made = try engine.decide((0..<limit).map { reserve("u1", 1, "r\($0)", seconds: 600) })
    #expect(made.allSatisfy { $0.receipt != nil })
    let first = try #require(made.first?.receipt?.hold)

    func refused() throws {
      let refusal = try engine.refusal(reserve("u1", 1, "one more"))
      #expect(refusal.reason == .holdLimit && refusal.details == ["limit": "1024"])
      let begin = try engine.decide(.usage(.begin(.test("run", "u1", estimate: 5))))
      #expect(begin.refusal?.reason == .holdLimit)
    }
    try refused()
    // It comes before what the sums and the balance say, and a run without an estimate needs no hold.
    #expect(try engine.refusal(reserve("u1", .max, "much")).reason == .holdLimit)
    #expect(try engine.decide(.usage(.begin(.test("free", "u1", estimate: 0)))).refusal == nil)
    // What is counted is stored.
    try engine.close()
    engine = try open(directory, clock: clock)
    try refused()
    #expect(try engine.must(reserve("u1", 1, "r0", seconds: 600)).replayed)
    try engine.must(release(first.id, "x"))
    try engine.must(reserve("u1", 1, "more"))
    try refused()
    clock.set(wallMicros: noon + 61 * second)
    try engine.must(reserve("u1", 1, "again"))
    #expect(try engine.findings() == [])
    try engine.close()
  }
}
