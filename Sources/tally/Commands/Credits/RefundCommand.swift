// `tally credits refund`: gives back what a debit took.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct RefundCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "refund", abstract: "Gives back what a debit took, in full or in part.",
    discussion: """
      The credit goes back to the lots that it came from; what has expired since is lost. All refunds of a \
      debit together give back no more than it took. What a run or a capture made the user owe is not given \
      back: see 'tally credits forgive'. --run names a run of 'tally usage begin', not the label of a debit.

      Examples:
        tally credits refund txn-17
        tally credits refund --run run-7 --amount 0.50
        tally credits refund --run run-7 --attempt 1
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var mutation: MutationOptions
  @OptionGroup var text: TextOptions

  @Argument(help: "The debit's id, such as txn-17.") var transaction: String?
  @Option(help: "In place of the id: the run whose charge is given back.") var run: String?
  @Option(help: "Which attempt of the run. (default: the newest)") var attempt: Int32?
  @Option(parsing: .unconditional, help: "How much. (default: all that is left of the debit)") var amount:
    String?
  @Flag(help: "The amount is in micro-USD.") var micros = false

  func validate() throws {
    if (transaction == nil) == (run == nil) { throw ValidationError("name either a transaction or --run") }
    if attempt != nil, run == nil { throw ValidationError("--attempt is allowed only with --run") }
  }

  func perform() async throws {
    var request = TallystickV1.RefundRequest()
    request.transactionId = transaction ?? ""
    request.runId = run ?? ""
    if let attempt { request.attempt = try AttemptOption.number(attempt) }
    request.amountMicros = try amount.map { try Amounts.positive($0, isMicros: micros) }
    request.idempotencyKey = mutation.idempotencyKey
    request.description = text.description
    request.metadata = try text.pairs()
    try await tally.perform(
      TallystickV1.CreditService.refund, request, connection, output, text: Texts.money)
  }
}
