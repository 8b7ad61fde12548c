// `tally seed-demo`: a data set of a given size, the same each time.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct SeedCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "seed-demo", abstract: "Fills a server with demo data of a given size. Role: admin.",
    discussion: """
      The data are plans, users with settings, purchases and grants, runs, and pages with media, all with \
      ids that begin with demo-. The same sizes, seed and day on the server's clock always make the same \
      data: seeding a second time completes a seeding that was interrupted, and adds nothing but the runs \
      of today that have come due since.

      Examples:
        tally seed-demo
        tally seed-demo --users 1000 --runs 1000000 --pages 500 --credits 50
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(parsing: .unconditional, help: "How many users: 1 to 1000000.") var users = 100
  @Option(parsing: .unconditional, help: "How many runs on the days before today: 0 to 100000000.") var runs =
    10_000
  @Option(parsing: .unconditional, help: "How many pages: 0 to 1000000.") var pages = 100
  @Option(parsing: .unconditional, help: "How much credit each user buys, in dollars.") var credits = "25"
  // Together with today, the 30 days that `tally stats` shows by default.
  @Option(parsing: .unconditional, help: "How many days before today have runs: 1 to 34.") var days = 29
  @Option(parsing: .unconditional, help: "A number; another one makes other data.") var seed: UInt64 = 1

  func validate() throws {
    for (name, value, range) in [
      ("users", users, 1...1_000_000), ("runs", runs, 0...100_000_000), ("pages", pages, 0...1_000_000),
      ("days", days, 1...34),
    ] where !range.contains(value) {
      throw ValidationError("--\(name) must be \(range.lowerBound) to \(range.upperBound), not \(value)")
    }
  }

  func perform() async throws {
    let creditMicros = try Amounts.parse(credits, isMicros: false)
    guard creditMicros >= 0 else { throw Failure(.usage, "--credits must not be below zero") }
    let request = TallystickV1.GetServerInfoRequest()
    let info = try await answer(TallystickV1.AdminService.getServerInfo, request, connection, output)
    let size = DemoSize(
      users: users, runs: runs, pages: pages, creditMicros: creditMicros, days: days, seed: seed,
      day: info.nowMicros / DemoData.microsPerDay,
      passedQuarters: Int(info.nowMicros % DemoData.microsPerDay / DemoData.microsPerQuarter))
    let data = DemoData(size)
    var seeder = Seeder(data, connection.client)
    do { try await seeder.seed() } catch let error as TallyError { throw output.report(error) }
    let report = SeedReport(data: data, summary: seeder.summary, socket: connection.socket)
    System.writeOutput(output.json ? report.json.pretty + "\n" : report.text)
  }
}

/// The result of a seeding, as text and as JSON.
struct SeedReport {
  var data: DemoData
  var summary: SeedSummary
  /// The value of --socket.
  var socket: String?

  private var runsPerSecond: UInt64 {
    let runs = summary.kinds.filter { ["runs", Seeder.todaysRuns].contains($0.name) }
      .reduce(0) { $0 + $1.count.sent }
    return SeedSummary.perSecond(runs, summary.runNanoseconds)
  }

  private var milliseconds: UInt64 { summary.elapsedNanoseconds / 1_000_000 }

  var json: JSON {
    .object(
      summary.kinds.map { kind in
        .init(
          kind.name,
          .object([
            .init("sent", .integer(kind.count.sent)), .init("replayed", .integer(kind.count.replayed)),
          ]))
      } + [
        .init("elapsedMillis", .integer(milliseconds)), .init("runsPerSecond", .integer(runsPerSecond)),
      ])
  }

  var text: String {
    var rows = summary.kinds.map { kind in
      let there = kind.count.replayed
      return (
        kind.name,
        Texts.count(Int64(kind.count.sent))
          + (there == 0 ? "" : ", \(Texts.count(Int64(there))) already there")
      )
    }
    let seconds = "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100)"
    rows.append(("took", "\(seconds) s, \(Dollars.grouped(runsPerSecond)) runs per second"))
    return Texts.facts(rows) + "\nTry next:\n" + next.map { "  \($0)\(suffix)\n" }.joined()
  }

  private var suffix: String { socket.map { " --socket \($0)" } ?? "" }

  private var next: [String] {
    let user = data.userId(0)
    var commands = [
      "tally stats", "tally stats \(user) --days 7 --recent 5",
      "tally users list --sort id --prefix demo-\(data.size.seed)-", "tally usage month \(user)",
      "tally credits balance \(user)",
    ]
    if data.size.pages > 0 { commands.append("tally pages show \(data.pageId(0))") }
    return commands + ["tally verify"]
  }
}
