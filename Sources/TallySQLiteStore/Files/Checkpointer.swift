// When the log goes into the database file.
//
// Invariants:
// 1. Only the writer's connection checkpoints, on the writer's queue, after replies.
// 2. Nothing here waits: not for a reader of this process, not for another program's snapshot. What is kept
//    from its end is tried again by time, not at the next commit.
// 3. The log is bounded: what passive checkpoints leave is reset once no snapshot is open, and a log that
//    has reached its limit stops writes.
// 4. A checkpoint that fails loses nothing: the log keeps what it has, and it is tried again. One whose sync
//    failed is not: pages that it, or a partial one before it, had copied may be on no disk though the system
//    calls them clean, and SQLite would not copy them again. The process ends; the next start copies all, and
//    so does another program that checkpoints before it.
// 5. A lock that this process could not give back is noticed: with it the log never starts over.
//
// Owner: the writer's queue.

internal import TallyCore
internal import TallyLocking
internal import TallyMeasuring
internal import TallySQLite

final class Checkpointer {
  /// How long what was kept from its end rests before it is tried again, in nanoseconds.
  static let retryNanoseconds: UInt64 = 250_000_000
  /// How long new snapshots of this process are held back until the open ones are gone, in nanoseconds; none
  /// lives longer.
  static let snapshotNanoseconds: UInt64 = 250_000_000

  private let connection: Connection
  private let readers: ReaderPool
  private let faults: EngineFaults
  private let metrics: StoreMetrics
  private let clock: any TimeSource
  private let onEvent: @Sendable (StoreEvent) -> Void
  private let warningNanoseconds: UInt64
  private let maximumFrames: Int
  private let limits: CheckpointLimits
  /// Frames of the log that are in the database file already.
  private var copiedFrames = 0
  /// A sync that failed; nothing may be copied after it.
  private(set) var failedSync: SQLiteError?
  /// Nothing is tried before; zero when nothing was kept from its end.
  private var restsUntilNanoseconds: UInt64 = 0
  /// Since when new snapshots are held back; nil when they are not.
  private var pausedNanoseconds: UInt64?
  /// What keeps the log from starting over.
  private var hold: Hold?

  private struct Hold {
    let sinceMicros: Int64
    let sinceNanoseconds: UInt64
    var mostFrames: Int
    var isTold = false
  }

  init(
    connection: Connection, readers: ReaderPool, metrics: StoreMetrics, configuration: EngineConfiguration
  ) {
    self.connection = connection
    self.readers = readers
    self.metrics = metrics
    faults = configuration.faults
    clock = configuration.clock
    onEvent = configuration.onEvent
    warningNanoseconds = UInt64(configuration.logWarningMillis) * 1_000_000
    limits = configuration.checkpointLimits
    maximumFrames = Int(configuration.logLimitBytes / StoreMetrics.frameByteCount)
  }

  /// Whether SQLite holds a lock in this process that it wanted to give back, the writer's or a reader's.
  var hasFailedUnlock: Bool { connection.hasFailedUnlock || readers.hasFailedUnlock }

  var isOverLimit: Bool { connection.logFrames >= maximumFrames }

  /// Whether a busy writer would do something about the log now.
  var isDue: Bool {
    let frames = connection.logFrames
    guard frames - copiedFrames >= limits.busyFrames || frames >= limits.restartFrames else { return false }
    return MonotonicClock.nanoseconds >= restsUntilNanoseconds
  }

  /// New snapshots are held back: `checkpoint` is to be called again, soon.
  var isPausing: Bool { pausedNanoseconds != nil }

  func checkpoint(isIdle: Bool) {
    let frames = connection.logFrames
    // It has started over by itself, or by another program's hand.
    if frames < copiedFrames { copiedFrames = 0 }
    let isLong = frames >= limits.restartFrames
    if !isLong { endHold() }
    guard isLong || frames - copiedFrames >= (isIdle ? limits.idleFrames : limits.busyFrames) else { return }
    let now = MonotonicClock.nanoseconds
    guard now >= restsUntilNanoseconds else { return }
    do {
      try isLong ? restart(now) : copy()
    } catch {
      // The log keeps everything; `isOverLimit` stops writes should it grow without end.
      copiedFrames = 0
      resume()
      restsUntilNanoseconds = now &+ Self.retryNanoseconds
      metrics.checkpointFailures.add()
      if error.isFailedSync { failedSync = error }
    }
  }

  /// Copies what no snapshot needs in the log.
  private func copy() throws(SQLiteError) {
    let result = try run(.passive)
    metrics.passiveCheckpoints.add()
    if result.isBusy || result.logFrames - result.checkpointedFrames >= limits.idleFrames { rest() }
  }

  /// Copies the log and lets it start over. Where a snapshot is in the way the first time, the second has
  /// those of this process out of it.
  private func restart(_ now: UInt64) throws(SQLiteError) {
    if hold != nil {
      let since = pausedNanoseconds ?? now
      pausedNanoseconds = since
      guard readers.pause() || now - since >= Self.snapshotNanoseconds else { return }
    }
    let result = try run(.restart)
    resume()
    guard result.isBusy else {
      copiedFrames = 0
      restsUntilNanoseconds = 0
      metrics.restartCheckpoints.add()
      metrics.logFrames.set(Int64(connection.logFrames))
      return endHold()
    }
    rest()
    metrics.busyCheckpoints.add()
    noteHold()
  }

  private func run(_ mode: CheckpointMode) throws(SQLiteError) -> CheckpointResult {
    let beganNanoseconds = MonotonicClock.nanoseconds
    let result = try attempt(mode)
    copiedFrames = result.checkpointedFrames
    metrics.checkpointNanoseconds.add(MonotonicClock.nanoseconds &- beganNanoseconds)
    return result
  }

  private func rest() { restsUntilNanoseconds = MonotonicClock.nanoseconds &+ Self.retryNanoseconds }

  private func resume() {
    guard pausedNanoseconds != nil else { return }
    pausedNanoseconds = nil
    readers.resume()
  }

  private func noteHold() {
    let now = MonotonicClock.nanoseconds
    var hold =
      hold ?? Hold(sinceMicros: clock.wallMicros, sinceNanoseconds: now, mostFrames: connection.logFrames)
    hold.mostFrames = max(hold.mostFrames, connection.logFrames)
    if !hold.isTold && now - hold.sinceNanoseconds >= warningNanoseconds {
      hold.isTold = true
      onEvent(
        .logHeld(
          sinceMicros: hold.sinceMicros, byteCount: StoreMetrics.logByteCount(frames: hold.mostFrames)))
    }
    metrics.logHeldSinceMicros.set(hold.sinceMicros)
    self.hold = hold
  }

  private func endHold() {
    resume()
    guard let hold else { return }
    self.hold = nil
    restsUntilNanoseconds = 0
    metrics.logHeldSinceMicros.set(0)
    guard hold.isTold else { return }
    onEvent(
      .logReleased(
        sinceMicros: hold.sinceMicros, byteCount: StoreMetrics.logByteCount(frames: hold.mostFrames)))
  }

  /// Copies everything and empties the log, as far as snapshots of other programs allow.
  func truncate() throws(SQLiteError) {
    let result = try attempt(.truncate)
    if result.isBusy { onEvent(.logLeft(byteCount: StoreMetrics.logByteCount(frames: result.logFrames))) }
  }

  private func attempt(_ mode: CheckpointMode) throws(SQLiteError) -> CheckpointResult {
    try hook()
    do { return try connection.checkpoint(mode) } catch {
      if error.isFailedSync { forgetCopies() }
      throw error
    }
  }

  /// Another program may copy the log before the next start does, and has to copy all of it, too.
  private func forgetCopies() {
    do {
      try connection.lockLog(waitMillis: 0)
      defer { connection.unlockLog() }
      try connection.forgetCopies()
    } catch {
      // Whoever is at it was there before the sync had failed. The next start does it in any case.
    }
  }

  private func hook() throws(SQLiteError) {
    guard let hook = faults.atCheckpoint else { return }
    do { try hook() } catch { throw error.error("checkpoint") }
  }
}
