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
          if error.isOfGoneServer { return nil }
          if error.reason != "INSUFFICIENT_CREDITS" { return "\(error)" }
        }
      }
      return nil
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
      let rows = try await client.allTransactions(of: userId).reversed()
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
      let intents = try await client.topUpIntents(of: userId).reversed()
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
              let random = SeededRandom(seed: UInt64(round), stream: UInt64(1_000 + worker))
              var worker = TopUpWorker(name: "w\(worker)", abandonsOneOf: 8, random: random)
              group.addTask { await worker.work(daemon) }
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
