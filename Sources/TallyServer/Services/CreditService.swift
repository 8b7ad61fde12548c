// tallystick.v1.CreditService: the methods, each bound to its command or query.
//
// Invariants:
// 1. Nothing is decided here: commands go to the engine, whose outcome is the reply.
// 2. A page is cut before it outgrows the largest message; its cursor goes on from there.
//
// Owner: connections' queues, lanes and the engine's writer, each for its part of a call.

internal import TTRPC
internal import TallyCore
internal import TallyMessages

struct CreditService {
  typealias RPCs = TallystickV1.CreditService

  var services: Services

  var bindings: [Binding] { mutations + batches + reads }

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

  private var batches: [Binding] {
    [BatchBinding.consume(services), BatchBinding.grantPlan(services)]
  }

  private var reads: [Binding] {
    let engine = services.engine
    let largest = services.maximumReplyByteCount
    return [
      services.query(
        RPCs.getBalance,
        fields: { request throws(Refusal) in try userId(request.userId) },
        userIds: { [$0.userId] },
        quick: { engine.cachedBalance(userId: $0.userId).map(balanceResponse) },
        answer: { request, _ throws(Refusal) in
          balanceResponse(try engine.balance(userId: request.userId))
        }),
      services.query(
        RPCs.checkBalance,
        fields: { request throws(Refusal) in
          try userId(request.userId)
          if request.estimateMicros < 0 { throw invalidAmount("estimate_micros", "must not be negative") }
        },
        userIds: { [$0.userId] },
        quick: { request in
          engine.cachedBalance(userId: request.userId).map { checkResponse($0, request.estimateMicros) }
        },
        answer: { request, _ throws(Refusal) in
          checkResponse(try engine.balance(userId: request.userId), request.estimateMicros)
        }),
      services.query(
        RPCs.batchGetBalances,
        fields: { request throws(Refusal) in
          try Fields.count(request.userIds.count, "user_ids", atMost: Limits.balanceUserCount)
          for (index, id) in request.userIds.enumerated() {
            try Fields.required(id, "user_ids[\(index)]", atMost: Limits.userIdByteCount)
          }
          try Fields.reply(
            to: request.userIds, "user_ids", each: CreditQueries.balanceByteCount, atMost: largest)
        },
        userIds: { $0.userIds },
        answer: { request, _ throws(Refusal) in
          let snapshot = try engine.balances(userIds: request.userIds)
          var response = TallystickV1.BatchGetBalancesResponse()
          response.balances = snapshot.value.map(TallystickV1.Balance.init)
          response.commitSequence = snapshot.commitSequence
          return response
        }),
      services.query(
        RPCs.listTransactions,
        fields: { request throws(Refusal) in _ = try CreditQueries.transactionFilter(request) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in
          try CreditQueries.transactions(request, engine, largest: largest)
        }),
      services.query(
        RPCs.listHolds,
        fields: { request throws(Refusal) in _ = try CreditQueries.holdFilter(request) },
        userIds: { [$0.userId] },
        answer: { request, _ throws(Refusal) in try CreditQueries.holds(request, engine, largest: largest) }),
      services.query(
        RPCs.getTransaction,
        fields: { request throws(Refusal) in
          if request.transactionId.isEmpty { throw invalidField("transaction_id", "must not be empty") }
        },
        answer: { request, caller throws(Refusal) in
          guard let sequence = Identifiers.transactionSequence(request.transactionId) else {
            throw Refusal(
              .transactionNotFound, "there is no such transaction",
              details: ["transaction_id": request.transactionId])
          }
          let snapshot = try engine.transaction(sequence: sequence, actingUserId: caller.actingUserId)
          var response = TallystickV1.GetTransactionResponse()
          response.transaction = TallystickV1.Transaction(snapshot.value)
          response.commitSequence = snapshot.commitSequence
          return response
        }),
    ]
  }
}

private func userId(_ userId: String) throws(Refusal) {
  try Fields.required(userId, "user_id", atMost: Limits.userIdByteCount)
}

private func balanceResponse(_ snapshot: Snapshot<Balance>) -> TallystickV1.GetBalanceResponse {
  var response = TallystickV1.GetBalanceResponse()
  response.balance = TallystickV1.Balance(snapshot.value)
  response.commitSequence = snapshot.commitSequence
  return response
}

private func checkResponse(
  _ snapshot: Snapshot<Balance>, _ estimateMicros: Int64
) -> TallystickV1.CheckBalanceResponse {
  var response = TallystickV1.CheckBalanceResponse()
  response.availableMicros = snapshot.value.availableMicros
  response.remainingMicros = snapshot.value.availableMicros.subtractingSaturating(estimateMicros)
  response.allowed = response.remainingMicros >= 0
  response.reason = response.allowed ? "" : Reason.insufficientCredits.rawValue
  response.commitSequence = snapshot.commitSequence
  return response
}
