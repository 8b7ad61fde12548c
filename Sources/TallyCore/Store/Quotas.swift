// Whether a plan allows one more, decided in the transaction that would make it.
//
// Invariants:
// 1. What the open transaction has done counts.
// 2. A plan from the cache is the committed one; one that the open transaction has changed is read.
//
// Owner: the writer's queue.

internal import TallySQLite

extension Ledger {
  /// The plan of a user's settings; nil without one.
  func plan(of account: Account) throws(SQLiteError) -> Plan? {
    guard account.id != 0, let id = try usageReader.planId(account: account.id) else { return nil }
    let isCommitted = !working.touched.plans.contains(ExactText(id))
    if isCommitted, let cached = caches.plans.find(group: id) { return cached.value }
    guard let plan = try planReader.plan(id: id) else { throw .malformed("settings: no plan \(id)") }
    if isCommitted {
      caches.plans.offer(
        Snapshot(plan, commitSequence: head.commitSequence), group: id, byteCount: plan.cachedByteCount)
    }
    return plan
  }

  /// Why the user may not have one more of a kind.
  /// - Returns: `quotaExceeded` with `quota`, `limit`, `used` and, of what counts by month,
  ///   `resets_at_micros`; nil when it may, also without a plan or a limit. `invalidField` when the
  ///   plan's time zone is not known to this machine.
  func quotaRefusal(_ kind: QuotaKind, of account: Account) throws(SQLiteError) -> Refusal? {
    guard let plan = try plan(of: account), let limit = plan.limits[kind] else { return nil }
    var details = ["quota": kind.name, "limit": String(limit)]
    let used: Int64
    if kind == .pages {
      used = try usageReader.pages(account: account.id).addingSaturating(working.usage.pages[account.id] ?? 0)
    } else {
      let zone: Zone
      do { zone = try zones.zone(named: plan.timeZone) } catch { return error }
      let span = zone.span(of: zone.month(ofMicros: working.nowMicros))
      let counters = try counters(in: span, account: account.id)
      details["resets_at_micros"] = String(span.endMicros)
      if kind == .uploads {
        used = counters.uploads
      } else {
        let running = try runReader.openCount(account: account.id, nowMicros: working.nowMicros)
        used = counters.generations.addingSaturating(running)
      }
    }
    if used < limit { return nil }
    details["used"] = String(used)
    return Refusal(
      .quotaExceeded, "the plan allows \(limit) of \(kind.name); \(used) are used", details: details)
  }

  /// Of a month of some zone, with what the open transaction has counted.
  private func counters(in span: MonthSpan, account: Int64) throws(SQLiteError) -> MonthCounters {
    let key = MonthKey(month: span.month.number, account: account)
    var counters = try usageReader.counters(key)
    if let delta = working.usage.months[key] {
      counters.generations = counters.generations.addingSaturating(delta.generations)
      counters.uploads = counters.uploads.addingSaturating(delta.uploads)
    }
    for edge in span.edges {
      let stored = try usageReader.quarters(day: edge.day, account: account)
      var sum = try stored.sum(edge.quarters)
      let key = RollupKey(day: edge.day, account: account, label: 0)
      for delta in working.usage.rollups[key] ?? [] where edge.quarters.contains(delta.quarter) {
        try sum.add(delta.cell)
      }
      counters.generations = counters.generations.addingSaturating(
        edge.sign.multipliedSaturating(by: sum.runs.succeeded.count))
      counters.uploads = counters.uploads.addingSaturating(edge.sign.multipliedSaturating(by: sum.uploads))
    }
    return counters
  }
}

extension Plan {
  /// What it costs in the cache: its values, its texts, and its place there.
  fileprivate var cachedByteCount: Int {
    prices.reduce(256 + 2 * id.utf8.count + displayName.utf8.count + timeZone.utf8.count) {
      $0 + MemoryLayout<ModelPrice>.stride + $1.model.utf8.count
    }
  }
}
