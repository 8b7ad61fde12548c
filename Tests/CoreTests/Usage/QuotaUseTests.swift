// What of a quota is used, and what a refusal says of it.

internal import Testing

@testable internal import TallyCore

@Suite("Quota use")
struct QuotaUseTests {
  private static let counts = QuotaCounts(
    month: MonthCounters(generations: 3, uploads: 5), running: 2, pages: 7)

  @Test(
    "each kind counts what it limits, and one more is allowed below the limit",
    arguments: [(QuotaKind.generations, 5, true), (.uploads, 5, true), (.pages, 7, false)])
  func counted(kind: QuotaKind, used: Int64, isMonthly: Bool) {
    var limits = PlanLimits(monthlyGenerations: used, monthlyUploads: used, pageCount: used)
    let full = QuotaUse(kind, Self.counts, limits: limits, resetsAtMicros: 9)
    #expect(full.used == used && full.limit == used && !full.isAllowed)
    #expect(full.resetsAtMicros == (isMonthly ? 9 : nil))
    var details = ["quota": kind.name, "limit": "\(used)", "used": "\(used)"]
    if isMonthly { details["resets_at_micros"] = "9" }
    #expect(full.refusal(kind)?.reason == .quotaExceeded && full.refusal(kind)?.details == details)

    limits = PlanLimits(monthlyGenerations: used + 1, monthlyUploads: used + 1, pageCount: used + 1)
    let room = QuotaUse(kind, Self.counts, limits: limits, resetsAtMicros: 9)
    #expect(room.isAllowed && room.refusal(kind) == nil)
    let unlimited = QuotaUse(kind, Self.counts, limits: PlanLimits(), resetsAtMicros: 9)
    #expect(unlimited.limit == nil && unlimited.isAllowed && unlimited.refusal(kind) == nil)
  }

  @Test("counters add up and are taken away, and stay within int64")
  func sums() {
    var counters = MonthCounters(generations: 3, uploads: 1)
    counters.add(MonthCounters(generations: 2, uploads: 4))
    counters.add(MonthCounters(generations: 1, uploads: 5), sign: -1)
    #expect(counters == MonthCounters(generations: 4, uploads: 0))
    counters.add(MonthCounters(generations: .max, uploads: 0))
    #expect(counters.generations == .max)
  }
}
