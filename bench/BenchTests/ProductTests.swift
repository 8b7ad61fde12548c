// Pages, statistics and users: the load generator's arguments, the goals, and the audit's estimates.

import Testing

@testable import TallyBench

@Suite("Bench of the product")
struct ProductTests {
  static func sample(p50Micros: Double) -> Sample {
    Sample(perSecond: 1, p50Micros: p50Micros, p99Micros: 4 * p50Micros, maximumMicros: 9 * p50Micros)
  }

  static func goal(_ title: String, in book: Book) -> Goal? {
    Goal.all(book).first { $0.title.contains(title) && $0.isMet != nil }
  }

  @Test("a load names its users, its runs, its zone and its form")
  func arguments() {
    var load = Load(target: "postgres", workload: "stats", accounts: 1)
    load.first = 7
    load.runs = 10_000
    load.zone = "Asia/Kolkata"
    load.isORM = true
    let text = load.arguments(socket: "s", seconds: 1, warmup: 0.2).joined(separator: " ")
    #expect(text.contains("--accounts 1 --first 7 --runs 10000 --zone Asia/Kolkata --form orm"))
    load.isORM = false
    #expect(!load.arguments(socket: "s", seconds: 1, warmup: 0.2).contains("--form"))
  }

  @Test("a load takes its share of a figure's time, warm-up included")
  func share() {
    var load = Load(workload: "page")
    load.share = 0.5
    let list = load.arguments(socket: "s", seconds: 1, warmup: 0.25)
    #expect(list.joined(separator: " ").contains("--seconds 0.5 --warmup 0.125"))
  }

  @Test("PostgreSQL makes its data one statement at a time, the program many calls at once")
  func depth() {
    let part = Dataset.Part("seed-settings", accounts: 10, depth: 64)
    #expect(part.load(target: "postgres").depth == 1)
    #expect(part.load(target: "ttrpc").depth == 64)
  }

  @Test("no call records more runs than the server takes", arguments: [1, 999, 1000, 1_000_000])
  func runsInCall(runs: Int) {
    let load = Dataset.Part("seed-runs", runs: runs).load(target: "ttrpc")
    #expect(load.runs == runs)
    #expect(load.items == min(runs, 1000))
  }

  @Test("users come before what is theirs, and the newest are those with pages")
  func order() throws {
    let parts = Dataset.parts(largeRuns: 5)
    let settings = try #require(parts.firstIndex { $0.workload == "seed-settings" })
    let theirs = ["seed-runs", "seed-media", "seed-pages"]
    let others = parts.indices.filter { theirs.contains(parts[$0].workload) }
    #expect(others.count == 5)
    #expect(others.allSatisfy { $0 > settings })
    #expect(parts[others[0]].runs == 5)
    let pages = try #require(parts.last)
    #expect(pages.workload == "seed-pages")
    #expect(pages.first + pages.accounts == parts[settings].first + parts[settings].accounts)
    #expect(parts[parts.count - 2].first == pages.first)
  }

  @Test("the large user is held against the small one, zone by zone and round by round")
  func growth() throws {
    var book = Book()
    let zone = Dataset.zones[1]
    for (large, small) in [(1000.0, 1000.0), (1250, 1000), (9000, 3000)] {
      book.record(Self.sample(p50Micros: large), Case.stats("large", zone, "cold"), .tally)
      book.record(Self.sample(p50Micros: small), Case.stats("small", zone, "cold"), .tally)
      book.record(Self.sample(p50Micros: 1), Case.stats("large", zone, "hot"), .tally)
    }
    let growth = try #require(Self.goal("against 10,000 runs", in: book))
    #expect(growth.measured?.median == 1.25)
    #expect(growth.isMet == true)
    let absolute = try #require(Self.goal("stats over 30 days", in: book))
    #expect(absolute.measured?.median == 1.25)
    #expect(absolute.title.contains(zone))
    #expect(absolute.isMet == true)
  }

  @Test(
    "a list and a batch are held against their times",
    arguments: [(Case.users(100), "ListUsers", 500.0), (Case.usage, "BatchGetUsage", 2000)])
  func lists(name: String, title: String, micros: Double) throws {
    for (late, met) in [(0.0, true), (10, false)] {
      var book = Book()
      book.record(Self.sample(p50Micros: micros + late), name, .tally)
      #expect(try #require(Self.goal(title, in: book)).isMet == met)
    }
  }

  @Test("a run with fewer runs says so in its goals and its tables")
  func fewer() throws {
    var book = Book()
    book.largeRuns = 100_000
    book.record(Self.sample(p50Micros: 5), Case.stats("large", "UTC", "cold"), .tally)
    #expect(try #require(Self.goal("stats over 30 days", in: book)).title.contains("100,000 runs"))
    let text = Tables(book: book).markdown()
    #expect(text.contains("large user: 100,000 runs"))
    #expect(!text.contains("1,000,000"))
  }

  @Test("each of the audit's findings has its figure in its unit, measured or not")
  func findings() {
    var book = Book()
    book.record(Self.sample(p50Micros: 1500), Case.usage, .tally)
    book.record(Self.sample(p50Micros: 1500), Case.pageMany, .postgres)
    let lines = MeasuredFinding.table(book).split(separator: "\n").dropFirst(2)
    #expect(lines.count == 8)
    #expect(lines.contains("| usage | a month's of 1,000 users | 1.500 ms | - | - |"))
    #expect(lines.contains("| page detail | 10 sections, 20 images, 64 callers | - | - | 1.0/s |"))
  }

  @Test("each of the audit's estimates has its row, measured or not")
  func estimates() throws {
    var book = Book()
    book.record(Self.sample(p50Micros: 123.4), Case.page, .tally)
    book.record(Self.sample(p50Micros: 2000), Case.page, .postgresORM)
    let lines = Estimate.table(book).split(separator: "\n").dropFirst(2)
    #expect(lines.count == 8)
    #expect(lines.contains("| page detail with 10 sections | 50 | 0.123 | 0.494 | 2.000 | - |"))
    #expect(lines.contains("| admin list of 100 users | 400 | - | - | - | - |"))
  }
}
