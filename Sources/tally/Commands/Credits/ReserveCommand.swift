// `tally credits reserve`: holds credit for a while.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ReserveCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "reserve", abstract: "Sets credit aside for a while.",
    discussion: "Example: tally credits reserve alice 2 --ttl 15m")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "How long the hold lasts, such as 90s, 15m, 2h or 30d.") var ttl = "15m"
  @Option(help: "The run that it is for, as a label only.") var run = ""
  @Option(help: "Who of the account spends it, such as a member or a key.") var spender = ""

  func perform() async throws {
    var request = TallystickV1.ReserveRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.ttlMillis = try Times.parseSpan(ttl)
    request.runId = run
    request.spender = spender
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.reserve, request, connection, output, text: Texts.money)
  }
}
