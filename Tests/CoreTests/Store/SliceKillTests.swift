// What is done in slices of a commit each, and a kill or a power cut at each of these commits: what is stored
// then is sound, whoever reads it sees what was promised, and a repetition of the call brings it to its end.

internal import TallyLocking
internal import TallySQLite
internal import Testing

@testable internal import TallyCore
@testable internal import TallySQLiteStore

@Suite("Kill between slices")
struct SliceKillTests {
  /// What was stored when the process, or the power, went.
  private struct Cut: Sendable, CustomStringConvertible {
    /// Commits of slices that were durable by then.
    var commitCount: Int
    var written: FaultyDisk.Written
    var directory: TemporaryDirectory

    var description: String { "after \(commitCount) commits, \(written)" }
  }

  private static let clock = TestClock(wallMicros: noon)
  private static let later = TestClock(wallMicros: noon + 1_000 * second)

  private static func start(
    _ directory: TemporaryDirectory, _ clock: TestClock, _ faults: EngineFaults = EngineFaults()
  ) throws -> SQLiteEngine {
    try open(
      directory, clock: clock, faults: faults,
      configure: {
        $0.detachedPages = 2
        $0.settledRows = 3
      })
  }

  /// Carries work out, and cuts it off before and behind each of its commits.
  /// - Parameters:
  ///   - prepare: leaves what the work begins with.
  private static func cuts(
    _ clock: TestClock, prepare: (SQLiteEngine) throws -> Void, work: (SQLiteEngine) throws -> Void
  ) throws -> [Cut] {
    let directory = try TemporaryDirectory(inMemory: true)
    let first = try start(directory, Self.clock)
    try prepare(first)
    try first.close()
    let disk = try FaultyDisk(directory)
    let (cuts, commitCount) = (Lock<[Cut]>([]), Lock(0))
    let cut: @Sendable () throws(StoreFault) -> Void = { () throws(StoreFault) in
      let count = commitCount.withLock { $0 }
      // A kill leaves all that was written, a power cut what of it was synced, or more.
      for written in [FaultyDisk.Written.all, .none, .odd] {
        guard let left = try? disk.cut(written) else { throw .failedRead }
        cuts.withLock { $0.append(Cut(commitCount: count, written: written, directory: left)) }
      }
    }
    var faults = EngineFaults()
    faults.beforeCommit = { (cause) throws(StoreFault) in if cause != .recovery { try cut() } }
    faults.afterCommit = { (cause) throws(StoreFault) in
      if cause == .recovery { return }
      commitCount.withLock { $0 += 1 }
      try cut()
    }
    let engine = try start(directory, clock, faults)
    try work(engine)
    #expect(try engine.findings() == [])
    try engine.close()
    return cuts.withLock { $0 }
  }

  /// Lets a server start on each state.
  private static func prove(_ cuts: [Cut], _ clock: TestClock, _ body: (SQLiteEngine, Cut) throws -> Void)
    throws
  {
    for cut in cuts {
      let engine = try start(cut.directory, clock)
      let found = try engine.findings()
      #expect(found == [], "\(cut)")
      try body(engine, cut)
      let last = try engine.findings()
      #expect(last == [], "\(cut), in the end")
      try engine.close()
    }
  }

  // MARK: media

  private static let pageCount = 7
  private static let pageIds = (1...pageCount).map { "p\($0)" }

  private static func command(_ engine: SQLiteEngine, _ command: PageCommand) throws -> PageOutcome {
    let outcome = try engine.decide(.page(command))
    guard case .page(let outcome) = outcome else { throw SQLiteError.malformed("\(outcome) of \(command)") }
    return outcome
  }

  private static func makePages(_ engine: SQLiteEngine) throws {
    _ = try command(engine, .createMedia(Media(mediaId: "m", userId: "u", url: "x", source: .generated)))
    let section = PageSection(sectionId: "s", kind: "k", content: "", firstMediaId: "m")
    for pageId in pageIds {
      let content = PageContent(title: pageId, sections: [section])
      _ = try command(
        engine,
        .create(
          .init(userId: "u", pageId: pageId, content: content, author: "", maximumReplyByteCount: 1 << 20)))
    }
  }

  /// - Returns: how many pages it is left in, and whether it had been deleted before.
  private static func delete(_ engine: SQLiteEngine) throws -> (left: Int, wasDeleted: Bool) {
    let outcome = try command(
      engine, .deleteMedia(.init(mediaId: "m", actingUserId: nil, detaches: true, author: "cleaner")))
    guard case .mediaDeleted(_, let left, let replayed, _) = outcome else {
      throw SQLiteError.malformed("\(outcome)")
    }
    return (left, replayed)
  }

  private static func facts(_ engine: SQLiteEngine) throws -> (versions: [Int64], images: Int) {
    let views = try pageIds.map { pageId in
      try engine.page(pageId: pageId, .current, includesDeleted: true, actingUserId: nil).value
    }
    return (views.map(\.facts.version), views.flatMap(\.sections).filter { $0.firstImage != nil }.count)
  }

  @Test(
    "media that are being detached: no page shows them any more, and a repetition takes them out of the rest")
  func detaching() throws {
    let cuts = try Self.cuts(Self.clock, prepare: Self.makePages) { engine in
      #expect(try Self.delete(engine).left == Self.pageCount - 2)
      for _ in 0..<Self.pageCount { try engine.tick() }
    }
    // Two pages a commit.
    #expect(cuts.map(\.commitCount).max() == 4)
    try Self.prove(cuts, Self.clock) { engine, cut in
      let before = try Self.facts(engine)
      let detached = min(2 * cut.commitCount, Self.pageCount)
      #expect(before.versions.filter { $0 == 2 }.count == detached, "\(cut)")
      #expect(before.images == (cut.commitCount == 0 ? Self.pageCount : 0), "\(cut)")
      let again = try Self.delete(engine)
      #expect(again.wasDeleted == (cut.commitCount > 0), "\(cut)")
      #expect(again.left == Self.pageCount - max(2, detached), "\(cut)")
      for _ in 0..<Self.pageCount { try engine.tick() }
      let end = try Self.facts(engine)
      #expect(end.versions == Self.pageIds.map { _ in 2 } && end.images == 0, "\(cut)")
      #expect(try Self.delete(engine) == (0, true), "\(cut)")
    }
  }

  // MARK: what has expired

  private static let holdCount = 10

  private static func makeHolds(_ engine: SQLiteEngine) throws {
    try engine.must(purchase("u", 100, "p"))
    for number in 0..<holdCount { try engine.must(reserve("u", 1, "h\(number)")) }
    try engine.must(promo("u", 50, "m", expiresAt: noon + 60 * second))
  }

  private static func rowCount(_ engine: SQLiteEngine, _ type: TransactionType) throws -> Int {
    var filter = TransactionFilter(userId: "u", limit: 1_000)
    filter.types = [type]
    return try engine.transactions(filter).value.rows.count
  }

  @Test(
    "credit and holds that are being written off: a repetition of the call that waits for them happens once")
  func expiring() throws {
    let cuts = try Self.cuts(Self.later, prepare: Self.makeHolds) { engine in
      try engine.must(consume("u", 1, "c"))
    }
    let commitCount = cuts.map(\.commitCount).max() ?? 0
    #expect(commitCount >= 4)
    try Self.prove(cuts, Self.later) { engine, cut in
      // Whatever is written off already, it is not there for anybody.
      let isConsumed = cut.commitCount == commitCount
      let before = try engine.balance(userId: "u").value
      #expect(before.heldMicros == 0 && before.availableMicros == (isConsumed ? 99 : 100), "\(cut)")
      #expect(try engine.must(consume("u", 1, "c")).replayed == isConsumed, "\(cut)")
      #expect(try engine.must(consume("u", 1, "c")).replayed, "\(cut)")
      #expect(try engine.available("u") == 99, "\(cut)")
      #expect(try Self.rowCount(engine, .holdRelease) == Self.holdCount, "\(cut)")
      #expect(try Self.rowCount(engine, .expiry) == 1, "\(cut)")
    }
  }
}
