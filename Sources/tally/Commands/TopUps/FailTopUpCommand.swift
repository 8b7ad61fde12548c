// `tally topups fail`: gives a leased intent back, since the user could not be charged.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct FailTopUpCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "fail", abstract: "Gives a leased intent back: the user could not be charged.",
    discussion: "Example: tally topups fail intent-1 worker-1 --message 'card declined'")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The intent's id.") var intent: String
  @Argument(help: "The worker that has it.") var worker: String
  @Option(help: "Why, for people.") var message = ""

  func perform() async throws {
    var request = TallystickV1.FailTopUpIntentRequest()
    request.intentId = intent
    request.worker = worker
    request.message = message
    try await tally.perform(TallystickV1.UsageService.failTopUpIntent, request, connection, output) {
      $0.intent.map { Texts.topUpIntents([$0]) } ?? ""
    }
  }
}
