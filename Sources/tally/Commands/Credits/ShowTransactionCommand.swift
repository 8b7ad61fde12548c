// `tally credits show`: one transaction.

internal import ArgumentParser
internal import TallyClient
internal import TallyMessages

struct ShowTransactionCommand: ClientCommand {
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
      ("available", "\(Dollars.format(row.availableAfterMicros)) (after it)"),
      ("on hold", "\(Dollars.format(row.heldAfterMicros)) (after it)"),
      ("pending", row.pendingAfterMicros == 0 ? "" : "\(Dollars.format(row.pendingAfterMicros)) (after it)"),
      ("owed", row.owedAfterMicros == 0 ? "" : "\(Dollars.format(row.owedAfterMicros)) (after it)"),
      ("written", Timestamp.format(row.createdAtMicros)),
      ("effective", Timestamp.format(row.effectiveAtMicros)),
    ]
    facts += Texts.moneyBack(row)
    facts += [
      ("key", row.idempotencyKey), ("run", run(row)), ("spender", row.spender), ("payment", row.paymentId),
      ("plan", row.planId), ("period", period(row)),
      ("hold", row.holdId), ("package", row.package), ("actor", row.actor), ("reason", row.reason),
      ("description", row.description),
    ].filter { !$0.1.isEmpty }
    if row.rolloverCapMicros != 0 {
      facts.append(("rollover", "at most \(Dollars.format(row.rolloverCapMicros))"))
    }
    if let expiry = row.expiresAtMicros { facts.append(("expires", Timestamp.format(expiry))) }
    for (key, value) in row.metadata.sorted(by: { $0.key < $1.key }) {
      facts.append(("meta", "\(key)=\(value)"))
    }
    for lot in row.lots { facts.append(("lot \(lot.lotId)", Dollars.format(lot.amountMicros))) }
    return Texts.present(facts)
  }

  private static func run(_ row: TallystickV1.Transaction) -> String {
    row.runId + (row.attempt > 1 ? ", attempt \(row.attempt)" : "")
  }

  /// The first date of a grant's period, and that of the next one.
  private static func period(_ row: TallystickV1.Transaction) -> String {
    row.periodStartDate.isEmpty ? "" : "\(row.periodStartDate) until \(row.periodEndDate)"
  }
}
