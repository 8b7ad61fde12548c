// `tally credits`: the verbs that read.
//
// Owner: the command's main thread.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages
internal import TallyProtoJSON

struct CreditsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "credits", abstract: "Balances, charges, grants, holds and the ledger.",
    discussion: """
      Amounts are dollars, such as 1.25. Leave the sign out: of "$1.25" a shell leaves .25, and of "$10" \
      a 0. With --micros they are micro-USD.

      Examples:
        tally credits purchase alice 10 --payment pi_42
        tally credits consume alice 0.25
        tally credits balance alice bob
      """,
    subcommands: [
      BalanceCommand.self, ConsumeCommand.self, PurchaseCommand.self, GrantCommand.self,
      PromoCommand.self, AdjustCommand.self, ReserveCommand.self, ExtendCommand.self, CaptureCommand.self,
      ReleaseCommand.self, HoldsCommand.self, TransactionsCommand.self, ShowCommand.self,
    ])
}

struct BalanceCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "balance", abstract: "Shows balances.",
    discussion: "Example: tally credits balance alice bob")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "One or more users.")
  var users: [String]

  func perform() async throws {
    var request = TallystickV1.BatchGetBalancesRequest()
    request.userIds = users
    let reply = try await answer(TallystickV1.CreditService.batchGetBalances, request, connection, output)
    try show(reply, output) { Texts.balances($0.balances) }
    // Each row of a user raises the version.
    let unknown = reply.balances.filter { $0.version == 0 }.map(\.userId)
    output.note(
      empty: !unknown.isEmpty,
      "no credit was ever given to \(unknown.joined(separator: ", ")): is the name right?")
  }
}

struct HoldsCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "holds", abstract: "Lists a user's holds, newest first.",
    discussion: "Example: tally credits holds alice --state open")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var paging: PagingOptions

  @Argument(help: "The user.") var user: String

  @Option(
    parsing: .singleValue,
    help: "\(TallystickV1.HoldState.choices.map(\.word).joined(separator: ", ")); may be repeated.",
    completion: .list(TallystickV1.HoldState.choices.map(\.word)))
  var state: [String] = []

  func perform() async throws {
    var request = TallystickV1.ListHoldsRequest()
    request.userId = user
    request.limit = paging.limit
    request.cursor = paging.cursor
    request.states = try TallystickV1.HoldState.parse(state, among: TallystickV1.HoldState.choices)
    let reply = try await answer(TallystickV1.CreditService.listHolds, request, connection, output)
    try show(reply, output) { Texts.holds($0.holds, nextCursor: $0.nextCursor) }
    output.note(empty: reply.holds.isEmpty && reply.nextCursor.isEmpty, "no such holds of \(user)")
  }
}

struct TransactionsCommand: ClientCommand {
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

struct ShowCommand: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows one transaction.",
    discussion: "Example: tally credits show txn-17")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  @Argument(help: "The transaction's id, such as txn-17.") var transaction: String

  func perform() async throws {
    var request = TallystickV1.GetTransactionRequest()
    request.transactionId = transaction
    try await tally.perform(TallystickV1.CreditService.getTransaction, request, connection, output) {
      $0.transaction.map(Self.text) ?? ""
    }
  }

  private static func text(_ row: TallystickV1.Transaction) -> String {
    var facts: [(String, String)] = [
      ("transaction", row.transactionId), ("sequence", "\(row.sequence)"), ("user", row.userId),
      ("type", row.type.word),
      ("amount", Dollars.format(row.amountMicros)),
      ("held", Texts.held(row)),
      ("available", "\(Dollars.format(row.balanceAfterMicros - row.heldAfterMicros)) (after it)"),
      ("on hold", "\(Dollars.format(row.heldAfterMicros)) (after it)"),
      ("written", Timestamp.format(row.createdAtMicros)),
      ("effective", Timestamp.format(row.effectiveAtMicros)),
    ]
    facts += [
      ("key", row.idempotencyKey), ("run", row.runId), ("payment", row.paymentId), ("plan", row.planId),
      ("hold", row.holdId), ("package", row.package), ("actor", row.actor), ("reason", row.reason),
      ("description", row.description),
    ].filter { !$0.1.isEmpty }
    if let expiry = row.expiresAtMicros { facts.append(("expires", Timestamp.format(expiry))) }
    for (key, value) in row.metadata.sorted(by: { $0.key < $1.key }) {
      facts.append(("meta", "\(key)=\(value)"))
    }
    for lot in row.lots { facts.append(("lot \(lot.lotId)", Dollars.format(lot.amountMicros))) }
    return Texts.facts(facts)
  }
}
