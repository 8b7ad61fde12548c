// The rules of runs by themselves: borders of sums and times.

import TallyCore
internal import TallySQLiteStore
import Testing

@Suite("Run rules")
struct RunRulesTests {
  private static let now: Int64 = 1_768_478_400_000_000
  private static let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))

  private func forgive() throws(Refusal) -> OnShort { .forgive }

  private func begin(_ estimateMicros: Int64, ttlMillis: Int64 = 1_000) -> UsageCommand.Begin {
    UsageCommand.Begin(
      userId: "u", runId: "r", model: "m", type: "t", estimateMicros: estimateMicros, ttlMillis: ttlMillis,
      digest: Self.digest)
  }

  private func context(_ balanceMicros: Int64 = 0) -> DecisionContext {
    var account = Account(id: 1, userId: "u", postedMicros: balanceMicros)
    if balanceMicros > 0 {
      account.lots = [Lot(id: 1, priority: 1, amountMicros: balanceMicros, remainingMicros: balanceMicros)]
    }
    return DecisionContext(nowMicros: Self.now, nextSequence: 2, account: account)
  }

  private func reason(_ body: () throws -> some Sendable) -> Reason? {
    do {
      _ = try body()
      return nil
    } catch { return (error as? Refusal)?.reason }
  }

  @Test("what is out of range is refused, never a trap")
  func borders() {
    let quota = Refusal(.quotaExceeded, "")
    #expect(reason { try Rules.begin(begin(-1), quota: quota, context()) } == .invalidAmount)
    #expect(reason { try Rules.begin(begin(1, ttlMillis: 0), quota: quota, context()) } == .invalidField)
    #expect(
      reason { try Rules.begin(begin(1, ttlMillis: Int64.max), quota: quota, context()) } == .amountOverflow)
    #expect(reason { try Rules.begin(begin(1), quota: quota, context()) } == .quotaExceeded)
    #expect(reason { try Rules.begin(begin(1), quota: nil, context()) } == .insufficientCredits)
    #expect(reason { try Rules.begin(begin(Int64.max), quota: nil, context(5)) } == .insufficientCredits)
    #expect(reason { try Rules.begin(begin(5), quota: nil, context(5)) } == nil)
  }

  private func finish(_ costMicros: Int64?, _ status: RunStatus = .succeeded) -> UsageCommand.Finish {
    UsageCommand.Finish(
      runId: "r", end: UsageCommand.End(status: status, inputTokens: 1, costMicros: costMicros),
      digest: Self.digest)
  }

  @Test("whatever a run costs, charged and uncollected make it up", arguments: [0, 1, 5, 6, Int64.max])
  func makeUp(cost: Int64) throws {
    var run = Run(
      runId: "r", userId: "u", model: "m", type: "t", status: .running, startedAtMicros: Self.now)
    run.expiresAtMicros = Self.now
    let decided = try Rules.finish(finish(cost), run, context(5), onShort: forgive)
    #expect(decided.run.chargedMicros == min(cost, 5))
    #expect(decided.run.uncollectedMicros == cost - min(cost, 5) && decided.run.costMicros == cost)
    #expect(decided.hasOwnRow == (cost > 0) && (decided.change == nil) == (cost == 0))
    #expect(reason { try Rules.finish(finish(-1), run, context(5), onShort: forgive) } == .invalidAmount)
    #expect(
      reason { try Rules.finish(finish(1, .running), run, context(5), onShort: forgive) } == .invalidField)
  }

  @Test("a cost is reckoned of a run that succeeded or was cancelled, and only when it is not given")
  func reckoning() throws {
    let run = Run(
      runId: "r", userId: "u", model: "m", type: "t", status: .running, startedAtMicros: Self.now)
    func pricing(_ micros: Int64?) -> RunPricing {
      var book = PriceBook()
      if let micros { book.append(Price(unitClass: .input, micros: micros, effectiveFromMicros: 0)) }
      return RunPricing(book, planId: nil, atMicros: Self.now)
    }
    func cost(_ finish: UsageCommand.Finish, _ micros: Int64? = 1) throws -> Int64 {
      try Rules.finish(finish, run, context(5), pricing(micros), onShort: forgive).run.costMicros
    }
    #expect(reason { try cost(finish(nil), nil) } == .invalidField)
    // A millionth of a micro-dollar is a whole one.
    #expect(try cost(finish(nil)) == 1)
    #expect(try cost(finish(3)) == 3)
    #expect(try cost(finish(nil, .failed)) == 0)
    #expect(try cost(finish(nil, .cancelled)) == 1)
  }

  @Test("an event is taken from 35 days back to 5 minutes ahead, at the borders too")
  func window() {
    func at(_ offsetMicros: Int64) -> Reason? {
      reason {
        try Rules.record(
          UsageCommand.Record(
            userId: "u", runId: "r", model: "m", type: "t",
            end: UsageCommand.End(status: .failed), startedAtMicros: Self.now + offsetMicros,
            digest: Self.digest), nil, nowMicros: Self.now)
      }
    }
    #expect(at(-Rules.oldestEventMicros) == nil && at(-Rules.oldestEventMicros - 1) == .eventTooOld)
    #expect(at(Rules.newestEventMicros) == nil && at(Rules.newestEventMicros + 1) == .eventInFuture)
  }
}
