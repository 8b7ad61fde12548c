// More than the writer can take: what is accepted is answered, the rest hears so at once, nothing hangs.

import TallyClient
import TallyLocking
import TallyMessages
import Testing

extension FaultTests {
  @Suite("Overload")
  struct OverloadTests {
    /// Answers in the order in which they came: the reason, nil for success.
    final class Tally: Sendable {
      private let state = Lock<[(isBlocker: Bool, reason: String?)]>([])

      func add(isBlocker: Bool, _ reason: String?) { state.withLock { $0.append((isBlocker, reason)) } }
      func count(_ reason: String?) -> Int {
        state.withLock { $0.filter { !$0.isBlocker && $0.reason == reason }.count }
      }
      var reasons: Set<String?> { state.withLock { Set($0.map(\.reason)) } }
      var total: Int { state.withLock { $0.count } }
      /// Whether someone was turned away before the last of the blockers was answered.
      var isRefusedAtOnce: Bool {
        state.withLock { answers in
          let last = answers.lastIndex { $0.isBlocker } ?? 0
          return answers[..<last].contains { $0.reason == "QUEUE_FULL" || $0.reason == "TOO_MANY_IN_FLIGHT" }
        }
      }
    }

    static let blockerCount = 6

    /// Keeps the writer busy with whole batches, and calls `flood` while it is.
    private static func overload(_ flood: (Daemon, Oracle, Tally) async throws -> Void) async throws {
      let workplace = try Workplace()
      let daemon = try await Daemon.start(workplace)
      let oracle = Oracle(accountCount: 64, expecting: ["QUEUE_FULL", "TOO_MANY_IN_FLIGHT"])
      var workload = Workload(seed: 7)
      workload.maximumAmountMicros = 1_000_000_000
      await workload.fund(oracle, daemon)
      let tally = Tally()
      let client = daemon.client()
      let blockers = Task {
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<blockerCount {
            group.addTask {
              let parts = (0..<8_192).map { Part(account: $0 % 64, amountMicros: 1) }
              await make(Call(number: oracle.number(), batch: parts), client, oracle, tally, isBlocker: true)
            }
          }
        }
      }
      try await eventually("the writer is at the batches") { tally.total > 0 }
      try await flood(daemon, oracle, tally)
      await blockers.value
      try await oracle.checkBalances(client)
      client.close()
      try await daemon.verify()
      try await daemon.stop()
      oracle.checkHistory()
      #expect(oracle.violations == [], "\(oracle.summary)")
      #expect(tally.isRefusedAtOnce)
    }

    private static func make(
      _ call: Call, _ client: TallyClient, _ oracle: Oracle, _ tally: Tally, isBlocker: Bool = false
    ) async {
      do {
        let reply = try await call.send(client)
        oracle.note(call, reply)
        tally.add(isBlocker: isBlocker, nil)
      } catch {
        tally.add(isBlocker: isBlocker, error.reason)
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
      try await Self.overload { daemon, oracle, tally in
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
      try await Self.overload { daemon, oracle, tally in
        let clients = (0..<4).map { _ in daemon.client() }
        await Self.flood(3_000, clients, oracle, tally) { _ in 0 }
        #expect(tally.count("QUEUE_FULL") > 0)
        #expect(tally.count(nil) >= 1_024)
        #expect(tally.count("QUEUE_FULL") + tally.count(nil) == 3_000, "\(tally.reasons)")
        for client in clients { client.close() }
      }
    }

    @Test("a connection's calls beyond 1,024 are refused by TOO_MANY_IN_FLIGHT, others come through")
    func inFlight() async throws {
      try await Self.overload { daemon, oracle, tally in
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
