// `tally pages delete`: hides a page.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct DeletePageCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes a page; 'undelete' brings it back.",
    discussion: "Example: tally pages delete home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.DeletePageRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.deletePage, request, connection, output, text: Texts.change)
  }
}
