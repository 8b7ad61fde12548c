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
      let more = reply.replayed ? " (then)" : ""
      rows.append(("available", Dollars.format(balance.availableMicros) + then))
      rows += [
        ("on hold", balance.heldMicros), ("pending", balance.pendingMicros), ("owed", balance.owedMicros),
      ].filter { $0.1 != 0 }.map { ($0.0, Dollars.format($0.1) + more) }
    }
    return facts(rows)
  }

  /// What a row says of an earlier one, and what it changed in what is owed. It tells of its own time: what
  /// became owed may be paid or forgiven by now.
  static func moneyBack(_ row: TallystickV1.Transaction) -> [(String, String)] {
    var rows = [("of", row.refersToTransactionId), ("event", row.eventId)].filter { !$0.1.isEmpty }
    if row.askedMicros != 0 { rows.append(("asked", Dollars.format(row.askedMicros))) }
    if row.shortMicros > 0 { rows.append(("not there", Dollars.format(row.shortMicros))) }
    if row.shortMicros < 0 { rows.append(("settles", "\(positive(row.shortMicros)) that was not there")) }
    guard row.owedMicros != 0 else { return rows }
    return rows + [(owedChange(row), Dollars.format(row.owedMicros))]
  }

  /// What a row did with what is owed.
  private static func owedChange(_ row: TallystickV1.Transaction) -> String {
    switch row.type {
    case .owedPayment: "paid"
    case .owedForgiven, .reinstatement, .expiry: "forgiven"
    default: "became owed"
    }
  }

  private static func positive(_ micros: Int64) -> String {
    Dollars.format(micros == .min ? .max : abs(micros))
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

  /// What a row names beside its user, and what it did that no amount tells.
  static func detail(_ row: TallystickV1.Transaction) -> String {
    let isOfOwed = [.owed, .owedForgiven].contains(row.type)
    let owed = isOfOwed ? "\(Dollars.format(row.owedMicros)) \(owedChange(row))" : ""
    let details = [
      owed, row.refersToTransactionId, row.eventId, row.paymentId, row.planId, row.periodStartDate, row.runId,
      row.spender, row.holdId, row.reason, row.description,
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
