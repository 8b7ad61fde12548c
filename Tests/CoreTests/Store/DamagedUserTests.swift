// A user whose records are damaged, and what the sweep does for everybody else.

internal import TallyLocking
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Damaged users")
struct DamagedUserTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)
  private let events = Lock<[StoreEvent]>([])

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func open() throws -> SQLiteEngine {
    let events = events
    return try CoreTests.open(
      directory, clock: clock, onEvent: { event in events.withLock { $0.append(event) } })
  }

  /// Of how many users it was told that they are not settled, each time.
  private var told: [Int] {
    events.withLock { events in
      defer { events = [] }
      return events.compactMap { if case .notSettled(_, let count, "bad") = $0 { count } else { nil } }
    }
  }

  private func change(_ sql: String) throws {
    let connection = try directory.connection()
    try connection.execute("PRAGMA ignore_check_constraints = ON")
    try connection.execute(sql)
  }

  @Test(
    "the sweep goes on without a user whose records are damaged, and tells of it once",
    arguments: [
      // The account; the hold that has expired; what is counted of them; when it is due.
      "UPDATE account SET lots = x'ff' WHERE user_id = 'bad'",
      "UPDATE account SET posted = posted + 1 WHERE user_id = 'bad'",
      "UPDATE hold SET pins = x'0109' WHERE account = 1",
      "UPDATE account SET open_holds = 0 WHERE user_id = 'bad'",
      "UPDATE account SET next_due = 5, next_hold_expiry = NULL WHERE user_id = 'bad'",
    ])
  func sweep(sql: String) throws {
    var engine = try open()
    try engine.must(purchase("bad", 10, "p"))
    try engine.must(reserve("bad", 5, "r", seconds: 60))
    let plan = plan("pro", 50, expiry: .periodEnd)
    #expect(try engine.decide(.putPlan(plan)).refusal == nil)
    var settings = UserSettings(userId: "granted")
    settings.subscription = Subscription(
      planId: "pro", startDay: floorDivide(noon, Civil.microsPerDay), isAutomatic: true)
    #expect(try engine.decide(.admin(.putSettings(settings))).refusal == nil)
    // More than one commit goes through.
    let users = (0..<400).map { "u\($0)" }
    let promos = users.map { promo($0, 1, "m", expiresAt: noon + 100 * second) }
    #expect(try engine.decide(promos).allSatisfy { $0.receipt != nil })
    try engine.close()
    try change(sql)

    engine = try open()
    clock.advance(byMicros: 200 * second)
    try engine.sweep()
    #expect(told == [1])
    for user in users { #expect(try engine.expiries(user) == 1) }
    let granted = try engine.transactions(TransactionFilter(userId: "granted", limit: 10)).value.rows
    #expect(granted.map(\.type) == [.planGrant])

    // It is not tried again before an hour has passed, and is not told of again then.
    try engine.must(promo("late", 1, "m", expiresAt: noon + 300 * second))
    clock.advance(byMicros: 200 * second)
    try engine.sweep()
    #expect(try engine.expiries("late") == 1)
    clock.advance(byMicros: 2 * DueGrant.retryMicros)
    try engine.sweep()
    #expect(told == [])
    try engine.close()
  }

  @Test("other users' commands are decided beside those of a damaged user, of whom much has expired")
  func commands() throws {
    var engine = try open()
    try engine.must(purchase("bad", 1_000, "p"))
    let count = EngineConfiguration.defaultSettledRows + 10
    let holds = try engine.decide((0..<count).map { reserve("bad", 1, "r\($0)", seconds: 60) })
    #expect(holds.allSatisfy { $0.receipt != nil })
    try engine.close()
    try change("UPDATE hold SET pins = x'0109' WHERE account = 1")
    engine = try open()
    clock.advance(byMicros: 200 * second)
    let outcomes = try engine.decide([
      purchase("a", 1, "x", payment: "a"), consume("bad", 1, "x"), purchase("b", 1, "x", payment: "b"),
    ])
    #expect(outcomes.map { $0.refusal?.reason } == [nil, .corrupt, nil])
    try engine.close()
  }
}

extension SQLiteEngine {
  fileprivate func expiries(_ userId: String) throws -> Int {
    var filter = TransactionFilter(userId: userId, limit: 10)
    filter.types = [.expiry]
    return try transactions(filter).value.rows.count
  }
}
