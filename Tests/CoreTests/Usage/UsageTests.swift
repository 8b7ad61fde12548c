// What was used, against what the run table says: months, quotas and dashboards at the borders of many zones.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Usage")
struct UsageTests {
  private static let zones = ZoneStore()

  private func micros(_ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64 = 0) -> Int64 {
    (Civil(year: year, month: month, day: day).dayNumber * 24 + hour) * 3_600_000_000
  }

  private func stats(
    _ engine: SQLiteEngine, _ userId: String, from: Int64, to: Int64, _ zone: Zone, recent: Int = 0
  ) throws -> Stats {
    var query = StatsQuery(userId: userId, fromMicros: from, toMicros: to, zone: zone, recentLimit: recent)
    (query.bySpender, query.tag) = (true, "feature")
    return try engine.stats(query).value
  }

  /// Runs of one user, an hour apart, around the end of a month.
  private static let borderZones = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia",
    "America/St_Johns",
  ]

  @Test("a run belongs to the month that its zone's clocks showed when it started", arguments: borderZones)
  func monthBorders(name: String) throws {
    let zone = try Self.zones.zone(named: name)
    let month = try #require(Month(parsing: "2026-03"))
    let span = zone.span(of: month)
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: span.endMicros + 86_400 * second))
    defer { try? engine.close() }
    let starts = [span.startMicros - 1, span.startMicros, span.endMicros - 1, span.endMicros]
    for (index, start) in starts.enumerated() {
      try engine.record("r\(index)", "u", startedAt: start)
    }
    func generations(_ text: String) throws -> Int64 {
      let query = UsageQuery(userIds: ["u"], month: Month(parsing: text), zone: zone)
      return try #require(try engine.usages(query).value.first).generations
    }
    #expect(try ["2026-02", "2026-03", "2026-04", "2026-05"].map(generations) == [1, 2, 1, 0])
    let whole = try stats(engine, "u", from: span.startMicros, to: span.endMicros, zone)
    #expect(whole.totals.all.count == 2)
    #expect(whole.days.count == 31)
    #expect(whole.days.map(\.totals.all.count).filter { $0 > 0 } == [1, 1])
    #expect(whole.days.first?.totals.all.count == 1 && whole.days.last?.totals.all.count == 1)
    #expect(whole.days.first?.date == "2026-03-01" && whole.days.last?.date == "2026-03-31")
  }

  @Test("days of 23, 25 and no hours have the runs of those hours")
  func days() throws {
    for (name, from, to, counts) in [
      // 2024-03-31 has 23 hours, the days beside it 24.
      ("Europe/Berlin", micros(2024, 3, 29, 23), micros(2024, 4, 1, 22), [24, 23, 24] as [Int64]),
      ("Europe/Berlin", micros(2024, 10, 25, 22), micros(2024, 10, 28, 23), [24, 25, 24]),
      // 2011-12-30 never was.
      ("Pacific/Apia", micros(2011, 12, 28, 10), micros(2012, 1, 1, 10), [24, 24, 24, 24]),
    ] {
      let directory = try TemporaryDirectory(inMemory: true)
      let engine = try open(directory, clock: TestClock(wallMicros: to))
      defer { try? engine.close() }
      let zone = try Self.zones.zone(named: name)
      let hours = Int((to - from) / 3_600_000_000)
      for hour in 0..<hours {
        try engine.record("r\(hour)", "u", startedAt: from + Int64(hour) * 3_600_000_000)
      }
      let found = try stats(engine, "u", from: from, to: to, zone)
      #expect(found.days.map(\.totals.all.count) == counts, "\(name)")
      #expect(!found.days.contains { $0.date == "2011-12-30" })
      #expect(found.totals.all.count == Int64(hours))
    }
  }

  @Test("late and early events are counted when they happened, and only within 35 days and 5 minutes")
  func lateEvents() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    defer { try? engine.close() }
    let (oldest, newest) = (noon - 35 * 86_400 * second, noon + 300 * second)
    try engine.record("old", "u", startedAt: oldest)
    try engine.record("new", "u", startedAt: newest)
    #expect(try engine.recordRefusal("older", "u", startedAt: oldest - 1)?.reason == .eventTooOld)
    #expect(try engine.recordRefusal("newer", "u", startedAt: newest + 1)?.reason == .eventInFuture)
    let december = try engine.usages(UsageQuery(userIds: ["u"], month: Month(parsing: "2025-12")))
    #expect(december.value.map(\.generations) == [1])
    #expect(try engine.usages(UsageQuery(userIds: ["u"])).value.map(\.generations) == [1])
  }

  // MARK: against the run table

  /// What the rows of the run table add up to.
  private func recomputed(_ connection: Connection, _ userId: String, _ from: Int64, _ to: Int64) throws
    -> [String: RunTotals]
  {
    let statement = try connection.prepare(
      """
      SELECT r.model, r.type, r.status, 1, r.cost, r.input_tokens, r.output_tokens, r.images,
        r.provider_cost, r.units, r.spender, r.tags
      FROM run r JOIN account a ON a.id = r.account
      WHERE (?1 = '' OR a.user_id = ?1) AND r.started_at >= ?2 AND r.started_at < ?3 AND r.status <> 1
      """)
    statement.bind(userId)
    statement.bind(from)
    statement.bind(to)
    let rows = try statement.all { (row) throws(SQLiteError) in
      (
        names: ["model \(row.text())", "type \(row.text())"], status: RunStatus(rawValue: row.int32()),
        sums: try row.runSums(), spender: row.text(), tags: try row.optionalBlob().map(Packing.tags) ?? []
      )
    }
    var totals: [String: RunTotals] = [:]
    for row in rows {
      let part = RunTotals(try #require(row.status), row.sums)
      let feature = row.tags.first { $0.key == "feature" }
      let spender = row.spender.isEmpty || userId.isEmpty ? nil : "spender \(row.spender)"
      for name in ["", spender, feature.map { "tag \($0.value)" }].compactMap(\.self) + row.names {
        let isSound = totals[name, default: RunTotals()].add(part)
        #expect(isSound)
      }
    }
    return totals
  }

  @Test(
    "a dashboard of any span in any zone is what the runs add up to",
    arguments: 0..<4 as Range<UInt64>)
  func dashboards(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory(inMemory: true)
    // Across the change of the clocks in Europe and America.
    let now = micros(2026, 4, 2, 7)
    let engine = try open(directory, clock: TestClock(wallMicros: now))
    try engine.recordAtRandom(400, before: now, &random)
    // Runs under way are nobody's yet.
    #expect(try engine.decide(.usage(.begin(.test("open", "u1")))).refusal == nil)
    #expect(try engine.findings() == [])
    let names = Self.borderZones
    let connection = try directory.connection()
    for _ in 0..<60 {
      let zone = try Self.zones.zone(named: names[Int.random(in: 0..<names.count, using: &random)])
      let userId = ["u0", "u1", "u2", "", "nobody"][Int.random(in: 0..<5, using: &random)]
      let length = Int64.random(in: 1...(40 * 96), using: &random)
      let to = (now / QuarterHour.micros - Int64.random(in: -20...200, using: &random)) * QuarterHour.micros
      let from = to - length * QuarterHour.micros
      let found = try stats(engine, userId, from: from, to: to, zone)
      let whole = try recomputed(connection, userId, from, to)
      #expect(found.totals == whole[""] ?? RunTotals(), "\(zone.name) \(userId) \(from) \(to)")
      for (kind, groups) in [
        ("model", found.byModel), ("type", found.byType), ("spender", found.bySpender), ("tag", found.byTag),
      ] {
        let known = groups.map { ("\(kind) \($0.name)", $0.totals) }
        #expect(
          Dictionary(uniqueKeysWithValues: known) == whole.filter { $0.key.hasPrefix("\(kind) ") },
          "\(zone.name) \(userId) \(from) \(to)")
        #expect(groups.map { -$0.totals.all.count } == groups.map { -$0.totals.all.count }.sorted())
      }
      for (index, day) in found.days.enumerated() {
        let end = index + 1 < found.days.count ? found.days[index + 1].startMicros : to
        let expected = try recomputed(connection, userId, max(day.startMicros, from), end)[""] ?? RunTotals()
        #expect(day.totals == expected, "\(zone.name) \(userId) \(day.date)")
      }
    }
    try engine.close()
  }

  @Test("a user's month in any zone is what the run table says", arguments: 0..<2 as Range<UInt64>)
  func months(seed: UInt64) throws {
    var random = SeededGenerator(seed: 100 + seed)
    let directory = try TemporaryDirectory(inMemory: true)
    let now = micros(2026, 4, 1, 3)
    let engine = try open(directory, clock: TestClock(wallMicros: now))
    try engine.recordAtRandom(400, before: now, &random)
    let connection = try directory.connection()
    let users = ["u0", "nobody", "u1", "u2", "u1"]
    for name in Self.borderZones {
      for text in ["2026-02", "2026-03", "2026-04", ""] {
        let zone = try Self.zones.zone(named: name)
        let month = Month(parsing: text)
        let usages = try engine.usages(UsageQuery(userIds: users, month: month, zone: zone)).value
        #expect(usages.map(\.userId) == users)
        let span = zone.span(of: month ?? zone.month(ofMicros: now))
        for usage in usages {
          let whole = try recomputed(connection, usage.userId, span.startMicros, span.endMicros)[""]
          #expect(usage.generations == whole?.succeeded.count ?? 0, "\(name) \(text) \(usage.userId)")
          #expect(usage.costMicros == whole?.all.costMicros ?? 0, "\(name) \(text) \(usage.userId)")
          #expect(usage.month == span.month && usage.resetsAtMicros == span.endMicros)
        }
      }
    }
    try engine.close()
  }

  // MARK: statements

  /// Statements that ran, by text.
  private func ran(_ engine: SQLiteEngine, _ body: () throws -> Void) throws -> [String: Int64] {
    let before = engine.statements.runCounts
    try body()
    return engine.statements.runCounts.compactMapValues { $0 }
      .reduce(into: [:]) { ran, entry in
        let count = entry.value - (before[entry.key] ?? 0)
        if count > 0 { ran[entry.key] = count }
      }
  }

  @Test("as many statements for 1,000 users and runs as for 10")
  func statementCounts() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    defer { try? engine.close() }
    let users = (0..<1_000).map { "u\($0)" }
    let commands = users.map { userId in
      Command.usage(.record(.test("run-\(userId)", userId, startedAt: noon - 86_400 * second)))
    }
    #expect(try engine.decide(commands).allSatisfy { $0.refusal == nil })
    #expect(
      try engine.decide((0..<990).map { .usage(.record(.test("more-\($0)", "u1", startedAt: noon))) })
        .allSatisfy { $0.refusal == nil })
    let zone = try Self.zones.zone(named: "Asia/Kathmandu")
    let few = try ran(engine) {
      _ = try engine.usages(UsageQuery(userIds: Array(users.prefix(10)), zone: zone))
    }
    let many = try ran(engine) { _ = try engine.usages(UsageQuery(userIds: users, zone: zone)) }
    #expect(few == many)
    #expect(many.values.reduce(0, +) <= 7)
    func dashboard(_ userId: String) throws {
      _ = try stats(engine, userId, from: noon - 10 * 86_400 * second, to: noon, zone, recent: 100)
    }
    let quiet = try ran(engine) { try dashboard("u2") }
    #expect(try ran(engine) { try dashboard("u1") } == quiet)
  }

  // MARK: sums

  @Test("a run that would take a sum out of int64 is refused and counted nowhere")
  func overflow() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon))
    defer { try? engine.close() }
    try engine.record("most", "u", startedAt: noon, cost: .max - 1)
    #expect(try engine.recordRefusal("more", "v", startedAt: noon, cost: 2)?.reason == .amountOverflow)
    try engine.record("rest", "v", startedAt: noon, cost: 1)
    #expect(try engine.recordRefusal("last", "u", startedAt: noon, cost: 1)?.reason == .amountOverflow)
    let found = try stats(engine, "", from: noon, to: noon + QuarterHour.micros, .utc)
    #expect(found.totals.all.costMicros == .max && found.totals.all.count == 2)
    let other = try open(TemporaryDirectory(inMemory: true), clock: TestClock(wallMicros: noon))
    defer { try? other.close() }
    try other.record("tokens", "u", startedAt: noon, tokens: .max)
    #expect(try other.recordRefusal("more", "u", startedAt: noon, tokens: 1)?.reason == .amountOverflow)
  }

  @Test("a command that is undone is counted nowhere")
  func undone() throws {
    var faults = EngineFaults()
    faults.afterWriting { command throws(StoreFault) in
      if case .usage(.finish(let it)) = command, it.runId == "bad" { throw .outOfMemory }
    }
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try open(directory, clock: TestClock(wallMicros: noon), faults: faults)
    defer { try? engine.close() }
    try engine.must(purchase("u", dollar, "k"))
    for id in ["good", "bad"] {
      #expect(try engine.decide(.usage(.begin(.test(id, "u", estimate: 10)))).refusal == nil)
    }
    let outcomes = try engine.decide(["bad", "good", "bad"].map { .usage(.finish(.test($0, cost: 5))) })
    #expect(outcomes.map { $0.refusal == nil } == [false, true, false])
    let found = try stats(engine, "u", from: noon, to: noon + QuarterHour.micros, .utc)
    #expect(found.totals.all.count == 1)
    #expect(try engine.usages(UsageQuery(userIds: ["u"])).value.map(\.generations) == [1])
    #expect(try engine.usages(UsageQuery(userIds: ["u"])).value.map(\.running) == [1])
  }
}
