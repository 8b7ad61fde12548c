// Server grants of many users at once, and who writes meanwhile.

internal import TallyLocking
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Server grants beside writes")
struct GrantPacingTests {
  private static let userCount = 6 * EngineConfiguration.defaultSettledRows

  /// Holds the writer up in its first commit of grants.
  private final class Gate: Sendable {
    enum State { case ahead, held, open }
    private let state = Monitor(State.ahead)

    var faults: EngineFaults {
      var faults = EngineFaults()
      faults.beforeCommit = { [state] (cause) throws(StoreFault) in
        guard cause == .upkeep, state.withLock({ $0 == .ahead }) else { return }
        state.withLock { $0 = .held }
        state.broadcast()
        _ = state.wait(until: { $0 == .open }, then: { _ in })
      }
      return faults
    }

    var isHeld: Bool { state.withLock { $0 == .held } }

    func open() {
      state.withLock { $0 = .open }
      state.broadcast()
    }
  }

  @Test("a user's own write is answered before the grants of all the others, and has the user's own first")
  func ownWrite() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let clock = TestClock()
    let gate = Gate()
    let engine = try open(directory, clock: clock, faults: gate.faults, configure: { $0.tickMillis = 10 })
    #expect(try engine.decide(.putPlan(plan("pro", 10))).refusal == nil)
    let start = clock.wallMicros / Civil.microsPerDay + 1
    let users = (0..<Self.userCount).map { "u\($0)" }
    let commands: [Command] = users.map { user in
      var settings = UserSettings(userId: user)
      settings.subscription = Subscription(planId: "pro", startDay: start, isAutomatic: true)
      return .admin(.putSettings(settings))
    }
    #expect(try engine.decide(commands).allSatisfy { $0.refusal == nil })
    try engine.must(purchase("other", 5, "p"))
    #expect(engine.state().ledgerSequence == 1)

    // Their first period begins for all of them at once.
    clock.advance(byMicros: Civil.microsPerDay)
    try waitUntil { gate.isHeld }
    let slots = [("u\(Self.userCount - 1)", 4), ("other", 5)].map { user, amountMicros in
      let slot = Slot<Outcome>()
      engine.submit(
        Submission(commands: [consume(user, Int64(amountMicros), "c")], sharer: user, byteCount: 100),
        group: nil
      ) { outcomes in if let outcome = outcomes.first { slot.put(outcome) } }
      return slot
    }
    gate.open()
    let own = try #require(try slots[0].wait().receipt)
    let other = try #require(try slots[1].wait().receipt)
    #expect(own.balance.availableMicros == 6 && own.transaction.version == 2)
    // Not more than one slice came before, nor one between them.
    let soon = 1 + 2 * Int64(EngineConfiguration.defaultSettledRows) + 3
    #expect(own.transaction.sequence <= soon && other.transaction.sequence <= soon)

    let last = Int64(Self.userCount) + 3
    try waitUntil { engine.state().ledgerSequence == last }
    let balances = try stride(from: 0, to: users.count, by: 1_000).flatMap { start in
      try engine.balances(userIds: Array(users[start..<min(start + 1_000, users.count)])).value
    }
    #expect(balances.dropLast().allSatisfy { $0.availableMicros == 10 && $0.version == 1 })
    #expect(try engine.findings() == [])
    try engine.close()
  }
}
