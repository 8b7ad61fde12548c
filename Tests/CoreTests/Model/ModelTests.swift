// Random sequences of every mutation of credit and runs, time, retries and restarts, against the executable
// model. EngineConformanceTests carries them out on each engine.
//
// TALLY_SEED sets the first seed, TALLY_STEPS the number of steps; a failure prints its own seed and the
// shortest sequence that still fails. With TALLY_SHOW=1 it is printed how often what came about.

import FoundationEssentials
import TallyCore
internal import TallySQLiteStore
import Testing

@testable import TallyModel

enum ModelSettings {
  static let stepsPerRun = 250

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  static let seed = number("TALLY_SEED") ?? 20_260_101
  static let steps = number("TALLY_STEPS").map { Int($0) } ?? 20_000

  /// What the steps must come across, or they prove less than they say.
  static let expectedEvents = [
    "purchase", "plan_grant", "promo_grant", "adjustment", "api_usage", "hold", "hold_extend",
    "hold_release", "expiry by itself", "hold_release by itself", "forfeited", "part captured", "plan",
    "plan unchanged", "replay of purchase", "replay of plan_grant", "replay of promo_grant",
    "replay of adjustment", "replay of api_usage", "replay of hold", "replay of hold_extend",
    "replay of hold_release", "HOLD_NOT_FOUND", "GRANT_NOT_FOUND", "IDEMPOTENCY_MISMATCH",
    "GRANT_CONFLICT", "GRANT_OVERLAPS", "PAYMENT_CONFLICT", "INVALID_FIELD", "HOLD_EXPIRED",
    "HOLD_SETTLED", "CAPTURE_EXCEEDS_HOLD", "AMOUNT_OVERFLOW", "INSUFFICIENT_CREDITS", "run begun",
    "run finished", "run recorded", "uncollected", "drawn", "finished late", "captured before",
    "replay: run begun", "replay: run finished", "replay: run recorded", "RUN_NOT_FOUND", "RUN_CONFLICT",
    "EVENT_TOO_OLD", "EVENT_IN_FUTURE", "QUOTA_EXCEEDED",
    // Money and credit that goes back.
    "refund", "reversal", "reinstatement", "void", "owed_forgiven", "replay of refund",
    "replay of reversal", "replay of reinstatement", "replay of void", "reversal by itself",
    "void by itself", "owed_forgiven by itself", "TRANSACTION_NOT_FOUND", "TRANSACTION_NOT_REFUNDABLE",
    "REFUND_EXCEEDS", "PAYMENT_NOT_FOUND", "EVENT_CONFLICT", "REVERSAL_EXCEEDS", "REVERSAL_SHORT",
    "VOID_SHORT", "INVALID_AMOUNT",
    // What is owed.
    "owed by itself", "owed_payment by itself", "drawn by a capture", "PAYMENT_DUE",
    // Subscriptions and lots.
    "settings", "settings unchanged", "plan_grant by itself", "rollover by itself", "USER_SUSPENDED",
    "LOT_LIMIT 256", "LOT_LIMIT 1024",
    // Caps.
    "caps", "caps unchanged", "CAP_EXCEEDED",
    // Lines that were crossed.
    "event balanceBelow", "event owed", "event of a cap", "event of a spender's cap",
    // Batches.
    "all of a batch", "BATCH_ABORTED",
  ]

  /// Runs until all steps are done; records the first failure, shrunk.
  /// - Returns: what came about, by name.
  @discardableResult
  static func run(on makeRig: () throws -> any EngineRig) throws -> [String: Int] {
    var tally: [String: Int] = [:]
    for run in 0..<(steps / stepsPerRun) {
      let runSeed = seed &+ UInt64(run)
      let filling: UInt64? = run % 8 == 3 ? (run % 40 == 3 ? 0 : 1) : nil
      let all = Step.random(count: stepsPerRun, seed: runSeed, filling: filling)
      let result = ModelRun.run(all, on: try makeRig())
      tally.merge(result.tally, uniquingKeysWith: +)
      guard result.difference != nil else { continue }
      let shortest = Shrinker.shrink(all) { steps in
        // A rig that cannot be made is no difference.
        guard let rig = try? makeRig() else { return false }
        return ModelRun.run(steps, on: rig).difference != nil
      }
      let failure = ModelRun.run(shortest, on: try makeRig())
      let log = failure.log.joined(separator: "\n")
      Issue.record(
        "TALLY_SEED=\(runSeed), \(shortest.count) steps:\n\(log)\n\(failure.difference ?? "not again")")
      break
    }
    if number("TALLY_SHOW") != nil {
      print(tally.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "; "))
    }
    return tally
  }
}

@Suite("Model")
struct ModelTests {
  @Test("a failing sequence is shrunk to what matters")
  func shrinking() {
    let steps = Step.random(count: 200, seed: 7)
    let shortest = Shrinker.shrink(steps) { steps in
      let kinds = steps.map(\.kind)
      guard let purchase = kinds.firstIndex(of: .purchase) else { return false }
      return kinds[purchase...].filter { $0 == .consume }.count >= 2
    }
    #expect(shortest.map(\.kind) == [.purchase, .consume, .consume])
  }

  @Test("the same seed makes the same steps, and all kinds of them")
  func seeded() {
    let steps = Step.random(count: 1_000, seed: 1)
    #expect(steps.map(\.description) == Step.random(count: 1_000, seed: 1).map(\.description))
    #expect(Set(steps.map(\.kind)).count == Step.Kind.allCases.filter { $0.weight > 0 }.count)
  }
}
