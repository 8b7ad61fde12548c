// `tally credits release`: gives a hold's credit back.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ReleaseCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Ends a hold without a charge.",
    discussion: "Example: tally credits release hold-17")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions

  @Argument(help: "The hold's id, such as hold-17.") var hold: String

  func perform() async throws {
    var request = TallystickV1.ReleaseRequest()
    request.holdId = hold
    request.idempotencyKey = mutation.idempotencyKey
    try await tally.perform(
      TallystickV1.CreditService.release, request, connection, output, text: Texts.money)
  }
}
