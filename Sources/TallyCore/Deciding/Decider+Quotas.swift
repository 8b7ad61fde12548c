// Whether a plan allows one more.
//
// Invariants:
// 1. What the batch has decided so far counts.
//
// Owner: the writer's queue.

extension Decider {
  /// Why the user may not have one more of a kind.
  /// - Returns: `quotaExceeded` with `quota`, `limit`, `used` and, of what counts by month,
  ///   `resets_at_micros`; nil when it may, also without a plan or a limit. `invalidField` when the
  ///   plan's time zone is not known to this machine.
  func quotaRefusal(_ kind: QuotaKind, of account: Account) throws(Refusal) -> Refusal? {
    guard let plan = try records.plan(of: account), let limit = plan.limits[kind] else { return nil }
    var details = ["quota": kind.name, "limit": String(limit)]
    let used: Int64
    if kind == .pages {
      used = try records.pageCount(of: account)
    } else {
      let zone: Zone
      do { zone = try records.zones.zone(named: plan.timeZone) } catch { return error }
      let span = zone.span(of: zone.month(ofMicros: records.nowMicros))
      let counters = try records.counters(in: span, of: account)
      details["resets_at_micros"] = String(span.endMicros)
      used =
        kind == .uploads
        ? counters.uploads
        : counters.generations.addingSaturating(try records.openRunCount(of: account))
    }
    if used < limit { return nil }
    details["used"] = String(used)
    return Refusal(
      .quotaExceeded, "the quota of the user's plan is used up", details: details)
  }
}
