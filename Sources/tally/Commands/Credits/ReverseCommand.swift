// `tally credits reverse`: takes a purchase's credit back.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ReverseCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "reverse",
    abstract: "Takes a purchase's credit back after a refund or a dispute at the provider.",
    discussion: """
      It takes what of the purchase is neither spent nor on hold. When that is too little, --on-shortfall \
      says what follows: reject changes nothing; partial takes what is there, and the rest when it comes \
      back by a refund or a released hold; owe books the rest as owed by the user.

      Example:
        tally credits reverse pi_42 --event re_7 --on-shortfall owe
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "Any of the payment's ids at the provider.") var payment: String
  @Option(help: "The provider's id of the refund or dispute. Each is booked only once.") var event: String
  @Option(parsing: .unconditional, help: "How much. (default: all that is not reversed)") var amount: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "What to do if too little is left.") var onShortfall = ShortfallName.reject

  /// The key without `--key`: the event's id already identifies the call.
  static func key(event: String) -> String { "event:\(event)" }

  func perform() async throws {
    var request = TallystickV1.ReversePurchaseRequest()
    request.paymentId = payment
    request.eventId = event
    request.amountMicros = try amount.map { try Amounts.positive($0, isMicros: micros) }
    request.onShortfall = onShortfall.onShortfall
    request.idempotencyKey = mutation.key ?? Self.key(event: event)
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.reversePurchase, request, connection, output, text: Texts.money)
  }
}
