// An engine that is asked for one thing after the other: what concurrent callers are held to where the model
// does not go.
//
// Invariants:
// 1. It decides by the rules of all engines. What these are worth is for tables and models to say; here only
//    the order counts.
//
// Owner: the test.

import TallyCore

struct OneByOne: SequentialLedger {
  /// What users are under; `a` and `b` have no plan.
  static let plans: [Command] = {
    var commands: [Command] = []
    for (onShort, users) in [(OnShort.collect, ["c", "d"]), (.block, ["e", "f"])] {
      var plan = Plan(
        id: "\(onShort)", displayName: "", monthlyCreditMicros: 1, grantExpiry: .never)
      plan.onShort = onShort
      commands.append(.putPlan(plan))
      for userId in users {
        var settings = UserSettings(userId: userId)
        settings.planId = plan.id
        commands.append(.admin(.putSettings(settings)))
      }
    }
    return commands
  }()

  private let rig: MemoryRig
  private(set) var lastAt = ModelRun.startMicros

  init() throws {
    rig = try MemoryRig()
    rig.setTime(micros: lastAt)
    _ = rig.engine.apply(Self.plans)
  }

  mutating func apply(_ command: Command, wall: Int64) -> Outcome {
    rig.setTime(micros: wall)
    lastAt = max(lastAt, wall)
    return rig.engine.apply(command)
  }

  func balance(_ userId: String, at micros: Int64) throws -> Balance {
    rig.setTime(micros: micros)
    return try rig.engine.balance(userId: userId).value
  }

  func rows() throws -> [Entry] {
    try LinearizabilityTests.ledger(of: rig.engine).map { row in
      var row = row
      row.commit = .none
      return row
    }
  }
}
