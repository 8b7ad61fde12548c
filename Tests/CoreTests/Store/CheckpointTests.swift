// The log is bounded, whatever readers do.

internal import TallySQLite
internal import Testing

@testable internal import TallyCore

@Suite("Checkpoints")
struct CheckpointTests {
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
    #expect(most < Checkpointer.restartFrames)
    try engine.close()
  }

  @Test("a snapshot that stays open keeps the log from restarting; writes stop at the limit and come back")
  func pinned() throws {
    var faults = EngineFaults()
    let isStuck = Monitor(true)
    faults.atCheckpoint = { () throws(StoreFault) in if isStuck.withLock({ $0 }) { throw .outOfMemory } }
    isStuck.withLock { $0 = false }
    let engine = try open(directory, faults: faults)
    isStuck.withLock { $0 = true }
    try engine.must(purchase("u", dollar, "p"))
    try fill(engine, frames: Checkpointer.maximumFrames, "a")
    #expect(try engine.refusal(consume("u", 1, "c")).reason == .readOnly)
    #expect(try engine.available("u") > 0)
    isStuck.withLock { $0 = false }
    try engine.tick()
    try engine.must(consume("u", 1, "c"))
    #expect(try engine.logFrames() < Checkpointer.idleFrames)
    #expect(try engine.findings() == [])
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
    try fill(engine, frames: Checkpointer.restartFrames, "a")
    #expect(try engine.logFrames() >= Checkpointer.restartFrames)
    gate.withLock { $0 = true }
    gate.broadcast()
    try reader.join()
    try engine.tick()
    try engine.must(consume("u", 1, "c"))
    #expect(try engine.logFrames() < Checkpointer.idleFrames)
    #expect(try engine.available("u") > 0)
    try engine.close()
  }
}
