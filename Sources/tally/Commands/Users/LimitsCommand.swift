// `tally users limits`: the limits on calls.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct LimitsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits", abstract: "Lists the rate limits.", discussion: "Example: tally users limits")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  func perform() async throws {
    var request = TallystickV1.ListRateLimitsRequest()
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.AdminService.listRateLimits, request, connection, output) {
      Texts.limits($0.rateLimits) + Texts.more($0.nextCursor)
    }
  }
}
