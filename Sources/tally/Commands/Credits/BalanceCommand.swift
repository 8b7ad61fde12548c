// `tally credits balance`: what users have.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct BalanceCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "balance", abstract: "Shows the balances of one or more users.",
    discussion: "Example: tally credits balance alice bob")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "One or more users.")
  var users: [String]

  func perform() async throws {
    var request = TallystickV1.BatchGetBalancesRequest()
    request.userIds = users
    let reply = try await answer(TallystickV1.CreditService.batchGetBalances, request, connection, output)
    try show(reply, output) { Texts.balances($0.balances) }
    // Each ledger row of a user raises the version.
    await output.noteUnknown(reply.balances.filter { $0.version == 0 }.map(\.userId), connection) { users in
      "no credit was ever given to \(users.joined(separator: ", "))"
    }
  }
}
