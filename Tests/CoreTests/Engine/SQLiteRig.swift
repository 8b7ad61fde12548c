// The SQLite engine, for the tests that any engine must pass.

import TallyCore
import TallyLocking
internal import TallySQLiteStore

/// An engine on a directory of its own, whose clock stands still until a test moves it.
final class SQLiteRig: EngineRig {
  private let directory: TemporaryDirectory
  private let clock = TestClock(wallMicros: 0)
  private let faults: EngineFaults
  private let detachedPages: Int
  private let current: Lock<SQLiteEngine>

  init(
    faults: EngineFaults = EngineFaults(), detachedPages: Int = PageLimits.detachedPageCount
  ) throws {
    self.faults = faults
    self.detachedPages = detachedPages
    directory = try TemporaryDirectory(inMemory: true)
    current = Lock(
      try SQLiteEngine.open(.driven(directory.path, clock, faults, detachedPages: detachedPages)))
  }

  deinit { try? current.withLock { $0 }.close() }

  var engine: any ServedEngine { current.withLock { $0 } }

  func setTime(micros: Int64) { clock.set(wallMicros: micros) }

  func restart() throws {
    try current.withLock { engine in
      try engine.close()
      engine = try SQLiteEngine.open(
        .driven(directory.path, clock, faults, detachedPages: detachedPages))
    }
  }

  func sweep() throws { try current.withLock { $0 }.sweep() }

  func findings() throws -> [String] { try engine.findings() }
}
