// `tally pages purge`: removes a deleted page for good.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PurgeCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge", abstract: "Removes a deleted page and its versions for good. Media are kept.",
    discussion: "Example: tally pages purge home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.PurgePageRequest()
    request.pageId = page
    try await tally.perform(TallystickV1.PageService.purgePage, request, connection, output) {
      Texts.facts([("page", page), ("removed", "\($0.versions) versions")])
    }
  }
}
