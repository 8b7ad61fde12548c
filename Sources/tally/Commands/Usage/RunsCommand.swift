// `tally usage runs`: a user's runs.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct RunsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "Lists a user's runs by their start, newest first.",
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
  @Option(parsing: .singleValue, help: "Runs in this state only; may be repeated.") var status: [Status] = []
  @Option(help: "Runs of this model only.") var model = ""
  @Option(help: "Runs of this type only.") var type = ""
  @Option(help: "The earliest start, inclusive.") var from: String?
  @Option(help: "The latest start, exclusive.") var to: String?

  func perform() async throws {
    var request = TallystickV1.ListRunsRequest()
    request.userId = user
    request.statuses = status.map { RunEnd(rawValue: $0.rawValue)?.status ?? .running }
    request.model = model
    request.type = type
    request.fromMicros = try from.map(Times.parse)
    request.toMicros = try to.map(Times.parse)
    request.limit = paging.limit
    request.cursor = paging.cursor
    let reply = try await answer(TallystickV1.UsageService.listRuns, request, connection, output)
    try show(reply, output) { Texts.runs($0.runs) + Texts.more($0.nextCursor) }
    output.note(empty: reply.runs.isEmpty && reply.nextCursor.isEmpty, "no such runs of \(user)")
  }
}
