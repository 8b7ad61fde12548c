// Steps by which money or credit goes back: of rows that are there, mostly recent ones, in amounts near what
// may go back.
//
// Values, owned by the test.

import TallyCore
internal import TallySQLiteStore

@testable import TallyModel

extension StepReader {
  /// Mostly fresh ids, now and then known ones, of the same or of another purchase.
  var purchase: Command.AddPurchase {
    let known = model.payments.keys.sorted()
    func pick(_ number: UInt64) -> String { known[Int(number % UInt64(known.count))].text }
    var refs: [String] = []
    if step.b % 3 == 0 { refs.append("ref-\(step.id)") }
    if step.b % 7 == 0, !known.isEmpty { refs.append(pick(step.b >> 8)) }
    let isOld = step.c % 6 == 0 && !known.isEmpty
    let paymentId = isOld ? pick(step.c >> 8) : "p-\(step.id)"
    let before = model.payments[ExactText(paymentId)].flatMap { model.row($0) }
    return Command.AddPurchase(
      userId: step.b % 5 == 0 ? user : before?.userId ?? user, paymentId: paymentId, externalRefs: refs,
      amountMicros: step.c % 5 == 0 ? Int64(step.b % 2 + 10) : before?.amountMicros ?? amount,
      package: "p\(step.b % 3)", expiresAtMicros: time(step.b), idempotency: idempotency, text: text)
  }

  /// A row of some types: mostly one of the last.
  private func row(_ types: Set<TransactionType>) -> Entry? {
    let rows = model.ledger.filter { types.contains($0.type) }
    return pick(step.a % 3 == 0 ? rows : Array(rows.suffix(10)))
  }

  private func pick(_ rows: [Entry]) -> Entry? {
    rows.isEmpty ? nil : rows[Int((step.a >> 8) % UInt64(rows.count))]
  }

  /// A row that made a lot: mostly one of whose credit a part is spent or held.
  private func grant(_ types: Set<TransactionType>) -> Entry? {
    let rows = model.ledger.filter { types.contains($0.type) }.suffix(20)
    let used = rows.filter { row in
      let pieces = model.users[ExactText(row.userId)]?.pieces ?? []
      let lot = pieces.filter { $0.lot.id == row.sequence }
      return !lot.isEmpty && lot.reduce(0) { $1.hold == nil ? $0 + $1.amount : $0 } < row.amountMicros
    }
    return step.a % 3 == 0 || used.isEmpty ? row(types) : pick(used)
  }

  /// All, a part, or near the most that is allowed.
  private func part(of most: Int64) -> Int64? {
    let most = min(most, Int64.max - 2)
    switch step.b % 7 {
    case 0, 1, 2: return nil
    case 3: return max(1, most + Int64(step.b >> 8 % 3) - 1)
    default: return 1 + Int64(step.b >> 8 % UInt64(max(1, min(most, 40))))
    }
  }

  private func sum(_ sequence: Int64, _ type: TransactionType, _ path: KeyPath<Entry, Int64>) -> Int64 {
    model.rows(about: sequence, type).reduce(0) { $0 &+ $1[keyPath: path] }
  }

  /// Mostly fresh, now and then one that was booked before.
  private var eventId: String {
    let known = model.events.keys.sorted()
    guard step.c % 9 == 0, !known.isEmpty else { return "event\(step.id)" }
    return known[Int(step.c % UInt64(known.count))].text
  }

  var moneyBack: Command? {
    switch step.kind {
    case .refund: return refund
    case .reverse, .reinstate: return step.kind == .reverse ? reversal : reinstatement
    case .void:
      guard let grant = grant([.planGrant, .promoGrant]) else { return nil }
      let free = model.user(grant.userId, at: model.now(wall)).free(ofLot: grant.sequence)
      return .voidGrant(
        .init(
          transaction: grant.sequence + (step.c % 12 == 0 ? 1 : 0), amountMicros: part(of: free), actor: "a",
          reason: "r", actingUserId: actingUser, idempotency: idempotency, text: text))
    default:
      let owing = Self.users.filter { model.balance($0, wall: wall).owedMicros > 0 }
      let user = owing.isEmpty || step.c % 8 == 0 ? user : owing[Int(step.a % UInt64(owing.count))]
      let owed = model.balance(user, wall: wall).owedMicros
      return .forgiveOwed(
        .init(
          userId: user, amountMicros: part(of: owed), actor: "a", reason: "r", idempotency: idempotency,
          text: text))
    }
  }

  private var refund: Command? {
    guard let debit = row(step.c % 15 == 0 ? Set(TransactionType.allCases) : [.apiUsage]) else { return nil }
    let left = -debit.amountMicros &- sum(debit.sequence, .refund, \.amountMicros)
    var named = Command.Refund.Debit.transaction(
      step.c % 20 == 0 ? Int64(model.ledger.count) + 1 : debit.sequence)
    if step.c % 5 == 1 {
      let runs = model.runs.values.filter { $0.end != nil }.map(\.run).sorted { $0.id < $1.id }
      let run = runs.isEmpty ? knownRun.runId : runs[Int(step.a % UInt64(runs.count))].runId
      named = .run(run, attempt: Int32(step.b % 3))
    }
    return .refund(
      .init(
        debit: named, amountMicros: part(of: left), actingUserId: actingUser, idempotency: idempotency,
        text: text))
  }

  /// Any id of a purchase.
  private func paymentId(of purchase: Entry) -> String {
    let ids = model.payments.filter { $0.value == purchase.sequence }.keys.sorted()
    return ids.isEmpty || step.c % 25 == 0 ? "none" : ids[Int(step.b % UInt64(ids.count))].text
  }

  private var reversal: Command? {
    guard let purchase = grant([.purchase]) else { return nil }
    let left =
      purchase.amountMicros &- sum(purchase.sequence, .reversal, \.askedMicros)
      &+ sum(purchase.sequence, .reinstatement, \.askedMicros)
    let choices: [CreditCommand.OnShortfall] = [.reject, .partial, .owe, .owe]
    return .reversePurchase(
      .init(
        paymentId: paymentId(of: purchase), amountMicros: part(of: left), eventId: eventId,
        onShortfall: choices[Int(step.c >> 8 % 4)], actingUserId: actingUser, idempotency: idempotency,
        text: text))
  }

  private var reinstatement: Command? {
    let reversal = row([.reversal]).flatMap { $0.refersTo }.flatMap { model.row($0) }
    guard let purchase = step.c % 10 == 0 ? row([.purchase]) : reversal else { return nil }
    let reversed =
      sum(purchase.sequence, .reversal, \.askedMicros)
      &- sum(purchase.sequence, .reinstatement, \.askedMicros)
    return .reinstatePurchase(
      .init(
        paymentId: paymentId(of: purchase), amountMicros: part(of: reversed), eventId: eventId,
        actingUserId: actingUser, idempotency: idempotency, text: text))
  }
}
