// `tally credits list`: a user's ledger.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListTransactionsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a user's ledger, newest first.",
    discussion: """
      AMOUNT is what a row did to the credit, HELD what it set aside or gave back; AVAILABLE and ON HOLD \
      are what there was after it.

      Example: tally credits list alice --type api_usage --from 2026-11-01
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String

  @Option(
    parsing: .singleValue, help: "Such as purchase or api_usage; may be repeated.",
    completion: .list(TallystickV1.TransactionType.choices.map(\.word)))
  var type: [String] = []

  @Option(help: "The earliest time, inclusive.")
  var from: String?

  @Option(help: "The latest time, exclusive.")
  var to: String?

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Rows with this metadata only; may be repeated.", valueName: "key=value"))
  var metadata: [String] = []

  func perform() async throws {
    var request = TallystickV1.ListTransactionsRequest()
    request.userId = user
    request.limit = paging.limit
    request.cursor = paging.cursor
    request.metadata = try Pairs.parse(metadata)
    request.fromMicros = try from.map(Times.parse)
    request.toMicros = try to.map(Times.parse)
    request.types = try TallystickV1.TransactionType.parse(
      type, among: TallystickV1.TransactionType.choices)
    let reply = try await answer(TallystickV1.CreditService.listTransactions, request, connection, output)
    try show(reply, output) { Texts.transactions($0.transactions, nextCursor: $0.nextCursor) }
    output.note(
      empty: reply.transactions.isEmpty && reply.nextCursor.isEmpty, "no such transactions of \(user)")
  }
}
