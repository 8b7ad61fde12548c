// `tally usage begin`: starts a run and holds its estimate.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct BeginRunCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "begin", abstract: "Checks the quota, holds the estimate and starts a run.",
    discussion: """
      Examples:
        tally usage begin alice run-7 --model gpt-x --type text --estimate 0.50
        tally usage begin alice run-7 --model gpt-x --type text --attempt 2
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "An id for the run, of your choice, unique across all users.") var run: String
  @Option(help: "The model.") var model: String
  @Option(help: "What the run makes, such as text or image.") var type: String
  @Option(parsing: .unconditional, help: "How much credit to hold for the run.") var estimate = "0"
  @Flag(help: "The estimate is in micro-USD.") var micros = false
  @Option(help: "How long the run may take, such as 90s, 15m, 2h or 30d.") var ttl = "15m"

  @Option(help: "Which attempt of the run; the next one begins once the one before failed.")
  var attempt: Int32 = 1
  @Option(help: "Who of the account begins it, such as a member or a key.") var spender = ""
  @OptionGroup var tags: TagOptions

  func perform() async throws {
    var request = TallystickV1.BeginRunRequest()
    request.userId = user
    request.runId = run
    request.model = model
    request.type = type
    request.estimateMicros = try Amounts.parse(estimate, isMicros: micros)
    request.ttlMillis = try Times.parseSpan(ttl)
    request.spender = spender
    request.tags = try tags.pairs()
    request.attempt = try AttemptOption.number(attempt)
    try await tally.perform(TallystickV1.UsageService.beginRun, request, connection, output) { reply in
      reply.run.map { Texts.run($0, replayed: reply.replayed, balance: reply.balance) } ?? ""
    }
  }
}
