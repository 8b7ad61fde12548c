// `tally topups cancel`: ends an open intent.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct CancelTopUpCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Ends an open intent. Role: admin.",
    discussion: "Example: tally topups cancel intent-1")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The intent's id.") var intent: String

  func perform() async throws {
    var request = TallystickV1.CancelTopUpIntentRequest()
    request.intentId = intent
    try await tally.perform(TallystickV1.UsageService.cancelTopUpIntent, request, connection, output) {
      $0.intent.map { Texts.topUpIntents([$0]) } ?? ""
    }
  }
}
