// `tally pages duplicate`: copies a page.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct DuplicateCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "duplicate", abstract: "Copies a page's current version to a new page of the same user.",
    discussion: "Example: tally pages duplicate home --id home-2 --title 'Hello again'")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Option(help: "The copy's id. (default: the server makes one)") var id = ""
  @Option(help: "The copy's title. (default: the original's)") var title = ""

  func perform() async throws {
    var request = TallystickV1.DuplicatePageRequest()
    request.pageId = page
    request.newPageId = id
    request.title = title
    request.author = authorship.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.duplicatePage, request, connection, output, text: Texts.change)
  }
}
