// `tally pages publish`: makes a version public.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct PublishCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: "Makes a version public.",
    discussion: "Example: tally pages publish home --version 3")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String
  @Option(parsing: .unconditional, help: "The version to publish. (default: the current one)")
  var version: Int64?

  func perform() async throws {
    var request = TallystickV1.PublishRequest()
    request.pageId = page
    request.version = version ?? 0
    try await tally.perform(
      TallystickV1.PageService.publish, request, connection, output, text: Texts.change)
  }
}
