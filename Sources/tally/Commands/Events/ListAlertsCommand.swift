// `tally alerts list`: the alert rules.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListAlertsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the alert rules.", discussion: "Example: tally alerts list")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  func perform() async throws {
    var request = TallystickV1.ListAlertRulesRequest()
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.UsageService.listAlertRules, request, connection, output) {
      Texts.alertRules($0.rules) + Texts.more($0.nextCursor)
    }
  }
}
