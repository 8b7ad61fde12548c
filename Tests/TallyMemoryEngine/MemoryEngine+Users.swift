// Users, limits, runs and usage, read over all rows.

package import TallyCore

extension MemoryEngine {
  // MARK: users and limits

  /// Nothing is kept that was read.
  package func cachedSettings(userId: String) -> Snapshot<UserSettings>? { nil }

  package func settings(userId: String) throws(Refusal) -> Snapshot<UserSettings> {
    try read { (tables) throws(Refusal) in
      guard let settings = tables.settings(of: tables.accounts[ExactText(userId)]) else {
        throw Refusal(.userNotFound, "no such user", details: ["user_id": userId])
      }
      return settings
    }
  }

  package func users(_ filter: UserFilter) throws(Refusal) -> Snapshot<UserPage> {
    try read { (tables) throws(Refusal) in
      let nowMicros = nowMicros()
      let month = filter.month ?? Zone.utc.month(ofMicros: nowMicros)
      let wanted = tables.users(filter, month: month.number)
      let shown = Array(wanted.prefix(filter.limit))
      let places = shown.map { tables.place(of: $0, filter, month: month.number) }
      var facts: [UserFacts] = []
      for row in shown {
        guard let settings = tables.settings(of: row) else { continue }
        facts.append(
          UserFacts(
            settings: settings, balance: tables.balance(settings.userId, at: nowMicros, zones),
            usage: try usage(settings.userId, filter.month, filter.zone, tables, nowMicros)))
      }
      return UserPage(
        users: facts, places: places, nextAfter: wanted.count > filter.limit ? places.last : nil)
    }
  }

  package func rateLimits(afterId: Int64, limit: Int) throws(Refusal) -> Snapshot<RateLimitPage> {
    try read { tables in
      let rows = tables.rateLimits.filter { $0.id > afterId }
      let shown = rows.prefix(limit)
      return RateLimitPage(
        limits: shown.map(\.limit), nextAfter: rows.count > limit ? shown.last.map(\.id) : nil)
    }
  }

  // MARK: runs

  package func run(
    runId: String, attempt: Int32?, actingUserId: String?
  ) throws(Refusal) -> Snapshot<Run> {
    try read { (tables) throws(Refusal) in
      guard let run = tables.run(runId, attempt: attempt)?.run, run.isVisible(actingUserId: actingUserId)
      else {
        throw Rules.noRun(runId)
      }
      return run
    }
  }

  package func runs(_ filter: RunFilter) throws(Refusal) -> Snapshot<RunPage> {
    try read { tables in
      let runs = tables.runs.values.map(\.run).filter { run in
        run.userId.isExactly(filter.userId)
          && (filter.statuses.isEmpty || filter.statuses.contains(run.status))
          && (filter.model.isEmpty || filter.model.isExactly(run.model))
          && (filter.type.isEmpty || filter.type.isExactly(run.type))
          && (filter.spender.isEmpty || filter.spender.isExactly(run.spender))
          && run.startedAtMicros >= filter.fromMicros ?? 0
          && run.startedAtMicros < filter.toMicros ?? Int64.max
          && (filter.before.map { run.place.isOlder(than: $0) } ?? true)
      }.newestFirst
      let shown = Array(runs.prefix(filter.limit))
      return RunPage(runs: shown, nextBefore: runs.count > filter.limit ? shown.last?.place : nil)
    }
  }

  // MARK: usage

  package func usages(_ query: UsageQuery) throws(Refusal) -> Snapshot<[Usage]> {
    try read { (tables) throws(Refusal) in
      let nowMicros = nowMicros()
      var usages: [Usage] = []
      for userId in query.userIds {
        var usage = try usage(userId, query.month, query.zone, tables, nowMicros)
        let account = tables.accounts[ExactText(userId)]?.account ?? Account(userId: userId)
        for spender in query.capSpenders {
          usage.caps += try tables.caps(of: account, at: nowMicros, zones).uses(spender: spender)
        }
        usages.append(usage)
      }
      return usages
    }
  }

  private func usage(
    _ userId: String, _ month: Month?, _ zone: Zone?, _ tables: MemoryTables, _ nowMicros: Int64
  ) throws(Refusal) -> Usage {
    let account = tables.accounts[ExactText(userId)]?.account.id ?? RollupKey.nobody
    let plan = tables.plan(account: account)
    let own: Zone = if let zone { zone } else { try zones.zone(named: plan?.quotaTimeZone ?? "UTC") }
    let span = own.span(of: month ?? own.month(ofMicros: nowMicros))
    let firstDay = Civil(year: span.month.year, month: span.month.month, day: 1).dayNumber
    let counters = tables.counters(
      account: account, from: own.start(ofDay: firstDay), to: span.endMicros)
    let spending = tables.spending(userId, at: nowMicros, zones)
    var usage = Usage(
      userId: userId, month: span.month, timeZone: own.name, generations: counters.generations,
      running: tables.openRunCount(account: account, nowMicros: nowMicros), uploads: counters.uploads,
      pages: tables.pageCount(account: account), planId: plan?.id, limits: plan?.limits ?? PlanLimits(),
      resetsAtMicros: span.endMicros)
    usage.costMicros = counters.costMicros
    (usage.owedMicros, usage.objection) = (spending.balance.owedMicros, spending.objection)
    return usage
  }

  package func capLists(userId: String) throws(Refusal) -> Snapshot<[CapList]> {
    try read { tables in
      guard let account = tables.accounts[ExactText(userId)]?.account else { return [] }
      return tables.caps.filter { $0.key.account == account.id }.sorted { $0.key < $1.key }
        .map { CapList(spender: $0.key.spender.text, caps: $0.value) }
    }
  }

  package func stats(_ query: StatsQuery) throws(Refusal) -> Snapshot<Stats> {
    try read { tables in
      let account =
        query.userId.isEmpty ? 0 : tables.accounts[ExactText(query.userId)]?.account.id ?? RollupKey.nobody
      let runs = tables.endedRuns(account: account, from: query.fromMicros, to: query.toMicros)
      var stats = Stats(
        totals: tables.totals(of: runs), byModel: tables.groups(of: runs, by: \.model),
        byType: tables.groups(of: runs, by: \.type))
      var day = query.zone.day(ofMicros: query.fromMicros)
      while query.zone.start(ofDay: day) < query.toMicros {
        let (start, end) = (query.zone.start(ofDay: day), query.zone.start(ofDay: day + 1))
        // A date that the zone's clocks skip is no day.
        if start < end {
          let totals = tables.totals(
            of: runs.filter { $0.startedAtMicros >= start && $0.startedAtMicros < end })
          let date = Civil(dayNumber: day).text(upTo: .day)
          stats.days.append(Stats.Day(date: date, startMicros: start, totals: totals))
        }
        day += 1
      }
      if query.bySpender, account != 0 {
        stats.bySpender = tables.groups(of: runs.filter { !$0.spender.isEmpty }, by: \.spender)
      }
      if !query.tag.isEmpty { stats.byTag = tables.groups(of: runs, byTag: query.tag, account) }
      let all = tables.runs.values.filter { account == 0 || $0.account == account }.map(\.run)
      stats.recent = Array(all.newestFirst.prefix(query.recentLimit))
      return stats
    }
  }
}

extension MemoryTables {
  /// All that a filter wants, in its order, after its place.
  /// - Parameter month: by whose costs users are ordered.
  fileprivate func users(_ filter: UserFilter, month: Int64) -> [AccountRow] {
    let after = filter.after.flatMap { account(id: $0.number) }
    let wanted = accounts.values.filter { row in
      guard let settings = settings(of: row) else { return false }
      return filter.role.map { $0 == settings.role } ?? true
        && filter.approval.map { $0 == settings.approval } ?? true
        && filter.planId.map { settings.planId?.isExactly($0) ?? false } ?? true
        && settings.userId.utf8.starts(with: filter.userIdPrefix.utf8)
    }
    switch filter.order {
    case .newestFirst:
      return wanted.filter { $0.account.id < filter.after?.number ?? Int64.max }
        .sorted { $0.account.id > $1.account.id }
    case .oldestFirst:
      return wanted.filter { $0.account.id > filter.after?.number ?? 0 }.sorted {
        $0.account.id < $1.account.id
      }
    case .userId:
      return wanted.filter { row in
        after.map { ExactText(row.account.userId) > ExactText($0.account.userId) } ?? true
      }.sorted { ExactText($0.account.userId) < ExactText($1.account.userId) }
    case .mostSpent, .mostOwed:
      func key(_ place: UserPlace) -> (Int64, Int64) { (place.amountMicros, place.number) }
      return wanted.map { ($0, place(of: $0, filter, month: month)) }.filter { row in
        row.1.amountMicros > 0 && filter.after.map { key(row.1) < key($0) } ?? true
      }.sorted { key($0.1) > key($1.1) }.map(\.0)
    }
  }

  fileprivate func place(of row: AccountRow, _ filter: UserFilter, month: Int64) -> UserPlace {
    var place = UserPlace(number: row.account.id)
    switch filter.order {
    case .newestFirst, .oldestFirst, .userId: break
    case .mostSpent:
      place.amountMicros = counters(MonthKey(month: month, account: row.account.id)).costMicros
    case .mostOwed: place.amountMicros = row.account.owedMicros
    }
    return place
  }

  /// Those that are counted by a tag.
  fileprivate func groups(of runs: [Run], byTag key: String, _ account: Int64) -> [Stats.Group] {
    func value(_ run: Run) -> ExactText? {
      let tag = run.tags.first { $0.key.isExactly(key) }
      return tag.flatMap { $0.countedValue(account == 0 ? $0.ofAll : $0.own) }
    }
    return groups(of: runs.filter { value($0) != nil }) { value($0)?.text ?? "" }
  }

  /// By count, most first, then by name.
  fileprivate func groups(of runs: [Run], by name: (Run) -> String) -> [Stats.Group] {
    Dictionary(grouping: runs) { ExactText(name($0)) }.mapValues { totals(of: $0) }
      .sorted { left, right in
        let counts = (left.value.all.count, right.value.all.count)
        return counts.0 == counts.1 ? left.key < right.key : counts.0 > counts.1
      }
      .map { Stats.Group(name: $0.key.text, totals: $0.value) }
  }
}

extension RunPlace {
  fileprivate func isOlder(than other: RunPlace) -> Bool {
    (startedAtMicros, id) < (other.startedAtMicros, other.id)
  }
}

extension [Run] {
  fileprivate var newestFirst: [Run] { sorted { $1.place.isOlder(than: $0.place) } }
}
