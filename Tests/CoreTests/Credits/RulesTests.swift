// What of the rules the text tables cannot say: sweeps, plans, damaged accounts, and times out of range.

internal import TallySQLiteStore
import Testing

@testable import TallyCore

@Suite("Rules")
struct RulesTests {
  static let key = Idempotency(key: "k", digest: Digest(bytes: Array(repeating: 0, count: 32)))

  static func context(_ account: Account, at nowMicros: Int64 = 1_000) -> DecisionContext {
    DecisionContext(nowMicros: nowMicros, nextSequence: 100, account: account)
  }

  /// 10 in one lot, of which 3 are pinned by hold 2, which ends at 2,000.
  static let account = Account(
    id: 1, userId: "u", postedMicros: 10, heldMicros: 3, version: 2, head: 2,
    lots: [
      Lot(
        id: 1, priority: 50, amountMicros: 10, remainingMicros: 10, pinnedMicros: 3,
        expiresAtMicros: 3_000)
    ],
    nextHoldExpiryMicros: 2_000)

  static func hold(pins amountMicros: Int64 = 3, of lotId: Int64 = 1) -> Hold {
    Hold(
      id: 2, userId: "u", amountMicros: amountMicros, createdAtMicros: 0, expiresAtMicros: 2_000, runId: "",
      pins: [LotAllocation(lotId: lotId, amountMicros: amountMicros)])
  }

  static func refusal(_ command: Command, _ context: DecisionContext) -> Refusal? {
    do throws(Refusal) {
      _ = try Rules.decide(command, context)
      return nil
    } catch {
      return error
    }
  }

  @Test("a hold that pins what its lot does not have is reported as damage", arguments: [(4, 1), (3, 9)])
  func damagedPins(amountMicros: Int64, lotId: Int64) {
    var context = Self.context(Self.account)
    let hold = Self.hold(pins: amountMicros, of: lotId)
    context.hold = hold
    let release = Command.release(Command.Release(holdId: 2, idempotency: Self.key))
    #expect(Self.refusal(release, context)?.reason == .corrupt)
    let capture = Command.capture(Command.Capture(holdId: 2, idempotency: Self.key))
    #expect(Self.refusal(capture, context)?.reason == .corrupt)
    context.nowMicros = 2_000
    context.expiredHolds = [hold]
    #expect(throws: Refusal.self) { try Rules.sweep(context) }
  }

  @Test("what is short of a lot of which nothing is known is reported as damage")
  func damagedShort() {
    var account = Self.account
    account.lots[0].shortMicros = 2
    var context = Self.context(account)
    context.hold = Self.hold()
    let release = Command.release(Command.Release(holdId: 2, idempotency: Self.key))
    #expect(Self.refusal(release, context)?.reason == .corrupt)
    // A reader is told what is there all the same.
    let balance = Rules.balance(of: account, expiredHolds: [Self.hold()], at: 2_000)
    #expect(balance.availableMicros == 8 && balance.heldMicros == 0)
  }

  @Test("a user owes for so many purchases and no more")
  func owedPurchases() throws {
    var account = Self.account
    account.owed = (1...Int64(OwedPart.maximumPurchases)).map { OwedPart(purchase: $0, amountMicros: 1) }
    var draft = try Draft(settling: Self.context(account))
    try draft.owe(5, for: 7)
    try draft.owe(5, for: nil)
    #expect(throws: Refusal.self) { try draft.owe(5, for: 1_000) }
    #expect(throws: Refusal.self) { try draft.owe(Int64.max, for: nil) }
    #expect(draft.account.owedMicros(for: 7) == 6 && draft.account.owed.last?.purchase == nil)
  }

  @Test("rows, lots and holds are numbered from the context")
  func numbering() throws {
    let bought = try Rules.decide(
      .addPurchase(
        Command.AddPurchase(userId: "u", paymentId: "p", amountMicros: 10, idempotency: Self.key)),
      Self.context(Account(userId: "u")))
    #expect(bought.account.lots == [Lot(id: 100, priority: 50, amountMicros: 10, remainingMicros: 10)])
    #expect(bought.account.head == 100)
    var context = Self.context(bought.account)
    context.nextSequence = 101
    let held = try Rules.decide(
      .reserve(Command.Reserve(userId: "u", amountMicros: 4, ttlMillis: 1, idempotency: Self.key)), context)
    #expect(held.hold?.id == 101)
    #expect(held.holds == [held.hold])
    #expect(held.entries.map(\.holdId) == [101])
    #expect(held.account.lots.map(\.pinnedMicros) == [4])
  }

  @Test("a sweep writes off what has expired, and only that")
  func sweep() throws {
    #expect(try Rules.sweep(Self.context(Self.account)) == nil)
    var context = Self.context(Self.account, at: 2_000)
    context.expiredHolds = [Self.hold()]
    let released = try #require(try Rules.sweep(context))
    #expect(released.entries.map(\.type) == [.holdRelease])
    #expect(released.holds.map(\.state) == [.expired])
    #expect(released.account.nextHoldExpiryMicros == nil)
    #expect(released.account.heldMicros == 0)
    let expired = try #require(try Rules.sweep(Self.context(released.account, at: 3_000)))
    #expect(expired.entries.map(\.amountMicros) == [-10])
    #expect(expired.entries.map(\.idempotency) == [nil])
    #expect(expired.account.lots.isEmpty)
    #expect(try Rules.sweep(Self.context(expired.account, at: 9_000)) == nil)
  }

  @Test("a sweep comes to what a late write comes to")
  func sweepIsTransparent() throws {
    var context = Self.context(Self.account, at: 3_000)
    context.expiredHolds = [Self.hold()]
    let swept = try #require(try Rules.sweep(context))
    let promo = Command.grantPromo(
      Command.GrantPromo(userId: "u", amountMicros: 1, idempotency: Self.key))
    let late = try Rules.decide(promo, context)
    #expect(Array(late.entries.dropLast()) == swept.entries)
    #expect(late.holds == swept.holds)
    #expect(
      Rules.balance(of: Self.account, expiredHolds: [Self.hold()], at: 3_000).availableMicros
        == swept.account.postedMicros)
  }

  @Test("a time beyond the range of int64 is refused")
  func timesOutOfRange() {
    var context = Self.context(Self.account, at: Int64.max - 999)
    let reserve = Command.Reserve(userId: "u", amountMicros: 1, ttlMillis: 1, idempotency: Self.key)
    #expect(Self.refusal(.reserve(reserve), context)?.reason == .amountOverflow)
    context = Self.context(Self.account)
    context.hold = Self.hold()
    let extend = Command.Extend(holdId: 2, ttlMillis: Int64.max / 1_000 + 1, idempotency: Self.key)
    #expect(Self.refusal(.extend(extend), context)?.reason == .amountOverflow)
    context.plan = Plan(
      id: "p", displayName: "", monthlyCreditMicros: 1, grantExpiry: .after(millis: Int64.max))
    context.period = Period(startMicros: 0)
    let grant = Command.GrantPlan(userId: "u", planId: "p", idempotency: Self.key)
    #expect(Self.refusal(.grantPlan(grant), context)?.reason == .amountOverflow)
  }

  @Test("what the engine failed to find is refused, not invented")
  func missing() {
    let context = Self.context(Self.account)
    let release = Command.Release(holdId: 2, idempotency: Self.key)
    #expect(Self.refusal(.release(release), context)?.reason == .holdNotFound)
    let grant = Command.GrantPlan(userId: "u", planId: "p", idempotency: Self.key)
    #expect(Self.refusal(.grantPlan(grant), context)?.reason == .grantNotFound)
  }

  @Test("a plan put again with the same content is unchanged")
  func putPlan() {
    let plan = Plan(id: "pro", displayName: "Pr\u{e9}", monthlyCreditMicros: 5, grantExpiry: .periodEnd)
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
    var alike = plan
    alike.displayName = "Pre\u{301}"
    #expect(!Rules.put(alike, over: first.plan, nowMicros: 9).unchanged)
  }
}
