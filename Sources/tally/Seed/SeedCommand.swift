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
      Plans, users with settings, purchases and grants, runs, pages with media. The same size, seed and \
      day of the server's clock make the same data, under ids that carry the seed: seeding twice changes \
      nothing the second time, and one that was interrupted goes on. Everything is named demo-...

      Examples:
        tally seed-demo
        tally seed-demo --users 1000 --runs 1000000 --pages 500 --credits 50
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "1 to 1000000.") var users = 100
  @Option(help: "Runs that are recorded: 0 to 100000000.") var runs = 10_000
  @Option(help: "0 to 1000000.") var pages = 100
  @Option(help: "What each user buys.") var credits = "25"
  // With today, the 30 days that `tally stats` draws when it is told nothing.
  @Option(help: "The days before today that the runs stand on: 1 to 34.") var days = 29
  @Option(help: "Another seed makes other data.") var seed: UInt64 = 1

  func validate() throws {
    for (name, value, range) in [
      ("users", users, 1...1_000_000), ("runs", runs, 0...100_000_000), ("pages", pages, 0...1_000_000),
      ("days", days, 1...34),
    ] where !range.contains(value) {
      throw ValidationError("--\(name) takes \(range.lowerBound) to \(range.upperBound)")
    }
  }

  func perform() async throws {
    let creditMicros = try Amounts.parse(credits, isMicros: false)
    guard creditMicros >= 0 else { throw Failure(.usage, "--credits takes no amount below zero") }
    let request = TallystickV1.GetServerInfoRequest()
    let info = try await answer(TallystickV1.AdminService.getServerInfo, request, connection, output)
    let size = DemoSize(
      users: users, runs: runs, pages: pages, creditMicros: creditMicros, days: days, seed: seed,
      day: info.nowMicros / DemoData.microsPerDay)
    let data = DemoData(size)
    var seeder = Seeder(data, connection.client)
    do { try await seeder.seed() } catch let error as TallyError { throw output.report(error) }
    let report = SeedReport(data: data, summary: seeder.summary, socket: connection.socket)
    System.writeOutput(output.json ? report.json.pretty + "\n" : report.text)
  }
}

/// A seeding, as it is told.
struct SeedReport {
  var data: DemoData
  var summary: SeedSummary
  /// As it was given.
  var socket: String?

  private var runsPerSecond: UInt64 {
    let runs = summary.kinds.first { $0.name == "runs" }?.count.sent ?? 0
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
          + (there == 0 ? "" : ", \(Texts.count(Int64(there))) were there already")
      )
    }
    let seconds = "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100)"
    rows.append(("took", "\(seconds) s, runs at \(Dollars.grouped(runsPerSecond)) a second"))
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
