// `tally credits capture`: charges a hold.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct CaptureCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture", abstract: "Charges a hold, in full, in part, or with more.",
    discussion: """
      Less than the hold gives the rest back. More is refused unless --draw is given: it then comes from \
      what else is available, and if that is too little, the plan says what follows ('tally plans put' \
      --on-short).

      Examples:
        tally credits capture hold-17 1.40
        tally credits capture hold-17 2.60 --draw
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The hold's id, such as hold-17.") var hold: String
  @Argument(help: "How much to charge. (default: all of the hold)") var amount: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Flag(help: "Take what the hold does not cover from what is available.")
  var draw = false

  func perform() async throws {
    var request = TallystickV1.CaptureRequest()
    request.holdId = hold
    request.amountMicros = try amount.map { try Amounts.parse($0, isMicros: micros) }
    if draw { request.overage = .draw }
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.capture, request, connection, output, text: Texts.money)
  }
}
