// Months pass and the server is killed in each of them while it grants: whatever moment it dies at, a period
// is granted once, by the server or by hand.

import TallyClient
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Kill among server grants")
  struct GrantKillTests {
    private typealias Credits = TallystickV1.CreditService
    private typealias Control = TallystickTestingV1.TestControl

    /// Several slices of the sweep.
    private static let userCount = 1_100
    private static let callerCount = 24
    private static let monthCount = 8
    private static let monthMicros: Int64 = 31 * 86_400_000_000

    private static func user(_ number: Int) -> String { "u\(number)" }

    /// What was told of a user's periods: the row that granted each.
    private final class Granted: Sendable {
      private let rows = Lock<[String: String]>([:])
      private let failures = Lock<[String]>([])

      var violations: [String] { failures.withLock { $0 } }
      var all: [String: String] { rows.withLock { $0 } }

      func note(_ row: TallystickV1.Transaction) {
        let before = rows.withLock { rows in
          let period = "\(row.userId) \(row.periodStartDate)"
          defer { rows[period] = row.transactionId }
          return rows[period] ?? row.transactionId
        }
        if before != row.transactionId { fail("\(before) was told before \(row)") }
      }

      func fail(_ text: String) { failures.withLock { $0.append(text) } }
    }

    private static func subscribeAll(_ client: TallyClient) async throws {
      var plan = TallystickV1.PutPlanRequest()
      plan.plan = TallystickV1.Plan()
      plan.plan?.planId = "pro"
      plan.plan?.monthlyCreditMicros = 10
      plan.plan?.grantExpiry = .periodEnd
      plan.plan?.rolloverCapMicros = 3
      _ = try await client.call(TallystickV1.UsageService.putPlan, plan)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<callerCount {
          group.addTask {
            for number in stride(from: caller, to: userCount, by: callerCount) {
              var request = TallystickV1.PutUserSettingsRequest()
              var settings = TallystickV1.UserSettings()
              settings.userId = user(number)
              var subscription = TallystickV1.Subscription()
              subscription.planId = "pro"
              subscription.start = Workload.startDate
              subscription.grants = .automatic
              settings.subscription = subscription
              request.settings = settings
              _ = try await client.call(TallystickV1.AdminService.putUserSettings, request)
            }
          }
        }
        try await group.waitForAll()
      }
    }

    /// Lets the clock run on from so many months after the start.
    private static func move(to month: Int, from startMicros: Int64, _ client: TallyClient) async throws {
      let due = startMicros + Int64(month) * monthMicros
      while true {
        let now = try await client.call(Control.getClock, .init()).nowMicros
        if now >= due { return }
        var request = TallystickTestingV1.AdvanceClockRequest()
        request.millis = (due - now) / 1_000 + 1
        _ = try await client.call(Control.advanceClock, request)
      }
    }

    /// Spends, and grants the month by hand, until the server is gone.
    private static func call(_ caller: Int, in month: Int, _ daemon: Daemon, _ granted: Granted) async {
      var random = SeededRandom(seed: UInt64(month), stream: UInt64(caller))
      let client = daemon.client()
      defer { client.close() }
      var count = 0
      while true {
        count += 1
        let key = "\(month)-\(caller)-\(count)"
        let userId = user(Int.random(in: 0..<userCount, using: &random))
        do {
          if random.next() % 2 == 0 {
            var request = TallystickV1.GrantPlanRequest()
            (request.userId, request.planId, request.idempotencyKey) = (userId, "pro", key)
            (request.period, request.periodIndex) = (Workload.startDate, Int32(month))
            let reply = try await client.call(Credits.grantPlan, request)
            if let row = reply.transaction { granted.note(row) }
          } else {
            var request = TallystickV1.ConsumeRequest()
            (request.userId, request.amountMicros, request.idempotencyKey) = (userId, 1, key)
            let reply = try await client.call(Credits.consume, request)
            // What the server had to grant was granted before.
            if reply.balance?.postedMicros ?? 0 < 0 { granted.fail("\(reply)") }
          }
        } catch {
          if error.isOfGoneServer { return }
          if error.reason != "INSUFFICIENT_CREDITS" { granted.fail("\(error)") }
        }
      }
    }

    private static func grants(of number: Int, _ client: TallyClient) async throws -> [TallystickV1
      .Transaction]
    {
      var request = TallystickV1.ListTransactionsRequest()
      (request.userId, request.types, request.limit) = (user(number), [.planGrant], 1_000)
      return try await client.call(Credits.listTransactions, request).transactions
    }

    @Test("in months with a kill amid the server's grants, no period is granted twice, and the last to all")
    func months() async throws {
      let workplace = try Workplace()
      let options = DaemonOptions(flags: ["--testing", "--clock-behind-ledger"])
      let startMicros = Clock.nowMicros
      let granted = Granted()
      var random = SeededRandom(seed: 1)
      for month in 0..<Self.monthCount {
        let daemon = try await Daemon.start(workplace, options)
        let client = daemon.client()
        if month == 0 { try await Self.subscribeAll(client) }
        try await Self.move(to: month, from: startMicros, client)
        client.close()
        let callers = Task {
          await withTaskGroup(of: Void.self) { group in
            for caller in 0..<Self.callerCount {
              group.addTask { await Self.call(caller, in: month, daemon, granted) }
            }
          }
        }
        // The sweep comes within a second, and takes about half of one.
        try await Task.sleep(for: .milliseconds(Int.random(in: 100...1_600, using: &random)))
        daemon.kill()
        await callers.value
      }
      #expect(granted.violations == [])

      let daemon = try await Daemon.start(workplace, options)
      let client = daemon.client()
      try await Self.move(to: Self.monthCount, from: startMicros, client)
      var byServer = 0
      var byHand = 0
      var told = granted.all
      for number in 0..<Self.userCount {
        var rows: [TallystickV1.Transaction] = []
        try await eventually("the last month's grant of \(Self.user(number))") {
          rows = try await Self.grants(of: number, client)
          return rows.first.map {
            $0.effectiveAtMicros > startMicros + Int64(Self.monthCount - 1) * Self.monthMicros
          }
            ?? false
        }
        #expect(Set(rows.map(\.periodStartDate)).count == rows.count, "\(rows)")
        for row in rows {
          if row.idempotencyKey.isEmpty { byServer += 1 } else { byHand += 1 }
          if let id = told.removeValue(forKey: "\(row.userId) \(row.periodStartDate)") {
            #expect(id == row.transactionId)
          }
        }
      }
      #expect(told.isEmpty, "told and lost: \(told.prefix(3))")
      #expect(byServer >= Self.userCount, "\(byServer) by the server, \(byHand) by hand")
      try await daemon.verify()
      client.close()
      daemon.kill()
    }
  }
}
