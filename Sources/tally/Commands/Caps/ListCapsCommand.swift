// `tally caps list`: a user's own caps.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListCapsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the caps of a user and of the user's spenders, without the plan's.",
    discussion: "Example: tally caps list alice")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String

  func perform() async throws {
    var request = TallystickV1.ListCapsRequest()
    request.userId = user
    try await tally.perform(TallystickV1.UsageService.listCaps, request, connection, output) {
      Texts.caps($0.lists)
    }
  }
}
