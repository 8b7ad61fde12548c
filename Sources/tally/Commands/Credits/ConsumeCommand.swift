// `tally credits consume`: charges a user.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ConsumeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "consume", abstract: "Charges a user, or refuses if too little is available.",
    discussion: "Example: tally credits consume alice 1.25 --run run-7")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "The run that is charged for, as a label only.") var run = ""
  @Option(help: "Who of the account spends it, such as a member or a key.") var spender = ""

  func perform() async throws {
    var request = TallystickV1.ConsumeRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.idempotencyKey = mutation.idempotencyKey
    request.runId = run
    request.spender = spender
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.consume, request, connection, output, text: Texts.money)
  }
}
