// Hundreds of callers about one debit, one purchase, one grant and one period of a plan: what goes back never
// exceeds what was there, and what is told twice happens once.

import TallyClient
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Contention for what goes back")
  struct MoneyBackContentionTests {
    private typealias Credits = TallystickV1.CreditService

    private static let subscribed = 19
    private static let callerCount = ContentionTests.callerCount

    private static func serve(_ body: (Oracle, [TallyClient]) async throws -> Void) async throws {
      try await ContentionTests.serve { _, clients in
        let oracle = Oracle(accountCount: subscribed + 1)
        await Workload.putPlans(oracle, clients[0])
        try await body(oracle, clients)
        try await oracle.checkBalances(clients[0])
        try await oracle.checkLedger(clients[0])
        oracle.checkHistory()
        #expect(oracle.violations == [], "\(oracle.summary)")
      }
    }

    /// What the call has made.
    private static func make(_ call: Call, _ oracle: Oracle, _ client: TallyClient) async throws -> Earlier {
      let reply = try await call.send(client)
      oracle.note(call, reply)
      return try #require(reply.earlier)
    }

    @Test("refunds of one debit, each with a key of its own, give back what it took and no more")
    func refunds() async throws {
      try await Self.serve { oracle, clients in
        let purchase = Call(number: oracle.number(), action: .purchase, account: 0, amountMicros: 1_000)
        _ = try await Self.make(purchase, oracle, clients[0])
        for _ in 0..<5 {
          let consume = Call(number: oracle.number(), action: .consume, account: 0, amountMicros: 100)
          let debit = try await Self.make(consume, oracle, clients[0])
          let before = oracle.acknowledgedCount
          await ContentionTests.all { caller in
            let call = Call(number: oracle.number(), .refund, of: debit, amountMicros: 7)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount == before + 100 / 7)
        }
        #expect(oracle.count("REFUND_EXCEEDS") == 5 * (Self.callerCount - 100 / 7))
      }
    }

    @Test("a reversal among those who spend the purchase takes what they leave, and they what it leaves")
    func reversals() async throws {
      try await Self.serve { oracle, clients in
        let choices: [TallystickV1.OnShortfall] = [.reject, .partial, .owe]
        for round in 0..<12 {
          let account = 1 + round
          let choice = choices[round % 3]
          let purchase = Call(
            number: oracle.number(), action: .purchase, account: account, amountMicros: 200)
          let bought = try await Self.make(purchase, oracle, clients[0])
          let short = oracle.count("REVERSAL_SHORT")
          await ContentionTests.all { caller in
            let number = oracle.number()
            let call =
              caller == Self.callerCount / 2
              ? Call(number: number, .reverse, of: bought, amountMicros: nil, onShortfall: choice)
              : Call(number: number, action: .consume, account: account, amountMicros: 1)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          if choice != .reject { #expect(oracle.count("REVERSAL_SHORT") == short) }
        }
      }
    }

    @Test(
      "reversals and reinstatements of one purchase never reverse more than was bought, nor less than nothing"
    )
    func reinstatements() async throws {
      try await Self.serve { oracle, clients in
        let purchase = Call(number: oracle.number(), action: .purchase, account: 0, amountMicros: 100)
        let bought = try await Self.make(purchase, oracle, clients[0])
        await ContentionTests.all { caller in
          let call = Call(
            number: oracle.number(), caller % 3 == 0 ? .reinstate : .reverse, of: bought, amountMicros: 9,
            onShortfall: .owe)
          _ = await oracle.make(call, clients[caller % clients.count])
        }
        #expect(oracle.count("REVERSAL_EXCEEDS") > 0)
      }
    }

    @Test("a void and those who set the grant's credit aside share it to the last")
    func voids() async throws {
      try await Self.serve { oracle, clients in
        for account in 1...8 {
          let promo = Call(number: oracle.number(), action: .promo, account: account, amountMicros: 100)
          let granted = try await Self.make(promo, oracle, clients[0])
          let before = oracle.acknowledgedCount
          await ContentionTests.all { caller in
            let number = oracle.number()
            let call =
              caller % 2 == 0
              ? Call(number: number, .void, of: granted, amountMicros: 10)
              : Call(number: number, action: .reserve, account: account, amountMicros: 10)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount == before + 10)
        }
      }
    }

    @Test("a period that the server is to grant, and many grant by hand at that moment, is granted once")
    func grants() async throws {
      try await Self.serve { oracle, clients in
        for plan in 0..<Workload.grantPlanCount {
          let before = oracle.acknowledgedCount
          await ContentionTests.all { caller in
            var number = oracle.number()
            // The settings name the plan by the call's number.
            while number % Workload.grantPlanCount != plan { number = oracle.number() }
            let period = GrantKey(account: Int32(Self.subscribed), plan: Int32(plan), index: 0)
            let call =
              caller % 10 == 5
              ? Call(number: number, action: .putSettings, account: Self.subscribed, amountMicros: 0)
              : Call(number: number, granting: period)
            _ = await oracle.make(call, clients[caller % clients.count])
          }
          #expect(oracle.acknowledgedCount == before + Self.callerCount)
        }
        let balance = try await clients[0].call(Credits.getBalance, .of(Call.user(Self.subscribed))).balance
        let credit = (0..<Workload.grantPlanCount).reduce(0) { $0 + Workload.creditMicros(ofPlan: $1) }
        #expect(balance?.availableMicros == credit)
      }
    }

    @Test("a payment and its reversal, told over many connections at once under several ids, happen once")
    func webhooks() async throws {
      try await Self.serve { _, clients in
        /// From each connection at once; the reply says whether it is a replay, and of which row.
        func once(
          _ send: @escaping @Sendable (Int, TallyClient) async throws -> (isReplayed: Bool, row: String?)
        ) async throws {
          let told = try await withThrowingTaskGroup(of: (isReplayed: Bool, row: String?).self) { group in
            for (number, client) in clients.enumerated() {
              group.addTask { try await send(number, client) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
          }
          #expect(told.count { !$0.isReplayed } == 1)
          #expect(Set(told.map(\.row)).count == 1)
        }
        for round in 0..<20 {
          // Event, session, payment intent.
          let ids = ["evt_\(round)", "cs_\(round)", "pi_\(round)"]
          try await once { number, client in
            var request = TallystickV1.AddPurchaseRequest()
            (request.userId, request.amountMicros, request.idempotencyKey) = (
              "payer", 10, "\(round)-\(number)"
            )
            request.paymentId = ids[number % 3]
            request.externalRefs = [ids[(number + 1) % 3], ids[(number + 2) % 3]]
            let reply = try await client.call(Credits.addPurchase, request)
            return (reply.replayed, reply.transaction?.transactionId)
          }
          try await once { number, client in
            var request = TallystickV1.ReversePurchaseRequest()
            (request.paymentId, request.eventId) = (ids[number % 3], "re_\(round)")
            (request.amountMicros, request.idempotencyKey) = (10, "back-\(round)-\(number)")
            let reply = try await client.call(Credits.reversePurchase, request)
            return (reply.replayed, reply.transaction?.transactionId)
          }
        }
        let balance = try await clients[0].call(Credits.getBalance, .of("payer")).balance
        #expect(balance?.postedMicros == 0 && balance?.owedMicros == 0 && balance?.version == 40)
      }
    }
  }
}

extension TallystickV1.GetBalanceRequest {
  fileprivate static func of(_ userId: String) -> Self {
    var request = Self()
    request.userId = userId
    return request
  }
}
