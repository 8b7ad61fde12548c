// `tally credits void`: takes a grant back.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct VoidCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "void",
    abstract: "Takes back what of a plan's or promotional grant is neither spent nor on hold.",
    discussion: """
      Without --amount it takes all that is there, and the rest when it comes back by a refund or a released \
      hold. A purchase is taken back by 'tally credits reverse'.

      Example:
        tally credits void txn-12 --actor ops --reason 'granted by mistake'
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The grant's id, such as txn-12.") var transaction: String
  @Option(parsing: .unconditional, help: "How much. (default: all that is there)") var amount: String?
  @Flag(help: "The amount is in micro-USD.") var micros = false
  @Option(help: "Who takes it back.") var actor: String
  @Option(help: "Why.") var reason: String

  func perform() async throws {
    var request = TallystickV1.VoidGrantRequest()
    request.transactionId = transaction
    request.amountMicros = try amount.map { try Amounts.positive($0, isMicros: micros) }
    request.actor = actor
    request.reason = reason
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.voidGrant, request, connection, output, text: Texts.money)
  }
}
