// A key is used once, for ever: while it waits in memory, once it is in the index, after a kill at any
// moment, and in a file of an earlier version.

internal import Foundation
internal import TallyLocking
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Index of keys")
struct KeyIndexTests {
  /// The hand goes round in 60 rows.
  private static let short = KeyIndexLimits(roundRows: 60, idleRows: 10, slicePairs: 8)

  private func opened(
    _ directory: TemporaryDirectory, _ limits: KeyIndexLimits = KeyIndexTests.short,
    onEvent: @escaping @Sendable (StoreEvent) -> Void = { _ in }
  ) throws(StoreError) -> SQLiteEngine {
    try open(directory, onEvent: onEvent) { configuration in
      configuration.keyIndexLimits = limits
      configuration.allowsClockBehindLedger = true
    }
  }

  /// What a kill at this moment leaves.
  private func killed(_ directory: TemporaryDirectory) throws -> TemporaryDirectory {
    let copy = try TemporaryDirectory(inMemory: true)
    for suffix in ["", "-wal"] {
      try FileManager.default.copyItem(
        atPath: directory.databasePath + suffix, toPath: copy.databasePath + suffix)
    }
    return copy
  }

  private func fill(_ engine: SQLiteEngine, _ numbers: Range<Int>) throws {
    let outcomes = try engine.decide(numbers.map { consume("u\($0 % 3)", 1, "k\($0 / 3)") })
    #expect(outcomes.allSatisfy { $0.receipt?.replayed == false })
  }

  /// Each key is known, another request with it is refused, and what proves a file finds nothing.
  private func requireUsed(_ engine: SQLiteEngine, count: Int) throws {
    #expect(try engine.findings() == [])
    for number in 0..<count {
      let (userId, name) = ("u\(number % 3)", "k\(number / 3)")
      #expect(try engine.must(consume(userId, 1, name)).replayed, "\(number)")
      #expect(
        try engine.decide(consume(userId, 1, name, digest: 2)).refusal?.reason == .idempotencyMismatch)
    }
    // The same keys of another user are new.
    #expect(try engine.must(purchase("v", 9, "k0")).replayed == false)
    #expect(try engine.must(consume("v", 1, "k1")).replayed == false)
  }

  @Test("a key is known after a kill at any moment")
  func kills() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    var count = 0
    for size in [1, 5, 2, 30, 9, 1, 70, 4, 200, 3, 11, 150, 2, 90] {
      try fill(engine, count..<count + size)
      count += size
      let left = try killed(directory)
      let next = try opened(left)
      try requireUsed(next, count: count)
      try next.close()
    }
    try requireUsed(engine, count: count)
    try engine.close()
  }

  @Test("a server that has stopped leaves all keys in the index, and nothing to read again")
  func stopped() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory, .standard)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<100)
    try engine.close()
    do {
      let connection = try directory.connection()
      #expect(try connection.value("SELECT count(*) FROM key_index") == 103)
      #expect(try connection.value("SELECT count(*) FROM key_mark WHERE sequence = 103") == 8)
    }
    let again = try opened(directory)
    #expect(try again.waitingKeys() == 0)
    try requireUsed(again, count: 100)
    try again.close()
  }

  @Test("an idle writer writes what waits, in slices, until little is left")
  func idle() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory, KeyIndexLimits(roundRows: 100_000, idleRows: 10, slicePairs: 8))
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<200)
    #expect(try engine.waitingKeys() > 150)
    try engine.perform { (committer, _) throws(StorageFailure) in
      // A busy writer leaves it to its commits.
      _ = committer.tick(isIdle: false)
    }
    #expect(try engine.waitingKeys() > 150)
    let ticks = try engine.perform { (committer, _) throws(StorageFailure) in
      var ticks = 1
      while committer.tick(isIdle: true) { ticks += 1 }
      return ticks
    }
    #expect(ticks > 10)
    #expect(try engine.waitingKeys() < 10)
    try requireUsed(engine, count: 200)
    try engine.close()
  }

  @Test("a stop writes for so long and no longer; the next start finds the rest in the ledger")
  func late() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory, KeyIndexLimits(roundRows: 100_000, idleRows: 10, slicePairs: 8))
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<200)
    try engine.perform { (committer, _) throws(StorageFailure) in
      try committer.writeKeys(deadlineNanoseconds: MonotonicClock.nanoseconds)
    }
    #expect(try engine.waitingKeys() > 150)
    let next = try killed(directory)
    let left = try opened(next)
    try requireUsed(left, count: 200)
    try left.close()
    try engine.close()
  }

  @Test("no more than a round of rows waits, however many are written")
  func bound() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    for number in 0..<500 {
      try fill(engine, number..<number + 1)
      #expect(try engine.waitingKeys() <= Self.short.roundRows)
    }
    try engine.close()
  }

  @Test("an idle writer that finds the disk full rests, and keeps nobody else from writing")
  func full() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory, KeyIndexLimits(roundRows: 100_000, idleRows: 10, slicePairs: 4_000))
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<3_000)
    try engine.perform { (committer, store) throws(StorageFailure) in
      try store.storing { () throws(SQLiteError) in
        let pages = try store.connection.value("PRAGMA page_count")
        _ = try store.connection.value("PRAGMA max_page_count = \(pages)")
      }
      #expect(!committer.tick(isIdle: true))
    }
    #expect(engine.state().mode == .serving)
    #expect(try engine.waitingKeys() > 2_900)
    try engine.perform { (_, store) throws(StorageFailure) in
      try store.storing { () throws(SQLiteError) in
        _ = try store.connection.value("PRAGMA max_page_count = 1000000")
      }
    }
    try requireUsed(engine, count: 90)
    try engine.close()
  }

  @Test("a mark beyond the ledger's end hides no key that comes later")
  func beyond() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try engine.close()
    try directory.connection().execute("UPDATE key_mark SET sequence = 1000000")
    let damaged = try opened(directory, .standard)
    try fill(damaged, 0..<100)
    let left = try killed(directory)
    try damaged.close()
    let next = try opened(left)
    #expect(try next.must(consume("u0", 1, "k33")).replayed)
    try next.close()
    let closed = try opened(directory)
    try requireUsed(closed, count: 100)
    try closed.close()
  }

  @Test("keys of a reset server are new, and those of a restored one as they were")
  func replaced() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<90)
    let copy = try #require(try engine.saveCopy(limitByteCount: 64 << 20))
    try fill(engine, 90..<200)
    try engine.reset()
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<120)
    try engine.restore(copy)
    try fill(engine, 90..<150)
    try requireUsed(engine, count: 150)
    try engine.close()
  }

  @Test("a file of an earlier version is indexed in portions, and whoever ends it goes on with it")
  func upgraded() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 100_000, "p")) }
    for start in stride(from: 0, to: 26_000, by: 1_000) { try fill(engine, start..<start + 1_000) }
    try engine.close()
    // As the migration leaves it.
    try directory.connection().execute("DELETE FROM key_index; DELETE FROM key_mark")
    let kills = Lock<[TemporaryDirectory]>([])
    let progress = Lock<[UpgradeProgress]>([])
    let upgraded = try opened(directory, KeyIndexLimits(roundRows: 4_000, idleRows: 10, slicePairs: 100)) {
      guard case .upgrading(let step) = $0 else { return }
      progress.withLock { $0.append(step) }
      do {
        let left = try self.killed(directory)
        kills.withLock { $0.append(left) }
      } catch {
        Issue.record(error)
      }
    }
    #expect(progress.withLock { $0.last?.work } == .done)
    #expect(try upgraded.findings() == [])
    #expect(try upgraded.must(consume("u2", 1, "k8000")).replayed)
    try upgraded.close()
    let left = kills.withLock { $0 }
    #expect(left.count >= 2)
    for directory in left {
      let engine = try opened(directory)
      #expect(try engine.findings() == [])
      #expect(try engine.must(consume("u0", 1, "k0")).replayed)
      #expect(try engine.must(consume("u1", 1, "k8666")).replayed)
      try engine.close()
    }
  }

  @Test("a filter that is made beside the writer's work denies no key, of before or meanwhile")
  func built() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 100_000, "p")) }
    for start in stride(from: 0, to: 12_000, by: 1_000) { try fill(engine, start..<start + 1_000) }
    try engine.close()
    let again = try opened(directory)
    // It was large enough for a builder; these are written while it works.
    try fill(again, 12_000..<12_500)
    try waitUntil("the filter is made") { try again.hasKeyFilter() }
    try fill(again, 12_500..<13_000)
    #expect(try again.findings() == [])
    for number in [0, 5_000, 11_999, 12_100, 12_499, 12_999] {
      #expect(try again.must(consume("u\(number % 3)", 1, "k\(number / 3)")).replayed)
    }
    try again.close()
  }

  @Test("a filter that denies a key is found out")
  func denied() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let engine = try opened(directory)
    for user in 0..<3 { try engine.must(purchase("u\(user)", 10_000, "p")) }
    try fill(engine, 0..<300)
    try engine.perform { (_, store) throws(StorageFailure) in store.keys.filter = KeyFilter(capacity: 1) }
    #expect(try engine.findings().contains { $0.contains("filter of keys: it denies") })
    try engine.close()
  }
}

extension SQLiteEngine {
  fileprivate func waitingKeys() throws -> Int {
    try perform { (_, store) throws(StorageFailure) in store.keys.buffer.count }
  }

  fileprivate func hasKeyFilter() throws -> Bool {
    try perform { (_, store) throws(StorageFailure) in
      store.keys.begin()
      defer { store.keys.rollBack() }
      return store.keys.admits([]) != nil
    }
  }
}
