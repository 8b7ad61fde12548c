// Power cuts at every moment: whatever part of what was not synced has come to the disk, in whatever order
// and however torn, the next start has all that was acknowledged, nothing that was not asked for, and each
// commit wholly or not at all.
//
// TALLY_POWER_CUTS sets the number of states of all tests together, TALLY_SEED the first seed.

import Foundation
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallyModel
@testable internal import TallySQLiteStore

@Suite("Power cuts")
struct PowerCutTests {
  private static let stateCount =
    ProcessInfo.processInfo.environment["TALLY_POWER_CUTS"].flatMap { Int($0) } ?? 2_000
  /// Of one recording, unless it is long.
  private static let statesEach = 40

  /// Makes recordings, and cuts each of them off, until a share of all states was looked at.
  private func cut(
    percent: Int, each: Int = statesEach, seed: UInt64,
    _ record: (_ seed: UInt64) throws -> (PowerCutRun, PowerCutRun.Recording)
  ) throws {
    var left = Self.stateCount * percent / 100
    var seed = ModelSettings.seed &+ seed &* 1_000_003
    while left > 0 {
      let (run, recording) = try record(seed)
      var cuts = PowerCuts(recording, clock: run.clock, seed: seed)
      try cuts.carryOut(min(left, each))
      #expect(cuts.violations == [], "\(cuts.violations.prefix(3))")
      left -= cuts.stateCount
      seed &+= 1
    }
  }

  private static func record(
    seed: UInt64, steps: Int, faults: EngineFaults = EngineFaults()
  ) throws -> (PowerCutRun, PowerCutRun.Recording) {
    let run = try PowerCutRun(seed: seed, faults: faults)
    try run.start()
    try run.work(Step.random(count: steps, seed: seed))
    try run.stop()
    return (run, try run.recording())
  }

  @Test("of a server at work, which copies its log and starts it over all the time", arguments: 0..<2)
  func work(part: Int) throws {
    try cut(percent: 20, each: 200, seed: UInt64(part)) { seed in try Self.record(seed: seed, steps: 400) }
  }

  @Test("of a first start, a clean stop, another start, and a reset by a harness")
  func startAndStop() throws {
    try cut(percent: 15, seed: 10) { seed in
      let run = try PowerCutRun(seed: seed)
      try run.start()
      try run.work(Step.random(count: 10, seed: seed))
      try run.stop()
      try run.start()
      try run.reset()
      try run.work(Step.random(count: 10, seed: seed))
      try run.stop()
      return (run, try run.recording())
    }
  }

  @Test("of a start that upgrades a file of an earlier version", arguments: 1..<Schema.version)
  func upgrade(version: Int32) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Store/Fixtures/v\(version).db")
    let bytes = Array(try Data(contentsOf: file))
    try cut(percent: 2, seed: 20 + UInt64(version)) { seed in
      let run = try PowerCutRun(seed: seed, file: bytes)
      try run.start()
      try run.stop()
      return (run, try run.recording())
    }
  }

  @Test(
    "after a sync has failed, which has lost what it should have written",
    arguments: [FaultyDisk.Failure.logSync, .databaseSync, .directorySync])
  func failedSync(failure: FaultyDisk.Failure) throws {
    var failures = 0
    try cut(percent: 10, each: 15, seed: 40) { seed in
      var random = SeededGenerator(seed: seed)
      let run = try PowerCutRun(seed: seed)
      run.mayFail = true
      // There are fewer of the directory's; a fault that does not come does no harm.
      run.disk.fail(failure, skip: Int32.random(in: 0..<(failure == .logSync ? 60 : 6), using: &random))
      for part in 0..<3 {
        try run.startAnyway()
        try run.work(Step.random(count: 60, seed: seed &+ UInt64(part)))
        run.abandon()
      }
      failures += run.disk.failureCount
      return (run, try run.recording())
    }
    #expect(failures > 0)
  }

  // MARK: the suite notices what it is for

  @Test("a disk that skips a sync, or tears a page, is found out", arguments: PlantedFault.allCases)
  func planted(fault: PlantedFault) throws {
    for seed in 0..<20 {
      let (run, recording) = try Self.record(seed: UInt64(seed), steps: 400)
      var cuts = PowerCuts(recording, clock: run.clock, seed: UInt64(seed), planted: fault)
      try cuts.carryOut(100, stopsAtFirst: true)
      if !cuts.violations.isEmpty { return }
    }
    Issue.record("\(fault) was not noticed")
  }

  @Test("a server that answers before its commit is found out")
  func answersBeforeCommit() throws {
    var faults = EngineFaults()
    faults.answersBeforeCommit = true
    let (run, recording) = try Self.record(seed: 1, steps: 100, faults: faults)
    var cuts = PowerCuts(recording, clock: run.clock, seed: 1)
    try cuts.carryOut(200, stopsAtFirst: true)
    #expect(cuts.violations != [])
  }
}
