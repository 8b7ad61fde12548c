// Users run low and are topped up while the server is killed again and again: whatever moment it dies at,
// each line that was crossed has one event, and each fall below a threshold one intent, which one purchase
// closes.

import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Kill among top-ups")
  struct TopUpKillTests {
    private typealias Credits = TallystickV1.CreditService
    private typealias Usage = TallystickV1.UsageService

    private static let userCount = 24
    private static let spenderCount = 12
    private static let workerCount = 4
    private static let killCount = 8
    private static let lineMicros: Int64 = 30
    private static let thresholdMicros: Int64 = 20
    private static let targetMicros: Int64 = 60

    private static func user(_ number: Int) -> String { "u\(number)" }

    private static func prepare(_ client: TallyClient) async throws {
      var rule = TallystickV1.PutAlertRuleRequest()
      rule.rule = TallystickV1.AlertRule()
      rule.rule?.ruleId = "low"
      rule.rule?.scope = .everyUser(true)
      rule.rule?.condition = .balanceBelowMicros(lineMicros)
      _ = try await client.call(Usage.putAlertRule, rule)
      for number in 0..<userCount {
        var request = TallystickV1.PutTopUpRequest()
        var setting = TallystickV1.TopUp()
        setting.userId = user(number)
        (setting.thresholdMicros, setting.targetMicros) = (thresholdMicros, targetMicros)
        setting.enabled = true
        request.topUp = setting
        _ = try await client.call(Usage.putTopUp, request)
      }
    }

    /// Whether the server is gone.
    private static func isOver(_ error: TallyError) -> Bool {
      error.outcome == .unknown || error.reason == "NOT_CONNECTED"
    }

    /// Spends until the server is gone.
    private static func spend(_ spender: Int, in round: Int, _ daemon: Daemon) async -> String? {
      var random = SeededRandom(seed: UInt64(round), stream: UInt64(spender))
      let client = daemon.client()
      defer { client.close() }
      for count in 0... {
        var request = TallystickV1.ConsumeRequest()
        request.userId = user(Int.random(in: 0..<userCount, using: &random))
        request.amountMicros = Int64.random(in: 1...25, using: &random)
        request.idempotencyKey = "\(round)-\(spender)-\(count)"
        do { _ = try await client.call(Credits.consume, request) } catch {
          if isOver(error) { return nil }
          if error.reason != "INSUFFICIENT_CREDITS" { return "\(error)" }
        }
      }
      return nil
    }

    /// Takes intents and pays for them until the server is gone. A payment has its intent's id, so that it is
    /// one however often it is added.
    private static func work(_ worker: Int, in round: Int, _ daemon: Daemon) async -> String? {
      var random = SeededRandom(seed: UInt64(round), stream: UInt64(1_000 + worker))
      let client = daemon.client()
      defer { client.close() }
      while true {
        do {
          var take = TallystickV1.TakeTopUpIntentRequest()
          (take.worker, take.leaseMillis) = ("w\(worker)", 50)
          guard let intent = try await client.call(Usage.takeTopUpIntent, take).intent else { continue }
          // Another worker has it then, or this one again.
          if random.next() % 8 == 0 { continue }
          var request = TallystickV1.AddPurchaseRequest()
          (request.userId, request.amountMicros) = (intent.userId, intent.amountMicros)
          (request.paymentId, request.intentId) = ("pay-\(intent.intentId)", intent.intentId)
          request.idempotencyKey = "pay-\(intent.intentId)"
          _ = try await client.call(Credits.addPurchase, request)
        } catch {
          if isOver(error) { return nil }
          return "\(error)"
        }
      }
    }

    /// All rows of a user, oldest first.
    private static func rows(_ userId: String, _ client: TallyClient) async throws
      -> [TallystickV1.Transaction]
    {
      var request = TallystickV1.ListTransactionsRequest()
      (request.userId, request.limit) = (userId, 1_000)
      var rows: [TallystickV1.Transaction] = []
      repeat {
        let reply = try await client.call(Credits.listTransactions, request)
        rows += reply.transactions
        request.cursor = reply.nextCursor
      } while !request.cursor.isEmpty
      return rows.reversed()
    }

    private static func intents(_ userId: String, _ client: TallyClient) async throws
      -> [TallystickV1.TopUpIntent]
    {
      var request = TallystickV1.ListTopUpIntentsRequest()
      (request.userId, request.limit) = (userId, 1_000)
      return try await client.call(Usage.listTopUpIntents, request).intents.reversed()
    }

    private static func crossings(_ userId: String, _ client: TallyClient) async throws -> [String] {
      var request = TallystickV1.ListEventsRequest()
      (request.userId, request.kinds, request.limit) = (userId, [.balanceBelow], 1_000)
      var ids: [String] = []
      repeat {
        let reply = try await client.call(Usage.listEvents, request)
        ids += reply.events.map(\.transactionId)
        request.cursor = reply.nextCursor
      } while !request.cursor.isEmpty
      return ids.reversed()
    }

    /// Reckons from a user's rows what must have come about, and compares.
    /// - Returns: how many intents there are.
    private static func check(_ userId: String, _ client: TallyClient) async throws -> Int {
      let rows = try await rows(userId, client)
      var available: Int64 = 0
      var crossed: [String] = []
      // The setting was put while nothing was there.
      var amounts = [targetMicros]
      var closedBy: [String] = []
      for row in rows {
        let after = row.balanceAfterMicros
        if available >= lineMicros, after < lineMicros { crossed.append(row.transactionId) }
        if !row.intentId.isEmpty {
          #expect(closedBy.count == amounts.count - 1, "\(row): no intent was open")
          closedBy.append(row.transactionId)
        }
        if closedBy.count == amounts.count, after < thresholdMicros { amounts.append(targetMicros - after) }
        available = after
      }
      #expect(try await crossings(userId, client) == crossed)
      let intents = try await intents(userId, client)
      #expect(intents.map(\.amountMicros) == amounts)
      #expect(intents.map(\.transactionId).filter { !$0.isEmpty } == closedBy)
      let states = intents.map(\.state)
      #expect(states.dropLast().allSatisfy { $0 == .closed } && states.filter { $0 == .open }.count <= 1)
      return intents.count
    }

    @Test("over kills no crossing is lost, none comes twice, and each fall has one intent and one purchase")
    func kills() async throws {
      let workplace = try Workplace()
      var random = SeededRandom(seed: 1)
      for round in 0..<Self.killCount {
        let daemon = try await Daemon.start(workplace, DaemonOptions())
        if round == 0 {
          let client = daemon.client()
          try await Self.prepare(client)
          client.close()
        }
        let callers = Task {
          await withTaskGroup(of: String?.self) { group in
            for spender in 0..<Self.spenderCount {
              group.addTask { await Self.spend(spender, in: round, daemon) }
            }
            for worker in 0..<Self.workerCount {
              group.addTask { await Self.work(worker, in: round, daemon) }
            }
            return await group.reduce(into: [String]()) { if let failure = $1 { $0.append(failure) } }
          }
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 100...900, using: &random)))
        daemon.kill()
        #expect(await callers.value == [])
      }
      let daemon = try await Daemon.start(workplace, DaemonOptions())
      let client = daemon.client()
      var count = 0
      for number in 0..<Self.userCount { count += try await Self.check(Self.user(number), client) }
      #expect(count > 2 * Self.userCount, "only \(count) intents")
      try await daemon.verify()
      client.close()
      daemon.kill()
    }
  }
}
