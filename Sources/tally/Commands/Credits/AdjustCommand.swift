// `tally credits adjust`: corrects a balance by hand.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct AdjustCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "adjust", abstract: "Corrects a balance by hand, never below zero. Role: admin.",
    discussion: """
      Example:
        tally credits adjust alice --by -2.50 --actor ops --reason 'double charge'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Option(parsing: .unconditional, help: "The amount to add, or to take off if it is below zero.") var by:
    String
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "Who makes the adjustment.") var actor: String
  @Option(help: "Why it is made.") var reason: String

  func perform() async throws {
    var request = TallystickV1.AdjustRequest()
    request.userId = user
    request.amountMicros = try Amounts.parse(by, isMicros: micros)
    request.actor = actor
    request.reason = reason
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.adjust, request, connection, output, text: Texts.money)
  }
}
