// Users near their caps spend, hold and run while the server is killed again and again: whatever moment it
// dies at, what is counted is what the rows come to, no cap was exceeded, and what was acknowledged is there.

import TallyClient
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Kill among caps")
  struct CapKillTests {
    private typealias Credits = TallystickV1.CreditService
    private typealias Usage = TallystickV1.UsageService

    private static let userCount = 12
    private static let callerCount = 16
    private static let workerCount = 2
    private static let killCount = 8
    private static let spenders = ["", "a", "b"]
    /// No test is so long that something leaves this window.
    private static let window = (kind: TallystickV1.CapWindow.lastHours, hours: Int32(168))

    private static func user(_ number: Int) -> String { "u\(number)" }

    /// What was acknowledged: rows and holds of debits, and runs, by user.
    private actor Acknowledged {
      private(set) var rows: [String: Set<String>] = [:]
      private(set) var runs: [String: Set<String>] = [:]
      private(set) var refusals: [String: Int] = [:]

      func add(row: String, of userId: String) { rows[userId, default: []].insert(row) }
      func add(run: String, of userId: String) { runs[userId, default: []].insert(run) }
      func refused(_ reason: String) { refusals[reason, default: 0] += 1 }
    }

    // MARK: settings

    private static func cap(
      _ id: String, _ measure: TallystickV1.CapMeasure, _ limit: Int64
    ) -> TallystickV1.Cap {
      var cap = TallystickV1.Cap()
      (cap.capId, cap.measure, cap.window, cap.hours) = (id, measure, window.kind, window.hours)
      cap.limitAmount = limit
      return cap
    }

    /// Limits rise from round to round, so that there is room again, and not for long.
    private static func put(_ client: TallyClient, round: Int64) async throws {
      for number in 0..<userCount {
        for spender in spenders {
          var request = TallystickV1.PutCapsRequest()
          (request.userId, request.spender) = (user(number), spender)
          let share: Int64 = spender.isEmpty ? 3 : 1
          var month = cap("month", .money, 1_000_000_000)
          (month.window, month.hours) = (.month, 0)
          request.caps = [
            cap("money", .money, share * (100 + 40 * round)),
            cap("runs", .generations, share * (2 + round)),
            month,
          ]
          _ = try await client.call(Usage.putCaps, request)
        }
      }
    }

    private static func prepare(_ client: TallyClient) async throws {
      for percent in [50, 100] as [Int32] {
        var rule = TallystickV1.PutAlertRuleRequest()
        rule.rule = TallystickV1.AlertRule()
        rule.rule?.ruleId = "at \(percent)"
        rule.rule?.scope = .everyUser(true)
        rule.rule?.condition = .capAtPercent(percent)
        _ = try await client.call(Usage.putAlertRule, rule)
      }
      for number in 0..<userCount {
        var request = TallystickV1.PutTopUpRequest()
        var setting = TallystickV1.TopUp()
        setting.userId = user(number)
        (setting.thresholdMicros, setting.targetMicros, setting.enabled) = (200, 600, true)
        request.topUp = setting
        _ = try await client.call(Usage.putTopUp, request)
        // Every other one is never short of credit: only caps refuse it, however slow the machine is.
        guard number % 2 == 0 else { continue }
        var purchase = TallystickV1.AddPurchaseRequest()
        (purchase.userId, purchase.amountMicros) = (user(number), 1_000_000)
        (purchase.paymentId, purchase.idempotencyKey) = ("first \(number)", "first \(number)")
        _ = try await client.call(Credits.addPurchase, purchase)
      }
    }

    // MARK: load

    /// What one caller has opened in this round.
    private struct Opened {
      var holds: [(id: String, userId: String, micros: Int64)] = []
      var runs: [(id: String, userId: String, micros: Int64)] = []
    }

    /// Spends until the server is gone.
    private static func spend(
      _ caller: Int, in round: Int, _ daemon: Daemon, _ acknowledged: Acknowledged
    ) async -> String? {
      var random = SeededRandom(seed: UInt64(round), stream: UInt64(caller))
      var opened = Opened()
      let client = daemon.client()
      defer { client.close() }
      for count in 0... {
        do {
          try await act("\(round)-\(caller)-\(count)", &opened, client, acknowledged, &random)
        } catch {
          if error.isOfGoneServer { return nil }
          guard ["INSUFFICIENT_CREDITS", "CAP_EXCEEDED"].contains(error.reason) else { return "\(error)" }
          await acknowledged.refused(error.reason)
        }
      }
      return nil
    }

    private static func act(
      _ key: String, _ opened: inout Opened, _ client: TallyClient, _ acknowledged: Acknowledged,
      _ random: inout SeededRandom
    ) async throws(TallyError) {
      let userId = user(Int.random(in: 0..<userCount, using: &random))
      let spender = spenders[Int.random(in: 0..<spenders.count, using: &random)]
      let micros = Int64.random(in: 1...25, using: &random)
      switch random.next() % 6 {
      case 0, 1:
        var request = TallystickV1.ConsumeRequest()
        (request.userId, request.spender, request.amountMicros) = (userId, spender, micros)
        request.idempotencyKey = key
        let row = try await client.call(Credits.consume, request).transaction
        await acknowledged.add(row: row?.transactionId ?? "", of: userId)
      case 2:
        var request = TallystickV1.ReserveRequest()
        (request.userId, request.spender, request.amountMicros) = (userId, spender, micros)
        (request.ttlMillis, request.idempotencyKey) = (43_200_000, key)
        let reply = try await client.call(Credits.reserve, request)
        opened.holds.append((reply.hold?.holdId ?? "", userId, micros))
        await acknowledged.add(row: reply.transaction?.transactionId ?? "", of: userId)
      case 3:
        guard let hold = opened.holds.popLast() else { return }
        let row: TallystickV1.Transaction?
        if random.next() % 2 == 0 {
          var request = TallystickV1.CaptureRequest()
          (request.holdId, request.idempotencyKey) = (hold.id, key)
          request.amountMicros = Int64.random(in: 1...hold.micros, using: &random)
          row = try await client.call(Credits.capture, request).transaction
        } else {
          var request = TallystickV1.ReleaseRequest()
          (request.holdId, request.idempotencyKey) = (hold.id, key)
          row = try await client.call(Credits.release, request).transaction
        }
        await acknowledged.add(row: row?.transactionId ?? "", of: hold.userId)
      case 4:
        var request = TallystickV1.BeginRunRequest()
        (request.userId, request.spender, request.runId) = (userId, spender, key)
        (request.model, request.type, request.ttlMillis) = ("m", "t", 43_200_000)
        request.estimateMicros = random.next() % 3 == 0 ? 0 : micros
        _ = try await client.call(Usage.beginRun, request)
        opened.runs.append((key, userId, request.estimateMicros))
        await acknowledged.add(run: key, of: userId)
      default:
        guard let run = opened.runs.popLast() else { return }
        var request = TallystickV1.FinishRunRequest()
        (request.runId, request.status) = (run.id, random.next() % 3 == 0 ? .failed : .succeeded)
        request.costMicros = Int64.random(in: 0...run.micros, using: &random)
        _ = try await client.call(Usage.finishRun, request)
      }
    }

    // MARK: the oracle

    private static func runs(_ userId: String, _ client: TallyClient) async throws -> [TallystickV1.Run] {
      var request = TallystickV1.ListRunsRequest()
      (request.userId, request.limit) = (userId, 1_000)
      var runs: [TallystickV1.Run] = []
      repeat {
        let reply = try await client.call(Usage.listRuns, request)
        runs += reply.runs
        request.cursor = reply.nextCursor
      } while !request.cursor.isEmpty
      return runs
    }

    /// What a user has spent, holds and has begun, by the rows alone, against what the caps say.
    private static func check(
      _ userId: String, _ client: TallyClient, _ acknowledged: Acknowledged
    ) async throws {
      let rows = try await client.allTransactions(of: userId)
      let runs = try await runs(userId, client)
      let lost = await acknowledged.rows[userId, default: []].subtracting(rows.map(\.transactionId))
      #expect(lost.isEmpty, "\(userId): \(lost)")
      let lostRuns = await acknowledged.runs[userId, default: []].subtracting(runs.map(\.runId))
      #expect(lostRuns.isEmpty, "\(userId): \(lostRuns)")
      // A hold that has any other row than its own is settled: each is captured or released as a whole.
      let ofHolds = Dictionary(grouping: rows.filter { !$0.holdId.isEmpty }, by: \.holdId)
      let open = Set(ofHolds.filter { $0.value.allSatisfy { $0.type == .hold } }.keys)
      for spender in spenders {
        func isOf(_ name: String) -> Bool { spender.isEmpty || spender == name }
        var money: Int64 = 0
        for row in rows where isOf(row.spender) {
          if row.type == .apiUsage { money -= row.amountMicros }
          if row.type == .hold, open.contains(row.holdId) { money += row.holdAmountMicros }
        }
        let generations = runs.filter { isOf($0.spender) && [.running, .succeeded].contains($0.status) }.count
        var request = TallystickV1.GetUsageRequest()
        (request.userId, request.spender) = (userId, spender)
        let caps = try await client.call(Usage.getUsage, request).caps.filter { $0.spender == spender }
        let used = Dictionary(uniqueKeysWithValues: caps.map { ($0.cap?.capId ?? "", $0.used) })
        #expect(
          used["money"] == money && used["runs"] == Int64(generations), "\(userId), \(spender): \(used)")
        for cap in caps {
          #expect(cap.used <= cap.cap?.limitAmount ?? 0, "\(userId), \(spender): \(cap) is exceeded")
        }
      }
    }

    private static func checkIntents(_ userId: String, _ client: TallyClient) async throws {
      let intents = try await client.topUpIntents(of: userId)
      let paid = try await client.allTransactions(of: userId).filter { !$0.intentId.isEmpty }
      #expect(paid.map(\.intentId) == intents.filter { $0.state == .closed }.map(\.intentId))
      #expect(intents.filter { $0.state == .open }.count <= 1)
    }

    @Test("over kills what is counted is what the rows come to, no cap is exceeded and no debit is lost")
    func kills() async throws {
      let workplace = try Workplace()
      let acknowledged = Acknowledged()
      var random = SeededRandom(seed: 1)
      for round in 0...Self.killCount {
        let daemon = try await Daemon.start(workplace, DaemonOptions())
        let client = daemon.client()
        if round == 0 { try await Self.prepare(client) }
        for number in 0..<Self.userCount where round > 0 {
          try await Self.check(Self.user(number), client, acknowledged)
          try await Self.checkIntents(Self.user(number), client)
        }
        try await daemon.verify()
        if round < Self.killCount { try await Self.put(client, round: Int64(round)) }
        client.close()
        let callers = Task {
          await withTaskGroup(of: String?.self) { group in
            for caller in 0..<Self.callerCount where round < Self.killCount {
              group.addTask { await Self.spend(caller, in: round, daemon, acknowledged) }
            }
            for worker in 0..<Self.workerCount where round < Self.killCount {
              var worker = TopUpWorker(
                name: "w\(worker)", random: SeededRandom(seed: UInt64(round), stream: UInt64(worker)))
              group.addTask { await worker.work(daemon) }
            }
            return await group.reduce(into: [String]()) { if let failure = $1 { $0.append(failure) } }
          }
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 200...900, using: &random)))
        daemon.kill()
        #expect(await callers.value == [])
      }
      let counts = await acknowledged.refusals
      #expect(counts["CAP_EXCEEDED", default: 0] > 0, "\(counts)")
      #expect(await acknowledged.rows.values.reduce(0) { $0 + $1.count } > 100)
      try await workplace.verifyFile()
    }
  }
}
