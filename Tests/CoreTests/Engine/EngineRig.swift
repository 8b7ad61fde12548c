// Engines under test and the clock that drives them: what every test of the seam is written against.
//
// To add an engine to the suite: write a rig for it (`SQLiteRig` and `MemoryRig` are the examples), and give
// it a case in `EngineUnderTest`. Every test with `EngineUnderTest.allCases` among its arguments then runs on
// it: the ledger's tables and the models (EngineConformanceTests, PageModelTests), the comparison of all
// engines (EngineAgreementTests) and concurrent callers (LinearizabilityTests).

import Dispatch
import TallyCore
import TallyLocking
internal import TallySQLiteStore

@testable import TallyModel

/// An engine that tests may restart and look into, and whose time they set.
protocol EngineRig: AnyObject, Sendable {
  var engine: any ServedEngine { get }
  /// Stops the engine's clock at a time.
  func setTime(micros: Int64)
  /// Stops the engine cleanly and starts it on what it has stored.
  func restart() throws
  /// Writes off everything that is over, of all users, takes deleted media out of all pages, and removes all
  /// that was purged.
  func sweep() throws
  /// What is wrong with what the engine has stored, and with how it went about it.
  func findings() throws -> [String]
}

enum EngineUnderTest: String, CaseIterable, Sendable {
  case sqlite
  case memory
  /// Finds no record before it was loaded, so that whatever is decided is decided again.
  case memoryAcrossWire

  /// - Parameter detachedPages: that one commit takes a medium out of.
  func rig(
    faults: EngineFaults = EngineFaults(), detachedPages: Int = PageLimits.detachedPageCount
  ) throws -> any EngineRig {
    switch self {
    case .sqlite: try SQLiteRig(faults: faults, detachedPages: detachedPages)
    case .memory: try MemoryRig(faults: faults, detachedPages: detachedPages)
    case .memoryAcrossWire:
      try MemoryRig(isAcrossWire: true, faults: faults, detachedPages: detachedPages)
    }
  }
}

extension EngineConfiguration {
  /// Of an engine whose clock a test drives, and that does nothing behind the test's back.
  static func driven(
    _ directory: String, _ clock: TestClock, _ faults: EngineFaults,
    detachedPages: Int = PageLimits.detachedPageCount
  ) -> EngineConfiguration {
    var configuration = EngineConfiguration(directory: directory)
    configuration.clock = clock
    configuration.faults = faults
    configuration.allowsAnyFileSystem = true
    // Tests put the clock back.
    configuration.allowsClockBehindLedger = true
    configuration.tickMillis = 3_600_000
    // The models write off all that is due with the user's next command: slices have tests of their own.
    configuration.settledRows = 1 << 20
    configuration.detachedPages = detachedPages
    return configuration
  }
}

extension ServedEngine {
  /// What `verify` finds wrong.
  func findings() throws -> [String] {
    var findings: [String] = []
    _ = try verify(enums: nil) { if $0.isDone { findings += $0.findings } }
    return findings
  }
}

extension Engine {
  /// Carries out one command and waits for what became of it.
  func apply(_ command: Command) -> Outcome {
    apply([command]).first ?? .refused(Refusal(.cancelled, "no outcome came back"))
  }

  /// Carries out the commands of one call and waits for what became of them.
  func apply(_ commands: [Command]) -> [Outcome] { decide(commands).map(Outcome.init) }

  /// The same with commands of one kind.
  func decide<It: Mutation>(_ commands: [It]) -> [Result<It.Reply, Refusal>] {
    let done = DispatchSemaphore(value: 0)
    let outcomes = Lock<[Result<It.Reply, Refusal>]>([])
    let submission = Submission(
      commands: commands, sharer: "", deadlineNanoseconds: nil, byteCount: 256 * commands.count)
    submit(
      Work(submission: submission, group: nil) { result in
        outcomes.withLock { $0 = result }
        done.signal()
      })
    done.wait()
    return outcomes.withLock { $0 }
  }
}
