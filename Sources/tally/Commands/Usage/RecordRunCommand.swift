// `tally usage record`: records a run that ended elsewhere.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct RecordRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Records a run that ended elsewhere, without charging it.",
    discussion: """
      Example:
        tally usage record alice run-9 --model gpt-x --type image --images 2 \\
          --cost 0.08 --started 2026-11-23T10:00:00Z
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var result: RunResultOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "An id for the run, of your choice, unique across all users.") var run: String
  @Option(help: "The model.") var model: String
  @Option(help: "What the run made, such as text or image.") var type: String
  @Option(help: "When the run started, at most 35 days ago. (default: now)") var started: String?
  @Option(help: "Who of the account began it, such as a member or a key.") var spender = ""
  @OptionGroup var tags: TagOptions

  func perform() async throws {
    var request = TallystickV1.RecordRunRequest()
    request.userId = user
    request.runId = run
    request.model = model
    request.type = type
    request.status = result.status.status
    request.inputTokens = result.inputTokens
    request.outputTokens = result.outputTokens
    request.images = result.images
    request.units = try result.unitCounts()
    request.promptTokens = result.promptTokens
    request.completionTokens = result.completionTokens
    request.costMicros = try result.costMicros()
    request.providerCostMicros = try result.providerCostMicros()
    request.startedAtMicros = try started.map(Times.parse)
    request.spender = spender
    request.tags = try tags.pairs()
    request.error = result.error
    try await tally.perform(TallystickV1.UsageService.recordRun, request, connection, output) { reply in
      reply.run.map { Texts.run($0, replayed: reply.replayed) } ?? ""
    }
  }
}
