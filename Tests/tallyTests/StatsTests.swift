// The dashboard as text: bars, shares, days; and `tally stats` against a server.

import TallyMessages
import TallyProtoJSON
import Testing

@testable import tally

@Suite("Stats")
struct StatsTests {
  private static func totals(
    _ count: Int64, failed: Int64 = 0, costMicros: Int64 = 0
  ) -> TallystickV1.RunTotals {
    var totals = TallystickV1.RunTotals()
    totals.count = count
    totals.failed = failed
    totals.succeeded = count - failed
    totals.costMicros = costMicros
    totals.errorRatePpm = count == 0 ? 0 : failed * 1_000_000 / count
    return totals
  }

  private static func group(_ name: String, _ totals: TallystickV1.RunTotals) -> TallystickV1.RunGroup {
    var group = TallystickV1.RunGroup()
    group.name = name
    group.totals = totals
    return group
  }

  private static func day(_ date: String, _ totals: TallystickV1.RunTotals) -> TallystickV1.RunDay {
    var day = TallystickV1.RunDay()
    day.date = date
    day.totals = totals
    return day
  }

  @Test(
    "a bar has eighths of a cell, and anything above zero is seen",
    arguments: [
      (0, 100, 4, ""), (100, 100, 4, "████"), (50, 100, 4, "██"), (1, 100_000, 4, "▏"), (9, 16, 2, "█▏"),
      (15, 16, 2, "█▉"), (7, 0, 4, ""), (Int64.max, Int64.max, 3, "███"),
    ] as [(Int64, Int64, Int, String)])
  func bars(value: Int64, most: Int64, cells: Int, bar: String) {
    #expect(Dashboard.bar(value, of: most, cells: cells) == bar)
  }

  @Test(
    "a rate has one place, rounded",
    arguments: [(0, "0.0%"), (49, "0.0%"), (29_950, "3.0%"), (333_333, "33.3%"), (1_000_000, "100.0%")]
      as [(Int64, String)])
  func percents(ppm: Int64, text: String) {
    #expect(Dashboard.percent(ppm: ppm) == text)
  }

  private static var sample: TallystickV1.GetStatsResponse {
    var stats = TallystickV1.GetStatsResponse()
    stats.totals = totals(1_200, failed: 36, costMicros: 12_340_000)
    stats.byModel = [
      group("gpt-x", totals(900, failed: 36, costMicros: 12_000_000)),
      group("", totals(300, costMicros: 340_000)),
    ]
    stats.byType = [group("text", totals(1_200, failed: 36, costMicros: 12_340_000))]
    stats.byStatus = [group("SUCCEEDED", totals(1_164)), group("FAILED", totals(36))]
    stats.days = [day("2030-01-14", totals(0)), day("2030-01-15", totals(1_200, failed: 36))]
    return stats
  }

  @Test("totals, groups and days stand in tables with bars as wide as there is room")
  func dashboard() {
    let text = Dashboard(stats: Self.sample, user: "", columns: 50).text
    #expect(
      text == """
        Runs of all users, 2030-01-14 to 2030-01-15, UTC

        runs       1,200
        cost       $12.34
        failed     36 (3.0%)
        cancelled  0
        tokens     0 in, 0 out
        images     0

        MODEL     RUNS  SHARE    COST  FAILED
        gpt-x      900  75.0%  $12.00    4.0%  ███████████
        (others)   300  25.0%   $0.34    0.0%  ███▋

        TYPE   RUNS   SHARE    COST  FAILED
        text  1,200  100.0%  $12.34    3.0%  █████████████

        STATUS      RUNS  SHARE   COST
        succeeded  1,164  97.0%  $0.00  ██████████████████
        failed        36   3.0%  $0.00  ▌

        DAY          RUNS   COST  FAILED
        2030-01-14      0  $0.00    0.0%
        2030-01-15  1,200  $0.00    3.0%  ████████████████

        """)
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 50 })
  }

  @Test("without runs there is nothing to draw, and a name cannot move the cursor")
  func empty() {
    var stats = TallystickV1.GetStatsResponse()
    stats.days = [Self.day("2030-01-15", Self.totals(0))]
    stats.timeZone = "Europe/Berlin"
    let text = Dashboard(stats: stats, user: "a\u{1B}[2J", columns: 80).text
    #expect(text.hasPrefix(#"Runs of a\u001b[2J, 2030-01-15 to 2030-01-15, Europe/Berlin"#))
    #expect(!text.contains("DAY"))
    #expect(!text.contains("\u{1B}"))
  }

  @Test("spenders and the values of a tag are told apart when asked, with what providers took")
  func groups() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    _ = try rig.output("plans", "put", "team", "--credit", "1", "--tag", "feature", "--default")
    for (run, spender, feature) in [("r1", "ann", "chat"), ("r2", "bo", "chat"), ("r3", "bo", "draw")] {
      let recorded = try rig.output(
        "usage", "record", "acme", run, "--model", "m", "--type", "text", "--cost", "0.5", "--provider-cost",
        "0.2", "--units", "cache_read=7", "--spender", spender, "--tag", "feature=\(feature)")
      for line in [
        "spender        \(spender)\n", "tags           feature=\(feature)\n", "provider took  $0.20\n",
        "margin         $0.30\n", "cache_read     7\n",
      ] {
        #expect(recorded.contains(line), "\(recorded)")
      }
    }
    let text = try rig.output("stats", "acme", "--days", "1", "--by-spender", "--by-tag", "feature")
    for part in [
      "providers took  $0.60\n", "margin          $0.90\n", "cache_read      21\n",
      "SPENDER  RUNS  SHARE   COST  MARGIN  FAILED\n", "bo          2  66.7%  $1.00   $0.60    0.0%",
      "ann         1  33.3%  $0.50   $0.30    0.0%", "FEATURE  RUNS  SHARE   COST  MARGIN  FAILED\n",
      "chat        2  66.7%  $1.00   $0.60    0.0%",
    ] {
      #expect(text.contains(part), "\(text)")
    }
    let plain = try rig.output("stats", "acme")
    #expect(!plain.contains("SPENDER") && !plain.contains("FEATURE"))
    let listed = try rig.output("usage", "runs", "acme", "--spender", "ann")
    #expect(listed.contains("RUN  SPENDER  MODEL") && listed.contains("r1   ann      m"), "\(listed)")
    #expect(!listed.contains("r2"))
    _ = try rig.refusal("stats", "--by-spender", status: .usage)
    #expect(try rig.output("plans", "put", "team", "--credit", "1", "--name", "T").contains("feature"))
    let without = try rig.output("plans", "put", "team", "--credit", "1", "--tag", "none")
    #expect(!without.contains("feature"))
    #expect(rig.fixture.stop() == 0)
  }

  @Test("what is recorded is what is drawn, of all users and of one")
  func live() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    for (run, user, model, status, cost) in [
      ("r1", "alice", "gpt-x", "succeeded", "0.25"), ("r2", "alice", "gpt-x", "failed", "0"),
      ("r3", "bob", "pix", "succeeded", "0.5"),
    ] {
      _ = try rig.output(
        "usage", "record", user, run, "--model", model, "--type", "text", "--status", status, "--cost", cost,
        "--started", "2030-01-14T23:30:00Z")
    }
    let all = try rig.output("stats", "--days", "2")
    #expect(all.hasPrefix("Runs of all users, 2030-01-14 to 2030-01-15, UTC\n\nruns       3\n"))
    #expect(all.contains("\ncost       $0.75\nfailed     1 (33.3%)\n"))
    #expect(all.contains("2030-01-14     3  $0.75   33.3%  ███"))
    #expect(all.contains("2030-01-15     0  $0.00    0.0%\n"))
    let berlin = try rig.output(
      "stats", "alice", "--days", "2", "--time-zone", "Europe/Berlin", "--recent", "1")
    #expect(berlin.contains("2030-01-15     2  $0.25   50.0%  ███"))
    #expect(berlin.contains("RUN  MODEL"))
    let json = try JSON.parse(
      rig.output("stats", "bob", "--from", "2030-01-14", "--to", "2030-01-15", "--json"))
    #expect(json["totals"]?["costMicros"] == .string("500000"))
    #expect(json["timeZone"] == .string("UTC"))
    let zone = try rig.refusal("stats", "--time-zone", "Mars/Olympus")
    #expect(zone.contains("INVALID_FIELD") && zone.contains("time_zone"))
    _ = try rig.refusal("stats", "--days", "0", status: .usage)
    _ = try rig.refusal("stats", "--from", "2030-01-14", status: .usage)
    #expect(rig.fixture.stop() == 0)
  }
}
