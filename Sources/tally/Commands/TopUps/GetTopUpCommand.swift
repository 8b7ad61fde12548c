// `tally topups get`: how a user's credit is topped up.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct GetTopUpCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Shows how a user's credit is topped up.",
    discussion: "Example: tally topups get alice")

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
