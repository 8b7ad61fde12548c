// `tally pages unpublish`: takes a page out of public view.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct UnpublishCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpublish", abstract: "Takes a page out of public view.",
    discussion: "Example: tally pages unpublish home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.UnpublishRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.unpublish, request, connection, output, text: Texts.change)
  }
}
