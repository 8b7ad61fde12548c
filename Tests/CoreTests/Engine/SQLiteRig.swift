// The SQLite engine, for the tests that any engine must pass.
//
// Values, owned by the test that made them.

import TallyCore
import TallyLocking
internal import TallySQLiteStore

/// An engine on a directory of its own, whose clock stands still until a test moves it.
final class SQLiteRig: ModelRig {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: 0)
  private let faults: EngineFaults
  private let current: Lock<SQLiteEngine>

  init(faults: EngineFaults = EngineFaults()) throws {
    self.faults = faults
    directory = try TemporaryDirectory(inMemory: true)
    current = Lock(try Self.open(directory, clock, faults))
  }

  deinit { try? current.withLock { $0 }.close() }

  private static func open(
    _ directory: TemporaryDirectory, _ clock: TestClock, _ faults: EngineFaults
  ) throws -> SQLiteEngine {
    var configuration = EngineConfiguration(directory: directory.path)
    configuration.clock = clock
    configuration.faults = faults
    configuration.allowsAnyFileSystem = true
    // Tests put the clock back; and nothing is written behind their backs.
    configuration.allowsClockBehindLedger = true
    configuration.tickMillis = 3_600_000
    // The model writes off all that is due with the user's next command: slices have tests of their own.
    configuration.settledRows = 1 << 20
    return try SQLiteEngine.open(configuration)
  }

  var engine: any Engine { current.withLock { $0 } }

  func setTime(micros: Int64) { clock.set(wallMicros: micros) }

  func restart() throws {
    try current.withLock { engine in
      try engine.close()
      engine = try Self.open(directory, clock, faults)
    }
  }

  func sweep() throws { try current.withLock { $0 }.sweep() }

  func findings() throws -> [String] {
    var findings: [String] = []
    _ = try current.withLock { $0 }.verify { if $0.isDone { findings += $0.findings } }
    return findings
  }
}
