// `tally pages diff`: what differs between two versions of a page.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct DiffCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Shows what differs between two versions of a page.",
    discussion: """
      Words that were removed stand as [-so-], words that were added as {+so+}.

      Examples:
        tally pages diff home 3
        tally pages diff home 3 5
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The version to start from.") var from: Int64
  @Argument(help: "The version to compare it with. (default: the current one)") var to: Int64 = 0

  func perform() async throws {
    var request = TallystickV1.DiffVersionsRequest()
    request.pageId = page
    request.fromVersion = from
    request.toVersion = to
    try await tally.perform(
      TallystickV1.PageService.diffVersions, request, connection, output, text: Texts.diff)
  }
}
