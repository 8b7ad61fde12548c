// `tally usage finish`: ends a run and charges it.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct FinishRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "finish", abstract: "Ends a run: charges its cost and releases the rest of its hold.",
    discussion: """
      Examples:
        tally usage finish run-7 --input-tokens 1200 --output-tokens 350
        tally usage finish run-9 --images 2 --cost 0.12 --provider-cost 0.08
        tally usage finish run-6 --status cancelled --output-tokens 20000
        tally usage finish run-8 --status failed --error 'the model was busy'
        tally usage finish run-8 --attempt 2 --output-tokens 350
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var result: RunResultOptions

  @Argument(help: "The run's id.") var run: String

  @Option(help: "Which attempt of the run.") var attempt: Int32 = 1

  func perform() async throws {
    var request = TallystickV1.FinishRunRequest()
    request.runId = run
    request.status = result.status.status
    request.inputTokens = result.inputTokens
    request.outputTokens = result.outputTokens
    request.images = result.images
    request.units = try result.unitCounts()
    request.promptTokens = result.promptTokens
    request.completionTokens = result.completionTokens
    request.costMicros = try result.costMicros()
    request.providerCostMicros = try result.providerCostMicros()
    request.error = result.error
    request.attempt = try AttemptOption.number(attempt)
    try await tally.perform(TallystickV1.UsageService.finishRun, request, connection, output) { reply in
      reply.run.map { Texts.run($0, replayed: reply.replayed, balance: reply.balance) } ?? ""
    }
  }
}
