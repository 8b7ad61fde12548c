// The engine in memory, for the tests that any engine must pass.

import TallyCore
import TallyLocking
internal import TallyMemoryEngine

/// An engine with a memory of its own, which outlives a restart, and a clock that stands still until a test
/// moves it.
final class MemoryRig: EngineRig {
  /// Loads that one transaction may need across a wire: each names records that the one before has led to.
  static let maximumLoads = 16

  private let disk = MemoryDisk()
  private let clock = TestClock(wallMicros: 0)
  private let isAcrossWire: Bool
  private let faults: EngineFaults
  private let detachedPages: Int
  private let current: Lock<MemoryEngine>

  init(
    isAcrossWire: Bool = false, faults: EngineFaults = EngineFaults(),
    detachedPages: Int = PageLimits.detachedPageCount
  ) throws {
    self.isAcrossWire = isAcrossWire
    self.faults = faults
    self.detachedPages = detachedPages
    current = Lock(
      try MemoryEngine(
        disk, .driven("", clock, faults, detachedPages: detachedPages), isAcrossWire: isAcrossWire))
  }

  deinit { try? current.withLock { $0 }.close() }

  var engine: any ServedEngine { current.withLock { $0 } }

  var loadCounts: LoadCounts { disk.loadCounts }

  func setTime(micros: Int64) { clock.set(wallMicros: micros) }

  func restart() throws {
    try current.withLock { engine in
      try engine.close()
      engine = try MemoryEngine(
        disk, .driven("", clock, faults, detachedPages: detachedPages), isAcrossWire: isAcrossWire)
    }
  }

  func sweep() throws { try current.withLock { $0 }.sweep() }

  func findings() throws -> [String] {
    let counts = loadCounts
    var findings = try engine.findings()
    if counts.mostLoads > Self.maximumLoads { findings.append("\(counts.mostLoads) loads in a transaction") }
    if isAcrossWire != (counts.loads > 0) { findings.append("\(counts.loads) loads in all") }
    return findings
  }
}
