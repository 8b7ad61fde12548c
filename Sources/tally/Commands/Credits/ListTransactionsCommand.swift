// `tally credits list`: a user's ledger.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ListTransactionsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists a user's ledger, newest first.",
    discussion: """
      AMOUNT is what a row did to the user's credit, HELD what it set aside or gave back. AVAILABLE, ON \
      HOLD and PENDING are what the user had after it; pending credit was granted but is not effective yet. \
      A row tells of its own time: what became owed by it may be paid or forgiven by a later one.

      Example: tally credits list alice --type api_usage --from 2026-11-01
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String

  @Option(
    parsing: .singleValue, help: "Only rows of this type, such as purchase or api_usage. Repeatable.",
    completion: .list(TallystickV1.TransactionType.choices.map(\.word)))
  var type: [String] = []

  @Option(help: "Only rows from this time on.")
  var from: String?

  @Option(help: "Only rows before this time.")
  var to: String?

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Only rows with this metadata. Repeatable.", valueName: "key=value"))
  var metadata: [String] = []
  @Option(help: "Only rows of this spender.") var spender = ""

  func perform() async throws {
    var request = TallystickV1.ListTransactionsRequest()
    request.userId = user
    request.limit = paging.limit
    request.cursor = paging.cursor
    request.metadata = try Pairs.parse(metadata)
    request.spender = spender
    (request.fromMicros, request.toMicros) = try Times.parseRange(from: from, to: to)
    request.types = try TallystickV1.TransactionType.parse(
      type, among: TallystickV1.TransactionType.choices)
    let reply = try await answer(TallystickV1.CreditService.listTransactions, request, connection, output)
    try show(reply, output) { Texts.transactions($0.transactions, nextCursor: $0.nextCursor) }
    if reply.transactions.isEmpty && reply.nextCursor.isEmpty {
      await output.noteEmpty("transactions", of: user, connection)
    }
  }
}
