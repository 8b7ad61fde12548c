// `tally usage runs`: a user's runs.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct RunsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Lists a user's runs, latest start first.",
    discussion: """
      Example:
        tally usage runs alice --status failed --model gpt-x --from 2026-11-01
      """)

  enum Status: String, CaseIterable, ExpressibleByArgument {
    case running
    case succeeded
    case failed
    case cancelled
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String
  @Option(parsing: .singleValue, help: "Only runs in this state. Repeatable.") var status: [Status] = []
  @Option(help: "Only runs of this model.") var model = ""
  @Option(help: "Only runs of this type.") var type = ""
  @Option(help: "Only runs of this spender.") var spender = ""
  @Option(help: "Only runs that started at this time or later.") var from: String?
  @Option(help: "Only runs that started before this time.") var to: String?

  func perform() async throws {
    var request = TallystickV1.ListRunsRequest()
    request.userId = user
    request.statuses = status.map { RunEnd(rawValue: $0.rawValue)?.status ?? .running }
    request.model = model
    request.type = type
    request.spender = spender
    (request.fromMicros, request.toMicros) = try Times.parseRange(from: from, to: to)
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.UsageService.listRuns, request, connection, output)
    try show(reply, output) { Texts.runs($0.runs) + Texts.more($0.nextCursor) }
    if reply.runs.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("runs", of: user, connection)
    }
  }
}
