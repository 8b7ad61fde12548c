// `tally credits forgive`: forgives what a user owes.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ForgiveCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "forgive", abstract: "Forgives what a user owes, in full or in part. Role: admin.",
    discussion: """
      What is forgiven of a purchase's reversal is the user's for good: 'tally credits reinstate' of that \
      purchase gives its credit back all the same.

      Example:
        tally credits forgive alice --amount 0.30 --actor ops --reason 'goodwill'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Option(parsing: .unconditional, help: "How much. (default: all that is owed)") var amount: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "Who forgives it.") var actor: String
  @Option(help: "Why.") var reason: String

  func perform() async throws {
    var request = TallystickV1.ForgiveOwedRequest()
    request.userId = user
    request.amountMicros = try amount.map { try Amounts.positive($0, isMicros: micros) }
    request.actor = actor
    request.reason = reason
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.forgiveOwed, request, connection, output, text: Texts.money)
  }
}
