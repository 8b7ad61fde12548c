// Copies of the database in memory, put back in its place.

internal import Dispatch
internal import TallyLocking
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Snapshots of the database")
struct SnapshotTests {
  let directory: TemporaryDirectory
  let clock = TestClock(wallMicros: noon)

  init() throws { directory = try TemporaryDirectory(inMemory: true) }

  private func save(_ engine: SQLiteEngine) throws -> any StoreCopy {
    try #require(try engine.saveCopy(limitByteCount: .max))
  }

  @Test("what a restore puts back is there as it was, and after the next start too")
  func restored() throws {
    var engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5 * dollar, "p"))
    let used = try engine.must(consume("u1", 2 * dollar, "c"))
    let snapshot = try save(engine)
    let before = engine.state()
    #expect(snapshot.commitSequence == before.commitSequence)
    clock.advance(byMicros: 10 * second)
    try engine.must(consume("u1", 3 * dollar, "later"))
    try engine.must(purchase("u2", 7, "p2"))
    let after = engine.state()
    let commit = try engine.restore(snapshot)
    // The count of commits goes on; everything else is back.
    #expect(commit == after.commitSequence + 1)
    #expect(engine.state().commitSequence == commit)
    #expect(engine.state().ledgerSequence == before.ledgerSequence)
    #expect(engine.state().lastTimeMicros == before.lastTimeMicros)
    #expect(try engine.balance(userId: "u1").value.postedMicros == 3 * dollar)
    #expect(try engine.balance(userId: "u2").value == Balance(userId: "u2"))
    #expect(try engine.transaction(sequence: 2, actingUserId: nil).value == used.transaction)
    #expect(try engine.must(consume("u1", 2 * dollar, "c")).replayed)
    #expect(try !engine.must(consume("u1", 3 * dollar, "later")).replayed)
    #expect(try engine.verify { _ in })
    try engine.close()
    engine = try open(directory, clock: clock)
    #expect(try engine.balance(userId: "u1").value.postedMicros == 0)
    #expect(try engine.verify { _ in })
    try engine.close()
  }

  @Test("one snapshot may be put back many times, after a reset too")
  func again() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let snapshot = try save(engine)
    var last = engine.state().commitSequence
    for round in 0..<20 {
      if round.isMultiple(of: 2) {
        try engine.must(consume("u1", 1, "c\(round)"))
      } else {
        try engine.reset()
      }
      let commit = try engine.restore(snapshot)
      #expect(commit > last)
      last = commit
      #expect(try engine.balance(userId: "u1").value.postedMicros == 5)
      #expect(engine.state().ledgerSequence == 1)
    }
    #expect(try engine.verify { _ in })
    try engine.close()
  }

  @Test("restores without end do not make the log grow without end")
  func log() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let snapshot = try save(engine)
    let frames = snapshot.byteCount / 4_096
    for _ in 0..<(3 * CheckpointLimits.standard.restartFrames / frames) { try engine.restore(snapshot) }
    #expect(engine.report().logFrames < Int64(CheckpointLimits.standard.restartFrames + frames))
    #expect(try engine.verify { _ in })
    try engine.close()
  }

  @Test("a database over the limit is not copied")
  func limit() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let size = try save(engine).byteCount
    #expect(try engine.saveCopy(limitByteCount: size) != nil)
    #expect(try engine.saveCopy(limitByteCount: size - 1) == nil)
    try engine.close()
  }

  @Test("a restore that the disk has no room for changes nothing")
  func full() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let snapshot = try save(engine)
    for index in 0..<300 { try engine.must(purchase("v\(index)", 1, "v\(index)")) }
    let large = try save(engine)
    try engine.restore(snapshot)
    try engine.limitPages(to: snapshot.byteCount / 4_096)
    #expect(throws: StoreError.self) { try engine.restore(large) }
    #expect(try engine.balance(userId: "u1").value.postedMicros == 5)
    #expect(try engine.verify { _ in })
    try engine.close()
  }

  @Test("a verification under way is ended by a restore, with nothing wrong told")
  func verification() throws {
    let engine = try open(directory, clock: clock)
    for index in 0..<50 { try engine.must(purchase("u\(index)", 5, "p\(index)")) }
    let snapshot = try save(engine)
    for index in 0..<50 { try engine.must(consume("u\(index)", 5, "c\(index)")) }
    var violations: Int64 = 0
    var isRestored = false
    let error = #expect(throws: StoreError.self) {
      _ = try engine.verify { step in
        violations += Int64(step.violations)
        if isRestored { return }
        isRestored = true
        do { try engine.restore(snapshot) } catch { Issue.record("\(error)") }
      }
    }
    #expect(error?.code == .replaced)
    #expect(violations == 0)
    try engine.close()
  }

  @Test("a verification that begins while a restore is under way is ended too")
  func verificationMeanwhile() throws {
    let engine = try open(directory, clock: clock)
    try engine.must(purchase("u1", 5, "p"))
    let snapshot = try save(engine)
    let hasBegun = DispatchSemaphore(value: 0)
    let isRestored = DispatchSemaphore(value: 0)
    let isOver = DispatchSemaphore(value: 0)
    let code = Lock<StoreError.Code?>(nil)
    _ = try engine.restore(snapshot) {
      DispatchQueue.global().async {
        let isFirst = Lock(true)
        do throws(StoreError) {
          _ = try engine.verify { _ in
            let isBeginning = isFirst.withLock { first in
              defer { first = false }
              return first
            }
            guard isBeginning else { return }
            hasBegun.signal()
            isRestored.wait()
          }
        } catch { code.withLock { $0 = error.code } }
        isOver.signal()
      }
      hasBegun.wait()
    }
    isRestored.signal()
    isOver.wait()
    #expect(code.withLock { $0 } == .replaced)
    try engine.close()
  }
}
