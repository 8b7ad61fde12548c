// What was used, read: months, pages and quarter hours, of one account or of many.
//
// Invariants:
// 1. Each function runs a fixed number of statements, however many accounts it is asked about.
// 2. Ids of accounts and of plans are looked for by the database's order of bytes.
//
// Owner: its connection's.

internal import TallyCore
internal import TallySQLite

/// Whose usage is asked for.
struct UsageSubject {
  var account: Int64
  var userId: String
  /// Of the user's settings.
  var planId: String?
}

/// Reads counters.
final class UsageReader {
  static let monthSQL = "SELECT generations, uploads FROM usage_month WHERE month = ?1 AND account = ?2"
  static let quartersSQL = """
    SELECT q.quarters FROM rollup r JOIN rollup_quarters q ON q.id = r.quarters_id
    WHERE r.day = ?1 AND r.account = ?2 AND r.label = 0
    """
  static let pagesSQL = "SELECT pages FROM page_counter WHERE account = ?1"
  static let planIdSQL = "SELECT plan_id FROM user_settings WHERE account = ?1"
  /// Of many users; ?1 is a JSON array of their ids.
  static let subjectsSQL = """
    SELECT a.id, a.user_id, s.plan_id FROM account a LEFT JOIN user_settings s ON s.account = a.id
    WHERE a.user_id IN (SELECT value FROM json_each(?1))
    """
  /// Of many accounts (?1) in some UTC months (?2), JSON arrays both; runs under way at ?3. The short array
  /// comes first: the other is parsed anew for each of its elements.
  static let countersSQL = """
    SELECT j.value, k.value, m.generations, m.uploads, p.pages,
      (SELECT count(*) FROM run WHERE account = j.value AND status = 1 AND expires_at > ?3)
    FROM json_each(?2) k CROSS JOIN json_each(?1) j
    LEFT JOIN usage_month m ON m.month = k.value AND m.account = j.value
    LEFT JOIN page_counter p ON p.account = j.value
    """
  /// Of some UTC days (?1) and many accounts (?2), JSON arrays both.
  static let edgesSQL = """
    SELECT r.day, r.account, q.quarters FROM json_each(?1) d CROSS JOIN json_each(?2) j
    CROSS JOIN rollup r ON r.day = d.value AND r.account = j.value AND r.label = 0
    CROSS JOIN rollup_quarters q ON q.id = r.quarters_id
    """

  private let month: Statement
  private let quarters: Statement
  private let pages: Statement
  private let planId: Statement
  private let subjects: Statement
  private let counters: Statement
  private let edges: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    month = try connection.prepare(Self.monthSQL)
    quarters = try connection.prepare(Self.quartersSQL)
    pages = try connection.prepare(Self.pagesSQL)
    planId = try connection.prepare(Self.planIdSQL)
    subjects = try connection.prepare(Self.subjectsSQL)
    counters = try connection.prepare(Self.countersSQL)
    edges = try connection.prepare(Self.edgesSQL)
  }

  // MARK: one account

  /// Of a UTC month, by its number.
  func counters(_ key: MonthKey) throws(SQLiteError) -> MonthCounters {
    month.bind(1, key.month)
    month.bind(2, key.account)
    defer { month.reset() }
    return try month.step()
      ? MonthCounters(generations: month.int(0), uploads: month.int(1)) : MonthCounters()
  }

  /// Of a UTC day, under label 0.
  func quarters(day: Int64, account: Int64) throws(SQLiteError) -> PackedQuarters {
    quarters.bind(1, day)
    quarters.bind(2, account)
    defer { quarters.reset() }
    return try quarters.step() ? PackedQuarters(bytes: quarters.blob(0)) : PackedQuarters()
  }

  /// Live ones.
  func pages(account: Int64) throws(SQLiteError) -> Int64 {
    pages.bind(1, account)
    defer { pages.reset() }
    return try pages.step() ? pages.int(0) : 0
  }

  /// Of the user's settings; nil without one.
  func planId(account: Int64) throws(SQLiteError) -> String? {
    planId.bind(1, account)
    defer { planId.reset() }
    return try planId.step() ? planId.optionalText(0) : nil
  }

  // MARK: many accounts

  /// One statement; users that are not known are left out.
  func subjects(userIds: [String]) throws(SQLiteError) -> [UsageSubject] {
    subjects.bind(1, JSONText.array(userIds))
    defer { subjects.reset() }
    var found: [UsageSubject] = []
    found.reserveCapacity(userIds.count)
    while try subjects.step() {
      found.append(
        UsageSubject(account: subjects.int(0), userId: subjects.text(1), planId: subjects.optionalText(2)))
    }
    return found
  }

  /// What accounts have used in a month: at most three statements. ListUsers calls it too, with the plan
  /// ids of the settings that it has read.
  /// - Parameters:
  ///   - month: nil: the current one, in each zone.
  ///   - zone: nil: that of each one's plan, else UTC.
  /// - Returns: one a subject, in order; a refusal when a plan's zone is not known to this machine.
  func months(
    of subjects: [UsageSubject], month: Month?, zone: Zone?, plans: PlanReader, zones: ZoneStore,
    nowMicros: Int64
  ) throws(SQLiteError) -> Result<[Usage], Refusal> {
    var draft = UsageDraft(month: month, zone: zone, nowMicros: nowMicros)
    let planIds = Set(subjects.compactMap { $0.planId.map(ExactText.init) })
    let known = planIds.isEmpty ? [:] : try plans.plans(ids: planIds.map(\.text))
    do {
      for subject in subjects {
        try draft.add(subject, subject.planId.flatMap { known[ExactText($0)] }, zones)
      }
    } catch { return .failure(error) }
    try readCounters(into: &draft)
    try readEdges(into: &draft)
    return .success(draft.usages)
  }

  private func readCounters(into draft: inout UsageDraft) throws(SQLiteError) {
    counters.bind(1, JSONText.array(draft.accounts))
    counters.bind(2, JSONText.array(Array(draft.utcMonths)))
    counters.bind(3, draft.nowMicros)
    defer { counters.reset() }
    while try counters.step() {
      draft.fill(
        account: counters.int(0), month: counters.int(1),
        MonthCounters(generations: counters.int(2), uploads: counters.int(3)), pages: counters.int(4),
        running: counters.int(5))
    }
  }

  /// None when all months are UTC's.
  private func readEdges(into draft: inout UsageDraft) throws(SQLiteError) {
    let days = draft.edgeDays
    guard !days.isEmpty else { return }
    edges.bind(1, JSONText.array(days))
    edges.bind(2, JSONText.array(draft.accounts))
    defer { edges.reset() }
    while try edges.step() {
      try draft.fill(account: edges.int(1), day: edges.int(0), PackedQuarters(bytes: edges.blob(2)))
    }
  }
}

/// Usages under way.
struct UsageDraft {
  let nowMicros: Int64
  private let month: Month?
  private let zone: Zone?
  private(set) var usages: [Usage] = []
  private(set) var accounts: [Int64] = []
  private(set) var utcMonths: Set<Int64> = []
  private var spans: [MonthSpan] = []
  /// Of usages and accounts: index by account.
  private var indexes: [Int64: Int] = [:]
  private var known: [String: (zone: Zone, span: MonthSpan)] = [:]

  init(month: Month?, zone: Zone?, nowMicros: Int64) {
    self.month = month
    self.zone = zone
    self.nowMicros = nowMicros
  }

  mutating func add(_ subject: UsageSubject, _ plan: Plan?, _ zones: ZoneStore) throws(Refusal) {
    let (zone, span) = try span(plan, zones)
    indexes[subject.account] = usages.count
    accounts.append(subject.account)
    spans.append(span)
    utcMonths.insert(span.month.number)
    usages.append(
      Usage(
        userId: subject.userId, month: span.month, timeZone: zone.name, planId: plan?.id,
        limits: plan?.limits ?? PlanLimits(), resetsAtMicros: span.endMicros))
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
    usages[index].generations = usages[index].generations.addingSaturating(counters.generations)
    usages[index].uploads = usages[index].uploads.addingSaturating(counters.uploads)
    usages[index].pages = pages
    usages[index].running = running
  }

  /// UTC days of which some month has only a part.
  var edgeDays: [Int64] {
    Array(Set(known.values.flatMap { $0.span.edges.map(\.day) })).sorted()
  }

  mutating func fill(account: Int64, day: Int64, _ quarters: PackedQuarters) throws(SQLiteError) {
    guard let index = indexes[account] else { return }
    for edge in spans[index].edges where edge.day == day {
      let sum = try quarters.sum(edge.quarters)
      usages[index].generations = usages[index].generations.addingSaturating(
        edge.sign.multipliedSaturating(by: sum.runs.succeeded.count))
      usages[index].uploads = usages[index].uploads.addingSaturating(
        edge.sign.multipliedSaturating(by: sum.uploads))
    }
  }
}
