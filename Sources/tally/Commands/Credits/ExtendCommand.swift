// `tally credits extend`: moves a hold's expiry.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ExtendCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "extend", abstract: "Sets a new expiry for an open hold.",
    discussion: "Example: tally credits extend hold-17 --ttl 1h")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions

  @Argument(help: "The hold's id, such as hold-17.") var hold: String
  @Option(help: "How long the hold lasts from now, such as 90s, 15m, 2h or 30d.") var ttl: String

  func perform() async throws {
    var request = TallystickV1.ExtendRequest()
    request.holdId = hold
    request.ttlMillis = try Times.parseSpan(ttl)
    request.idempotencyKey = mutation.idempotencyKey
    try await tally.perform(
      TallystickV1.CreditService.extend, request, connection, output, text: Texts.money)
  }
}
