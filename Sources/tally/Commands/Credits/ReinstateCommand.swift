// `tally credits reinstate`: undoes a reversal.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ReinstateCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "reinstate", abstract: "Undoes a reversal, when a dispute was won.",
    discussion: """
      First it undoes what the reversal could not take and what the user still owes for it; the rest is \
      credit again.

      Example:
        tally credits reinstate pi_42 --event dp_7_won
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "Any of the payment's ids at the provider.") var payment: String
  @Option(help: "The provider's id of the event. Each is booked only once.") var event: String
  @Option(parsing: .unconditional, help: "How much. (default: all that is reversed)") var amount: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false

  func perform() async throws {
    var request = TallystickV1.ReinstatePurchaseRequest()
    request.paymentId = payment
    request.eventId = event
    request.amountMicros = try amount.map { try Amounts.positive($0, isMicros: micros) }
    request.idempotencyKey = mutation.key ?? ReverseCommand.key(event: event)
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.reinstatePurchase, request, connection, output, text: Texts.money)
  }
}
