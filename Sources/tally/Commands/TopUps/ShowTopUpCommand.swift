// `tally topups show`: how a user's credit is topped up.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ShowTopUpCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows how a user's credit is topped up.",
    discussion: "Example: tally topups show alice")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String

  func perform() async throws {
    var request = TallystickV1.GetTopUpRequest()
    request.userId = user
    try await tally.perform(TallystickV1.UsageService.getTopUp, request, connection, output) {
      $0.topUp.map { Texts.topUp($0) } ?? "nothing is topped up for \(user)\n"
    }
  }
}
