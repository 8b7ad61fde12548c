// `tally prices list`: the book of prices.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListPricesCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the book of prices: its whole history, or what holds at a time.",
    discussion: """
      Examples:
        tally prices list
        tally prices list --model gpt-x --at 2026-11-01
        tally prices list --plan pro
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Option(help: "Those of this plan only.") var plan: String?
  @Option(help: "Those of this model only; * for those of all models.") var model: String?
  @Option(help: "What holds at this time. (default: every row that was ever put)") var at: String?

  func perform() async throws {
    var request = TallystickV1.ListPricesRequest()
    request.planId = plan
    request.model = model.map { $0 == Prices.anyModel ? "" : $0 }
    request.atMicros = try at.map(Times.parse)
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.UsageService.listPrices, request, connection, output) {
      Texts.prices($0.prices) + Texts.more($0.nextCursor)
    }
  }
}
