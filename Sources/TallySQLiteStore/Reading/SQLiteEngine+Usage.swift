// The engine's answers about what was used.
//
// Owner: any thread.

public import TallyCore
internal import TallySQLite

extension SQLiteEngine: UsageReads {
  public func usages(_ query: UsageQuery) throws(Refusal) -> Snapshot<[Usage]> {
    let read = try read { (reader, _) throws(SQLiteError) in
      let nowMicros = nowMicros()
      let usages = try reader.usages(query, zones: zones, nowMicros: nowMicros)
      return query.capSpenders.isEmpty
        ? usages : try reader.adding(query.capSpenders, to: usages, zones: zones, nowMicros: nowMicros)
    }
    return Snapshot(try read.value.get(), commitSequence: read.commitSequence)
  }

  public func capLists(userId: String) throws(Refusal) -> Snapshot<[CapList]> {
    try read { (reader, _) throws(SQLiteError) in
      guard let account = try reader.tables.accounts.id(userId: userId) else { return [] }
      return try reader.tables.caps.lists(account: account)
    }
  }

  public func stats(_ query: StatsQuery) throws(Refusal) -> Snapshot<Stats> {
    try read { (reader, _) throws(SQLiteError) in
      let account = query.userId.isEmpty ? 0 : try reader.tables.accounts.id(userId: query.userId)
      var stats = try reader.stats.stats(query, account: account ?? RollupKey.nobody)
      if query.recentLimit > 0, let account {
        stats.recent = try reader.tables.runs.recent(
          account: query.userId.isEmpty ? nil : account, limit: query.recentLimit)
      }
      return stats
    }
  }
}

extension Reader {
  /// With the caps in force of a single user.
  fileprivate func adding(
    _ spenders: [String], to usages: Result<[Usage], Refusal>, zones: ZoneStore, nowMicros: Int64
  ) throws(SQLiteError) -> Result<[Usage], Refusal> {
    guard case .success(var usages) = usages, let usage = usages.first else { return usages }
    let account = try tables.accounts.account(userId: usage.userId) ?? Account(userId: usage.userId)
    let plan = try usage.planId.map { (id) throws(SQLiteError) in try tables.plans.plan(id: id) } ?? nil
    switch caps(of: account, plan: plan, zones: zones, nowMicros: nowMicros) {
    case .failure(let refusal): return .failure(refusal)
    case .success(let reading):
      for spender in spenders { usages[0].caps += try reading.uses(spender: spender) }
    }
    return .success(usages)
  }

  /// What users owe once all that is due is settled.
  private func owed(
    userIds: [String], zones: ZoneStore, nowMicros: Int64
  ) throws(SQLiteError) -> [ExactText: Int64] {
    let expired = Dictionary(grouping: try tables.holds.expired(userIds: userIds, nowMicros: nowMicros)) {
      ExactText($0.userId)
    }
    var owed: [ExactText: Int64] = [:]
    let accounts = try tables.accounts.accounts(userIds: userIds)
    let dues = try dueGrants.dueGrants(of: accounts, zones: zones, nowMicros: nowMicros)
    for account in accounts {
      let userId = ExactText(account.userId)
      let balance = Rules.balance(
        of: account, expiredHolds: expired[userId] ?? [], at: nowMicros, dueGrant: dues[account.id])
      owed[userId] = balance.owedMicros
    }
    return owed
  }

  /// One a user id, in the order asked: four statements, and five more at most when some of them owe.
  fileprivate func usages(
    _ query: UsageQuery, zones: ZoneStore, nowMicros: Int64
  ) throws(SQLiteError) -> Result<[Usage], Refusal> {
    var subjects = try usage.subjects(userIds: query.userIds)
    let owing = subjects.filter { $0.owedMicros > 0 }.map(\.userId)
    if !owing.isEmpty {
      let owed = try owed(userIds: owing, zones: zones, nowMicros: nowMicros)
      for index in subjects.indices {
        subjects[index].owedMicros = owed[ExactText(subjects[index].userId)] ?? 0
      }
    }
    // Users that are not known have used nothing in the month.
    let nobody = UsageSubject(account: RollupKey.nobody, userId: "", planId: nil)
    let found: [Usage]
    switch try usage.months(
      of: subjects + [nobody], month: query.month, zone: query.zone, plans: tables.plans, zones: zones,
      nowMicros: nowMicros)
    {
    case .success(let usages): found = usages
    case .failure(let refusal): return .failure(refusal)
    }
    guard let none = found.last else { throw .malformed("usage: no month") }
    let byUser = Dictionary(found.dropLast().map { (ExactText($0.userId), $0) }) { first, _ in first }
    return .success(
      query.userIds.map { userId in
        if let usage = byUser[ExactText(userId)] { return usage }
        var usage = none
        usage.userId = userId
        return usage
      })
  }
}
