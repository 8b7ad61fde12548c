// When the log goes into the database file.
//
// Invariants:
// 1. Only the writer's connection checkpoints, on the writer's queue, after replies.
// 2. The log is bounded: what passive checkpoints leave is reset once no snapshot is open, and a log that
//    cannot be reset stops writes.
// 3. A checkpoint that fails loses nothing: the log keeps what it has, and it is tried again. One whose sync
//    failed is not: pages that it, or a partial one before it, had copied may be on no disk though the system
//    calls them clean, and SQLite would not copy them again. The process ends; the next start copies all.
//
// Owner: the writer's queue.

internal import TallyMeasuring
internal import TallySQLite

final class Checkpointer {
  /// Frames (pages of 4 KiB) after which an idle writer copies the log.
  static let idleFrames = 1_000
  /// Frames after which it does so in any case.
  static let busyFrames = 8_000
  /// 64 MiB: no new snapshot until the old ones are gone, then the log starts over.
  static let restartFrames = 16_384
  /// 256 MiB: no writes until the log was reset.
  static let maximumFrames = 65_536
  /// How long open snapshots are waited for, in nanoseconds; none lives longer.
  static let snapshotNanoseconds: UInt64 = 250_000_000

  private let connection: Connection
  private let readers: ReaderPool
  private let faults: EngineFaults
  private let metrics: StoreMetrics
  /// Frames of the log that are in the database file already.
  private var copiedFrames = 0
  /// A sync that failed; nothing may be copied after it.
  private(set) var failedSync: SQLiteError?

  init(connection: Connection, readers: ReaderPool, faults: EngineFaults, metrics: StoreMetrics) {
    self.connection = connection
    self.readers = readers
    self.faults = faults
    self.metrics = metrics
  }

  var isOverLimit: Bool { connection.logFrames >= Self.maximumFrames }

  /// Whether a busy writer would copy the log now.
  var isDue: Bool { connection.logFrames - copiedFrames >= Self.busyFrames }

  func checkpoint(isIdle: Bool) {
    let frames = connection.logFrames
    if frames < copiedFrames { copiedFrames = 0 }
    do {
      if frames >= Self.restartFrames {
        try restart()
      } else if frames - copiedFrames >= (isIdle ? Self.idleFrames : Self.busyFrames) {
        let beganNanoseconds = MonotonicClock.nanoseconds
        try hook()
        copiedFrames = try connection.checkpoint(.passive).checkpointedFrames
        metrics.checkpointNanoseconds.add(MonotonicClock.nanoseconds &- beganNanoseconds)
        metrics.passiveCheckpoints.add()
      }
    } catch {
      // The log keeps everything; `isOverLimit` stops writes should it grow without end.
      copiedFrames = 0
      metrics.checkpointFailures.add()
      if error.isFailedSync { failedSync = error }
    }
  }

  private func restart() throws(SQLiteError) {
    let beganNanoseconds = MonotonicClock.nanoseconds
    let deadline = beganNanoseconds + Self.snapshotNanoseconds
    _ = readers.pause(deadlineNanoseconds: deadline)
    defer { readers.resume() }
    try hook()
    try connection.checkpoint(.restart)
    copiedFrames = 0
    metrics.checkpointNanoseconds.add(MonotonicClock.nanoseconds &- beganNanoseconds)
    metrics.restartCheckpoints.add()
    metrics.logFrames.set(Int64(connection.logFrames))
  }

  /// Copies everything and empties the log.
  func truncate() throws(SQLiteError) {
    try hook()
    try connection.checkpoint(.truncate)
  }

  private func hook() throws(SQLiteError) {
    guard let hook = faults.atCheckpoint else { return }
    do { try hook() } catch { throw error.error("checkpoint") }
  }
}
