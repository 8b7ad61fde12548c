// `tally plans list`: all plans.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListPlansCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists all plans.", discussion: "Example: tally plans list")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  func perform() async throws {
    var request = TallystickV1.ListPlansRequest()
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.UsageService.listPlans, request, connection, output) {
      Texts.plans($0.plans) + Texts.more($0.nextCursor)
    }
  }
}
