// A ledger script's mutations by which money goes back, as commands.

import TallyCore
internal import TallySQLiteStore

extension CommandReader {
  mutating func moneyBack() throws -> Command {
    switch verb {
    case "refund": .refund(try refund())
    case "reverse":
      .reversePurchase(
        Command.ReversePurchase(
          paymentId: try words.next("payment"), amountMicros: try optionalAmount(), eventId: try event(),
          onShortfall: try onShortfall(), actingUserId: words.take("by"), idempotency: try idempotency(),
          text: try text()))
    case "reinstate":
      .reinstatePurchase(
        Command.ReinstatePurchase(
          paymentId: try words.next("payment"), amountMicros: try optionalAmount(), eventId: try event(),
          actingUserId: words.take("by"), idempotency: try idempotency(), text: try text()))
    case "void":
      .voidGrant(
        Command.VoidGrant(
          transaction: try transaction(), amountMicros: try optionalAmount(),
          actor: words.take("actor") ?? "root", reason: words.take("reason") ?? "correction",
          actingUserId: words.take("by"), idempotency: try idempotency(), text: try text()))
    default:
      .forgiveOwed(
        Command.ForgiveOwed(
          userId: try words.next("user"), amountMicros: try optionalAmount(),
          actor: words.take("actor") ?? "root", reason: words.take("reason") ?? "correction",
          idempotency: try idempotency(), text: try text()))
    }
  }

  private mutating func refund() throws -> Command.Refund {
    let debit: Command.Refund.Debit =
      if let runId = words.take("run") { .run(runId, attempt: 0) } else { .transaction(try transaction()) }
    return Command.Refund(
      debit: debit, amountMicros: try optionalAmount(), actingUserId: words.take("by"),
      idempotency: try idempotency(), text: try text())
  }

  private mutating func transaction() throws -> Int64 {
    let text = try words.next("transaction")
    guard let sequence = Identifiers.transactionSequence(text) else {
      throw failure("not a transaction's id: \(text)")
    }
    return sequence
  }

  private mutating func event() throws -> String {
    guard let event = words.take("event") else { throw failure("event is missing") }
    return event
  }

  private mutating func onShortfall() throws -> CreditCommand.OnShortfall {
    switch words.take("on_shortfall") {
    case nil, "reject": .reject
    case "partial": .partial
    case "owe": .owe
    case let other?: throw failure("no such on_shortfall: \(other)")
    }
  }
}
