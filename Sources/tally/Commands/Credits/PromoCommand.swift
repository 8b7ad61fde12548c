// `tally credits promo`: adds promotional credit.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PromoCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "promo", abstract: "Grants promotional credit.",
    discussion: "Example: tally credits promo alice 5 --expires 2026-12-31")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: Amounts.help) var amount: String
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(
    parsing: .unconditional, help: "1 to 1000; credit of a lower priority is spent first. (default: 20)")
  var priority: Int32?
  @Option(help: "When the credit can be spent from. (default: at once)") var effective: String?
  @Option(help: "When the credit expires. (default: never)") var expires: String?

  func perform() async throws {
    var request = TallystickV1.GrantPromoRequest()
    request.userId = user
    request.amountMicros = try Amounts.positive(amount, isMicros: micros)
    request.priority = priority
    request.effectiveAtMicros = try effective.map(Times.parse)
    request.expiresAtMicros = try expires.map(Times.parse)
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.grantPromo, request, connection, output, text: Texts.money)
  }
}
