// `tally pages restore`: makes an earlier version current again.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct RestoreCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Makes an earlier version's content the next version.",
    discussion: "Example: tally pages restore home 2 --expected-version 5")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var authorship: AuthorOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "The version whose content comes back.") var version: Int64
  @Option(help: "The current version, as you know it.") var expectedVersion: Int64

  func perform() async throws {
    var request = TallystickV1.RestoreVersionRequest()
    request.pageId = page
    request.version = version
    request.expectedVersion = expectedVersion
    request.author = authorship.author ?? ""
    try await tally.perform(
      TallystickV1.PageService.restoreVersion, request, connection, output, text: Texts.change)
  }
}
