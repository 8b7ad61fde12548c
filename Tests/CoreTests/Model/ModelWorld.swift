// Random steps on an engine, each compared with a model of its own. TALLY_SEED sets the first seed; a failure
// names its own.

internal import Testing

/// An engine, and what a model says of it.
protocol ModelWorld {
  /// How often the steps have come across what.
  var tally: [String: Int] { get }
  /// The last step, for whoever reads a failure.
  var last: String { get }

  init(rig: any EngineRig, seed: UInt64) throws
  mutating func step() throws
  /// Where the engine says something else than the model.
  func difference() throws -> String?
  /// What is wrong with what the engine has stored.
  func findings() throws -> [String]
}

extension ModelWorld {
  /// Runs steps, each run from a seed of its own.
  /// - Parameter expected: what they must come across, or they prove less than they say.
  static func agree(
    with engine: EngineUnderTest, runs: Int, stepsPerRun: Int, expected: [String]
  ) throws {
    var tally: [String: Int] = [:]
    for run in 0..<runs {
      let seed = ModelSettings.seed &+ UInt64(run)
      var world = try Self(rig: try engine.rig(), seed: seed)
      for step in 0..<stepsPerRun {
        try world.step()
        if let difference = try world.difference() {
          Issue.record("TALLY_SEED=\(seed), step \(step), \(world.last): \(difference)")
          return
        }
      }
      #expect(try world.findings() == [], "TALLY_SEED=\(seed)")
      tally.merge(world.tally, uniquingKeysWith: +)
    }
    let missing = expected.filter { tally[$0, default: 0] < 2 }
    #expect(missing.isEmpty, "\(tally.sorted { $0.key < $1.key })")
  }
}
