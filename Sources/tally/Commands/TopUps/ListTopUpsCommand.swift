// `tally topups list`: intents to top up.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListTopUpsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists intents to top up, newest first.",
    discussion: """
      Examples:
        tally topups list --state open
        tally topups list alice
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user; all users without one.") var user: String?
  @Option(
    parsing: .singleValue, help: "Only intents in this state, such as open. Repeatable.",
    completion: .list(TallystickV1.TopUpIntentState.choices.map(\.word)))
  var state: [String] = []

  func perform() async throws {
    var request = TallystickV1.ListTopUpIntentsRequest()
    request.userId = user ?? ""
    request.limit = paging.limit
    request.cursor = paging.cursor
    request.states = try TallystickV1.TopUpIntentState.parse(
      state, among: TallystickV1.TopUpIntentState.choices)
    try await tally.perform(TallystickV1.UsageService.listTopUpIntents, request, connection, output) {
      Texts.topUpIntents($0.intents) + Texts.more($0.nextCursor)
    }
  }
}
