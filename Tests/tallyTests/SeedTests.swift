// The demo data: the same each time, like what it stands for; and `tally seed-demo` against a server.

import TallyMessages
import TallyProtoJSON
import Testing

@testable import tally

@Suite("Seed")
struct SeedTests {
  private static func size(
    users: Int = 50, runs: Int = 20_000, pages: Int = 30, days: Int = 30, seed: UInt64 = 1,
    day: Int64 = 21_929
  ) -> DemoSize {
    DemoSize(
      users: users, runs: runs, pages: pages, creditMicros: 25_000_000, days: days, seed: seed, day: day)
  }

  @Test("an item is the same whoever asks and whenever, and another seed makes another")
  func reproducible() {
    let (first, again, other) = (
      DemoData(Self.size()), DemoData(Self.size()), DemoData(Self.size(seed: 2))
    )
    for number in [0, 1, 9_999, 19_999] {
      #expect(first.run(number) == again.run(number))
      #expect(first.run(number) != other.run(number))
      #expect(first.run(number).runId != other.run(number).runId)
    }
    #expect(first.page(7) == again.page(7))
    #expect(first.settings(ofUser: 3) == again.settings(ofUser: 3))
    // A value that must never change: data sets that stand in files and figures were made with it.
    let run = first.run(12_345)
    #expect(run.runId == "demo-2b6d6bc1-00012345")
  }

  @Test("runs of another day, size or number of users have other ids")
  func identity() {
    let ids = [
      Self.size(), Self.size(users: 51), Self.size(runs: 20_001), Self.size(days: 29), Self.size(day: 21_930),
    ].map { DemoData($0).run(0).runId }
    #expect(Set(ids).count == ids.count)
  }

  @Test("runs start in order, on the days before, and the server takes their age")
  func times() {
    for days in [1, 34] {
      let data = DemoData(Self.size(days: days))
      let starts = (0..<20_000).compactMap { data.run($0).startedAtMicros }
      #expect(starts == starts.sorted())
      let midnight = data.size.day * DemoData.microsPerDay
      #expect(starts.allSatisfy { $0 < midnight && $0 >= midnight - Int64(days) * DemoData.microsPerDay })
      // At the end of the day the oldest is still within 35 days.
      #expect(midnight + DemoData.microsPerDay - (starts.first ?? 0) <= 35 * DemoData.microsPerDay)
      let perDay = Dictionary(grouping: starts) { $0 / DemoData.microsPerDay }
      #expect(perDay.count == days)
    }
  }

  @Test("today has runs, up to the quarter of an hour that the server's clock has reached")
  func today() {
    var size = Self.size()
    let midnight = size.day * DemoData.microsPerDay
    #expect(DemoData(size).todaysRunCount == 0)
    size.passedQuarters = 50
    let data = DemoData(size)
    let starts = (0..<data.todaysRunCount).compactMap { data.todaysRun($0).startedAtMicros }
    #expect(starts.count > 100 && starts == starts.sorted())
    #expect(starts.allSatisfy { $0 >= midnight && $0 < midnight + 50 * DemoData.microsPerQuarter })
    // Later on the same day there are more, and the earlier ones are the same.
    size.passedQuarters = 96
    let later = DemoData(size)
    #expect(later.todaysRunCount == 20_000 / 30)
    #expect(later.todaysRun(7) == data.todaysRun(7) && later.run(7) == data.run(7))
  }

  @Test("about 3 in 100 fail, a few users make most runs, and costs follow the prices")
  func distribution() {
    let data = DemoData(Self.size())
    let runs = (0..<20_000).map(data.run)
    let failed = runs.filter { $0.status == .failed }
    #expect((400...800).contains(failed.count))
    #expect(failed.allSatisfy { !$0.error.isEmpty && $0.costMicros == 0 })
    let byUser = Dictionary(grouping: runs, by: \.userId).mapValues(\.count)
    #expect(byUser.count == 50)
    // Zipf: the first of 50 has 1 in 4.5, twice the second.
    #expect((4_000...4_900).contains(byUser[data.userId(0)] ?? 0))
    #expect((1_900...2_600).contains(byUser[data.userId(1)] ?? 0))
    #expect(Set(runs.map(\.model)).count == DemoModel.all.count)
    for run in runs.prefix(1_000) where run.status == .succeeded {
      let model = DemoModel.all.first { $0.name == run.model }
      let tokens = run.inputTokens * (model?.inputRate ?? 0) + run.outputTokens * (model?.outputRate ?? 0)
      #expect(run.costMicros == (tokens + 999_999) / 1_000_000 + run.images * (model?.imageMicros ?? 0))
    }
  }

  @Test("nothing to make, and one of everything, are sizes too")
  func edges() {
    let data = DemoData(Self.size(users: 1, runs: 1, pages: 1, days: 1))
    #expect(data.run(0).userId == data.userId(0))
    #expect(data.planId(ofUser: 0) == "demo-team")
    #expect(data.page(0).sections.count >= 3)
    #expect(DemoData(Self.size(runs: 0)).liveRunCount == 0)
  }

  @Test("the bar says how fast and how long")
  func title() {
    #expect(
      Seeder.title("runs", 50_000, of: 200_000, 2_000_000_000) == "runs, 25,000 a second, 6 s left")
    #expect(Seeder.title("runs", 0, of: 10, 5_000_000) == "runs")
  }

  @Test("a server is filled once, however often it is told")
  func live() async throws {
    let rig = try Rig()
    try await rig.stopClock()
    let size = ["--users", "20", "--runs", "2500", "--pages", "12"]
    let environment = ["TALLY_SOCKET": rig.fixture.socket]
    let first = try Rig.run(["seed-demo"] + size, environment: environment)
    #expect(first.status == 0, "\(first.error)")
    // The clock stands at noon.
    let today = DemoData(
      DemoSize(
        users: 20, runs: 2_500, pages: 12, creditMicros: 25_000_000, days: 29, seed: 1, day: 21_929,
        passedQuarters: 48)
    ).todaysRunCount
    #expect(today > 20)
    #expect(
      first.output.hasPrefix(
        """
        plans          3
        users          20
        purchases      20
        grants         20
        runs           2,500
        runs of today  \(today)
        live runs      10
        media          24
        pages          12
        took           
        """))
    let json = try JSON.parse(rig.output("stats", "--json"))
    #expect(json["totals"]?["count"] == .string("\(2_509 + today)"))
    let stats = try rig.output("stats")
    let again = try JSON.parse(
      Rig.run(["seed-demo", "--json"] + size, environment: environment).output)
    for kind in [
      "plans", "users", "purchases", "grants", "runs", "runs of today", "live runs", "media", "pages",
    ] {
      #expect(again[kind]?["sent"] != nil, "\(kind)")
      #expect(again[kind]?["replayed"] == again[kind]?["sent"], "\(kind)")
    }
    #expect(try rig.output("stats") == stats)
    // What it tells to try next works.
    for line in first.output.split(separator: "\n") where line.hasPrefix("  tally ") {
      let words = line.split(separator: " ").dropFirst().map(String.init)
      let tried = try Rig.run(words, environment: environment)
      #expect(tried.status == 0, "\(line): \(tried.error)\(tried.output)")
    }
    #expect(rig.fixture.stop() == 0)
  }

  @Test("sizes beyond their limits are refused before anything is sent")
  func limits() throws {
    for arguments in [["--users", "0"], ["--days", "35"], ["--runs", "-1"], ["--credits", "-1"]] {
      let environment = ["TALLY_SOCKET": "/nonexistent/tally.sock"]
      let result = try Rig.run(["seed-demo"] + arguments, environment: environment)
      #expect(result.status == tally.ExitStatus.usage.rawValue, "\(arguments): \(result.error)")
    }
  }
}
