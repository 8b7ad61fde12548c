// Money back and what is owed, over a real socket: fields, the names on the rows, and what reads tell of it.

import TTRPC
import TallyMessages
import Testing

@testable import TallyServer

@Suite("Money back") struct MoneyBackTests {
  /// A user under a plan.
  private func subscribe(_ live: LiveServer, _ userId: String, _ onShort: TallystickV1.OnShort) async throws {
    var plan = TallystickV1.Plan()
    plan.planId = "plan"
    plan.monthlyCreditMicros = 1
    plan.grantExpiry = .never
    plan.onShort = onShort
    _ = try await live.call(TallystickV1.UsageService.putPlan) { $0.plan = plan }
    _ = try await live.putSettings(userId) { $0.planId = "plan" }
  }

  @Test("a refund names a debit by its id or by its run, and never by both") func refund() async throws {
    try await LiveServer.run { live in
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      let debit = try await live.consume("u1", 400, key: "k2")
      let refunded = try await live.call(Credits.refund) {
        $0.transactionId = debit.transaction?.transactionId ?? ""
        $0.amountMicros = 300
        $0.idempotencyKey = "k3"
      }
      #expect(refunded.transaction?.type == .refund && refunded.transaction?.amountMicros == 300)
      #expect(refunded.transaction?.refersToTransactionId == debit.transaction?.transactionId)
      #expect(refunded.balance?.availableMicros == 900)
      let exceeds = try await live.reason(Credits.refund) {
        $0.transactionId = debit.transaction?.transactionId ?? ""
        $0.amountMicros = 101
        $0.idempotencyKey = "k4"
      }
      #expect(exceeds == "REFUND_EXCEEDS")
      try await live.begin("r1", 100)
      let finished = try await live.finish("r1", cost: 150)
      let ofRun = try await live.call(Credits.refund) {
        $0.runId = "r1"
        $0.idempotencyKey = "k5"
      }
      #expect(ofRun.transaction?.amountMicros == 150 && ofRun.transaction?.runId == "r1")
      #expect(ofRun.transaction?.refersToTransactionId == finished.transaction?.transactionId)
      for fill: @Sendable (inout TallystickV1.RefundRequest) -> Void in [
        { _ in }, { ($0.runId, $0.transactionId) = ("r1", "txn-1") },
        { ($0.transactionId, $0.attempt) = ("txn-1", 1) },
      ] {
        let reason = try await live.reason(Credits.refund) {
          fill(&$0)
          $0.idempotencyKey = "k6"
        }
        #expect(reason == "INVALID_FIELD")
      }
    }
  }

  @Test("a reversal that is short is owed, says whose purchase it is of, and is paid by the next credit")
  func reversal() async throws {
    try await LiveServer.run { live in
      let bought = try await live.call(Credits.addPurchase) {
        ($0.userId, $0.paymentId, $0.externalRefs) = ("u1", "evt_1", ["cs_1"])
        ($0.amountMicros, $0.idempotencyKey) = (1_000, "k1")
      }
      let again = try await live.call(Credits.addPurchase) {
        ($0.userId, $0.paymentId, $0.externalRefs) = ("u1", "cs_1", ["evt_1", "in_1"])
        ($0.amountMicros, $0.idempotencyKey) = (1_000, "k2")
      }
      #expect(again.replayed && again.transaction == bought.transaction)
      try await live.consume("u1", 600, key: "k3")
      let reversed = try await live.call(Credits.reversePurchase) {
        ($0.paymentId, $0.eventId, $0.onShortfall) = ("in_1", "re_1", .owe)
        $0.idempotencyKey = "k4"
      }
      #expect(reversed.transaction?.amountMicros == -400 && reversed.transaction?.owedMicros == 600)
      #expect(reversed.transaction?.paymentId == "evt_1" && reversed.transaction?.eventId == "re_1")
      #expect(reversed.balance?.owedMicros == 600 && reversed.balance?.postedMicros == 0)
      try await live.purchase("u1", 700, payment: "p2", key: "k5")
      let rows = try await live.call(Credits.listTransactions) { $0.userId = "u1" }.transactions
      #expect(rows.map(\.type) == [.owedPayment, .purchase, .owed, .reversal, .apiUsage, .purchase])
      #expect(rows.map(\.paymentId) == ["evt_1", "p2", "evt_1", "evt_1", "", "evt_1"])
      #expect(rows.first?.lots.map(\.amountMicros) == [600] && rows.first?.owedAfterMicros == 0)
      let single = try await live.call(Credits.getTransaction) {
        $0.transactionId = rows.first?.transactionId ?? ""
      }
      #expect(single.transaction == rows.first)
      let won = try await live.call(Credits.reinstatePurchase) {
        ($0.paymentId, $0.eventId, $0.idempotencyKey) = ("cs_1", "won_1", "k6")
      }
      #expect(won.transaction?.amountMicros == 1_000 && won.balance?.availableMicros == 1_100)
    }
  }

  @Test("what a run costs beyond what there is blocks its user until it is paid, and every advice says so")
  func block() async throws {
    try await LiveServer.run { live in
      try await subscribe(live, "u1", .block)
      try await live.purchase("u1", 1_000, payment: "p1", key: "k1")
      try await live.begin("r1", 1_000)
      let finished = try await live.finish("r1", cost: 1_500)
      #expect(finished.run?.uncollectedMicros == 500 && finished.run?.owedMicros == 500)
      #expect(finished.balance?.owedMicros == 500)
      let usage = try await live.call(TallystickV1.UsageService.getUsage) { $0.userId = "u1" }
      #expect(usage.usage?.owedMicros == 500)
      let checked = try await live.call(Credits.checkBalance) { $0.userId = "u1" }
      #expect(!checked.allowed && checked.reason == "PAYMENT_DUE" && checked.remainingMicros == 0)
      let quota = try await live.quota("u1", .generations)
      #expect(!quota.allowed && quota.reason == "PAYMENT_DUE")
      #expect(try await live.quota("u1", .pages).allowed)
      let consumed = try await live.reason(Credits.consume) {
        ($0.userId, $0.amountMicros, $0.idempotencyKey) = ("u1", 1, "k2")
      }
      #expect(consumed == "PAYMENT_DUE")
      let users = try await live.call(Admin.listUsers) { _ in }
      #expect(users.users.first?.balance?.owedMicros == 500)
      try await live.purchase("u1", 5_000, payment: "p2", key: "k3")
      #expect(try await live.available("u1") == 4_500)
      #expect(try await live.consume("u1", 1, key: "k2").balance?.availableMicros == 4_499)
      #expect(try await live.call(Credits.checkBalance) { $0.userId = "u1" }.allowed)
    }
  }

  @Test("fields of money back are checked before anything is looked up") func fields() async throws {
    try await LiveServer.run { live in
      let event = try await live.reason(Credits.reversePurchase) {
        ($0.paymentId, $0.idempotencyKey) = ("none", "k")
      }
      #expect(event == "INVALID_FIELD")
      let choice = try await live.reason(Credits.reversePurchase) {
        ($0.paymentId, $0.eventId, $0.idempotencyKey) = ("none", "e", "k")
        $0.onShortfall = .init(rawValue: 99)
      }
      #expect(choice == "INVALID_FIELD")
      let refs = try await live.reason(Credits.addPurchase) {
        ($0.userId, $0.paymentId, $0.amountMicros, $0.idempotencyKey) = ("u1", "p", 1, "k")
        $0.externalRefs = (0..<9).map { "ref\($0)" }
      }
      #expect(refs == "INVALID_FIELD")
      let actor = try await live.reason(Credits.voidGrant) {
        ($0.transactionId, $0.reason, $0.idempotencyKey) = ("none", "r", "k")
      }
      #expect(actor == "INVALID_FIELD")
      let none = try await live.reason(Credits.voidGrant) {
        ($0.transactionId, $0.actor, $0.reason, $0.idempotencyKey) = ("none", "a", "r", "k")
      }
      #expect(none == "TRANSACTION_NOT_FOUND")
      let overage = try await live.reason(Credits.capture) {
        ($0.holdId, $0.idempotencyKey) = ("hold-1", "k")
        $0.overage = .init(rawValue: 9)
      }
      #expect(overage == "INVALID_FIELD")
    }
  }
}
