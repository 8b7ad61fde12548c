// A wall clock that jumps to and fro by weeks at each look, while months pass and callers are at work: time
// as the server tells it never goes back, no period is granted twice, and no hold ends before its time.
//
// TALLY_SEED sets the seed; TALLY_CLOCK_PERIODS through how many periods of a month it goes.

import TallyClient
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Wandering clock")
  struct ClockTests {
    private typealias Credits = TallystickV1.CreditService

    private static let seed = UInt64(Setting.number("TALLY_SEED", default: 1))
    private static let periodCount = Setting.number("TALLY_CLOCK_PERIODS", default: 3)
    private static let userCount = 60
    /// How far the clock is off, to either side.
    private static let rangeSeconds = 20 * 86_400
    private static let monthMicros: Int64 = 31 * 86_400_000_000
    private static let memoryBytes = 128 << 20

    private static func user(_ number: Int) -> String { "u\(number)" }

    /// What the callers were told that cannot be, and what the ledger has to agree with.
    private final class Told: Sendable {
      private let state = Lock((failures: [String](), grants: [String: String](), calls: 0))

      var failures: [String] { state.withLock { $0.failures } }
      var grants: [String: String] { state.withLock { $0.grants } }
      var callCount: Int { state.withLock { $0.calls } }

      func call() { state.withLock { $0.calls += 1 } }
      func fail(_ text: String) { state.withLock { $0.failures.append(text) } }

      func grant(_ row: TallystickV1.Transaction) {
        let period = "\(row.userId) \(row.periodStartDate)"
        let before = state.withLock { state in
          defer { state.grants[period] = row.transactionId }
          return state.grants[period] ?? row.transactionId
        }
        if before != row.transactionId { fail("\(before) was told before \(row)") }
      }
    }

    private static func subscribe(_ client: TallyClient) async throws {
      var plan = TallystickV1.PutPlanRequest()
      plan.plan = TallystickV1.Plan()
      plan.plan?.planId = "pro"
      plan.plan?.monthlyCreditMicros = 1_000
      plan.plan?.grantExpiry = .periodEnd
      plan.plan?.rolloverCapMicros = 100
      _ = try await client.call(TallystickV1.UsageService.putPlan, plan)
      for number in 0..<userCount {
        var request = TallystickV1.PutUserSettingsRequest()
        var settings = TallystickV1.UserSettings()
        settings.userId = user(number)
        var subscription = TallystickV1.Subscription()
        (subscription.planId, subscription.grants) = ("pro", .automatic)
        subscription.start = Workload.startDate
        settings.subscription = subscription
        request.settings = settings
        _ = try await client.call(TallystickV1.AdminService.putUserSettings, request)
      }
    }

    /// Calls without a pause until it is over; each call's row is not older than the one before.
    private static func work(
      _ caller: Int, _ daemon: Daemon, _ told: Told, until isOver: @Sendable () -> Bool
    ) async {
      var random = SeededRandom(seed: seed, stream: UInt64(caller))
      let client = daemon.client()
      defer { client.close() }
      var last: Int64 = 0
      func note(_ row: TallystickV1.Transaction?) {
        guard let row else { return told.fail("a reply without a row") }
        if row.createdAtMicros < last { told.fail("\(row) is older than one told before, of \(last)") }
        last = row.createdAtMicros
      }
      var count = 0
      while !isOver() {
        count += 1
        let (userId, key) = (user(Int.random(in: 0..<userCount, using: &random)), "\(caller)-\(count)")
        do {
          switch random.next() % 4 {
          case 0:
            var request = TallystickV1.GrantPlanRequest()
            (request.userId, request.planId, request.idempotencyKey) = (userId, "pro", key)
            request.period = Workload.startDate
            request.periodIndex = Int32.random(in: 0..<Int32(periodCount), using: &random)
            // One that is there already is told with the time that it has.
            if let row = try await client.call(Credits.grantPlan, request).transaction { told.grant(row) }
          case 1: note(try await hold(userId, key, client, told, &random))
          default: note(try await consume(userId, key, client))
          }
        } catch {
          // Credit of a period is spent, or it has ended before the grant by hand came.
          let expected = ["INSUFFICIENT_CREDITS", "LOT_LIMIT", "INVALID_FIELD"]
          if !expected.contains(error.reason) { told.fail("\(error)") }
        }
        told.call()
      }
    }

    private static func consume(
      _ userId: String, _ key: String, _ client: TallyClient
    ) async throws(TallyError) -> TallystickV1.Transaction? {
      var request = TallystickV1.ConsumeRequest()
      (request.userId, request.amountMicros, request.idempotencyKey) = (userId, 1, key)
      return try await client.call(Credits.consume, request).transaction
    }

    /// Reserves and captures. The hold has ended by then only if a row that comes later is of after its end.
    private static func hold(
      _ userId: String, _ key: String, _ client: TallyClient, _ told: Told, _ random: inout SeededRandom
    ) async throws(TallyError) -> TallystickV1.Transaction? {
      var reserve = TallystickV1.ReserveRequest()
      (reserve.userId, reserve.amountMicros, reserve.idempotencyKey) = (userId, 2, key)
      // An hour, or 30 days: many end while they are open.
      reserve.ttlMillis = random.next() % 2 == 0 ? 3_600_000 : 30 * 86_400_000
      guard let hold = try await client.call(Credits.reserve, reserve).hold else { return nil }
      var capture = TallystickV1.CaptureRequest()
      (capture.holdId, capture.amountMicros, capture.idempotencyKey) = (hold.holdId, 1, "c\(key)")
      do {
        let row = try await client.call(Credits.capture, capture).transaction
        if (row?.createdAtMicros ?? 0) >= hold.expiresAtMicros {
          told.fail("\(hold) was captured after its end")
        }
        return row
      } catch {
        guard error.reason == "HOLD_EXPIRED" else { throw error }
        let row = try await consume(userId, "e\(key)", client)
        if (row?.createdAtMicros ?? 0) < hold.expiresAtMicros {
          told.fail("\(hold) had ended before its time, at \(row?.createdAtMicros ?? 0)")
        }
        return row
      }
    }

    /// A lone caller's refusal is the only one that was told of its time; many are in each other's way.
    @Test(
      "time never goes back, each period is granted once, and holds end at their time", arguments: [1, 12])
    func wandering(callerCount: Int) async throws {
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace, .faulty("wandering-clock", count: Self.rangeSeconds))
      let client = daemon.client()
      try await Self.subscribe(client)
      let (startMicros, told, isOver) = (Clock.nowMicros, Told(), Lock(false))
      let before = Footprint(daemon.child)
      var rows: [TallystickV1.Transaction] = []
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<callerCount {
          group.addTask { await Self.work(caller, daemon, told) { isOver.withLock { $0 } } }
        }
        defer { isOver.withLock { $0 = true } }
        try await eventually("so many periods have passed") {
          let now = try await client.allTransactions(of: Self.user(0)).first?.createdAtMicros ?? 0
          return now >= startMicros + Int64(Self.periodCount) * Self.monthMicros
            && told.callCount >= 250 * callerCount
        }
        isOver.withLock { $0 = true }
        try await group.waitForAll()
      }
      for number in 0..<Self.userCount { rows += try await client.allTransactions(of: Self.user(number)) }
      client.close()
      Self.check(rows, told)
      before.expectBounds(daemon.child, memoryBytes: Self.memoryBytes)
      try await daemon.verify()
      daemon.kill()
      try await workplace.verifyFile()
    }

    private static func check(_ rows: [TallystickV1.Transaction], _ told: Told) {
      #expect(told.failures.prefix(5) == [], "seed \(seed)")
      let times = rows.sorted { $0.sequence < $1.sequence }.map(\.createdAtMicros)
      #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 }, "time goes back in the ledger")
      let grants = rows.filter { $0.type == .planGrant }
      let periods = Dictionary(grouping: grants) { "\($0.userId) \($0.periodStartDate)" }
      #expect(periods.values.allSatisfy { $0.count == 1 }, "a period is granted twice")
      for (period, id) in told.grants {
        #expect(periods[period]?.first?.transactionId == id, "\(period) was told and is not there")
      }
      print("clock: \(told.callCount) calls, \(rows.count) rows, \(grants.count) grants, seed \(seed)")
    }
  }
}
