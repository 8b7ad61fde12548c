// The situations in which something fails, and what is done in each.
//
// Invariants:
// 1. A scenario does the same each time: when nothing fails, everything that it does succeeds.

internal import Foundation
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

struct FaultScenario: Sendable, CustomTestStringConvertible {
  let name: String
  /// Calls of the script that `prepare` has sent.
  private let sent: Range<Int>
  /// Leaves in a directory what the scenario begins with.
  private let prepare: @Sendable () throws -> TemporaryDirectory
  private let body: @Sendable (FaultRun) -> Void

  var testDescription: String { name }

  private init(
    _ name: String, sent: Range<Int> = 0..<0,
    prepare: @escaping @Sendable () throws -> TemporaryDirectory = { try TemporaryDirectory(inMemory: true) },
    body: @escaping @Sendable (FaultRun) -> Void
  ) {
    self.name = name
    self.sent = sent
    self.prepare = prepare
    self.body = body
  }

  /// What a run has come to.
  struct Report: Sendable {
    /// Runs, of which so many met a failure.
    var runCount = 0
    var failedCount = 0
    var wasTold = false
    var problems: [String] = []
  }

  /// - Parameters:
  ///   - template: what `prepare` has left.
  ///   - faults: of a directory.
  ///   - prepare: makes of faults those that are meant.
  ///   - check: called with the run when all is over, beside the proof of what is in the directory.
  func run(
    on template: TemporaryDirectory, _ faults: (TemporaryDirectory) throws -> any Faults, skip: Int32,
    count: Int32, _ prepare: (any Faults) -> Void, _ check: (FaultRun, any Faults) throws -> Void
  ) throws -> Report {
    let directory = try TemporaryDirectory(inMemory: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: template.path) {
      try FileManager.default.copyItem(
        atPath: template.path + "/" + file, toPath: directory.path + "/" + file)
    }
    let faults = try faults(directory)
    prepare(faults)
    let run = FaultRun(directory, faults, sent: sent, skip: skip, count: count)
    body(run)
    faults.willEnd(run)
    faults.end()
    var report = Report(runCount: 1, failedCount: faults.failureCount > 0 ? 1 : 0, wasTold: run.wasTold)
    try check(run, faults)
    run.check(directory, "directory", verifies: skip % 13 == 0)
    report.problems = run.problems
    return report
  }

  func template() throws -> TemporaryDirectory { try prepare() }

  /// Those that TALLY_FAULT_SCENARIO names, with commas between them; all when it says nothing.
  static let all = every.filter { scenario in
    guard let names = ProcessInfo.processInfo.environment["TALLY_FAULT_SCENARIO"] else { return true }
    return names.split(separator: ",").contains { $0 == scenario.name }
  }

  private static let every = [
    firstStart, startAfterKill, upgrade, serving, checkpointing, reading, stopping, resetting, saving,
    restoring, verifyingFile, verifying,
  ]

  // MARK: starts

  /// The first start in an empty directory.
  static let firstStart = FaultScenario("first start") { run in
    run.beginFaults()
    run.open()
    run.send(FaultScript.few)
    run.close()
  }

  static let startAfterKill = FaultScenario(
    "start after a kill", sent: FaultScript.calls.indices, prepare: killed
  ) { run in
    run.beginFaults()
    run.open()
    run.send(FaultScript.few)
    run.close()
  }

  static let upgrade = FaultScenario("upgrade", prepare: older) { run in
    run.beginFaults()
    run.open()
    run.send(FaultScript.few)
    run.close()
  }

  private static func empty() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory(inMemory: true)
    try SQLiteEngine.open(FaultRun.configuration(directory)).close()
    return directory
  }

  /// A database and its log, as a kill leaves them.
  private static func killed() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory(inMemory: true)
    var engine = try SQLiteEngine.open(FaultRun.configuration(directory))
    let holdId = sendAll(0..<6, to: engine, nil)
    try engine.close()
    let disk = try FaultyDisk(directory)
    engine = try SQLiteEngine.open(FaultRun.configuration(directory))
    _ = sendAll(6..<FaultScript.calls.count, to: engine, holdId)
    let left = try disk.cut(.all)
    try engine.close()
    return left
  }

  private static func sendAll(_ range: Range<Int>, to engine: SQLiteEngine, _ holdId: Int64?) -> Int64? {
    var holdId = holdId
    for index in range {
      for outcome in engine.carryOut(FaultScript.calls[index](holdId)) {
        holdId = outcome.receipt?.hold?.id ?? holdId
      }
    }
    return holdId
  }

  private static func older() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory(inMemory: true)
    try directory.install(fixture: "v7.db")
    return directory
  }

  // MARK: serving and stopping

  /// Writes of all products, with a tick among them.
  static let serving = FaultScenario("serving", prepare: empty) { run in
    run.open()
    run.beginFaults()
    run.send(0..<6)
    run.tick()
    run.send(6..<FaultScript.calls.count)
    run.close()
  }

  /// The log is copied when the writer is idle, when it is not, and when it is to start over.
  static let checkpointing = FaultScenario("checkpoints", prepare: empty) { run in
    run.open(limits: CheckpointLimits(idleFrames: 5, busyFrames: 40, restartFrames: 81))
    run.beginFaults()
    run.send(0..<2)
    run.tick()
    for index in 2..<FaultScript.calls.count {
      run.send(call: index)
      run.settle()
    }
    run.tick()
    run.close()
  }

  /// Every read there is.
  static let reading = FaultScenario("reading", sent: FaultScript.calls.indices, prepare: killed) { run in
    run.open()
    run.beginFaults()
    run.read()
    run.close()
  }

  static let stopping = FaultScenario("stopping", prepare: empty) { run in
    run.open()
    run.send()
    run.beginFaults()
    run.close()
  }

  // MARK: harnesses

  /// One that empties the database, and goes on.
  static let resetting = FaultScenario("reset", prepare: empty) { run in
    run.open()
    run.send()
    run.beginFaults()
    run.replace("reset", undoing: FaultScript.calls.indices) { (engine) throws(StoreError) in
      try engine.reset()
    }
    run.send()
    run.close()
  }

  /// One that copies the database.
  static let saving = FaultScenario("snapshot", prepare: empty) { run in
    run.open()
    run.send(0..<4)
    run.beginFaults()
    run.attempt("snapshot") { () throws(StoreError) in
      _ = try run.engine?.saveCopy(limitByteCount: .max)
    }
    run.send(4..<6)
    run.close()
  }

  /// One that puts a copy back, and goes on.
  static let restoring = FaultScenario("restore", prepare: empty) { run in
    run.open()
    run.send(0..<4)
    guard let engine = run.engine, let copy = try? engine.saveCopy(limitByteCount: .max) else {
      return run.note("no copy")
    }
    run.send(4..<FaultScript.calls.count)
    run.beginFaults()
    run.replace("restore", undoing: 4..<FaultScript.calls.count) { (engine) throws(StoreError) in
      try engine.restore(copy)
    }
    run.send()
    run.close()
  }

  // MARK: verifying

  static let verifyingFile = FaultScenario(
    "verify of a file", sent: FaultScript.calls.indices, prepare: killed
  ) { run in
    run.beginFaults()
    run.verify { (report) throws(StoreError) in
      try Verifier.verify(file: run.directory.databasePath, enums: VerifyTests.enums, report: report)
    }
  }

  static let verifying = FaultScenario(
    "verify of a server", sent: FaultScript.calls.indices, prepare: killed
  ) { run in
    run.open()
    run.beginFaults()
    run.verify { (report) throws(StoreError) in
      try run.engine?.verify(enums: VerifyTests.enums, report: report) ?? true
    }
    run.send(FaultScript.few)
    run.close()
  }
}
