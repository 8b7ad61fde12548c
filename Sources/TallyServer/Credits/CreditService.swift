// tallystick.v1.CreditService: each method with its command or query.
//
// Invariants:
// 1. Nothing is decided here: commands go to the engine, whose outcome is the reply.
// 2. A page is cut before it outgrows the largest message; its cursor goes on from there.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct CreditService {
  typealias RPCs = TallystickV1.CreditService

  var services: Services

  var bindings: [Binding] { mutations + moneyBack + batches + reads + [WatchStream.binding(services)] }

  private var mutations: [Binding] {
    [
      services.money(RPCs.consume) { request, digest, _ throws(Refusal) in
        try CreditRequests.consume(request, digest)
      },
      services.money(RPCs.addPurchase) { request, digest, _ throws(Refusal) in
        try CreditRequests.addPurchase(request, digest)
      },
      services.money(RPCs.grantPlan) { request, digest, _ throws(Refusal) in
        try CreditRequests.grantPlan(request, digest)
      },
      services.money(RPCs.grantPromo) { request, digest, _ throws(Refusal) in
        try CreditRequests.grantPromo(request, digest)
      },
      services.money(RPCs.adjust, role: .admin) { request, digest, _ throws(Refusal) in
        try CreditRequests.adjust(request, digest)
      },
      services.hold(RPCs.reserve) { request, digest, _ throws(Refusal) in
        try CreditRequests.reserve(request, digest)
      },
      services.hold(RPCs.extend) { request, digest, caller throws(Refusal) in
        try CreditRequests.extend(request, digest, actingUserId: caller.actingUserId)
      },
      services.hold(RPCs.capture) { request, digest, caller throws(Refusal) in
        try CreditRequests.capture(request, digest, actingUserId: caller.actingUserId)
      },
      services.hold(RPCs.release) { request, digest, caller throws(Refusal) in
        try CreditRequests.release(request, digest, actingUserId: caller.actingUserId)
      },
    ]
  }

  private var moneyBack: [Binding] {
    [
      services.money(RPCs.refund) { request, digest, caller throws(Refusal) in
        try CreditRequests.refund(request, digest, actingUserId: caller.actingUserId)
      },
      services.money(RPCs.reversePurchase) { request, digest, caller throws(Refusal) in
        try CreditRequests.reversePurchase(request, digest, actingUserId: caller.actingUserId)
      },
      services.money(RPCs.reinstatePurchase) { request, digest, caller throws(Refusal) in
        try CreditRequests.reinstatePurchase(request, digest, actingUserId: caller.actingUserId)
      },
      services.money(RPCs.voidGrant) { request, digest, caller throws(Refusal) in
        try CreditRequests.voidGrant(request, digest, actingUserId: caller.actingUserId)
      },
      services.money(RPCs.forgiveOwed, role: .admin) { request, digest, _ throws(Refusal) in
        try CreditRequests.forgiveOwed(request, digest)
      },
    ]
  }

  private var batches: [Binding] {
    [BatchBinding.consume(services), BatchBinding.grantPlan(services)]
  }

  private var reads: [Binding] { balances + history }

  private var balances: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.query(
        RPCs.getBalance,
        parse: { request, _ throws(Refusal) in try CreditQueries.parse(request) },
        userIds: { [$0.userId] },
        quick: { query in
          guard query.atMicros == nil else { return nil }
          return engine.cachedBalance(userId: query.userId).map { CreditQueries.reply($0) }
        },
        read: { query throws(Refusal) in try CreditQueries.balance(query, engine) }),
      services.query(
        RPCs.checkBalance,
        parse: { request, _ throws(Refusal) in try CreditQueries.parse(request) },
        userIds: { [$0.userId] },
        quick: { check in
          engine.cachedSpending(userId: check.userId).map { CreditQueries.reply($0, to: check) }
        },
        read: { check throws(Refusal) in
          CreditQueries.reply(try engine.spending(userId: check.userId, ask: check.ask), to: check)
        }),
      services.query(
        RPCs.batchGetBalances,
        parse: { request, _ throws(Refusal) in try CreditQueries.parse(request, largest: largest) },
        userIds: { $0.userIds },
        read: { userIds throws(Refusal) in CreditQueries.reply(try engine.balances(userIds: userIds)) }),
    ]
  }

  private var history: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.query(
        RPCs.listTransactions,
        parse: { request, _ throws(Refusal) in try CreditQueries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try CreditQueries.transactions(query, engine, largest: largest) }),
      services.query(
        RPCs.listHolds,
        parse: { request, _ throws(Refusal) in try CreditQueries.parse(request) },
        userIds: { [$0.userId] },
        read: { query throws(Refusal) in try CreditQueries.holds(query, engine, largest: largest) }),
      services.query(
        RPCs.getTransaction,
        parse: { request, caller throws(Refusal) in try CreditQueries.parse(request, caller) },
        read: { query throws(Refusal) in try CreditQueries.transaction(query, engine) }),
    ]
  }
}
