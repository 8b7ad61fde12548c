// `tally queries`: the statistics of SQL statements.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct QueriesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "queries", abstract: "Prints statistics of SQL statements, the most expensive first.",
    discussion: "Example: tally queries --limit 5")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The most statements to print; 0 prints all.", valueName: "count"))
  var limit = 20

  func validate() throws {
    if limit < 0 { throw ValidationError("--limit must be 0 or more, not \(limit)") }
  }

  func perform() async throws {
    try await tally.perform(
      TallystickV1.AdminService.getQueryStats, TallystickV1.GetQueryStatsRequest(), connection, output
    ) { Self.text($0, limit: limit) }
  }

  static func text(_ stats: TallystickV1.GetQueryStatsResponse, limit: Int) -> String {
    var table = Table(
      [
        ("runs", .right), ("rows", .right), ("errors", .right), ("slow", .right), ("total", .right),
        ("p50", .right), ("p99", .right), ("max", .right), ("statement", .left),
      ], optional: ["errors", "slow", "rows", "max"], flexible: "statement")
    let shown = limit == 0 ? stats.queries[...] : stats.queries.prefix(limit)
    for query in shown {
      let latency = query.latency ?? TallystickV1.Distribution()
      table.add([
        "\(latency.count)", "\(query.rows)", "\(query.errors)", "\(query.slow)", Spans.text(latency.sum),
        Spans.text(latency.p50), Spans.text(latency.p99), Spans.text(latency.max), Spans.oneLine(query.sql),
      ])
    }
    let plans = shown.filter { !$0.plan.isEmpty }.map { query in
      "\nplan of the last slow run: \(Spans.oneLine(query.sql))\n"
        + query.plan.map { "  \($0)\n" }.joined()
    }
    return table.text + plans.joined()
  }
}
