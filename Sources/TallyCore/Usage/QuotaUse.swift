// How much of a plan's quota is used, and whether one more is within it: for the decisions that take one more
// and for the answers that tell of it.

/// How much of a quota is used.
public struct QuotaUse: Sendable, Equatable {
  /// nil: unlimited.
  public var limit: Int64?
  public var used: Int64
  /// Of a monthly quota: when the next month begins. nil for pages.
  public var resetsAtMicros: Int64?

  /// - Parameters:
  ///   - counts: what the kind does not count may be left out.
  ///   - resetsAtMicros: when the next month begins; of no use for pages.
  package init(_ kind: QuotaKind, _ counts: QuotaCounts, limits: PlanLimits, resetsAtMicros: Int64?) {
    limit = limits[kind]
    used =
      switch kind {
      case .generations: counts.month.generations.addingSaturating(counts.running)
      case .uploads: counts.month.uploads
      case .pages: counts.pages
      }
    self.resetsAtMicros = kind == .pages ? nil : resetsAtMicros
  }

  /// Whether one more is within the limit.
  public var isAllowed: Bool { limit.map { used < $0 } ?? true }
}

/// What quotas count of one user.
package struct QuotaCounts: Equatable {
  /// In the plan's time zone.
  package var month = MonthCounters()
  /// Runs under way.
  package var running: Int64 = 0
  /// Live ones.
  package var pages: Int64 = 0

  package init(month: MonthCounters = MonthCounters(), running: Int64 = 0, pages: Int64 = 0) {
    self.month = month
    self.running = running
    self.pages = pages
  }
}

extension QuotaUse {
  /// Why one more is not allowed; nil when it is.
  /// - Returns: `quotaExceeded` with `quota`, `limit`, `used` and, of what counts by month,
  ///   `resets_at_micros`.
  func refusal(_ kind: QuotaKind) -> Refusal? {
    guard !isAllowed, let limit else { return nil }
    var details = ["quota": kind.name, "limit": String(limit), "used": String(used)]
    if let resetsAtMicros { details["resets_at_micros"] = String(resetsAtMicros) }
    return Refusal(
      .quotaExceeded, "the quota of the user's plan is used up", details: details)
  }
}
