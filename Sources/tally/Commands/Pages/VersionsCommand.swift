// `tally pages versions`: a page's versions.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct VersionsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "versions", abstract: "Lists a page's versions, newest first.",
    discussion: "Example: tally pages versions home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.ListVersionsRequest()
    request.pageId = page
    request.limit = paging.limit
    request.cursor = paging.cursor
    try await tally.perform(TallystickV1.PageService.listVersions, request, connection, output) {
      Texts.versions($0.versions, nextCursor: $0.nextCursor)
    }
  }
}
