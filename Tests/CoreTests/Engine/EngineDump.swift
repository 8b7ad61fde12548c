// Everything that an engine tells of what it has stored, by all reads there are: what two engines are
// compared by.
//
// Invariants:
// 1. Lists are read in short pages, each from where the one before ended, up to the last.

import TallyCore
internal import TallySQLiteStore

struct EngineDump {
  /// A fact each: what was asked, and what came back.
  private(set) var lines: [String] = []
  private let engine: any ServedEngine
  private let users: [String]
  private let reading: (_ read: () -> String) -> String

  private static let pageLength = 5
  /// A few rows of a list.
  private static let pageByteCount = 700

  /// - Parameter reading: how each fact is read.
  init(
    of engine: any ServedEngine, users: [String],
    reading: @escaping (_ read: () -> String) -> String = { $0() }
  ) throws {
    self.engine = engine
    self.users = users
    self.reading = reading
    for userId in users {
      add("balance of \(userId)") { try engine.balance(userId: userId).value }
      add("settings of \(userId)") { try engine.settings(userId: userId).value }
      addLedger(userId)
      addRuns(userId)
      try addPages(userId)
      try addUsage(userId)
    }
    add("balances") { try engine.balances(userIds: users).value }
    addLists()
    try addUsers()
    let state = engine.state()
    add("state") { (state.mode, state.commitSequence, state.ledgerSequence, state.lastTimeMicros) }
  }

  /// - Returns: the first line in which two engines differ.
  func difference(from other: EngineDump) -> String? {
    for (mine, theirs) in zip(lines, other.lines) where !mine.isExactly(theirs) {
      return "\(mine)\n  differs from\n\(theirs)"
    }
    return lines.count == other.lines.count ? nil : "\(lines.count) lines, not \(other.lines.count)"
  }

  private mutating func add(_ name: String, _ body: () throws -> Any) {
    lines.append(
      reading {
        do { return "\(name): \(try body())" } catch {
          return "\(name): \((error as? Refusal)?.reason.rawValue ?? "\(error)")"
        }
      })
  }

  /// A list, page by page.
  private mutating func add<Row, Place>(
    list name: String, _ page: (Place?) throws -> (rows: [Row], next: Place?)
  ) {
    add(name) {
      var rows: [Row] = []
      var place: Place?
      repeat {
        let found = try page(place)
        rows += found.rows
        place = found.next
      } while place != nil
      return rows
    }
  }

  // MARK: credits and runs

  private mutating func addLedger(_ userId: String) {
    var filters = [TransactionFilter](
      repeating: TransactionFilter(userId: userId, limit: Self.pageLength), count: 4)
    filters[1].types = [.apiUsage, .expiry, .holdRelease]
    (filters[2].fromMicros, filters[2].toMicros) =
      (ModelRun.startMicros + 1_000_000, ModelRun.startMicros + 60_000_000)
    filters[3].metadata = [MetadataEntry(key: "k", value: "1")]
    for (index, filter) in filters.enumerated() {
      add(list: "transactions \(index) of \(userId)") { [engine] (place: Int64?) in
        var filter = filter
        filter.beforeSequence = place
        let page = try engine.transactions(filter).value
        return (page.rows, page.nextBefore)
      }
    }
    for kinds in [
      [], [EventKind.balanceBelow, .quotaAt], [.owed, .capAt, .grantSkipped, .creditExpires, .topUpIntent],
    ] {
      add(list: "events \(kinds) of \(userId)") { [engine] (place: Int64?) in
        var filter = EventFilter(userId: userId, limit: Self.pageLength)
        (filter.kinds, filter.beforeId) = (kinds, place)
        filter.fromMicros = kinds.isEmpty ? nil : ModelRun.startMicros + 1_000_000
        let page = try engine.events(filter).value
        return (page.rows, page.nextBefore)
      }
    }
    add("top-up of \(userId)") { [engine] in try engine.topUp(userId: userId).value as Any }
    for states in [[], [TopUpIntent.State.open], [.closed, .failed]] {
      add(list: "intents \(states) of \(userId)") { [engine] (place: Int64?) in
        var filter = TopUpIntentFilter(userId: userId, limit: Self.pageLength)
        (filter.states, filter.beforeId) = (states, place)
        let page = try engine.topUpIntents(filter).value
        return (page.rows, page.nextBefore)
      }
    }
    for states in [[], [HoldState.open], [.expired, .released]] {
      add(list: "holds \(states) of \(userId)") { [engine] (place: Int64?) in
        var filter = HoldFilter(userId: userId, limit: Self.pageLength)
        (filter.states, filter.beforeId) = (states, place)
        let page = try engine.holds(filter).value
        return (page.rows, page.nextBefore)
      }
    }
  }

  private mutating func addRuns(_ userId: String) {
    var filters = [RunFilter](repeating: RunFilter(userId: userId, limit: Self.pageLength), count: 4)
    filters[1].statuses = [.succeeded, .cancelled]
    filters[2].model = "m1"
    (filters[3].fromMicros, filters[3].toMicros) =
      (ModelRun.startMicros - 4_000_000, ModelRun.startMicros + 4_000_000)
    for (index, filter) in filters.enumerated() {
      add(list: "runs \(index) of \(userId)") { [engine] (place: RunPlace?) in
        var filter = filter
        filter.before = place
        let page = try engine.runs(filter).value
        return (page.runs, page.nextBefore)
      }
    }
  }

  // MARK: pages

  private mutating func addPages(_ userId: String) throws {
    for includesDeleted in [false, true] {
      add(list: "pages, deleted \(includesDeleted), of \(userId)") { [engine] (place: Int64?) in
        var filter = PageFilter(
          userId: userId, limit: Self.pageLength, maximumByteCount: Self.pageByteCount)
        (filter.includesDeleted, filter.before) = (includesDeleted, place)
        let page = try engine.pages(filter).value
        return (page.rows, page.nextBefore)
      }
    }
    var all = PageFilter(userId: userId, limit: 1_000, maximumByteCount: 1 << 20)
    all.includesDeleted = true
    for facts in try engine.pages(all).value.rows { addPage(facts) }
    // Engines rank as they like: what they find is compared.
    for query in ["title", "caf*", "\"caf\u{e9}\"", "copy title", "v*"] {
      add("search for \(query) of \(userId)") { [engine] in
        let search = PageSearch(
          userId: userId, query: try WordQuery(parsing: query), limit: 1_000, maximumByteCount: 1 << 20)
        return try engine.search(search).value.rows.sorted { $0.facts.pageId < $1.facts.pageId }
      }
    }
    for userIds in [[], [userId, "nobody"]] {
      add(list: "changes of pages, \(userIds)") { [engine] (place: Int64?) in
        var filter = LedgerFilter(fromSequence: place ?? 1, limit: Self.pageLength)
        filter.userIds = userIds
        let slice = try engine.pageUpdates(filter).value
        let isLast = slice.nextSequence > slice.lastSequence
        return (slice.rows.sorted { $0.number < $1.number }, isLast ? nil : slice.nextSequence)
      }
    }
    for source in [nil, MediaSource.upload] {
      add(list: "media \(String(describing: source)) of \(userId)") { [engine] (place: Int64?) in
        var filter = MediaFilter(userId: userId, limit: 2, maximumByteCount: Self.pageByteCount)
        (filter.source, filter.before) = (source, place)
        let page = try engine.media(filter).value
        return (page.rows, page.nextBefore)
      }
    }
  }

  private mutating func addPage(_ facts: PageFacts) {
    let pageId = facts.pageId
    for shown in [PageShown.current, .published] {
      for (includesDeleted, acting) in [(true, nil), (false, facts.userId), (true, "somebody else")] {
        add("page \(pageId), \(shown), \(includesDeleted), \(acting ?? "")") { [engine] in
          try engine.page(pageId: pageId, shown, includesDeleted: includesDeleted, actingUserId: acting).value
        }
      }
    }
    if let slug = facts.slug {
      for shown in [PageShown.current, .published] {
        add("page \(slug) of \(facts.userId), \(shown)") { [engine] in
          try engine.page(userId: facts.userId, slug: slug, shown).value
        }
      }
    }
    add(list: "versions of \(pageId)") { [engine] (place: Int64?) in
      var filter = VersionFilter(
        pageId: pageId, actingUserId: nil, limit: Self.pageLength, maximumByteCount: Self.pageByteCount)
      filter.before = place
      let page = try engine.versions(filter).value
      return (page.rows, page.nextBefore)
    }
    for (from, to) in [(1, nil), (facts.currentVersion, Int64(1)), (1, facts.currentVersion + 1)] {
      add("versions \(from), \(to ?? 0) of \(pageId)") { [engine] in
        try engine.versions(pageId: pageId, from: from, to: to, actingUserId: nil).value
      }
    }
    for version in 1...facts.currentVersion + 1 {
      add("version \(version) of \(pageId)") { [engine] in
        try engine.version(pageId: pageId, version: version, actingUserId: nil).value
      }
    }
  }

  // MARK: usage

  private func zones() throws -> [Zone?] {
    [nil, try engine.zones.zone(named: "America/New_York"), try engine.zones.zone(named: "Asia/Kathmandu")]
  }

  private mutating func addUsage(_ userId: String) throws {
    for kind in QuotaKind.allCases {
      add("quota \(kind) of \(userId)") { [engine] in
        let ask = CapAsk(spender: "m1", run: ("m1", "t"))
        let advice = try engine.quota(kind, userId: userId, ask: ask).value
        let refusals = [advice.objection, advice.capRefusal].map { refusal in
          "\(String(describing: refusal?.reason)) \(refusal?.details.sorted { $0.key < $1.key } ?? [])"
        }
        return "\(advice.use) \(refusals)"
      }
    }
    add("caps of \(userId)") { [engine] in try engine.capLists(userId: userId).value }
    for spender in ["", "m1", "m2"] {
      add("use of caps of \(userId), \(spender)") { [engine] in
        var query = UsageQuery(userIds: [userId])
        query.capSpenders = [spender]
        return try engine.usages(query).value.map { usage in
          usage.caps.map { "\($0.cap) \($0.spender) \($0.used) \($0.resetsAtMicros)" }
        }
      }
    }
    for zone in try zones() { addStats(userId, zone ?? .utc) }
  }

  private mutating func addStats(_ userId: String, _ zone: Zone) {
    let now = engine.nowMicros()
    let hour = now / StatsQuery.stepMicros * StatsQuery.stepMicros
    let queries = [
      StatsQuery(userId: userId, days: 40, untilMicros: now, zone: zone, recentLimit: 4),
      StatsQuery(
        userId: userId, fromMicros: hour - 7 * StatsQuery.stepMicros, toMicros: hour + StatsQuery.stepMicros,
        zone: zone, recentLimit: 0),
    ]
    for query in queries {
      var query = query
      (query.bySpender, query.tag) = (!userId.isEmpty, query.recentLimit > 0 ? "f" : "g")
      add("stats of \(userId), \(zone.name)") { [engine] in try engine.stats(query).value }
    }
  }

  // MARK: everybody

  private mutating func addLists() {
    add(list: "rate limits") { [engine] (place: Int64?) in
      let page = try engine.rateLimits(afterId: place ?? 0, limit: 2).value
      return (page.limits, page.nextAfter)
    }
    add(list: "alert rules") { [engine] (place: String?) in
      let page = try engine.alertRules(afterId: place, limit: 2).value
      return (page.rules, page.nextAfter)
    }
    add(list: "intents") { [engine] (place: Int64?) in
      var filter = TopUpIntentFilter(userId: nil, limit: Self.pageLength)
      filter.beforeId = place
      let page = try engine.topUpIntents(filter).value
      return (page.rows, page.nextBefore)
    }
    add(list: "plans") { [engine] (place: String?) in
      let plans = try engine.plans(afterId: place, limit: 2).value
      return (plans, plans.last?.id)
    }
  }

  private mutating func addUsers() throws {
    for zone in try zones() {
      for month in [nil, Month(parsing: "2025-12")] {
        add("usages, \(zone?.name ?? ""), \(month?.text ?? "")") { [engine, users] in
          try engine.usages(UsageQuery(userIds: users + ["nobody"], month: month, zone: zone)).value
        }
      }
      addStats("", zone ?? .utc)
    }
    var filters = [UserFilter](repeating: UserFilter(limit: 2), count: 9)
    filters[1].order = .oldestFirst
    filters[2].order = .userId
    (filters[3].order, filters[3].userIdPrefix) = (.userId, "u")
    filters[4].planId = "pro"
    filters[5].role = .admin
    (filters[6].approval, filters[6].order) = (.pending, .oldestFirst)
    filters[7].order = .mostSpent
    filters[8].order = .mostOwed
    for (index, filter) in filters.enumerated() {
      add(list: "users \(index)") { [engine] (place: UserPlace?) in
        var filter = filter
        filter.after = place
        let page = try engine.users(filter).value
        return (Array(zip(page.places.map(\.number), page.users)), page.nextAfter)
      }
    }
  }
}
