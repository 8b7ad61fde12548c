// `tally stats`: the dashboard of runs.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct StatsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Draws the dashboard: totals, by model, type and status, a bar a day.",
    discussion: """
      Of one user or of all, from one snapshot. --from and --to are in UTC, on a multiple of 15 minutes.

      Examples:
        tally stats
        tally stats alice --days 7 --time-zone Europe/Berlin --recent 5
        tally stats --from 2026-11-01 --to 2026-11-15 --json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user; all of them when left out.") var user = ""
  @Option(help: "How many days, today included: 1 to 400; 30 when nothing is given.") var days: Int32?
  @Option(help: "The first moment.") var from: String?
  @Option(help: "The moment after the last one.") var to: String?
  @Option(help: ArgumentHelp("The IANA zone of the days; UTC when left out.", valueName: "zone"))
  var timeZone = ""
  @Option(help: "The last runs, too: 1 to 100 of them.") var recent: Int32 = 0

  func validate() throws {
    if days != nil, from != nil || to != nil { throw ValidationError("--days excludes --from and --to") }
    if (from == nil) != (to == nil) { throw ValidationError("--from and --to go together") }
    if let days, !(1...400).contains(days) { throw ValidationError("--days takes 1 to 400") }
  }

  func perform() async throws {
    var request = TallystickV1.GetStatsRequest()
    request.userId = user
    request.fromMicros = try from.map(Times.parse)
    request.toMicros = try to.map(Times.parse)
    request.days = days ?? 0
    request.timeZone = timeZone
    request.recentLimit = recent
    try await tally.perform(TallystickV1.UsageService.getStats, request, connection, output) {
      Dashboard(stats: $0, user: user, columns: Dashboard.columns).text
    }
  }
}
