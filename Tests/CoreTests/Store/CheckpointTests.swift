// The log is bounded, whatever readers do.

internal import Glibc
internal import TallyLocking
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Checkpoints")
struct CheckpointTests {
  static let limitFrames = 40_000

  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  /// Writes rows with as much text as they may have, until the log has grown.
  private func fill(_ engine: SQLiteEngine, frames: Int, _ tag: String) throws {
    let text = FreeText(description: String(repeating: "x", count: 4_000))
    var number = 0
    while try engine.logFrames() < frames && number < 200 {
      let outcomes = try engine.decide(
        (0..<400).map {
          .consume(
            .init(userId: "u", amountMicros: 1, idempotency: key("\(tag)-\(number)-\($0)"), text: text))
        })
      guard outcomes.allSatisfy({ $0.receipt != nil }) else { return }
      number += 1
    }
  }

  @Test("a busy log is copied, and restarts; it never grows past its bound")
  func bounded() throws {
    let engine = try open(directory)
    try engine.must(purchase("u", dollar, "p"))
    var most = 0
    for round in 0..<60 {
      _ = try fill(engine, frames: 1, "r\(round)")
      let text = FreeText(description: String(repeating: "x", count: 4_000))
      _ = try engine.decide(
        (0..<400).map {
          .consume(.init(userId: "u", amountMicros: 1, idempotency: key("k\(round)-\($0)"), text: text))
        })
      most = max(most, try engine.logFrames())
    }
    #expect(most < CheckpointLimits.standard.restartFrames)
    try engine.close()
  }

  @Test("a snapshot that stays open keeps the log from restarting; writes stop at the limit and come back")
  func pinned() throws {
    var faults = EngineFaults()
    let isStuck = Monitor(true)
    faults.atCheckpoint = { () throws(StoreFault) in if isStuck.withLock({ $0 }) { throw .outOfMemory } }
    isStuck.withLock { $0 = false }
    let events = Events()
    let engine = try open(directory, faults: faults, onEvent: events.add) {
      $0.logLimitBytes = StoreMetrics.frameByteCount * Int64(Self.limitFrames)
    }
    isStuck.withLock { $0 = true }
    try engine.must(purchase("u", dollar, "p"))
    try fill(engine, frames: Self.limitFrames, "a")
    #expect(try engine.logFrames() >= Self.limitFrames)
    #expect(try engine.refusal(consume("u", 1, "c")).reason == .readOnly)
    #expect(engine.state().mode == .readOnly)
    #expect(events.all == [.readOnly(.logLimit)])
    #expect(try engine.available("u") > 0)
    // It does not come back while the log is as long as it was.
    try engine.tick()
    #expect(engine.state().mode == .readOnly)
    isStuck.withLock { $0 = false }
    try waitUntil {
      try engine.tick()
      return engine.state().mode == .serving
    }
    #expect(events.all == [.readOnly(.logLimit), .writable(.logLimit)])
    try engine.must(consume("u", 1, "c"))
    #expect(try engine.logFrames() < CheckpointLimits.standard.idleFrames)
    // What it has grown by is given back.
    var facts = stat()
    unsafe #expect(stat(directory.databasePath + "-wal", &facts) == 0)
    let limitBytes = StoreMetrics.logByteCount(frames: CheckpointLimits.standard.restartFrames)
    #expect(Int64(facts.st_size) <= limitBytes)
    #expect(try engine.findings() == [])
    try engine.close()
  }

  /// Commits, one at a time.
  private func commit(_ engine: SQLiteEngine, _ count: Int, _ tag: String, limit: Duration) throws -> Duration
  {
    let start = ContinuousClock.now
    for number in 0..<count {
      try engine.must(consume("u", 1, "\(tag)-\(number)"))
      try #require(start.duration(to: .now) < limit, "\(number) of \(count) commits")
    }
    return start.duration(to: .now)
  }

  @Test("another program's snapshot does not slow the writer down; it is told, and when it is over")
  func foreignSnapshot() throws {
    let events = Events()
    let engine = try open(directory, onEvent: events.add) { $0.logWarningMillis = 0 }
    try engine.must(purchase("u", 1_000 * dollar, "p"))
    let without = try commit(engine, 500, "without", limit: .seconds(300))

    let other = try directory.connection()
    try other.execute("BEGIN")
    _ = try other.value("SELECT count(*) FROM ledger")
    try fill(engine, frames: CheckpointLimits.standard.restartFrames, "a")
    let limit = max(.seconds(30), without * 20)
    _ = try commit(engine, 500, "with", limit: limit)
    // Once is the busy one; the next is tried again by time.
    try waitUntil {
      try engine.tick()
      return events.all.count == 1
    }
    #expect(engine.report().checkpointFailures == 0)
    let since = engine.report().logHeldSinceMicros
    #expect(since == noon)
    guard case .logHeld(since, let byteCount)? = events.all.first else {
      Issue.record("\(events.all)")
      return
    }
    #expect(byteCount >= Int64(CheckpointLimits.standard.restartFrames) * 4_096)
    #expect(try engine.findings() == [])

    try other.execute("COMMIT")
    try waitUntil {
      try engine.tick()
      return events.all.count == 2
    }
    guard case .logReleased(since, _)? = events.all.last else {
      Issue.record("\(events.all)")
      return
    }
    #expect(engine.report().logHeldSinceMicros == 0)
    try engine.must(consume("u", 1, "c"))
    #expect(try engine.logFrames() < CheckpointLimits.standard.idleFrames)
    try engine.close()
  }

  @Test("another program's snapshot neither keeps an engine from ending nor from starting; nothing is lost")
  func snapshotAtEnds() throws {
    let events = Events()
    var engine = try open(directory)
    try engine.must(purchase("u", dollar, "p"))
    try engine.close()
    let other = try directory.connection()
    try other.execute("BEGIN")
    _ = try other.value("SELECT count(*) FROM ledger")
    engine = try open(directory, onEvent: events.add)
    try engine.must(consume("u", 1, "a"))
    try engine.close()
    #expect(events.all.count == 1)
    engine = try open(directory, onEvent: events.add)
    #expect(events.all.count == 2)
    #expect(events.all.allSatisfy { if case .logLeft(let count) = $0 { count > 0 } else { false } })
    #expect(try engine.available("u") == dollar - 1)
    try engine.must(consume("u", 1, "b"))
    try other.execute("COMMIT")
    #expect(try engine.findings() == [])
    try engine.close()
    #expect(events.all.count == 2)
    #expect(!DataDirectory.hasLog(databasePath: directory.databasePath))
  }

  @Test("readers that the log waits for are let go on without another write")
  func pausedReaders() throws {
    let engine = try open(directory, readerCount: 2)
    try engine.must(purchase("u", dollar, "p"))
    let reading = Slot<Bool>()
    let gate = Monitor(false)
    let reader = try Thread {
      _ = try? engine.read { (_, _) in
        reading.put(true)
        _ = gate.wait(until: { $0 }, then: { _ in })
      }
    }
    _ = try reading.wait()
    try fill(engine, frames: CheckpointLimits.standard.restartFrames, "a")
    // The first try finds the snapshot, the second holds new ones back.
    for _ in 0..<50 {
      try engine.must(consume("u", 1, "c\(Int.random(in: 0..<Int.max))"))
      _ = try engine.read { (_, head) in head.commitSequence }
      try engine.tick()
    }
    gate.withLock { $0 = true }
    gate.broadcast()
    try reader.join()
    try waitUntil {
      try engine.tick()
      return engine.report().logFrames < CheckpointLimits.standard.idleFrames
    }
    try engine.close()
  }

  @Test("the log starts over once open snapshots are gone")
  func restart() throws {
    let engine = try open(directory, readerCount: 1)
    try engine.must(purchase("u", dollar, "p"))
    let reading = Slot<Bool>()
    let gate = Monitor(false)
    let reader = try Thread {
      _ = try? engine.read { (_, _) in
        reading.put(true)
        _ = gate.wait(until: { $0 }, then: { _ in })
      }
    }
    _ = try reading.wait()
    try fill(engine, frames: CheckpointLimits.standard.restartFrames, "a")
    #expect(try engine.logFrames() >= CheckpointLimits.standard.restartFrames)
    gate.withLock { $0 = true }
    gate.broadcast()
    try reader.join()
    try waitUntil {
      try engine.tick()
      return engine.report().logFrames < CheckpointLimits.standard.idleFrames
    }
    try engine.must(consume("u", 1, "c"))
    #expect(try engine.logFrames() < CheckpointLimits.standard.idleFrames)
    #expect(try engine.available("u") > 0)
    try engine.close()
  }
}
