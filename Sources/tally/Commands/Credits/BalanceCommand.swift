// `tally credits balance`: what users have.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct BalanceCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "balance", abstract: "Shows the balances of one or more users.",
    discussion: """
      --at shows what one user had at a past time, as a call answered it then: holds that were open \
      count as held, and credit that has expired since is still there.

      Examples:
        tally credits balance alice bob
        tally credits balance alice --at 2026-11-01T12:00:00Z
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "One or more users.")
  var users: [String]

  @Option(help: "A past time, in UTC. Of one user only.")
  var at: String?

  func validate() throws {
    if at != nil, users.count != 1 { throw ValidationError("--at takes one user, not \(users.count)") }
  }

  func perform() async throws {
    if let at { return try await perform(at: try Times.parse(at)) }
    var request = TallystickV1.BatchGetBalancesRequest()
    request.userIds = users
    let reply = try await answer(TallystickV1.CreditService.batchGetBalances, request, connection, output)
    try show(reply, output) { Texts.balances($0.balances) }
    let absent = reply.balances.filter(\.isOfNoRow).map(\.userId)
    await output.noteUnknown(absent, connection) { users in
      "no credit was ever given to \(users.joined(separator: ", "))"
    }
  }

  private func perform(at atMicros: Int64) async throws {
    var request = TallystickV1.GetBalanceRequest()
    request.userId = users[0]
    request.atMicros = atMicros
    let reply = try await answer(TallystickV1.CreditService.getBalance, request, connection, output)
    try show(reply, output) { Texts.balances([$0.balance].compactMap(\.self)) }
    let isAbsent = reply.balance?.isOfNoRow ?? true
    await output.noteUnknown(isAbsent ? users : [], connection) { users in
      "no credit had been given to \(users.joined(separator: ", ")) by then"
    }
  }
}

extension TallystickV1.Balance {
  /// Each ledger row of a user raises the version. Before the first one there may be a grant that is due.
  fileprivate var isOfNoRow: Bool { version == 0 && postedMicros == 0 && pendingMicros == 0 }
}
