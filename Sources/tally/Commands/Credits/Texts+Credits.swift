// Credit, as text for people: replies, balances, the ledger, holds.

internal import TallyMessages
internal import TallyProtoJSON

extension Texts {
  static func money(_ reply: some MoneyResponse) -> String {
    var rows: [(String, String)] = []
    if let transaction = reply.transaction {
      let type = transaction.type.word
      rows.append(("transaction", "\(transaction.transactionId) (\(type))"))
      let amount = isHold(transaction.type) ? transaction.holdAmountMicros : transaction.amountMicros
      rows.append((isHold(transaction.type) ? "held" : "amount", Dollars.format(amount)))
      rows += moneyBack(transaction)
      if !transaction.holdId.isEmpty { rows.append(("hold", transaction.holdId)) }
      rows.append(("key", transaction.idempotencyKey + (reply.replayed ? " (replayed)" : "")))
    }
    if let balance = reply.balance {
      // A replay returns the balance that the first call returned.
      let then = reply.replayed ? " (after it, then; 'tally credits balance' shows today's)" : ""
      rows.append(("available", Dollars.format(balance.availableMicros) + then))
      if balance.heldMicros != 0 { rows.append(("on hold", Dollars.format(balance.heldMicros))) }
      if balance.pendingMicros != 0 { rows.append(("pending", Dollars.format(balance.pendingMicros))) }
      if balance.owedMicros != 0 { rows.append(("owed", Dollars.format(balance.owedMicros))) }
    }
    return facts(rows)
  }

  /// What a row says of an earlier one, and of what is owed for it.
  private static func moneyBack(_ transaction: TallystickV1.Transaction) -> [(String, String)] {
    var rows: [(String, String)] = []
    if !transaction.refersToTransactionId.isEmpty { rows.append(("of", transaction.refersToTransactionId)) }
    if transaction.askedMicros != 0 { rows.append(("asked", Dollars.format(transaction.askedMicros))) }
    if transaction.shortMicros != 0 { rows.append(("not there", Dollars.format(transaction.shortMicros))) }
    guard transaction.owedMicros != 0 else { return rows }
    let isLess = [.owedForgiven, .owedPayment, .reinstatement].contains(transaction.type)
    return rows + [(isLess ? "no longer owed" : "became owed", Dollars.format(transaction.owedMicros))]
  }

  private static func isHold(_ type: TallystickV1.TransactionType) -> Bool {
    [.hold, .holdExtend, .holdRelease].contains(type)
  }

  static func balances(_ balances: [TallystickV1.Balance]) -> String {
    var table = Table(
      [
        ("USER", .left), ("AVAILABLE", .amount), ("ON HOLD", .amount), ("POSTED", .amount),
        ("PENDING", .amount), ("OWED", .amount), ("EXPIRING", .amount), ("NEXT EXPIRY", .time),
      ], optional: ["POSTED", "PENDING", "EXPIRING", "NEXT EXPIRY", "OWED"])
    for balance in balances {
      let expiry = balance.nextExpiryAtMicros
      table.add([
        balance.userId, Dollars.format(balance.availableMicros), Dollars.format(balance.heldMicros),
        Dollars.format(balance.postedMicros), Dollars.format(balance.pendingMicros),
        balance.owedMicros == 0 ? "-" : Dollars.format(balance.owedMicros),
        expiry == nil ? "-" : Dollars.format(balance.nextExpiryMicros), expiry.map(Timestamp.format) ?? "-",
      ])
    }
    return table.text
  }

  static func transactions(_ rows: [TallystickV1.Transaction], nextCursor: String) -> String {
    var table = Table(
      [
        ("TIME", .time), ("ID", .left), ("TYPE", .left), ("AMOUNT", .amount), ("HELD", .amount),
        ("AVAILABLE", .amount), ("ON HOLD", .amount), ("PENDING", .amount), ("DETAIL", .left),
      ], optional: ["ON HOLD", "PENDING", "ID", "DETAIL", "HELD"], flexible: "DETAIL")
    for row in rows {
      table.add([
        Timestamp.format(row.createdAtMicros), row.transactionId,
        row.type.word,
        isHold(row.type) ? "-" : Dollars.format(row.amountMicros), held(row),
        Dollars.format(row.availableAfterMicros), Dollars.format(row.heldAfterMicros),
        row.pendingAfterMicros == 0 ? "-" : Dollars.format(row.pendingAfterMicros),
        detail(row),
      ])
    }
    return table.text + more(nextCursor)
  }

  /// What a row names beside its user.
  static func detail(_ row: TallystickV1.Transaction) -> String {
    let owed = row.amountMicros == 0 && row.owedMicros != 0 ? "\(Dollars.format(row.owedMicros)) owed" : ""
    let details = [
      owed, row.refersToTransactionId, row.eventId, row.paymentId, row.planId, row.runId, row.holdId,
      row.reason, row.description,
    ]
    return details.filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// How much a row set aside, or gave back as a negative amount.
  static func held(_ row: TallystickV1.Transaction) -> String {
    switch row.type {
    case .hold: Dollars.format(row.holdAmountMicros)
    case .holdRelease: Dollars.format(-row.holdAmountMicros)
    default: "-"
    }
  }

  static func holds(_ holds: [TallystickV1.Hold], nextCursor: String) -> String {
    var table = Table(
      [
        ("HOLD", .left), ("STATE", .left), ("AMOUNT", .amount), ("CAPTURED", .amount),
        ("RELEASED", .amount), ("FORFEITED", .amount), ("EXPIRES", .time), ("RUN", .left),
      ], optional: ["FORFEITED", "RELEASED", "RUN", "CAPTURED"])
    for hold in holds {
      table.add([
        hold.holdId, hold.state.word,
        Dollars.format(hold.amountMicros), Dollars.format(hold.capturedMicros),
        Dollars.format(hold.releasedMicros), Dollars.format(hold.forfeitedMicros),
        Timestamp.format(hold.expiresAtMicros), hold.runId,
      ])
    }
    return table.text + more(nextCursor)
  }
}

extension TallystickV1.Transaction {
  /// What could be spent after the row: neither on hold nor pending.
  var availableAfterMicros: Int64 { balanceAfterMicros &- heldAfterMicros &- pendingAfterMicros }
}
