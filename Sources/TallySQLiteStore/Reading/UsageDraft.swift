// What many users have used, while it is read: each user's month in the zone that holds for it, filled from
// counters of UTC months and from the quarter hours at the months' edges.

internal import TallyCore
internal import TallySQLite

struct UsageDraft {
  let nowMicros: Int64
  private let month: Month?
  private let zone: Zone?
  private(set) var accounts: [Int64] = []
  private(set) var utcMonths: Set<Int64> = []
  private var spans: [MonthSpan] = []
  private var months: [MonthCounters] = []
  /// Without what is counted in `months`.
  private var drafts: [Usage] = []
  /// Where an account stands in `drafts`, `months`, `accounts` and `spans`.
  private var indexes: [Int64: Int] = [:]
  private var known: [String: (zone: Zone, span: MonthSpan)] = [:]

  init(month: Month?, zone: Zone?, nowMicros: Int64) {
    self.month = month
    self.zone = zone
    self.nowMicros = nowMicros
  }

  mutating func add(_ subject: UsageSubject, _ plan: Plan?, _ zones: ZoneStore) throws(Refusal) {
    let (zone, span) = try span(plan, zones)
    indexes[subject.account] = drafts.count
    accounts.append(subject.account)
    spans.append(span)
    utcMonths.insert(span.month.number)
    months.append(MonthCounters())
    var usage = Usage(
      userId: subject.userId, month: span.month, timeZone: zone.name, planId: plan?.id,
      limits: plan?.limits ?? PlanLimits(), resetsAtMicros: span.endMicros)
    usage.owedMicros = subject.owedMicros
    usage.objection = Spending.objection(
      isSuspended: subject.isSuspended, owedMicros: subject.owedMicros, blocksOwing: plan?.onShort == .block)
    drafts.append(usage)
  }

  private mutating func span(
    _ plan: Plan?, _ zones: ZoneStore
  ) throws(Refusal) -> (zone: Zone, span: MonthSpan) {
    let name = self.zone?.name ?? plan?.quotaTimeZone ?? Zone.utc.name
    if let known = known[name] { return known }
    let zone: Zone
    if let asked = self.zone { zone = asked } else { zone = try zones.zone(named: name) }
    let made = (zone, zone.span(of: month ?? zone.month(ofMicros: nowMicros)))
    known[name] = made
    return made
  }

  mutating func fill(account: Int64, month: Int64, _ counters: MonthCounters, pages: Int64, running: Int64) {
    guard let index = indexes[account], spans[index].month.number == month else { return }
    months[index].add(counters)
    drafts[index].pages = pages
    drafts[index].running = running
  }

  /// UTC days of which some month has only a part.
  var edgeDays: [Int64] {
    Array(Set(known.values.flatMap { $0.span.edges.map(\.day) })).sorted()
  }

  mutating func fill(account: Int64, day: Int64, _ quarters: PackedQuarters) throws(SQLiteError) {
    guard let index = indexes[account] else { return }
    for edge in spans[index].edges where edge.day == day {
      months[index].add(MonthCounters(of: try quarters.sum(edge.quarters)), sign: edge.sign)
    }
  }

  /// One a subject, in the order in which they were added.
  var usages: [Usage] {
    zip(drafts, months).map { draft, month in
      var usage = draft
      (usage.generations, usage.uploads) = (month.generations, month.uploads)
      usage.costMicros = month.costMicros
      return usage
    }
  }
}
