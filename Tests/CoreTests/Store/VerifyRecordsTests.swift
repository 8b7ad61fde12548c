// Records that no server could read, or that none would write: each is named, and what follows it is read.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Verify, records")
struct VerifyRecordsTests {
  private static var capped: Plan {
    var plan = plan("capped", 50)
    (plan.tagKeys, plan.caps) = (["feature"], [Cap.money("c", .day, 50)])
    plan.spenderCaps = [Cap.money("s", .day, 5)]
    plan.multiplierPpm = 1_200_000
    return plan
  }

  private static let rules = [
    AlertRule(id: "balance", scope: .everyUser, condition: .balanceBelow(micros: 10)),
    AlertRule(id: "quota", scope: .user("u1"), condition: .quotaAt(.uploads, percent: 80)),
    AlertRule(id: "end", scope: .everyUser, condition: .creditExpires(withinMillis: 1)),
    AlertRule(id: "cap", scope: .plan("team"), condition: .capAt(percent: 100)),
  ]

  /// All that is in `VerifyProductTests.filled`, two more plans, rules, caps, and two intents to top up: one
  /// that was closed, one that is open.
  static func filled(_ directory: TemporaryDirectory) throws {
    try VerifyProductTests.filled(directory)
    let engine = try open(directory, clock: TestClock(wallMicros: noon + second))
    func apply(_ command: Command) throws {
      let outcome = try engine.decide(command)
      if case .refused(let refusal) = outcome { Issue.record("\(refusal)") }
    }
    try apply(.putPlan(capped))
    for rule in rules { try apply(.admin(.putRule(rule))) }
    try apply(.admin(.putCaps("u1", CapList(spender: "", caps: [Cap.money("own", .day, 50)]))))
    for user in ["u4", "u5"] {
      try apply(.topUp(.put(TopUp(userId: user, thresholdMicros: 10, targetMicros: 50))))
    }
    try engine.must(
      .addPurchase(
        .init(userId: "u4", paymentId: "pay", amountMicros: 60, intentId: 1, idempotency: key("t"))))
    #expect(try engine.findings() == [])
    try engine.close()
  }

  @Test(
    "what no server can read is named",
    arguments: [
      ("UPDATE plan SET caps = x'ff' WHERE id = 'capped'", "plan 'capped': malformed caps"),
      ("UPDATE plan SET spender_caps = x'ff' WHERE id = 'capped'", "plan 'capped': malformed caps"),
      ("UPDATE plan SET capped = 0 WHERE id = 'capped'", "plan 'capped': malformed capped of plan"),
      ("UPDATE plan SET tag_keys = x'05' WHERE id = 'team'", "plan 'team': malformed texts"),
      ("UPDATE plan SET prices = x'05' WHERE id = 'team'", "plan 'team': malformed prices"),
      ("UPDATE plan SET expiry = 9 WHERE id = 'team'", "plan 'team': malformed expiry of plan"),
      ("UPDATE plan SET on_short = 9 WHERE id = 'team'", "plan 'team': malformed on_short of plan"),
      ("UPDATE plan SET cancelled_cost = 9 WHERE id = 'team'", "plan 'team': malformed cancelled_cost"),
      ("UPDATE plan SET monthly_credit = 0 WHERE id = 'team'", "plan 'team': malformed plan team"),
      (
        "UPDATE plan SET time_zone = '../x' WHERE id = 'team'",
        "plan 'team': '../x' is no name of a time zone"
      ),
      (
        "UPDATE alert_rule SET kind = 60 WHERE id = 'quota'",
        "rule 'quota': malformed alert rule quota, kind 60"
      ),
      (
        "UPDATE alert_rule SET quota = 9 WHERE id = 'quota'",
        "rule 'quota': malformed alert rule quota, quota 9"
      ),
      (
        "UPDATE alert_rule SET scope = 9 WHERE id = 'quota'",
        "rule 'quota': malformed alert rule quota, scope 9"
      ),
      (
        "UPDATE alert_rule SET quota = 1 WHERE id = 'balance'",
        "rule 'balance': its quota, its share or its time"
      ),
      (
        "UPDATE alert_rule SET threshold = 101 WHERE id = 'quota'",
        "rule 'quota': its quota, its share or its time"
      ),
      (
        "UPDATE alert_rule SET threshold = 0 WHERE id = 'end'", "rule 'end': its quota, its share or its time"
      ),
      (
        "UPDATE alert_rule SET threshold = 0 WHERE id = 'cap'", "rule 'cap': its quota, its share or its time"
      ),
      ("UPDATE user_settings SET role = 9", "user settings 2: malformed settings of account 2"),
      (
        "UPDATE user_settings SET subscription_plan = 'team', subscription_start_day = -9999999",
        "user settings 2: malformed subscription of account 2"
      ),
      ("UPDATE rate_limit SET kind = 9 WHERE id = 2", "rate limit 2: malformed a rate limit of kind 9"),
      ("UPDATE media SET source = 9 WHERE id = 2", "medium 2: malformed source of medium b"),
      ("UPDATE run SET status = 9 WHERE id = 1", "run row 1: malformed status of run 1"),
      ("UPDATE run SET units = x'ff' WHERE id = 3", "run row 3: malformed units"),
      ("UPDATE run SET tags = x'ff' WHERE id = 3", "run row 3: malformed tags"),
      ("UPDATE run SET breakdown = x'ff' WHERE id = 3", "run row 3: malformed breakdown"),
      ("UPDATE run SET id = 5000000000000000000 WHERE id = 4", "malformed a count of 5000000000000000000"),
      ("UPDATE page SET version = -1 WHERE id = 1", "page 1: malformed a count of -1"),
      (
        "UPDATE page_version SET sections = x'ff' WHERE page = 1 AND version = 1",
        "page_version 1: malformed sections"
      ),
      (
        "UPDATE page_version SET section_count = 7 WHERE page = 1 AND version = 1",
        "page 1, version 1: 2 sections, it says 7"
      ),
    ])
  func unreadable(_ sql: String, _ finding: String) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try Self.filled(directory)
    try VerifyTests.expect(finding, of: 8, after: sql, in: directory)
  }

  @Test(
    "what another check reads is named by that",
    arguments: [
      (1, "INSERT INTO system_account VALUES (9, 0)", "system account 9: there is none"),
      (3, "UPDATE event SET intent_state = 3 WHERE intent_state = 2", "its intent did not come to that"),
      (3, "UPDATE event SET intent_amount = 61 WHERE intent_state = 2", "its intent did not come to that"),
      (3, "UPDATE event SET intent_amount = 49 WHERE id = 1", "event 1: its intent did not come to that"),
      (3, "UPDATE event SET intent_state = 9 WHERE id = 1", "event 1: malformed event 1, intent in state 9"),
      (3, "UPDATE event SET intent_state = 9 WHERE id = 1", "event 2: the one before it is 0"),
      (3, "DELETE FROM event WHERE intent_state = 2", "top-up intent 1: no event says that it has ended"),
      (3, "DELETE FROM event WHERE intent = 2", "top-up intent 2: no event says that it was opened"),
      (3, "UPDATE price SET commit_sequence = 999", "commit 999"),
      (
        4, "UPDATE top_up_intent SET state = 9 WHERE id = 1", "top-up intent 1: malformed top-up intent 1, st"
      ),
      (4, "UPDATE top_up SET month = 1 << 41 WHERE account = 3", "top-up of account 3: malformed month"),
      (4, "UPDATE price SET class = 99 WHERE id = 1", "price 1: malformed class of price 1"),
      (4, "UPDATE price SET class = 99 WHERE id = 1", "price 2: comes after price 0"),
      (
        4, "UPDATE price SET plan_id = '' WHERE class = 0",
        "it is of no class, and of no plan or of one model"
      ),
      (
        4, "UPDATE price SET model = 'm' WHERE class = 0", "it is of no class, and of no plan or of one model"
      ),
      (
        4, "UPDATE price SET commit_sequence = 9 WHERE id = 1", "price 2: its commit is before the last one's"
      ),
      (4, "UPDATE run SET breakdown = x'ff' WHERE id = 3", "run row 3: malformed breakdown"),
      (4, "UPDATE run SET estimate = 4 WHERE run_id = 'r5'", "an estimate of 4, its hold is of 3"),
      (4, "UPDATE run SET estimate = 4 WHERE run_id = 'r1'", "an estimate of 4, its hold is of 0"),
      (6, "UPDATE cap_list SET caps = x'ff'", "account 1: malformed caps"),
      (6, "UPDATE run SET tags = x'ff' WHERE id = 3", "2026-1-15: malformed tags"),
      (6, "UPDATE run SET status = 9 WHERE id = 3", "2026-1-15: malformed run: status 9"),
    ])
  func otherChecks(_ check: Int, _ sql: String, _ finding: String) throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try Self.filled(directory)
    try VerifyTests.expect(finding, of: check, after: sql, in: directory)
  }

  @Test("a time zone that this machine does not know is noted, and is no violation")
  func unknownZone() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try Self.filled(directory)
    try directory.connection().execute("UPDATE plan SET time_zone = 'Europe/Nowhere' WHERE id = 'team'")
    let report = try #require(try VerifyTests.reports(directory.databasePath)[8])
    #expect(report.violations == 0)
    #expect(report.findings.count == 1)
    #expect(
      report.findings.first?.hasPrefix("note: plan 'team': this machine knows no time zone Europe/Nowhere")
        == true)
  }

  @Test("a walk goes on behind a row that makes no sense, from slice to slice")
  func goesOn() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try Self.filled(directory)
    let connection = try directory.connection()
    try connection.execute(
      """
      PRAGMA ignore_check_constraints = ON; UPDATE rate_limit SET kind = 9 WHERE id = 1;
      UPDATE rate_limit SET kind = 8 WHERE id = 2
      """)
    let walk = try RecordWalk(
      connection, "rate limit", RateLimitTable.pageSQL, sliceRows: 2, decode: RateLimitTable.limit)
    var (tally, read, slices) = (VerifyTally(), 0, 1)
    while try walk.slice(&tally, { _, _ in read += 1 }) { slices += 1 }
    #expect(tally.findings.count == 2 && tally.violations == 2)
    #expect(tally.examined == 3 && read == 1 && slices == 2)
  }
}
