// More than the writer can take: what is accepted is answered, the rest hears so at once, nothing hangs.

import TallyClient
import TallyLocking
import TallyMessages
import TallyTestSupport
import Testing

extension FaultTests {
  @Suite("Overload")
  struct OverloadTests {
    /// What came back: the reasons, nil for success.
    final class Tally: Sendable {
      private let state = Lock<[String?]>([])

      func add(_ reason: String?) { state.withLock { $0.append(reason) } }
      func count(_ reason: String?) -> Int { state.withLock { $0.count { $0 == reason } } }
      var reasons: Set<String?> { state.withLock { Set($0) } }
    }

    private typealias Control = TallystickTestingV1.TestControl

    /// Lets the writer stand still in each commit until `release`.
    private static func hold(_ client: TallyClient) async throws {
      var request = TallystickTestingV1.InjectFailureRequest()
      var failure = TallystickTestingV1.Failure()
      failure.action = .storeDelay
      failure.delayMillis = 60_000
      failure.count = 1_000
      request.failure = failure
      _ = try await client.call(Control.injectFailure, request)
    }

    private static func release(_ client: TallyClient) async throws {
      _ = try await client.call(Control.clearFailures, .init())
    }

    private static func isStandingStill(_ client: TallyClient) async throws -> Bool {
      try await client.call(Control.listFailures, .init()).failures.contains { $0.happened > 0 }
    }

    /// Calls `flood` while the writer stands still, which ends once somebody was turned away by `reason`.
    private static func overload(
      until reason: String, _ flood: @escaping @Sendable (Daemon, Oracle, Tally) async throws -> Void
    ) async throws {
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace, DaemonOptions(flags: ["--testing"]))
      let oracle = Oracle(accountCount: 64, expecting: ["QUEUE_FULL", "TOO_MANY_IN_FLIGHT"])
      var workload = Workload(seed: 7)
      workload.maximumAmountMicros = 1_000_000_000
      await workload.fund(oracle, daemon)
      let client = daemon.client()
      try await hold(client)
      let blocked = Tally()
      let blocker = Task {
        let parts = (0..<8_192).map { Part(account: $0 % 64, amountMicros: 1) }
        await make(Call(number: oracle.number(), batch: parts), client, oracle, blocked)
      }
      try await eventually("the writer stands still") { try await isStandingStill(client) }
      let tally = Tally()
      let flooding = Task { try await flood(daemon, oracle, tally) }
      try await eventually("somebody is turned away") { tally.count(reason) > 0 }
      // At once: what was there before still waits.
      #expect(blocked.reasons == [])
      #expect(tally.count(nil) == 0)
      try await release(client)
      try await flooding.value
      await blocker.value
      #expect(blocked.reasons == [nil])
      try await oracle.checkBalances(client)
      client.close()
      try await daemon.verify()
      try await daemon.stop()
      oracle.checkHistory()
      #expect(oracle.violations == [], "\(oracle.summary)")
    }

    private static func make(
      _ call: Call, _ client: TallyClient, _ oracle: Oracle, _ tally: Tally
    ) async {
      do {
        let reply = try await call.send(client)
        oracle.note(call, reply)
        tally.add(nil)
      } catch {
        tally.add(error.reason)
      }
    }

    /// So many charges at once; user by the number.
    private static func flood(
      _ count: Int, _ clients: [TallyClient], _ oracle: Oracle, _ tally: Tally,
      account: @escaping @Sendable (Int) -> Int
    ) async {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<count {
          group.addTask {
            let call = Call(
              number: oracle.number(), action: .consume, account: account(number), amountMicros: 1)
            await make(call, clients[number % clients.count], oracle, tally)
          }
        }
      }
    }

    @Test("10,000 callers on a queue for 4,096: each is answered, those beyond it by QUEUE_FULL")
    func queueFull() async throws {
      try await Self.overload(until: "QUEUE_FULL") { daemon, oracle, tally in
        let clients = (0..<12).map { _ in daemon.client() }
        await Self.flood(10_000, clients, oracle, tally) { $0 % 64 }
        #expect(tally.count("QUEUE_FULL") > 0)
        #expect(tally.count(nil) > 0)
        #expect(tally.count("QUEUE_FULL") + tally.count(nil) == 10_000, "\(tally.reasons)")
        for client in clients { client.close() }
      }
    }

    @Test("one user takes a quarter of the queue at most")
    func fairShare() async throws {
      try await Self.overload(until: "QUEUE_FULL") { daemon, oracle, tally in
        let clients = (0..<4).map { _ in daemon.client() }
        await Self.flood(3_000, clients, oracle, tally) { _ in 0 }
        #expect(tally.count("QUEUE_FULL") > 0)
        #expect(tally.count(nil) >= 1_024)
        #expect(tally.count("QUEUE_FULL") + tally.count(nil) == 3_000, "\(tally.reasons)")
        for client in clients { client.close() }
      }
    }

    private static func consume(
      _ request: TallystickV1.ConsumeRequest, _ client: TallyClient, _ tally: Tally
    ) async {
      do throws(TallyError) {
        _ = try await client.call(TallystickV1.CreditService.consume, request)
        tally.add(nil)
      } catch { tally.add(error.reason) }
    }

    /// So many calls at once that name a hold, and no user but perhaps the one they act for.
    private static func settle(_ count: Int, _ client: TallyClient, _ tally: Tally) async {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<count {
          var request = TallystickV1.ReleaseRequest()
          (request.holdId, request.idempotencyKey) = ("nobody's", "\(number)")
          group.addTask { [request] in
            do throws(TallyError) {
              _ = try await client.call(TallystickV1.CreditService.release, request)
              tally.add(nil)
            } catch { tally.add(error.reason) }
          }
        }
      }
    }

    /// Each third of what is free when the calls begin, as they take part of it themselves: a quarter.
    private static let shares = [768, 576, 432]

    @Test("calls that name no user count against their connection, or against the user they act for")
    func unnamed() async throws {
      try await Self.overload(until: "all have their shares") { daemon, oracle, over in
        let tallies = (0...3).map { _ in Tally() }
        let clients = (0...5).map { _ in daemon.client() }
        // Over two connections, since one may not have so many calls in flight.
        let firsts = [clients[0], clients[5]]
        try await withThrowingTaskGroup(of: Void.self) { group in
          defer { over.add("all have their shares") }
          group.addTask { await Self.flood(1_100, firsts, oracle, tallies[0]) { _ in 0 } }
          try await eventually("a user has a share") { tallies[0].count("QUEUE_FULL") == 1_100 - 1_024 }
          // That is found out before anything else of a call is looked at.
          var request = TallystickV1.ConsumeRequest()
          for (user, reason) in [(0, "QUEUE_FULL"), (1, "INVALID_AMOUNT")] {
            (request.userId, request.idempotencyKey) = (Call.user(user), "no amount")
            let refused = Tally()
            await Self.consume(request, clients[1], refused)
            #expect(refused.count(reason) == 1, "\(refused.reasons)")
          }
          for number in 1...2 {
            group.addTask { await Self.settle(1_000, clients[number], tallies[number]) }
            try await eventually("a connection has a share") {
              tallies[number].count("QUEUE_FULL") == 1_000 - Self.shares[number - 1]
            }
          }
          for client in clients[3...4] {
            group.addTask { await Self.settle(500, client.acting(as: "somebody"), tallies[3]) }
          }
          try await eventually("who acts for a user has that user's share, over how many connections ever") {
            tallies[3].count("QUEUE_FULL") == 1_000 - Self.shares[2]
          }
        }
        for (tally, share) in zip(tallies.dropFirst(), Self.shares) {
          #expect(tally.count("HOLD_NOT_FOUND") == share, "\(tally.reasons)")
        }
        for client in clients { client.close() }
      }
    }

    @Test("a connection's calls beyond 1,024 are refused by TOO_MANY_IN_FLIGHT, others come through")
    func inFlight() async throws {
      try await Self.overload(until: "TOO_MANY_IN_FLIGHT") { daemon, oracle, tally in
        let clients = [daemon.client()]
        let others = Tally()
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await Self.flood(3_000, clients, oracle, tally) { $0 % 64 } }
          let beside = [daemon.client()]
          group.addTask { await Self.flood(200, beside, oracle, others) { $0 % 64 } }
        }
        #expect(tally.count("TOO_MANY_IN_FLIGHT") > 0)
        #expect(tally.count(nil) >= 1_024)
        #expect(tally.count("TOO_MANY_IN_FLIGHT") + tally.count(nil) == 3_000, "\(tally.reasons)")
        #expect(others.count(nil) == 200, "\(others.reasons)")
        for client in clients { client.close() }
      }
    }
  }
}
