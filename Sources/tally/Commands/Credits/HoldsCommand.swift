// `tally credits holds`: a user's holds.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct HoldsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "holds", abstract: "Lists a user's holds, newest first.",
    discussion: "Example: tally credits holds alice --state open")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  private static let states = TallystickV1.HoldState.choices.map(\.word)

  @Argument(help: "The user.") var user: String

  @Option(
    parsing: .singleValue,
    help: "Only holds in this state: \(Self.states.joined(separator: ", ")). Repeatable.",
    completion: .list(Self.states))
  var state: [String] = []

  func perform() async throws {
    var request = TallystickV1.ListHoldsRequest()
    request.userId = user
    request.limit = paging.limit
    request.cursor = paging.cursor
    request.states = try TallystickV1.HoldState.parse(state, among: TallystickV1.HoldState.choices)
    let reply = try await answer(TallystickV1.CreditService.listHolds, request, connection, output)
    try show(reply, output) { Texts.holds($0.holds, nextCursor: $0.nextCursor) }
    if reply.holds.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("holds", of: user, connection)
    }
  }
}
