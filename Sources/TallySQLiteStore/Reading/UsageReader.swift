// What many users have used: months, pages and quarter hours.
//
// Invariants:
// 1. Each function runs a fixed number of statements, however many accounts it is asked about.
// 2. Ids of accounts and of plans are looked for by the database's order of bytes.
//
// Owner: the owner of its connection.

internal import TallyCore
internal import TallySQLite

/// Whose usage is asked for.
struct UsageSubject {
  var account: Int64
  var userId: String
  /// The plan that the user's settings name.
  var planId: String?
  var isSuspended = false
  /// As it was last written; whoever asks sets what it is by now.
  var owedMicros: Int64 = 0
}

final class UsageReader {
  /// Many users; ?1 is a JSON array of their ids.
  static let subjectsSQL = """
    SELECT a.id, a.user_id, s.plan_id, a.suspended, a.owed
    FROM account a LEFT JOIN user_settings s ON s.account = a.id
    WHERE a.user_id IN (SELECT value FROM json_each(?1))
    """
  /// The counters of many accounts (?1) in some UTC months (?2), both JSON arrays, and how many of their runs
  /// are under way at ?3. The short array comes first: the other is parsed anew for each of its elements.
  static let countersSQL = """
    SELECT j.value, k.value, m.generations, m.uploads, m.cost, p.pages,
      (SELECT count(*) FROM run WHERE account = j.value AND status = 1 AND expires_at > ?3)
    FROM json_each(?2) k CROSS JOIN json_each(?1) j
    LEFT JOIN usage_month m ON m.month = k.value AND m.account = j.value
    LEFT JOIN page_counter p ON p.account = j.value
    """
  /// The quarter hours of many accounts (?2) on some UTC days (?1), both JSON arrays.
  static let edgesSQL = """
    SELECT r.account, r.day, q.quarters FROM json_each(?1) d CROSS JOIN json_each(?2) j
    CROSS JOIN rollup r ON r.day = d.value AND r.account = j.value AND r.label = 0
    CROSS JOIN rollup_quarters q ON q.id = r.quarters_id
    """

  private let subjects: Statement
  private let counters: Statement
  private let edges: Statement

  init(_ connection: Connection) throws(SQLiteError) {
    subjects = try connection.prepare(Self.subjectsSQL)
    counters = try connection.prepare(Self.countersSQL)
    edges = try connection.prepare(Self.edgesSQL)
  }

  /// One statement; users that are not known are left out.
  func subjects(userIds: [String]) throws(SQLiteError) -> [UsageSubject] {
    subjects.bind(JSONText.array(userIds))
    return try subjects.all { (row) in
      UsageSubject(
        account: row.int(), userId: row.text(), planId: row.optionalText(), isSuspended: row.int() != 0,
        owedMicros: row.int())
    }
  }

  /// What accounts have used in a month: at most three statements. ListUsers calls it too, with the plan
  /// ids of the settings that it has read.
  /// - Parameters:
  ///   - month: nil: the current one, in each zone.
  ///   - zone: nil: that of each one's plan, else UTC.
  /// - Returns: one a subject, in order; a refusal when a plan's zone is not known to this machine.
  func months(
    of subjects: [UsageSubject], month: Month?, zone: Zone?, plans: PlanTable, zones: ZoneStore,
    nowMicros: Int64
  ) throws(SQLiteError) -> Result<[Usage], Refusal> {
    var draft = UsageDraft(month: month, zone: zone, nowMicros: nowMicros)
    let known = try plans.plans(ids: subjects.lazy.map(\.planId))
    do {
      for subject in subjects { try draft.add(subject, known[subject.planId], zones) }
    } catch { return .failure(error) }
    try readCounters(into: &draft)
    try readEdges(into: &draft)
    return .success(draft.usages)
  }

  private func readCounters(into draft: inout UsageDraft) throws(SQLiteError) {
    counters.bind(JSONText.array(draft.accounts))
    counters.bind(JSONText.array(Array(draft.utcMonths)))
    counters.bind(draft.nowMicros)
    defer { counters.reset() }
    while try counters.step() {
      try counters.row { (row) in
        draft.fill(
          account: row.int(), month: row.int(), row.monthCounters(),
          pages: row.int(), running: row.int())
      }
    }
  }

  /// None when all months are UTC's.
  private func readEdges(into draft: inout UsageDraft) throws(SQLiteError) {
    let days = draft.edgeDays
    guard !days.isEmpty else { return }
    edges.bind(JSONText.array(days))
    edges.bind(JSONText.array(draft.accounts))
    defer { edges.reset() }
    while try edges.step() {
      try edges.row { (row) throws(SQLiteError) in
        try draft.fill(account: row.int(), day: row.int(), PackedQuarters(bytes: row.blob()))
      }
    }
  }
}
