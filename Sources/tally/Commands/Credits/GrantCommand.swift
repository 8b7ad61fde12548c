// `tally credits grant`: adds a plan's credit for a period.

internal import ArgumentParser
internal import TallyClient
internal import TallyCore
internal import TallyMessages

struct GrantCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant", abstract: "Grants a plan's credit for a period, at most once.",
    discussion: """
      A period is a calendar month of the plan's time zone, or the n-th month from the date on which a \
      subscription began: it begins on that date's day, or on the month's last day if the month is shorter. \
      Periods of a plan never overlap.

      Examples:
        tally credits grant alice pro --period 2026-11
        tally credits grant alice pro --period 2026-01-31 --index 10
        tally credits grant alice pro --period 2026-11 --effective 2026-11-15
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The user.") var user: String
  @Argument(help: "The plan's id.") var plan: String
  @Option(
    help: """
      A month, such as 2026-11, of the plan's time zone; or a date: that of the first period, which is \
      number 0. (default: the current month)
      """)
  var period = ""
  @Option(
    parsing: .unconditional,
    help: "With a date as --period: the number of the period from there, 0 to \(PeriodName.maximumIndex).")
  var index: Int32?
  @Option(parsing: .unconditional, help: "The amount. (default: the plan's monthly credit)") var amount:
    String?
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "When the credit can be spent from. (default: from the period's start)")
  var effective: String?
  @Option(help: "When the credit expires. (default: by the plan's rule)") var expires: String?

  func validate() throws {
    guard let index else { return }
    if Civil(parsing: period) == nil {
      throw ValidationError("--index needs a date such as 2026-01-31 as --period")
    }
    if !(0...PeriodName.maximumIndex).contains(Int64(index)) {
      throw ValidationError("--index must be 0 to \(PeriodName.maximumIndex), not \(index)")
    }
  }

  func perform() async throws {
    var request = TallystickV1.GrantPlanRequest()
    request.userId = user
    request.planId = plan
    request.period = period
    request.periodIndex = index ?? 0
    request.amountMicros = try amount.map { try Amounts.parse($0, isMicros: micros) }
    request.effectiveAtMicros = try effective.map(Times.parse)
    request.expiresAtMicros = try expires.map(Times.parse)
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.grantPlan, request, connection, output, text: Texts.money)
  }
}
