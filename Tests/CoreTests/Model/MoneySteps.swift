// Random commands by which money goes back, of rows that were written before: refunds, reversals and their
// reinstatement, voids, captures of more than is held, purchases by several ids, and what is forgiven.

import TallyCore
internal import TallySQLiteStore

struct MoneySteps {
  private var random: SeededGenerator
  private var number = 0
  private var debits: [Int64] = []
  private var grants: [Int64] = []
  private var payments: [String] = []
  private var holds: [Int64] = []
  private var runs: [String] = []

  init(seed: UInt64) { random = SeededGenerator(seed: seed &+ 1) }

  private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }

  /// Mostly one of the last ones.
  private mutating func pick<Element>(_ elements: [Element]) -> Element? {
    let recent = roll(4) == 0 ? elements[...] : elements.suffix(12)
    return recent.randomElement(using: &random)
  }

  /// Takes note of what money may go back of.
  mutating func follow(_ outcome: Outcome) {
    switch outcome {
    case .applied(let receipt):
      note(receipt.transaction)
      if let hold = receipt.hold, hold.state == .open { holds.append(hold.id) }
    case .usage(.run(let receipt)):
      if let row = receipt.transaction { note(row) }
      runs.append(receipt.run.runId)
    default: break
    }
  }

  private mutating func note(_ row: Entry) {
    switch row.type {
    case .apiUsage: debits.append(row.sequence)
    case .planGrant, .promoGrant: grants.append(row.sequence)
    case .purchase: if let paymentId = row.paymentId { payments.append(paymentId) }
    default: break
    }
  }

  private mutating func amount() -> Int64? {
    switch roll(8) {
    case 0...3: nil
    case 4: 1_000
    default: Int64(1 + roll(20))
    }
  }

  private mutating func idempotency() -> Idempotency {
    number += 1
    let key = "back\(roll(20) == 0 ? roll(number) : number)"
    return Idempotency(key: key, digest: CommandReader.digest(of: "\(key) \(number)"))
  }

  /// - Returns: nil when there is nothing to give back.
  mutating func next(userIds: [String]) -> Command? {
    let acting = roll(10) == 0 ? pick(userIds) : nil
    let event = "event\(roll(12) == 0 ? roll(number + 1) : number)"
    switch roll(10) {
    case 0...2:
      guard let debit = pick(debits) else { return nil }
      let named: Command.Refund.Debit =
        if roll(5) == 0, let runId = pick(runs) {
          .run(runId, attempt: Int32(roll(3)))
        } else {
          .transaction(roll(10) == 0 ? debit + 1 : debit)
        }
      return .refund(
        .init(
          debit: named, amountMicros: amount(), actingUserId: acting, idempotency: idempotency()))
    case 3, 4:
      guard let paymentId = pick(payments) else { return nil }
      let choices: [CreditCommand.OnShortfall] = [.reject, .partial, .owe]
      return .reversePurchase(
        .init(
          paymentId: paymentId, amountMicros: amount(), eventId: event, onShortfall: choices[roll(3)],
          actingUserId: acting, idempotency: idempotency()))
    case 5:
      guard let paymentId = pick(payments) else { return nil }
      return .reinstatePurchase(
        .init(
          paymentId: paymentId, amountMicros: amount(), eventId: event, actingUserId: acting,
          idempotency: idempotency()))
    case 6:
      guard let grant = pick(grants) else { return nil }
      return .voidGrant(
        .init(
          transaction: roll(12) == 0 ? grant + 1 : grant, amountMicros: amount(), actor: "a", reason: "r",
          actingUserId: acting, idempotency: idempotency()))
    case 7:
      guard let userId = pick(userIds) else { return nil }
      return .forgiveOwed(
        .init(
          userId: userId, amountMicros: amount(), actor: "a", reason: "r", idempotency: idempotency()))
    case 8:
      guard let hold = pick(holds) else { return nil }
      return .capture(
        .init(
          holdId: hold, amountMicros: Int64(1 + roll(60)), mayDraw: roll(5) > 0, actingUserId: acting,
          idempotency: idempotency()))
    default: return purchase(userIds)
    }
  }

  private mutating func purchase(_ userIds: [String]) -> Command? {
    guard let userId = pick(userIds) else { return nil }
    let known = roll(4) == 0 ? pick(payments).map { [$0] } ?? [] : []
    let key = idempotency()
    return .addPurchase(
      .init(
        userId: userId, paymentId: "payment\(number)", externalRefs: known + ["ref\(number)"],
        amountMicros: Int64(10 + roll(3)), idempotency: key))
  }
}
