// Check 8 of records: every one can be read as the server reads it, and says nothing that it never writes.
//
// Invariants:
// 1. What other checks read row by row is left to them: the ledger, accounts, holds, events, top-ups, prices
//    and counters of caps.
// 2. A time zone is known by the machine's files, which are no part of the file: one that is not known here
//    is noted, and is no violation.
//
// Owner: the thread that verifies.

internal import TallyCore
internal import TallySQLite

final class VerifyRecords {
  static let plansSQL = "SELECT id, \(PlanTable.columns) FROM plan WHERE id > ?1 ORDER BY id LIMIT ?2"
  static let rulesSQL = """
    SELECT r.id, r.quota IS NOT NULL, \(AlertRuleTable.selected)
    FROM alert_rule r LEFT JOIN account a ON a.id = r.account WHERE r.id > ?1 ORDER BY r.id LIMIT ?2
    """
  static let settingsSQL = """
    SELECT s.account, s.account, \(UserSettingsTable.columns.of("s"))
    FROM user_settings s WHERE s.account > ?1 ORDER BY s.account LIMIT ?2
    """
  static let runsSQL = """
    SELECT r.id, r.id, \(RunTable.selected)
    FROM run r LEFT JOIN account a ON a.id = r.account WHERE r.id > ?1 ORDER BY r.id LIMIT ?2
    """
  static let mediaSQL = """
    SELECT m.id, \(MediaTable.columns.of("m")) FROM media m WHERE m.id > ?1 ORDER BY m.id LIMIT ?2
    """
  static let pagesSQL = "SELECT id, \(PageTable.columns) FROM page WHERE id > ?1 ORDER BY id LIMIT ?2"
  static let versionsSQL = """
    SELECT id, page, version, section_count, sections FROM page_version WHERE id > ?1 ORDER BY id LIMIT ?2
    """

  let walks: [any SliceWalk]

  init(_ connection: Connection) throws(SQLiteError) {
    let first: [ColumnValue] = [.text([])]
    let plans = try RecordWalk(
      connection, "plan", Self.plansSQL, after: first, law: Self.compareZone, decode: PlanTable.plan)
    let rules = try RecordWalk(
      connection, "alert rule", Self.rulesSQL, after: first, law: Self.compare, decode: Self.rule)
    let settings = try RecordWalk(connection, "user settings", Self.settingsSQL) {
      (row) throws(SQLiteError) in
      var settings = UserSettings(userId: "")
      try UserSettingsTable.fill(&settings, account: row.int(), &row)
      return settings
    }
    let limits = try RecordWalk(
      connection, "rate limit", RateLimitTable.pageSQL, decode: RateLimitTable.limit)
    let runs = try RecordWalk(connection, "run row", Self.runsSQL) { (row) throws(SQLiteError) in
      _ = try row.counted()
      return try RunTable.run(&row)
    }
    let media = try RecordWalk(connection, "medium", Self.mediaSQL) { (row) throws(SQLiteError) in
      try MediaTable.media(userId: "", &row)
    }
    let pages = try RecordWalk(connection, "page", Self.pagesSQL, decode: PageTable.page)
    let versions = try RecordWalk(
      connection, "page_version", Self.versionsSQL, sliceRows: VerifyPages.slicePages, law: Self.compare,
      decode: Self.version)
    walks = [plans, rules, settings, limits, runs, media, pages, versions]
  }

  private static func compareZone(of plan: Plan, _ tally: inout VerifyTally) {
    let (name, zone) = ("plan '\(plan.id)'", plan.timeZone)
    if zone.isEmpty { return }
    guard ZoneStore.isName(zone) else { return tally.add("\(name): '\(zone)' is no name of a time zone") }
    do throws(Refusal) { _ = try zones.zone(named: zone) } catch {
      tally.note("\(name): this machine knows no time zone \(zone); a server here refuses what needs it")
    }
  }

  private static let zones = ZoneStore()

  private struct Rule {
    var hasQuota: Bool
    var rule: AlertRule
  }

  private static func rule(_ row: inout Columns) throws(SQLiteError) -> Rule {
    Rule(hasQuota: row.int() != 0, rule: try AlertRuleTable.rule(&row))
  }

  private static func compare(_ row: Rule, _ tally: inout VerifyTally) {
    let fits: Bool
    switch row.rule.condition {
    case .balanceBelow, .owedAbove: fits = !row.hasQuota
    case .quotaAt(_, let percent): fits = row.hasQuota && (1...100).contains(percent)
    case .capAt(let percent): fits = !row.hasQuota && (1...100).contains(percent)
    case .creditExpires(let millis): fits = !row.hasQuota && millis > 0
    }
    tally.expect(
      fits, "alert rule '\(row.rule.id)': its quota, its share or its time does not fit its kind")
  }

  private struct Version {
    var page: Int64
    var version: Int64
    var sectionCount: Int64
    var sections: Int
  }

  private static func version(_ row: inout Columns) throws(SQLiteError) -> Version {
    Version(
      page: row.int(), version: row.int(), sectionCount: row.int(),
      sections: try Packing.sections(row.blob()).count)
  }

  private static func compare(_ version: Version, _ tally: inout VerifyTally) {
    tally.expect(
      version.sectionCount == Int64(version.sections),
      "page \(version.page), version \(version.version): \(version.sections) sections, "
        + "it says \(version.sectionCount)")
  }
}
