// `tally pages unschedule`: takes a page's schedule away.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct UnscheduleCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "unschedule", abstract: "Takes away what a page was to be published at.",
    discussion: "Example: tally pages unschedule home")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String

  func perform() async throws {
    var request = TallystickV1.CancelScheduledPublishRequest()
    request.pageId = page
    try await tally.perform(
      TallystickV1.PageService.cancelScheduledPublish, request, connection, output, text: Texts.change)
  }
}
