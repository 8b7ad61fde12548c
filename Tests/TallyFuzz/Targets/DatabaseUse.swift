// Everything that a program does with a ledger: it is served, read, written, swept and verified.
//
// Invariants:
// 1. Every refusal is taken as an answer: what is asked here is that there is one.
//
// Owner: the target.

import Glibc
import TallyLocking

@testable import TallyCore
@testable import TallySQLiteStore

enum DatabaseUse {
  /// 2026-01-15T12:00:10Z, when the stored file was last written.
  private static let nowMicros: Int64 = 1_768_478_410_000_000
  /// Those of the stored file, and one that is new.
  private static let users = ["u1", "u2", "u3", "u4", "u7", "new"]
  private static let digest = Digest(bytes: [UInt8](repeating: 9, count: 32))

  /// - Returns: whether no violation was found; nil when it did not come to that.
  static func run(_ directory: FuzzDirectory, writes: Bool, verifies: Bool) -> Bool? {
    var configuration = EngineConfiguration(directory: directory.path)
    configuration.clock = TestClock(wallMicros: nowMicros)
    configuration.readerCount = 1
    configuration.allowsAnyFileSystem = true
    configuration.tickMillis = 3_600_000
    guard let engine = try? SQLiteEngine.open(configuration) else { return nil }
    defer { try? engine.close() }
    if writes {
      for userId in users { write(engine, userId) }
      writeAll(engine)
      try? engine.sweep()
    }
    for userId in users { read(engine, userId) }
    readAll(engine)
    return verifies ? try? engine.verify { _ in } : true
  }

  // MARK: reads

  private static func read(_ engine: SQLiteEngine, _ userId: String) {
    _ = try? engine.balance(userId: userId)
    _ = try? engine.balance(userId: userId, atMicros: nowMicros - 5_000_000)
    _ = try? engine.spending(userId: userId, ask: CapAsk())
    _ = try? engine.transactions(TransactionFilter(userId: userId, limit: 100))
    _ = try? engine.holds(HoldFilter(userId: userId, limit: 100))
    _ = try? engine.settings(userId: userId)
    _ = try? engine.events(EventFilter(userId: userId, limit: 100))
    _ = try? engine.topUp(userId: userId)
    _ = try? engine.runs(RunFilter(userId: userId, limit: 100))
    _ = try? engine.usages(UsageQuery(userIds: [userId]))
    _ = try? engine.quota(.generations, userId: userId)
    _ = try? engine.capLists(userId: userId)
    var stats = StatsQuery(userId: userId, days: 30, untilMicros: nowMicros, zone: .utc, recentLimit: 10)
    stats.bySpender = true
    stats.tag = "feature"
    _ = try? engine.stats(stats)
    let limit = 1 << 20
    for row in (try? engine.pages(PageFilter(userId: userId, limit: 10, maximumByteCount: limit)))?.value.rows
      ?? []
    {
      _ = try? engine.page(pageId: row.pageId, .current, includesDeleted: true, actingUserId: nil)
      _ = try? engine.page(pageId: row.pageId, .published, includesDeleted: true, actingUserId: nil)
      _ = try? engine.versions(pageId: row.pageId, from: 1, to: nil, actingUserId: nil)
      _ = try? engine.versions(
        VersionFilter(pageId: row.pageId, actingUserId: nil, limit: 10, maximumByteCount: limit))
    }
    _ = try? engine.media(MediaFilter(userId: userId, limit: 10, maximumByteCount: limit))
    if let query = try? WordQuery(parsing: "old ne*") {
      _ = try? engine.search(
        PageSearch(userId: userId, query: query, limit: 10, maximumByteCount: limit))
    }
  }

  private static func readAll(_ engine: SQLiteEngine) {
    _ = try? engine.balances(userIds: users)
    _ = try? engine.usages(UsageQuery(userIds: users))
    for order in [UserFilter.Order.newestFirst, .userId, .mostSpent, .mostOwed] {
      var filter = UserFilter(limit: 10)
      filter.order = order
      _ = try? engine.users(filter)
    }
    _ = try? engine.ledger(LedgerFilter(fromSequence: 1, limit: 100))
    let events: Snapshot<Slice<AccountEvent>>? = try? engine.events(LedgerFilter(fromSequence: 1, limit: 100))
    _ = events
    _ = try? engine.pageUpdates(LedgerFilter(fromSequence: 1, limit: 100))
    _ = try? engine.plans(afterId: nil, limit: 10)
    _ = try? engine.prices(PriceFilter(limit: 10))
    _ = try? engine.rateLimits(afterId: 0, limit: 10)
    _ = try? engine.alertRules(afterId: nil, limit: 10)
    _ = try? engine.topUpIntents(TopUpIntentFilter(userId: nil, limit: 10))
    let query = StatsQuery(userId: "", days: 30, untilMicros: nowMicros, zone: .utc, recentLimit: 10)
    _ = try? engine.stats(query)
  }

  // MARK: writes

  private static func write(_ engine: SQLiteEngine, _ userId: String) {
    func key(_ name: String) -> Idempotency { Idempotency(key: name, digest: digest) }
    submit(
      engine,
      CreditCommand.AddPurchase(
        userId: userId, paymentId: "fuzz-\(userId)", amountMicros: 1_000, idempotency: key("purchase")))
    submit(
      engine,
      CreditCommand.Consume(userId: userId, amountMicros: 7, spender: "m", idempotency: key("consume")))
    submit(
      engine,
      CreditCommand.Reserve(userId: userId, amountMicros: 9, ttlMillis: 60_000, idempotency: key("reserve")))
    submit(engine, CreditCommand.GrantPlan(userId: userId, planId: "pro", idempotency: key("grant")))
    submit(
      engine,
      UsageCommand.Begin(
        userId: userId, runId: "fuzz-\(userId)", model: "m", type: "text", estimateMicros: 5,
        ttlMillis: 60_000, digest: digest))
    submit(
      engine,
      UsageCommand.Finish(
        runId: "fuzz-\(userId)", end: UsageCommand.End(status: .succeeded, inputTokens: 10), digest: digest))
    submit(
      engine,
      PageCommand.Create(
        userId: userId, pageId: "fuzz-\(userId)", content: PageContent(title: "old news"), author: "me",
        maximumReplyByteCount: 1 << 20))
  }

  private static func writeAll(_ engine: SQLiteEngine) {
    for sequence in 1...30 as ClosedRange<Int64> {
      let key = Idempotency(key: "of row \(sequence)", digest: digest)
      submit(engine, CreditCommand.Refund(debit: .transaction(sequence), idempotency: key))
      submit(
        engine,
        CreditCommand.VoidGrant(
          transaction: sequence, amountMicros: nil, actor: "a", reason: "r", idempotency: key))
      submit(engine, CreditCommand.Release(holdId: sequence, idempotency: key))
    }
    for paymentId in ["pa", "ra", "pay-u1-p", "pay-u2-p"] {
      submit(
        engine,
        CreditCommand.ReversePurchase(
          paymentId: paymentId, amountMicros: nil, eventId: "fuzz", onShortfall: .owe,
          idempotency: Idempotency(key: "reverse \(paymentId)", digest: digest)))
    }
  }

  /// Waits for what becomes of a command, however long it takes.
  private static func submit<Command: Mutation>(_ engine: SQLiteEngine, _ command: Command) {
    let isDone = Monitor(false)
    let submission = Submission(commands: [command], sharer: "", byteCount: 100)
    engine.submit(
      Work(submission: submission, group: nil) { _ in
        isDone.withLock { $0 = true }
        isDone.broadcast()
      })
    _ = isDone.wait(until: { $0 }, then: { _ in })
  }
}
