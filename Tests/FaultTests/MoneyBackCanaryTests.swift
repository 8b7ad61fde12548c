// The oracle is worth its name only if it sees money that went back twice or not at all. So a ledger that is
// right is read, spoiled so that its own arithmetic still holds, and held to what the callers know.

import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Canary of money back")
  struct MoneyBackCanaryTests {
    private typealias Rows = [TallystickV1.Transaction]

    /// Under a plan with COLLECT, and with a subscription.
    private static let (collecting, subscribed) = (17, 19)

    /// An account whose debit was refunded, whose purchase was reversed when it was spent in part, and which
    /// paid what it owed for it; and one that the server grants a plan.
    private static func prepare(_ oracle: Oracle, _ client: TallyClient) async throws {
      func send(_ call: Call) async throws -> Earlier? {
        let reply = try await call.send(client)
        oracle.note(call, reply)
        return reply.earlier
      }
      func new(_ action: Action, _ account: Int = collecting, _ amountMicros: Int64 = 0) -> Call {
        Call(number: oracle.number(), action: action, account: account, amountMicros: amountMicros)
      }
      await Workload.putPlans(oracle, client)
      for account in [collecting, subscribed] { _ = try await send(new(.putSettings, account)) }
      let bought = try #require(try await send(new(.purchase, collecting, 1_000)))
      let debit = try #require(try await send(new(.consume, collecting, 400)))
      _ = try await send(Call(number: oracle.number(), .refund, of: debit, amountMicros: 100))
      _ = try await send(
        Call(number: oracle.number(), .reverse, of: bought, amountMicros: nil, onShortfall: .owe))
      _ = try await send(new(.purchase, collecting, 500))
    }

    private static func withLedger(_ body: (Oracle, TallyClient, [LedgerCheck]) async throws -> Void)
      async throws
    {
      let daemon = try await Daemon.start(try Workplace())
      let client = daemon.client()
      let oracle = Oracle(accountCount: 20)
      try await prepare(oracle, client)
      let checks = try await oracle.ledgerChecks(client)
      try await oracle.checkBalances(client)
      oracle.checkHistory()
      #expect(oracle.violations == [] && checks.flatMap(\.violations) == [])
      try await body(oracle, client, checks)
      client.close()
      daemon.kill()
    }

    /// Numbers the rows anew, and reckons again what is had and owed after each.
    private static func renumber(_ rows: Rows) -> Rows {
      var before = TallystickV1.Transaction()
      return rows.map { row in
        var row = row
        row.version = before.version + 1
        row.sequence = before.sequence + 1
        row.balanceAfterMicros = before.balanceAfterMicros + row.amountMicros
        row.owedAfterMicros = before.owedAfterMicros + row.owedChangeMicros
        before = row
        return row
      }
    }

    private static func index(of type: TallystickV1.TransactionType, _ rows: Rows) throws -> Int {
      try #require(rows.firstIndex { $0.type == type })
    }

    @Test("a refund that was applied twice is found out, and so is one that nobody asked for")
    func refundTwice() async throws {
      try await Self.withLedger { oracle, client, checks in
        var check = checks[Self.collecting]
        let index = try Self.index(of: .refund, check.rows)
        var again = check.rows[index]
        again.commitPosition += 1
        check.rows = Self.renumber(Array(check.rows[...index]) + [again] + check.rows[(index + 1)...])
        #expect(check.violations.contains { $0.contains("nobody asked for") })
        check.rows[index + 1].commitPosition -= 1
        #expect(check.violations.contains { $0.contains("two calls at") })

        var request = TallystickV1.RefundRequest()
        request.transactionId = check.rows[index].refersToTransactionId
        (request.amountMicros, request.idempotencyKey) = (100, "again")
        _ = try await client.call(TallystickV1.CreditService.refund, request)
        try await oracle.checkBalances(client)
        #expect(oracle.violations.contains { $0.hasPrefix("account \(Self.collecting):") })
        try await oracle.checkLedger(client)
        #expect(oracle.violations.contains { $0.contains("nobody asked for") })
      }
    }

    @Test("a reversal that was acknowledged and is lost is found out")
    func lostReversal() async throws {
      try await Self.withLedger { oracle, client, checks in
        var check = checks[Self.collecting]
        let place = check.rows[try Self.index(of: .reversal, check.rows)].place
        check.rows = Self.renumber(check.rows.filter { $0.place != place && $0.type != .owedPayment })
        #expect(check.violations.contains { $0.contains("lost") })
        let reversal = Call(
          number: oracle.number(), .reverse, of: try #require(oracle.lastPurchase), amountMicros: 50)
        // Made for another user, whose reply is taken for this one's.
        let other = Call(
          number: oracle.number(), action: .consume, account: Self.subscribed, amountMicros: 50)
        var reply = try await other.send(client)
        oracle.note(other, reply)
        reply.rows = reply.rows.map { row in
          var row = row
          row.account = Int32(Self.collecting)
          row.deed = reversal.moneyBack ?? row.deed
          return row
        }
        oracle.note(reversal, reply)
        try await oracle.checkBalances(client)
        #expect(oracle.violations.contains { $0.hasPrefix("account \(Self.collecting):") })
      }
    }

    @Test("credit that did not pay what is owed is found out")
    func unpaid() async throws {
      try await Self.withLedger { _, _, checks in
        var check = checks[Self.collecting]
        let payment = try Self.index(of: .owedPayment, check.rows)
        check.rows.remove(at: payment)
        check.rows = Self.renumber(check.rows)
        #expect(check.violations.contains { $0.contains("of what is owed not paid") })
        #expect(check.violations.contains { $0.contains("was told") })
        // Nor would a call be believed that says so.
        let place = check.rows[payment - 1].place
        var oracle = History()
        var reply = Reply()
        reply.rows = check.known.values.map { row in
          var row = row
          if row.place == place { row.after = Holding(check.rows[payment - 1]) }
          return row
        }
        oracle.append(reply)
        let replayed = oracle.replay(accountCount: 20) { Workload.Group($0).terms }
        #expect(replayed.violations.contains { $0.contains("paid of what is owed") })
      }
    }

    @Test("a grant that the server made twice, and one that it did not make, are found out")
    func grantTwice() async throws {
      try await Self.withLedger { _, _, checks in
        let sound = checks[Self.subscribed]
        let grant = try Self.index(of: .planGrant, sound.rows)
        #expect(sound.rows[grant].idempotencyKey.isEmpty)
        var twice = sound
        var again = sound.rows[grant]
        again.commitSequence += 1
        twice.rows = Self.renumber(sound.rows + [again])
        #expect(twice.violations.contains { $0.contains("granted a second time") })
        var none = sound
        none.rows = Self.renumber(sound.rows.filter { $0.type != .planGrant })
        #expect(none.violations.contains { $0.contains("are granted, not") })
      }
    }
  }
}
