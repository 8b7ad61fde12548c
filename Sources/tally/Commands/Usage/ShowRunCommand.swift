// `tally usage show`: one run.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ShowRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows one run.", discussion: "Example: tally usage show run-7")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The run's id.") var run: String

  @Option(help: "Which attempt of the run. (default: the newest)") var attempt: Int32?

  func perform() async throws {
    var request = TallystickV1.GetRunRequest()
    request.runId = run
    if let attempt { request.attempt = try AttemptOption.number(attempt) }
    try await tally.perform(TallystickV1.UsageService.getRun, request, connection, output) {
      $0.run.map { Texts.run($0) } ?? ""
    }
  }
}
