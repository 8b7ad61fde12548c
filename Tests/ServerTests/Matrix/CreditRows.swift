// CreditService's rows of the matrices.

import TTRPC
import TallyMessages

@testable import TallyServer

enum CreditRows {
  static let all: [MethodRow] = reads + writes + moneyBack + holds

  private static let reads: [MethodRow] = [
    MethodRow(Credits.getBalance, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Credits.checkBalance, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Credits.batchGetBalances, .readonly, .user) { request, rig, owner in
      request.userIds = [owner ?? rig.fresh("nobody")]
    },
    MethodRow(Credits.listTransactions, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Credits.listHolds, .readonly, .user) { $0.userId = $2 ?? $1.fresh("nobody") },
    MethodRow(Credits.getTransaction, .readonly, .object(missing: "TRANSACTION_NOT_FOUND")) {
      request, rig, owner in
      request.transactionId = "txn-9999999"
      guard let owner else { return }
      let key = rig.fresh("transaction")
      let consumed = try await rig.live.consume(owner, 1, key: key)
      request.transactionId = consumed.transaction?.transactionId ?? ""
    },
    MethodRow(Credits.watchTransactions, .readonly, .user) { request, rig, owner in
      request.userIds = [owner ?? rig.fresh("nobody")]
    },
  ]

  private static let writes: [MethodRow] = [
    MethodRow(Credits.consume, .service, .user) { request, rig, owner in
      request = consumption(rig, owner)
    },
    MethodRow(Credits.batchConsume, .service, .user) { request, rig, owner in
      request.items = [consumption(rig, owner)]
    },
    MethodRow(Credits.addPurchase, .service, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.paymentId = rig.fresh("payment")
      request.amountMicros = 1
      request.idempotencyKey = rig.fresh("key")
    },
    MethodRow(Credits.grantPlan, .service, .user) { request, rig, owner in request = grant(rig, owner) },
    MethodRow(Credits.batchGrantPlan, .service, .user) { request, rig, owner in
      request.items = [grant(rig, owner)]
    },
    MethodRow(Credits.grantPromo, .service, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.amountMicros = 1
      request.idempotencyKey = rig.fresh("key")
    },
    MethodRow(Credits.adjust, .admin, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.amountMicros = 1
      request.actor = "test"
      request.reason = "test"
      request.idempotencyKey = rig.fresh("key")
    },
  ]

  private static let moneyBack: [MethodRow] = [
    MethodRow(Credits.refund, .service, .object(missing: "TRANSACTION_NOT_FOUND")) { request, rig, owner in
      request.transactionId = "txn-9999999"
      request.idempotencyKey = rig.fresh("key")
      guard let owner else { return }
      let consumed = try await rig.live.consume(owner, 1, key: rig.fresh("transaction"))
      request.transactionId = consumed.transaction?.transactionId ?? ""
    },
    MethodRow(Credits.reversePurchase, .service, .object(missing: "PAYMENT_NOT_FOUND")) {
      request, rig, owner in
      request.paymentId = try await rig.payment(owner)
      request.eventId = rig.fresh("event")
      request.idempotencyKey = rig.fresh("key")
    },
    MethodRow(Credits.reinstatePurchase, .service, .object(missing: "PAYMENT_NOT_FOUND")) {
      request, rig, owner in
      let paymentId = try await rig.payment(owner)
      request.paymentId = paymentId
      request.eventId = rig.fresh("event")
      request.idempotencyKey = rig.fresh("key")
      guard owner != nil else { return }
      let (event, key) = (rig.fresh("event"), rig.fresh("reversal"))
      _ = try await rig.live.call(Credits.reversePurchase) {
        $0.paymentId = paymentId
        $0.eventId = event
        $0.idempotencyKey = key
      }
    },
    MethodRow(Credits.voidGrant, .service, .object(missing: "TRANSACTION_NOT_FOUND")) { request, rig, owner in
      request.transactionId = "txn-9999999"
      request.actor = "test"
      request.reason = "test"
      request.idempotencyKey = rig.fresh("key")
      guard let owner else { return }
      let key = rig.fresh("promo")
      let granted = try await rig.live.call(Credits.grantPromo) {
        $0.userId = owner
        $0.amountMicros = 1
        $0.idempotencyKey = key
      }
      request.transactionId = granted.transaction?.transactionId ?? ""
    },
    MethodRow(Credits.forgiveOwed, .admin, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.actor = "test"
      request.reason = "test"
      request.idempotencyKey = rig.fresh("key")
      if let owner { try await rig.owe(owner) }
    },
  ]

  private static let holds: [MethodRow] = [
    MethodRow(Credits.reserve, .service, .user) { request, rig, owner in
      request.userId = owner ?? rig.fresh("nobody")
      request.amountMicros = 1
      request.idempotencyKey = rig.fresh("key")
    },
    MethodRow(Credits.extend, .service, .object(missing: "HOLD_NOT_FOUND")) { request, rig, owner in
      request.holdId = try await rig.hold(owner)
      request.ttlMillis = 1_000
      request.idempotencyKey = rig.fresh("key")
    },
    MethodRow(Credits.capture, .service, .object(missing: "HOLD_NOT_FOUND")) { request, rig, owner in
      request.holdId = try await rig.hold(owner)
      request.idempotencyKey = rig.fresh("key")
    },
    MethodRow(Credits.release, .service, .object(missing: "HOLD_NOT_FOUND")) { request, rig, owner in
      request.holdId = try await rig.hold(owner)
      request.idempotencyKey = rig.fresh("key")
    },
  ]

  private static func consumption(_ rig: MethodRig, _ owner: String?) -> TallystickV1.ConsumeRequest {
    var request = TallystickV1.ConsumeRequest()
    request.userId = owner ?? rig.fresh("nobody")
    request.amountMicros = 1
    request.idempotencyKey = rig.fresh("key")
    return request
  }

  private static func grant(_ rig: MethodRig, _ owner: String?) -> TallystickV1.GrantPlanRequest {
    var request = TallystickV1.GrantPlanRequest()
    request.userId = owner ?? rig.fresh("nobody")
    request.planId = MethodRig.planId
    request.idempotencyKey = rig.fresh("key")
    return request
  }
}
