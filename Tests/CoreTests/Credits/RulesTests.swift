// What of the rules the text tables cannot say: views, plans, and damaged accounts.

import Core
import Testing

@Suite("Rules")
struct RulesTests {
  static let key = Idempotency(key: "k", digest: Digest(bytes: Array(repeating: 0, count: 32)))

  static func context(_ account: Account, at nowMicros: Int64 = 1_000) -> DecisionContext {
    DecisionContext(nowMicros: nowMicros, nextSequence: 100, account: account)
  }

  @Test("a hold that pins what its lot does not have is reported as damage")
  func damagedPins() {
    let lot = Lot(id: 1, priority: 50, amountMicros: 10, remainingMicros: 10, pinnedMicros: 3)
    var context = Self.context(
      Account(id: 1, userId: "u", postedMicros: 10, heldMicros: 3, version: 2, head: 2, lots: [lot]))
    context.hold = Hold(
      id: 2, userId: "u", amountMicros: 4, createdAtMicros: 0, expiresAtMicros: 2_000, runId: "",
      pins: [LotAllocation(lotId: 1, amountMicros: 4)])
    #expect {
      try Rules.decide(.release(Command.Release(holdId: 2, idempotency: Self.key)), context)
    } throws: {
      ($0 as? Refusal)?.reason == .corrupt
    }
  }

  @Test("a purchase opens a lot, a consume draws on it")
  func purchaseAndConsume() throws {
    let bought = try Rules.decide(
      .addPurchase(
        Command.AddPurchase(userId: "u", paymentId: "p", amountMicros: 10, idempotency: Self.key)),
      Self.context(Account(userId: "u")))
    #expect(bought.account.lots == [Lot(id: 100, priority: 50, amountMicros: 10, remainingMicros: 10)])
    var context = Self.context(bought.account)
    context.nextSequence = 101
    let used = try Rules.decide(
      .consume(Command.Consume(userId: "u", amountMicros: 4, idempotency: Self.key)), context)
    #expect(used.account.postedMicros == 6)
    #expect(used.entries.map(\.amountMicros) == [-4])
    #expect(used.entries.map(\.sequence) == [101])
    #expect(used.entries.map(\.lots) == [[LotAllocation(lotId: 100, amountMicros: 4)]])
  }

  @Test("a plan put again with the same content is unchanged")
  func putPlan() {
    let plan = Plan(id: "pro", displayName: "Pro", monthlyCreditMicros: 5, grantExpiry: .periodEnd)
    let first = Rules.put(plan, over: nil, nowMicros: 7)
    #expect(!first.unchanged)
    #expect(first.plan.updatedAtMicros == 7)
    let again = Rules.put(plan, over: first.plan, nowMicros: 9)
    #expect(again.unchanged)
    #expect(again.plan == first.plan)
    var dearer = plan
    dearer.monthlyCreditMicros = 6
    let changed = Rules.put(dearer, over: first.plan, nowMicros: 9)
    #expect(!changed.unchanged)
    #expect(changed.plan.updatedAtMicros == 9)
  }
}
