// `tally usage caps`: how much of a user's caps is used.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct UsedCapsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "caps",
    abstract: "Shows each cap that is in force for a user, how much of it is used, and until when.",
    discussion: """
      Examples:
        tally usage caps alice
        tally usage caps alice --spender bot
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The user.") var user: String
  @Option(help: "The caps of this spender; those of the account itself when not given.") var spender = ""

  func perform() async throws {
    var request = TallystickV1.GetUsageRequest()
    request.userId = user
    request.spender = spender
    try await tally.perform(TallystickV1.UsageService.getUsage, request, connection, output) {
      Texts.capUses($0.caps)
    }
  }
}
