// `tally credits grant`: adds a plan's credit for a period.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct GrantCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant", abstract: "Grants a plan's credit for a period, at most once.",
    discussion: "Example: tally credits grant alice pro --period 2026-11")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The plan's id.") var plan: String
  @Option(help: "A UTC month, or the day on which the period starts. (default: the current month)")
  var period = ""
  @Option(parsing: .unconditional, help: "The amount. (default: the plan's monthly credit)") var amount:
    String?
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "When the credit expires. (default: by the plan's rule)") var expires: String?

  func perform() async throws {
    var request = TallystickV1.GrantPlanRequest()
    request.userId = user
    request.planId = plan
    request.period = period
    request.amountMicros = try amount.map { try Amounts.parse($0, isMicros: micros) }
    request.expiresAtMicros = try expires.map(Times.parse)
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.grantPlan, request, connection, output, text: Texts.money)
  }
}
