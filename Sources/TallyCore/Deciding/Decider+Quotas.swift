// Whether a plan allows one more.
//
// Invariants:
// 1. What the batch has decided so far counts.
//
// Owner: the writer's queue.

extension Decider {
  /// Why the user may not have one more of a kind.
  /// - Returns: as `QuotaUse.refusal`; nil also without a plan or a limit. `invalidField` when the
  ///   plan's time zone is not known to this machine.
  func quotaRefusal(_ kind: QuotaKind, of account: Account) throws(Refusal) -> Refusal? {
    try quotaRefusal(kind, of: account, under: try records.plan(of: account))
  }

  /// The same, of a user whose plan is at hand.
  func quotaRefusal(
    _ kind: QuotaKind, of account: Account, under plan: Plan?
  ) throws(Refusal) -> Refusal? {
    // Without a limit nothing is counted.
    guard let plan, plan.limits[kind] != nil else { return nil }
    // Of a user that is not known there is nothing to count: under number 0 all users' is.
    let isKnown = account.id != 0
    var counts = QuotaCounts()
    var resetsAtMicros: Int64?
    switch kind {
    case .pages: if isKnown { counts.pages = try records.pageCount(of: account) }
    case .generations, .uploads:
      let zone: Zone
      do { zone = try records.zones.zone(named: plan.quotaTimeZone) } catch { return error }
      let span = zone.span(of: zone.month(ofMicros: records.nowMicros))
      resetsAtMicros = span.endMicros
      if isKnown { counts.month = try records.counters(in: span, of: account) }
      if isKnown, kind == .generations { counts.running = try records.openRunCount(of: account) }
    }
    return QuotaUse(kind, counts, limits: plan.limits, resetsAtMicros: resetsAtMicros).refusal(kind)
  }
}
