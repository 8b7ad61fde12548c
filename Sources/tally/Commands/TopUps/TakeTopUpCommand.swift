// `tally topups take`: leases the intent that has been due for longest.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct TakeTopUpCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "take", abstract: "Leases the intent that has been due for longest to a worker.",
    discussion: """
      While its lease lasts, a worker gets the same intent again.

      Example: tally topups take worker-1 --lease 600
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The worker's name.") var worker: String
  @Option(help: ArgumentHelp("How long it has the intent for itself.", valueName: "seconds"))
  var lease: Int64 = 300

  func validate() throws {
    if lease < 1 || lease > 86_400 { throw ValidationError("--lease must be from 1 to 86400") }
  }

  func perform() async throws {
    var request = TallystickV1.TakeTopUpIntentRequest()
    request.worker = worker
    request.leaseMillis = lease * 1_000
    try await tally.perform(TallystickV1.UsageService.takeTopUpIntent, request, connection, output) {
      $0.intent.map { Texts.topUpIntents([$0]) } ?? "no intent is due\n"
    }
  }
}
