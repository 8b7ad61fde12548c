// An engine at work on a disk that records, and what it had stored after each commit.
//
// Invariants:
// 1. Each commit's content is known before its number is marked, and the number is marked before anybody
//    hears of the commit. So what a power cut leaves is one of the contents from the last one that was told
//    of to the one after the last mark.
// 2. Nothing happens but what the test asks for: its clock stands still, and so do the ticks.
//
// Owner: the test; the contents are noted on the writer's queue.

internal import Glibc
internal import TallyLocking
internal import TallySQLite
internal import TallyTestSupport
internal import Testing

@testable internal import TallyCore
@testable internal import TallyModel
@testable internal import TallySQLiteStore

final class PowerCutRun {
  /// What the marks of a recording say.
  enum Mark {
    /// So many contents were committed.
    case committed(Int)
    /// Somebody was told of so many.
    case told(Int)

    var number: Int {
      switch self {
      case .committed(let count): count
      case .told(let count): -count
      }
    }

    init(number: Int) { self = number < 0 ? .told(-number) : .committed(number) }
  }

  /// Small, so that the log is copied and starts over all the time.
  static let limits = CheckpointLimits(idleFrames: 40, busyFrames: 60, restartFrames: 400)

  /// How long a server that answers before its commit waits for that to be noticed.
  private static let canaryNanoseconds: UInt64 = 50_000_000

  private let directory: TemporaryDirectory
  let disk: FaultyDisk
  let clock = TestClock(wallMicros: ModelRun.startMicros)
  /// What was there before anything was recorded.
  let base: [String: [UInt8]]
  private let contents: Contents
  private var engine: SQLiteEngine?
  private var source: ProductSteps
  private let faults: EngineFaults
  /// Somebody waits for an answer.
  private let isAsking = Monitor(false)
  /// A fault of the disk may come at any time.
  var mayFail = false

  /// - Parameter file: what the first start finds; nil for nothing.
  init(seed: UInt64, file: [UInt8]? = nil, faults: EngineFaults = EngineFaults()) throws {
    directory = try TemporaryDirectory(inMemory: true)
    base = file.map { [DataDirectory.databaseName: $0] } ?? [:]
    if let file { try directory.make(DataDirectory.databaseName, of: file) }
    disk = try FaultyDisk(directory)
    contents = Contents(path: directory.databasePath, disk: disk)
    source = ProductSteps(seed: seed)
    self.faults = faults
    try disk.record()
  }

  /// - Parameter roundRows: the index of keys is written with almost each commit, and its marks with every
  ///   eighth. One that lies far behind, as that of an earlier version, is written in portions of twice that.
  static func configuration(
    _ path: String, _ clock: TestClock, _ faults: EngineFaults = EngineFaults(), roundRows: Int = 64
  ) -> EngineConfiguration {
    var configuration = EngineConfiguration.driven(path, clock, faults, detachedPages: 1)
    configuration.checkpointLimits = limits
    configuration.keyIndexLimits = KeyIndexLimits(roundRows: roundRows, idleRows: 8, slicePairs: 16)
    return configuration
  }

  // MARK: what is done

  /// - Throws: also when a fault kept the engine from it.
  func start() throws {
    var faults = faults
    faults.afterCommit = { [contents] (_) throws(StoreFault) in contents.note() }
    if faults.answersBeforeCommit {
      faults.beforeCommit = { [isAsking] _ in
        // Not all commits have somebody who is answered before them.
        let deadline = MonotonicClock.nanoseconds + Self.canaryNanoseconds
        _ = isAsking.wait(deadlineNanoseconds: deadline, until: { !$0 }, then: { _ in })
      }
    }
    engine = try SQLiteEngine.open(
      Self.configuration(directory.path, clock, faults, roundRows: base.isEmpty ? 64 : 8))
    contents.note()
    tell()
  }

  /// Ends the engine, cleanly unless a fault comes in between.
  func stop() throws {
    defer { engine = nil }
    try engine?.close()
  }

  /// Ends an engine that a fault has ended.
  func abandon() {
    // A failed sync at the end is one more fault.
    do { try stop() } catch {}
  }

  var isServing: Bool { engine?.state().mode == .serving }

  /// Random steps of the whole product, a call each, with what an idle writer does in between.
  func work(_ steps: [Step]) throws {
    for step in steps where isServing {
      switch step.kind {
      case .advance, .toBorder, .month:
        source.pass(step)
        clock.set(wallMicros: source.wallMicros)
      case .back: continue
      case .restart:
        if mayFail { abandon() } else { try stop() }
        try startAnyway()
      case .sweep: try engine?.sweep()
      default:
        guard let command = source.command(step), let engine else { continue }
        let before = contents.count
        isAsking.withLock { $0 = true }
        let outcome = engine.apply(command)
        source.follow(command, outcome)
        // Whoever hears of a new row hears of a commit.
        if let receipt = outcome.receipt, !receipt.replayed { tell(of: before + 1) }
        isAsking.withLock { $0 = false }
        isAsking.broadcast()
      }
      if source.roll(3) == 0 { try engine?.tick() }
      if isServing { tell() }
    }
  }

  /// Starts, and again after a fault, until it serves.
  func startAnyway() throws {
    do { return try start() } catch {
      guard mayFail else { throw error }
      abandon()
    }
    try start()
  }

  /// Empties the database, as a harness does.
  func reset() throws {
    try engine?.reset()
    contents.note()
    tell()
  }

  // MARK: what is known

  /// What was stored after each commit.
  private final class Contents: Sendable {
    private let path: String
    private let disk: FaultyDisk
    private let list = Lock<[StoredContent]>([])

    init(path: String, disk: FaultyDisk) {
      self.path = path
      self.disk = disk
    }

    var all: [StoredContent] { list.withLock { $0 } }
    var count: Int { list.withLock { $0.count } }

    func note() {
      let content = StoredContent(ofDatabase: path)
      let count = list.withLock { list in
        list.append(content)
        return list.count
      }
      disk.mark(Mark.committed(count).number)
    }
  }

  private func tell(of count: Int = 0) { disk.mark(Mark.told(max(count, contents.count)).number) }

  /// All that happened, when it is over.
  func recording() throws -> Recording {
    Recording(base: base, events: try disk.events(), contents: contents.all)
  }

  struct Recording: Sendable {
    var base: [String: [UInt8]]
    var events: [DiskEvent]
    var contents: [StoredContent]
  }
}

extension TemporaryDirectory {
  func make(_ name: String, of bytes: [UInt8]) throws {
    let descriptor = unsafe open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    let count = unsafe write(descriptor, bytes, bytes.count)
    try #require(count == bytes.count)
  }
}
