// `tally pages schedule`: publishes a version at a time.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ScheduleCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Makes a version public at a time to come.",
    discussion: "Example: tally pages schedule home 2026-12-31T23:00:00Z --version 3")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The page's id.") var page: String
  @Argument(help: "When, in UTC.") var at: String
  @Option(parsing: .unconditional, help: "The version to publish. (default: the current one)")
  var version: Int64?

  func perform() async throws {
    var request = TallystickV1.SchedulePublishRequest()
    request.pageId = page
    request.version = version ?? 0
    request.atMicros = try Times.parse(at)
    try await tally.perform(
      TallystickV1.PageService.schedulePublish, request, connection, output, text: Texts.change)
  }
}
