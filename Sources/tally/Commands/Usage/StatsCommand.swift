// `tally stats`: the dashboard of runs.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct StatsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Draws the dashboard of runs: totals, breakdowns, and a bar for each day.",
    discussion: """
      The runs of one user, or of all users, are broken down by model, type and status, and by spender or \
      the values of a tag if asked. All figures come from one snapshot. --from and --to are UTC times on a \
      multiple of 15 minutes.

      Examples:
        tally stats
        tally stats alice --days 7 --time-zone Europe/Berlin --recent 5
        tally stats alice --by-spender --by-tag feature
        tally stats --from 2026-11-01 --to 2026-11-15 --json
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user; all users when left out.") var user = ""
  @Option(parsing: .unconditional, help: "How many days, today included: 1 to 400. (default: 30)")
  var days: Int32?
  @Option(help: "The beginning of the period, inclusive; with --to instead of --days.") var from: String?
  @Option(help: "The end of the period, exclusive.") var to: String?
  @Option(help: ArgumentHelp("The IANA time zone of the days. (default: UTC)", valueName: "zone"))
  var timeZone = ""
  @Option(parsing: .unconditional, help: "List this many of the latest runs as well: 1 to 100.")
  var recent: Int32?

  @Flag(help: "Tell the user's spenders apart.") var bySpender = false
  @Option(
    help: ArgumentHelp("Tell the values of this tag apart; the plan has to declare it.", valueName: "key"))
  var byTag = ""

  func validate() throws {
    if bySpender, user.isEmpty { throw ValidationError("--by-spender needs a user") }
    if days != nil, from != nil || to != nil {
      throw ValidationError("--days cannot be combined with --from and --to")
    }
    if (from == nil) != (to == nil) { throw ValidationError("--from and --to must be given together") }
    if let days, !(1...400).contains(days) { throw ValidationError("--days must be 1 to 400, not \(days)") }
    if let recent, !(1...100).contains(recent) {
      throw ValidationError("--recent must be 1 to 100, not \(recent)")
    }
  }

  func perform() async throws {
    var request = TallystickV1.GetStatsRequest()
    request.userId = user
    (request.fromMicros, request.toMicros) = try Times.parseRange(from: from, to: to)
    request.days = days ?? 0
    request.timeZone = timeZone
    request.recentLimit = recent ?? 0
    (request.bySpender, request.tag) = (bySpender, byTag)
    let reply = try await answer(TallystickV1.UsageService.getStats, request, connection, output)
    try show(reply, output) { Dashboard(stats: $0, user: user, tag: byTag, columns: Dashboard.columns).text }
    if !user.isEmpty, (reply.totals?.count ?? 0) == 0 { await output.noteUnknown([user], connection) }
  }
}
