// Grants that the server makes by itself: when they come, how often, and what is told of those that do not.

internal import TallyLocking
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Subscriptions")
struct SubscriptionTests {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: noon)
  private let events = Lock<[StoreEvent]>([])

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func open(
    zones: ZoneStore = ZoneStore(), _ configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> SQLiteEngine {
    let events = events
    return try CoreTests.open(
      directory, clock: clock, onEvent: { event in events.withLock { $0.append(event) } }
    ) {
      $0.zones = zones
      configure(&$0)
    }
  }

  /// What was told of grants since it was asked last.
  private var told: [StoreEvent] {
    events.withLock { events in
      defer { events = [] }
      return events.filter { if case .notGranted = $0 { true } else { false } }
    }
  }

  private static func day(_ date: String) throws -> Int64 { try #require(Civil(parsing: date)).dayNumber }

  private static func at(_ date: String) throws -> Int64 { try day(date) * Civil.microsPerDay }

  private func subscribe(
    _ engine: SQLiteEngine, _ users: [String], to planId: String = "pro", from date: String = "2026-01-01",
    automatic: Bool = true
  ) throws {
    let day = try Self.day(date)
    let commands: [Command] = users.map { user in
      var settings = UserSettings(userId: user)
      settings.subscription = Subscription(planId: planId, startDay: day, isAutomatic: automatic)
      return .admin(.putSettings(settings))
    }
    #expect(try engine.decide(commands).allSatisfy { $0.refusal == nil })
  }

  private func putPlan(
    _ engine: SQLiteEngine, _ id: String = "pro", _ body: (inout Plan) -> Void = { _ in }
  ) throws {
    var plan = plan(id, 10, expiry: .periodEnd)
    body(&plan)
    #expect(try engine.decide(.putPlan(plan)).refusal == nil)
  }

  private func grants(_ engine: SQLiteEngine, _ user: String) throws -> [Entry] {
    var filter = TransactionFilter(userId: user, limit: 100)
    filter.types = [.planGrant]
    return try engine.transactions(filter).value.rows.reversed()
  }

  @Test("the sweep grants what is due of all users, once, in slices; another start finds nothing more")
  func sweep() throws {
    var engine = try open()
    try putPlan(engine) { $0.rolloverCapMicros = 3 }
    let users = (0..<600).map { "u\($0)" }
    try subscribe(engine, users)
    try engine.sweep()
    for month in [("2026-02-01", 13), ("2026-03-01", 13)] {
      clock.set(wallMicros: try Self.at(month.0))
      #expect(try engine.balance(userId: "u7").value.availableMicros == Int64(month.1))
      try engine.close()
      engine = try open()
      try engine.sweep()
      let sequence = engine.state().ledgerSequence
      try engine.sweep()
      #expect(engine.state().ledgerSequence == sequence)
    }
    for user in users {
      let rows = try grants(engine, user)
      #expect(
        rows.map(\.effectiveAtMicros) == [noon, try Self.at("2026-02-01"), try Self.at("2026-03-01")])
      #expect(rows.allSatisfy { $0.idempotency == nil && $0.amountMicros == 10 })
    }
    var perCommit: [Int64: Int] = [:]
    var sequence: Int64 = 0
    while sequence < engine.state().ledgerSequence {
      sequence += 1
      let commit = try engine.transaction(sequence: sequence, actingUserId: nil).value.commit
      perCommit[commit.sequence, default: 0] += 1
    }
    #expect(perCommit.values.max() ?? 0 <= EngineConfiguration.defaultSettledRows + 2)
    #expect(told == [])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("without a call of anybody the tick grants, while the clock runs")
  func tick() throws {
    let running = TestClock()
    let engine = try CoreTests.open(directory, clock: running, configure: { $0.tickMillis = 10 })
    try putPlan(engine)
    try subscribe(engine, ["u"])
    try waitUntil { try grants(engine, "u").count == 1 }
    // Longer than every month.
    running.advance(byMicros: 32 * Civil.microsPerDay)
    try waitUntil { try grants(engine, "u").count == 2 }
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("a server that was down grants the current period, and says which it skipped, once for all users")
  func downtime() throws {
    var engine = try open()
    try putPlan(engine)
    try subscribe(engine, ["u", "v"])
    try engine.sweep()
    try engine.close()
    // A day late nothing is skipped.
    clock.set(wallMicros: try Self.at("2026-02-02"))
    engine = try open()
    try engine.sweep()
    #expect(told == [])
    try engine.close()
    clock.set(wallMicros: try Self.at("2026-06-15"))
    engine = try open()
    #expect(try engine.balances(userIds: ["u", "v"]).value.map(\.availableMicros) == [10, 10])
    try engine.sweep()
    let skipped = GrantNotice.Cause.skipped(
      planId: "pro", days: try Self.day("2026-03-01")..<Self.day("2026-06-01"))
    guard case .notGranted(skipped, userCount: 2, _)? = told.first else {
      Issue.record("nothing was told")
      return
    }
    let starts = try grants(engine, "u").map(\.periodDays?.lowerBound)
    #expect(try starts == [Self.day("2026-01-01"), Self.day("2026-02-01"), Self.day("2026-06-01")])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("what overlaps a grant by hand, and what would have expired, is not granted and is told")
  func notGranted() throws {
    let engine = try open()
    try putPlan(engine)
    try putPlan(engine, "brief") { $0.grantExpiry = .after(millis: 86_400_000) }
    try engine.must(grant("u", "pro", "a", period: PeriodName(parsing: "2026-01-10")))
    try subscribe(engine, ["u"])
    try subscribe(engine, ["v"], to: "brief")
    #expect(try engine.balances(userIds: ["u", "v"]).value.map(\.availableMicros) == [10, 0])
    try engine.must(purchase("u", 1, "b"))
    try engine.must(purchase("v", 1, "b"))
    #expect(
      told == [
        .notGranted(
          .overlaps(
            planId: "pro", startDay: try Self.day("2026-01-01"), grantedStartDay: try Self.day("2026-01-10")),
          userCount: 1, userId: "u"),
        .notGranted(
          .expired(planId: "brief", startDay: try Self.day("2026-01-01")), userCount: 1, userId: "v"),
      ])
    #expect(try grants(engine, "u").count == 1 && grants(engine, "v").isEmpty)
    try engine.sweep()
    #expect(told == [])
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("with a plan whose zone is not known the user's writes go on, and it is tried again in an hour")
  func unknownZone() throws {
    var engine = try open()
    try putPlan(engine) { $0.timeZone = "Europe/Berlin" }
    try subscribe(engine, ["u"])
    try engine.sweep()
    try engine.close()
    clock.set(wallMicros: try Self.at("2026-02-01"))
    engine = try open(zones: ZoneStore(directory: "/nonexistent"))
    #expect(try engine.balance(userId: "u").value.availableMicros == 0)
    try engine.must(purchase("u", 5, "a"))
    #expect(told.count == 1)
    try engine.must(consume("u", 1, "b"))
    try engine.sweep()
    #expect(told == [])
    clock.set(wallMicros: try Self.at("2026-02-01") + DueGrant.retryMicros)
    try engine.sweep()
    #expect(told.count == 1)
    try engine.close()
    clock.set(wallMicros: try Self.at("2026-02-01") + 2 * DueGrant.retryMicros)
    engine = try open()
    #expect(try engine.balance(userId: "u").value.availableMicros == 14)
    try engine.sweep()
    #expect(told == [])
    // Until it could be told what is due, nobody has counted it.
    let grant = try grants(engine, "u").last
    #expect(grant?.periodStartMicros == (try Self.at("2026-02-01") - 3_600 * second))
    #expect(grant?.effectiveAtMicros == (try Self.at("2026-02-01") + 2 * DueGrant.retryMicros))
    try engine.close()
  }

  @Test("what the account or the books cannot take is not granted, and stops nobody")
  func noRoom() throws {
    let engine = try open()
    try putPlan(engine) { $0.monthlyCreditMicros = 1_000 }
    try subscribe(engine, ["u"])
    try engine.must(purchase("v", Int64.max - 500, "all"))
    let charged = try engine.must(consume("v", 1, "c"))
    #expect(charged.balance.availableMicros == Int64.max - 501)
    #expect(try engine.refusal(consume("u", 1, "c")).reason == .insufficientCredits)
    try engine.sweep()
    guard case .notGranted(.failing(planId: "pro", _), userCount: 1, userId: "u")? = told.first else {
      Issue.record("nothing was told")
      return
    }
    #expect(try grants(engine, "u").isEmpty)
    try engine.close()
  }

  @Test("a batch of commands of users to whom something is due is decided as if it were granted")
  func batch() throws {
    let engine = try open()
    try putPlan(engine)
    let users = (0..<300).map { "u\($0)" }
    try subscribe(engine, users)
    let outcomes = try engine.decide(
      users.flatMap { [consume($0, 4, "a"), consume($0, 7, "b"), consume($0, 6, "c")] })
    for index in users.indices {
      #expect(outcomes[3 * index].receipt?.balance.availableMicros == 6)
      #expect(outcomes[3 * index + 1].refusal?.reason == .insufficientCredits)
      #expect(outcomes[3 * index + 2].receipt?.balance.availableMicros == 0)
    }
    #expect(try grants(engine, "u299").count == 1)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test("balances of many users to whom something is due take as many statements as of one")
  func statementCount() throws {
    let engine = try open()
    try putPlan(engine)
    try putPlan(engine, "other") { $0.timeZone = "Asia/Tokyo" }
    let users = (0..<40).map { "u\($0)" }
    try subscribe(engine, Array(users[..<20]))
    try subscribe(engine, Array(users[20...]), to: "other")
    let one = try statements(engine) { _ = try engine.balances(userIds: ["u1"]) }
    let many = try statements(engine) {
      let balances = try engine.balances(userIds: users).value
      #expect(balances.allSatisfy { $0.availableMicros == 10 })
    }
    #expect(one.values.reduce(0, +) == many.values.reduce(0, +), "\(one) \(many)")
    let listed = try statements(engine) {
      let page = try engine.users(UserFilter(limit: 100)).value
      #expect(page.users.allSatisfy { $0.balance.availableMicros == 10 })
    }
    #expect(listed.values.reduce(0, +) <= 12, "\(listed)")
    #expect(try engine.balance(userId: "u3").value.availableMicros == 10)
    #expect(engine.cachedBalance(userId: "u3") == nil)
    try engine.sweep()
    #expect(engine.cachedBalance(userId: "u3")?.value.availableMicros == 10)
    try engine.close()
  }
}
