// `tally credits purchase`: adds credit that was paid for.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PurchaseCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "purchase", abstract: "Adds credit that was paid for.",
    discussion: "Example: tally credits purchase alice 10 --payment pi_42 --package starter")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "The payment provider's id of the payment. Each payment is added only once.") var payment:
    String
  @Option(
    name: .customLong("ref"), parsing: .singleValue,
    help: "A further id of the payment, such as the invoice's. Repeatable.")
  var refs: [String] = []
  @Option(help: "What was bought, such as starter.") var package = ""
  @Option(help: "When the credit expires. (default: never)") var expires: String?
  @Option(help: "The top-up intent that it closes.") var intent = ""

  /// The key of a purchase without `--key`: the payment's id already identifies the call.
  static func key(payment: String) -> String { "payment:\(payment)" }

  func perform() async throws {
    var request = TallystickV1.AddPurchaseRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.paymentId = payment
    request.externalRefs = refs
    request.package = package
    request.expiresAtMicros = try expires.map(Times.parse)
    request.intentId = intent
    request.idempotencyKey = mutation.key ?? Self.key(payment: payment)
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.addPurchase, request, connection, output, text: Texts.money)
  }
}
