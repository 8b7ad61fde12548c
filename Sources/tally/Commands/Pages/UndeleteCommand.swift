// `tally pages undelete`: brings a deleted page back.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct UndeleteCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "undelete", abstract: "Brings a deleted page back.",
    discussion: "Example: tally pages undelete home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.UndeletePageRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.undeletePage, request, connection, output, text: Texts.change)
  }
}
