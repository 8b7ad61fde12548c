// Reading an account on which something is due.

import Testing

@testable internal import TallyCore

@Suite("Settled")
struct SettledTests {
  private static let noon: Int64 = 1_767_268_800_000_000

  @Test("a settled account is what a sweep would leave")
  func sweep() throws {
    var account = Account(id: 1, userId: "u", postedMicros: 130, heldMicros: 20, version: 3, head: 9)
    account.lots = [
      Lot(id: 4, priority: 10, amountMicros: 100, remainingMicros: 100, expiresAtMicros: Self.noon - 2),
      Lot(id: 5, priority: 20, amountMicros: 30, remainingMicros: 30, pinnedMicros: 20),
    ]
    account.openHoldCount = 1
    account.nextHoldExpiryMicros = Self.noon - 1
    let hold = Hold(
      id: 9, userId: "u", amountMicros: 20, createdAtMicros: 0, expiresAtMicros: Self.noon - 1, runId: "",
      pins: [LotAllocation(lotId: 5, amountMicros: 20)])
    let context = DecisionContext(
      nowMicros: Self.noon, nextSequence: 10, account: account, expiredHolds: [hold])
    let swept = try #require(try Rules.sweep(context)).account
    var settled = try Rules.settled(account, expiredHolds: [hold], at: Self.noon)
    #expect(settled.lots == swept.lots)
    // The sweep knows that nothing is held any more.
    settled.nextHoldExpiryMicros = nil
    #expect(settled == swept)
    let balance = Rules.balance(of: account, expiredHolds: [hold], at: Self.noon)
    #expect(balance.postedMicros == 30 && balance.heldMicros == 0 && balance.version == 3)
  }
}
